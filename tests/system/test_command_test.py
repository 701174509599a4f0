"""`testgen test` as a user runs it: on a good API, a faulty one, bad input; exit codes, and what is left running."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import psutil
import pytest

from cli.account import signed_in
from cli.platform import Platform, running_platform
from cli.version import ROOT
from tests.support.sample_api import SOURCE, serving_library
from tests.system.test_modes import library_token

pytestmark = pytest.mark.timeout(300)
ANY_BOOK = ("--include", "GET /books*")


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    with running_platform() as running:
        yield running


@pytest.fixture(scope="module")
def key(platform: Platform) -> str:
    with signed_in(platform.url, platform.data_dir) as client:
        return client.create_api_key("the command")


@pytest.fixture(scope="module")
def library() -> Iterator[str]:
    with serving_library() as url:
        yield url


Testgen = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def testgen(platform: Platform, key: str) -> Testgen:
    """The command on the running platform."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return command(*arguments, "--server", platform.url, TESTGEN_API_KEY=key)

    return call


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "cli", "test", *arguments]
    variables = {**os.environ, "COLUMNS": "200", **environment}
    return subprocess.run(line, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.req("TG-6", "TG-16")
def test_a_good_api_passes_and_every_report_is_written(testgen: Testgen, library: str, tmp_path: Path) -> None:
    reports = {name: tmp_path / f"report.{name}" for name in ("junit", "html", "json-report", "sarif")}
    options = [word for name, path in reports.items() for word in (f"--{name}", str(path))]
    token = library_token(library)
    done = testgen(str(SOURCE), "--url", library, "--auth-bearer", token, "--type", "functional", *ANY_BOOK, *options)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(reports["json-report"].read_text())
    assert report["passed"] == report["tests"] > 0
    assert {(test["method"], test["test_type"]) for test in report["results"]} == {("GET", "Functional")}
    assert len(ElementTree.parse(reports["junit"]).findall(".//testcase")) == report["tests"]
    assert json.loads(reports["sarif"].read_text())["runs"]
    assert "<html" in reports["html"].read_text()


@pytest.mark.req("TG-16")
def test_findings_are_exit_code_1_with_reason_and_a_curl_line_that_repeats_them(
    testgen: Testgen, library: str, tmp_path: Path
) -> None:
    document = tmp_path / "wrong.json"
    document.write_text(json.dumps(promising("/books", {"type": "object", "required": ["never_there"]})))
    done = testgen(str(document), "--url", library, "--json")
    assert done.returncode == 1, done.stdout + done.stderr
    report = json.loads(done.stdout)
    finding = next(test for test in report["results"] if test["status"] == "Failed")
    assert finding["reason"]
    assert re.match(rf"curl .*{re.escape(library)}/books", finding["curl"])


def promising(path: str, schema: dict[str, object]) -> dict[str, object]:
    """An OpenAPI document of one operation."""
    answer = {"200": {"description": "ok", "content": {"application/json": {"schema": schema}}}}
    paths = {path: {"get": {"responses": answer}}}
    return {"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": paths}


def test_a_project_that_is_named_is_gone_on_with(testgen: Testgen, library: str) -> None:
    for runs in (1, 2):
        done = testgen(str(SOURCE), "--url", library, *ANY_BOOK, "--project", "kept", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        assert len(json.loads(done.stdout)["trend"]) == runs


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("/nowhere/at/all", "no file or folder"),
        ("EMPTY", "found"),
        ("MALFORMED", "well-formed"),
        ("NO_PATHS", "endpoint"),
        ("BROKEN", "SCAN_003"),
        ("https://127.0.0.1:1/repo.git", "SCAN_001"),
    ],
)
def test_bad_sources_are_told_and_exit_with_2(
    testgen: Testgen, library: str, tmp_path: Path, source: str, said: str
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "malformed.yaml").write_text("openapi: [3.1")
    (tmp_path / "no_paths.json").write_text('{"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}}')
    (tmp_path / "broken.json").write_text('{"openapi": "3.1.0", "paths": {"/a": {"get": 7}, "/b": []}}')
    files = {"EMPTY": "empty", "MALFORMED": "malformed.yaml", "NO_PATHS": "no_paths.json", "BROKEN": "broken.json"}
    done = testgen(str(tmp_path / files[source]) if source in files else source, "--url", library)
    assert done.returncode == 2, done.stdout + done.stderr
    assert said.lower() in done.stderr.lower()
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "options",
    [
        ("--url", "nonsense"),
        ("--url", "http://127.0.0.1:1"),
        ("--auth-basic", "nocolon"),
        ("--auth-basic", "a:b", "--auth-bearer", "t"),
        ("--include", "/nothing/like/this"),
        ("--junit", "/nowhere/at/all/report.xml"),
        ("--concurrency", "0"),
    ],
)
def test_bad_options_exit_with_2(testgen: Testgen, library: str, options: tuple[str, ...]) -> None:
    done = testgen(str(SOURCE), "--url", library, *options)
    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stderr.strip()
    assert "Traceback" not in done.stderr


@contextmanager
def target(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A server that does to each connection what `answer` does, and leaves it open."""
    opened: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                opened.append(connection)
                answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        for connection in opened:
            connection.close()


@pytest.mark.req("TG-16", "TG-37")
@pytest.mark.parametrize("kind", ["hangs", "talks garbage", "hangs up"])
def test_a_target_that_misbehaves_ends_the_run_with_a_reason(testgen: Testgen, tmp_path: Path, kind: str) -> None:
    document = tmp_path / "api.json"
    document.write_text(json.dumps(promising("/books", {"type": "array"})))
    answers: dict[str, Callable[[socket.socket], None]] = {
        "hangs": lambda connection: None,
        "talks garbage": lambda connection: connection.sendall(b"\x00\xff not http at all\r\n\r\n"),
        "hangs up": lambda connection: connection.close(),
    }
    with target(answers[kind]) as url:
        done = testgen(str(document), "--url", url, "--time-limit", "10")
    assert done.returncode in {1, 2}, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert len((done.stdout + done.stderr).strip()) > 20


@pytest.mark.parametrize("source", ["GOOD", "BAD"])
def test_the_embedded_platform_leaves_nothing_running(library: str, tmp_path: Path, source: str) -> None:
    place = str(SOURCE) if source == "GOOD" else str(tmp_path)
    done = command(place, "--url", library, *ANY_BOOK, "--data", str(tmp_path / "d"))
    assert done.returncode == (0 if source == "GOOD" else 2), done.stdout + done.stderr
    left = [each.cmdline() for each in psutil.process_iter() if str(tmp_path / "d") in " ".join(cmdline(each))]
    assert left == []


def cmdline(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []
