"""The writers of reports, each read back by a reader of its format."""

import io
import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest
import sarif_pydantic
from junitparser import Error, Failure, JUnitXml, Properties, Skipped
from rich.console import Console

from cli.reports import json_text, write_html, write_json, write_junit, write_sarif, write_terminal
from cli.reports.model import RunReport
from tests.cli.report_samples import FINDING, HOSTILE, hostile_report, sample_report


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in {"src", "href", "action"}]

    def handle_data(self, data: str) -> None:
        self.text += data


def _page(report: RunReport, folder: Path) -> _Tags:
    write_html(report, folder / "deep" / "report.html")
    page = _Tags()
    page.feed((folder / "deep" / "report.html").read_text(encoding="utf-8"))
    return page


def test_html_shows_findings_healing_coverage_and_trend_without_external_parts(tmp_path: Path) -> None:
    page = _page(sample_report(), tmp_path)
    for expected in (
        "Grace Hopper",
        "curl -i -X GET",
        "author",
        "creator",
        "POST /loans",
        "members.py:39",
        "run_00003",
    ):
        assert expected in page.text
    assert page.addresses == []


def test_html_escapes_whatever_an_api_answers(tmp_path: Path) -> None:
    page = _page(hostile_report(), tmp_path)
    assert "img" not in page.tags
    assert page.tags.count("script") == 1
    assert "{{ 7*7 }}" in page.text


@pytest.mark.parametrize("body", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, '{"a": [1,'])
def test_html_shows_bodies_that_are_hardly_json_as_they_are(tmp_path: Path, body: str) -> None:
    answered = replace(FINDING, steps=(replace(FINDING.steps[0], response_body=body),))
    assert body in _page(replace(sample_report(), results=(answered,)), tmp_path).text


def test_junit_counts_what_the_run_counted(tmp_path: Path) -> None:
    report = sample_report()
    write_junit(report, tmp_path / "junit.xml")
    cases = [case for suite in JUnitXml.fromfile(str(tmp_path / "junit.xml")) for case in suite]
    kinds = [type(result) for case in cases for result in case.result]
    assert (len(cases), kinds.count(Failure), kinds.count(Skipped), kinds.count(Error)) == (report.tests, 1, 1, 0)


def test_healed_tests_pass_in_junit_and_say_what_changed(tmp_path: Path) -> None:
    report = sample_report()
    write_junit(report, tmp_path / "junit.xml")
    cases = [case for suite in JUnitXml.fromfile(str(tmp_path / "junit.xml")) for case in suite]
    changes = [(case, [each.value for found in case.iterchildren(Properties) for each in found]) for case in cases]
    healed = [(case, values) for case, values in changes if values]
    assert len(healed) == report.healed
    assert all(case.is_passed and values[0].startswith("author -> creator: ") for case, values in healed)


def test_red_tests_that_only_lack_credentials_are_no_findings(tmp_path: Path) -> None:
    report = replace(sample_report(), locked=("TC-00042",), warnings=("no credentials were given",))
    page = _page(report, tmp_path)
    assert "No findings" in page.text
    assert "no credentials were given" in page.text
    write_sarif(report, tmp_path / "report.sarif")
    assert json.loads((tmp_path / "report.sarif").read_text())["runs"][0]["results"] == []


def test_many_findings_are_all_in_the_page_and_the_first_on_the_terminal(tmp_path: Path) -> None:
    red = [replace(FINDING, test_id=f"TC-{n:05d}", path=f"/things/{n}", source_file=None) for n in range(400)]
    report = replace(sample_report(), results=tuple(red), failed=len(red))
    page = _page(report, tmp_path)
    assert page.text.count("Why it was not healed") == 300
    assert "TC-00399" in page.text.split("All tests")[0]
    console = Console(file=io.StringIO(), width=100)
    write_terminal(report, console)
    assert "and 380 more findings: --html and --json-report have them all" in console.file.getvalue()  # type: ignore[attr-defined]


def test_junit_and_sarif_hold_hostile_text(tmp_path: Path) -> None:
    write_junit(hostile_report(), tmp_path / "junit.xml")
    assert len(list(JUnitXml.fromfile(str(tmp_path / "junit.xml")))) == 1
    write_sarif(hostile_report(), tmp_path / "report.sarif")
    assert HOSTILE in json.loads((tmp_path / "report.sarif").read_text())["runs"][0]["results"][0]["message"]["text"]


def test_sarif_points_to_the_source_of_the_endpoint(tmp_path: Path) -> None:
    write_sarif(sample_report(), tmp_path / "report.sarif")
    document = sarif_pydantic.Sarif.model_validate_json((tmp_path / "report.sarif").read_text())
    (result,) = document.runs[0].results or []
    place = result.locations[0].physical_location
    assert (place.artifact_location.uri, place.region.start_line) == ("library_api/routers/members.py", 39)
    assert result.level == sarif_pydantic.Level.ERROR


def test_json_holds_everything(tmp_path: Path) -> None:
    report = sample_report()
    write_json(report, tmp_path / "report.json")
    found = json.loads((tmp_path / "report.json").read_text())
    assert found == json.loads(json_text(report))
    assert len(found["results"]) == report.tests
    assert found["started_at"] == "2026-11-21T13:05:00+00:00"


@pytest.mark.parametrize("report", [sample_report(), hostile_report()], ids=["sample", "hostile"])
def test_the_terminal_shows_it_too(report: RunReport) -> None:
    console = Console(file=io.StringIO(), width=100, force_terminal=False)
    write_terminal(report, console)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert "1 failed" in text
    assert "\x1b" not in text
