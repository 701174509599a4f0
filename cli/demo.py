"""`testgen demo`: the whole of TestGen on a sample API, and whether all of it really happened.

Every claim is checked against the platform's REST answers; exit 0 only where each of them holds.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from cli.account import signed_in
from cli.client import Client
from cli.collect import report_of
from cli.errors import CliError
from cli.platform import running_platform
from cli.reports import write_html, write_junit, write_terminal
from cli.reports.model import RunReport
from cli.sample_api import FAULT, FAULTY_OPERATION, SampleApi, sample_api
from cli.source import Source
from cli.transport import Json

_RUN_S = 300.0
_SETTLE_S = 30.0
_FEWEST_ENDPOINTS = 10
_NOT_ALL_HELD = 1


@dataclass(frozen=True)
class Claim:
    """Something that the demo says, and whether it holds."""

    text: str
    holds: bool
    found: str = ""


@dataclass(frozen=True)
class Outcome:
    """A finished run: its counts, and its results by test id."""

    run: Json
    results: dict[str, Json]

    def tests(self, status: str) -> set[str]:
        return {test_id for test_id, result in self.results.items() if result["status"] == status}

    def __str__(self) -> str:
        return ", ".join(f"{self.run[name]} {name}" for name in ("passed", "healed", "failed", "skipped"))


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the HTML report and JUnit.")] = Path("reports"),
    data: Annotated[
        Path | None, typer.Option(help="Keep the platform's data here; by default it is thrown away.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="The outcome as JSON on standard output, nothing else.")
    ] = False,
) -> None:
    """Show the whole of it on a sample API: find, generate, run, plant a bug, move the contract, heal, report."""
    console = Console(highlight=False, stderr=as_json)
    begun = time.monotonic()
    html, junit = out / "report.html", out / "junit.xml"
    with tempfile.TemporaryDirectory(prefix="testgen-demo-") as folder:
        story = Story(console)
        with (
            story.doing("Starting the sample API, PostgreSQL, NATS and all services"),
            _stage(data, Path(folder)) as stage,
        ):
            story.stopped()
            report = story.tell(*stage)
            write_html(report, html)
            write_junit(report, junit)
            console.print()
            write_terminal(report, console)
            console.print(f"\nReports: {html}, {junit}")
    if as_json:
        typer.echo(json.dumps({**story.outcome(), "reports": {"html": str(html), "junit": str(junit)}}))
    story.conclude(time.monotonic() - begun)


@contextmanager
def _stage(data: Path | None, folder: Path) -> Iterator[tuple[Client, SampleApi]]:
    with (
        sample_api(folder) as api,
        running_platform(data, log_level="WARNING") as platform,
        signed_in(platform.url, platform.data_dir) as client,
    ):
        api.wait()
        yield client, api


class Story:
    """The demo's course; `claims` grow on the way."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._status = console.status("")
        self.claims: list[Claim] = []

    def tell(self, client: Client, api: SampleApi) -> RunReport:
        """From the source to the report of the run that healed. Raises `CliError` where it can't go on."""
        chapter = Chapter(self, client, api)
        chapter.scan()
        chapter.generate()
        green = chapter.green_run()
        found = chapter.bug_run(green)
        healed = chapter.moved_run(found)
        chapter.after_healing(healed)
        return chapter.report(healed)

    @contextmanager
    def doing(self, what: str) -> Iterator[Any]:
        """Shows a spinner until the end or `stopped`; yields a watcher of job states."""
        self._status.update(what)
        self._status.start()
        try:
            yield lambda state: self._status.update(f"{what}  {_progress(state)}")
        finally:
            self._status.stop()

    def stopped(self) -> None:
        self._status.stop()

    def claim(self, text: str, holds: bool, found: str = "") -> None:
        """Says something and notes whether it is so."""
        claim = Claim(text, holds, found)
        self.claims.append(claim)
        line = Text("  ✓ " if holds else "  ✗ ", style="green" if holds else "bold red").append(
            text, style="not bold default"
        )
        self._console.print(line.append(f"  {found}", style="not bold dim") if found else line)

    def title(self, text: str) -> None:
        self._console.print(Text(f"\n{text}", style="bold"))

    def outcome(self) -> Json:
        """What was said, and whether all of it holds."""
        return {"holds": all(claim.holds for claim in self.claims), "claims": [asdict(claim) for claim in self.claims]}

    def conclude(self, seconds: float) -> None:
        """Exit code 1 where a claim does not hold."""
        broken = [claim for claim in self.claims if not claim.holds]
        if broken:
            self._console.print(Text(f"\n{len(broken)} of {len(self.claims)} claims do not hold:", style="bold red"))
            for claim in broken:
                self._console.print(Text(f"  ✗ {claim.text}  {claim.found}"))
            raise typer.Exit(_NOT_ALL_HELD)
        self._console.print(Text(f"\nAll {len(self.claims)} claims hold. {seconds:.0f} s.", style="bold green"))


class Chapter:
    """The steps of the demo on one project."""

    def __init__(self, story: Story, client: Client, api: SampleApi) -> None:
        self._story, self._client, self._api = story, client, api
        name = f"Lending library {time.strftime('%Y-%m-%d %H:%M:%S')}"
        self._project = int(client.create_project(name, api_base_url=api.url)["id"])
        self._environment = {"base_url": api.url, "auth": {"kind": "bearer", "token": api.token()}}

    def scan(self) -> None:
        self._story.title("1. Find the endpoints in the source code")
        job = self._scan()
        endpoints = self._client.endpoints(self._project)
        placed = sum(bool(each["operation"].get("source")) for each in endpoints)
        self._story.claim(
            f"{len(endpoints)} endpoints found, {placed} of them with file and line",
            len(endpoints) >= _FEWEST_ENDPOINTS and placed == len(endpoints) == job["endpoints_found"],
        )

    def generate(self) -> None:
        self._story.title("2. Write tests")
        with self._story.doing("Generating") as watch:
            self._client.generate(self._project, watch=watch)
        tests = self._client.test_cases(self._project)
        self._client.approve(self._project, [test["id"] for test in tests])
        approved = self._client.test_cases(self._project, status="Approved")
        kinds = sorted({test["category"] for test in tests})
        self._story.claim(f"{len(tests)} tests written and approved", 0 < len(tests) == len(approved), ", ".join(kinds))
        tested = {test["endpoint_id"] for test in approved}
        endpoints = {each["id"] for each in self._client.endpoints(self._project)}
        self._story.claim("every endpoint has tests", tested == endpoints, f"{len(tested)} of {len(endpoints)}")

    def green_run(self) -> Outcome:
        self._story.title("3. Run them on the healthy API")
        outcome = self._run()
        whole = outcome.run["passed"] == outcome.run["total"] == len(outcome.results) > 0
        self._story.claim("all tests pass, each with exactly one result", whole, f"{outcome}{self._red(outcome)}")
        return outcome

    def bug_run(self, green: Outcome) -> Outcome:
        self._story.title("4. Plant a bug: an update that answers 200 and is not stored")
        with self._story.doing("Restarting the API with the bug"):
            self._api.start(faults=FAULT)
        outcome = self._run()
        red = outcome.tests("Failed")
        self._story.claim("the bug is found", bool(red), f"{outcome}{self._red(outcome)}")
        callers = self._callers_of(FAULTY_OPERATION)
        self._story.claim(f"every red test calls {FAULTY_OPERATION}", red <= callers, f"{len(red)} of {len(callers)}")
        self._story.claim("nothing was healed away: the contract is the same", not outcome.tests("Healed"))
        self._story.claim("the other tests still pass", outcome.tests("Passed") == green.tests("Passed") - red)
        return outcome

    def moved_run(self, before: Outcome) -> Outcome:
        self._story.title("5. Move the contract: a path and a field get new names (the bug stays)")
        with self._story.doing("Editing the source, restarting the API"):
            self._api.move_contract()
            self._api.start(faults=FAULT)
        job = self._scan()
        self._story.claim(
            "the scan sees what moved",
            job["moved"] > 0 < job["changed"],
            f"{job['moved']} moved, {job['changed']} changed",
        )
        outcome = self._run()
        healed, red = outcome.tests("Healed"), outcome.tests("Failed")
        changes = {
            (change["change_type"], change["old_value"], change["new_value"])
            for test_id in healed
            for change in outcome.results[test_id].get("changes") or ()
        }
        kinds = {kind for kind, _, _ in changes}
        self._story.claim("the tests that the move broke are healed", bool(healed), str(outcome))
        for kind, old, new in sorted(changes):
            self._story.claim(f"{old} → {new}", old != new, f"logged as {kind.replace('_', ' ')}")
        self._story.claim("by path and by field", {"path_change", "schema_change"} <= kinds)
        same = red == before.tests("Failed") and not outcome.tests("Skipped")
        self._story.claim("the planted bug, and only it, stays red", same, f"{len(red)} red{self._red(outcome)}")
        logged = {
            entry["test_id"] for entry in self._client.healing(self._project, outcome.run["id"]) if entry["success"]
        }
        self._story.claim("the healing log names each healed test", logged == healed, f"{len(logged)} of {len(healed)}")
        return outcome

    def after_healing(self, healed: Outcome) -> None:
        self._story.title("6. Run again: the healed tests are the tests now")
        tests = healed.tests("Healed")
        self._story.claim("each healed test has a new revision", self._revised(tests), f"{len(tests)} tests")
        outcome = self._run()
        expected = healed.tests("Healed") | healed.tests("Passed")
        steady = outcome.tests("Passed") == expected and outcome.tests("Failed") == healed.tests("Failed")
        self._story.claim("they pass without healing, the bug stays red", steady, f"{outcome}")

    def report(self, outcome: Outcome) -> RunReport:
        """The report of the run that healed."""
        with self._story.doing("Collecting the report"):
            report = report_of(
                self._client, self._project, outcome.run["id"], source="examples/library_api", base_url=self._api.url
            )
        self._story.title("7. Coverage and trend")
        everything = report.coverage.tested == report.coverage.total == report.endpoints
        self._story.claim("coverage counts every endpoint", everything, f"{report.coverage.percentage:.0f} %")
        rates = " → ".join(f"{point.pass_rate:.0f} %" for point in report.trend)
        self._story.claim("the trend shows all runs", len(report.trend) >= 4, rates)  # noqa: PLR2004 - the runs above
        return report

    def _scan(self) -> Json:
        source = Source("path", str(self._api.source))
        with self._story.doing("Scanning") as watch:
            return self._client.scan(self._project, {"source": source.request()}, watch=watch)

    def _run(self) -> Outcome:
        with self._story.doing("Running tests") as watch:
            started = self._client.start_run(self._project, {"environment": self._environment, "healing": True})
            run = self._client.wait_for_run(self._project, started["id"], seconds=_RUN_S, watch=watch)
        if run.get("error_message"):
            raise CliError(f"the run ended as {run['status']}: {run['error_message']}")
        results = self._client.results(self._project, run["id"])
        return Outcome(run, {result["test_id"]: result for result in results})

    def _callers_of(self, operation: str) -> set[str]:
        """The tests with a step that calls the operation."""
        return {
            test["id"]
            for test in self._client.test_cases(self._project)
            if any(operation == _operation(step) for step in test["definition"]["steps"])
        }

    def _revised(self, test_ids: set[str]) -> bool:
        """The generator hears of the healing by an event: wait for it."""
        deadline = time.monotonic() + _SETTLE_S
        while time.monotonic() < deadline:
            tests = {test["id"]: test for test in self._client.test_cases(self._project)}
            if all(tests[test_id]["revision"] > 1 for test_id in test_ids):
                return True
            time.sleep(0.3)
        return False

    def _red(self, outcome: Outcome) -> str:
        """The red and skipped tests, named."""
        titles = [
            outcome.results[test_id]["title"] for test_id in sorted(outcome.tests("Failed") | outcome.tests("Skipped"))
        ]
        return "".join(f"\n      {title}" for title in titles[:10])


def _progress(state: Json) -> str:
    names = ("endpoints_found", "tests_generated", "passed", "failed", "skipped", "healed")
    return ", ".join(f"{state[name]} {name.replace('_', ' ')}" for name in names if state.get(name))


def _operation(step: Json) -> str:
    reference = step.get("operation") or {}
    return f"{reference.get('method')} {reference.get('path')}"
