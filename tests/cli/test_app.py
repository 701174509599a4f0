"""The command line as a process: help, errors, exit codes, starting and stopping the platform."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from tests.support.servers import temporary_folder

ROOT = Path(__file__).parents[2]


def testgen(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("TESTGEN_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "cli", *words],
        env={**clean, "PYTHONPATH": str(ROOT), "COLUMNS": "120", **environment},
        cwd="/", capture_output=True, text=True, check=False,
    )  # fmt: skip


testgen.__test__ = False  # type: ignore[attr-defined]


def test_help_names_every_command() -> None:
    shown = testgen("--help")
    assert shown.returncode == 0
    for command in ("demo", "test", "up", "serve", "migrate", "events", "replay"):
        assert f" {command} " in shown.stdout


def test_version() -> None:
    assert testgen("--version").stdout.startswith("testgen ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["nope"], "No such command 'nope'"),
        (["serve"], "TESTGEN_DATABASE_URL and TESTGEN_NATS_URL must be set"),
        (["serve", "--target"], "requires an argument"),
        (["migrate"], "TESTGEN_DATABASE_URL must be set"),
        (["migrate", "--down", "--database-url", "postgresql://nowhere/x"], "--down needs --service and --revision"),
        (["migrate", "--database-url", "postgresql://127.0.0.1:1/x"], "Connection refused"),
        (["migrate", "--service", "nope", "--database-url", "postgresql://127.0.0.1:1/x"], "no such service: nope"),
        (["up", "--port", "0"], "'--port'"),
        (["up", "--data", "/proc/nowhere"], "/proc/nowhere"),
    ],
)
def test_wrong_usage_is_explained_and_exits_with_2(words: list[str], message: str) -> None:
    result = testgen(*words)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["nope"],
        ["test", "/nowhere"],
        ["test", "/nowhere", "--url", "http://127.0.0.1:1"],
        ["demo", "--bogus"],
        ["migrate"],
        ["replay", "analytics", "--data", "/nowhere"],
        ["events", "tail", "--data", "/nowhere"],
    ],
)
def test_errors_are_json_where_json_is_wanted(words: list[str]) -> None:
    result = testgen(*words, "--json")
    error = json.loads(result.stdout)["error"]
    assert (result.returncode, error["exit_code"], result.stderr) == (2, 2, "")
    assert error["message"]


@pytest.mark.parametrize("command", ["demo", "test", "up", "serve", "migrate", "events", "replay"])
def test_help_explains_the_exit_codes(command: str) -> None:
    assert "Exit codes: 0 done, 1 findings" in testgen(command, "--help").stdout


def test_an_unknown_service_is_named() -> None:
    servers = {"TESTGEN_DATABASE_URL": "postgresql://127.0.0.1:1/x", "TESTGEN_NATS_URL": "nats://127.0.0.1:1"}
    result = testgen("serve", "--target=auth,nope", **servers)
    assert result.returncode == 2
    assert "no such service: nope; known are" in result.stderr


@pytest.mark.req("BO-36")
def test_migrations_go_up_and_down(postgres_url: str) -> None:
    assert testgen("migrate", TESTGEN_DATABASE_URL=postgres_url).returncode == 0
    down = testgen(
        "migrate", "--down", "--service", "projects", "--revision", "base", TESTGEN_DATABASE_URL=postgres_url
    )
    assert (down.returncode, down.stderr) == (0, "")
    again = testgen("migrate", TESTGEN_DATABASE_URL=postgres_url)
    assert (again.returncode, again.stderr) == (0, "")


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with temporary_folder() as folder:
        yield folder


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def _up(data_dir: Path, port: int) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`testgen up` and what it said when it was ready."""
    process = subprocess.Popen(
        [ROOT / "testgen", "up", "--data", str(data_dir), "--port", str(port)], stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    try:
        yield process, next((line for line in process.stderr if "Ctrl-C stops it" in line), "it never was")
    finally:
        process.terminate()
        process.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_up_serves_until_a_signal_and_leaves_nothing_running(data_dir: Path, number: signal.Signals) -> None:
    port = _port()
    with _up(data_dir, port) as (process, said):
        assert f"http://127.0.0.1:{port}" in said
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=10) as answer:
            assert answer.status == 200
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.send_signal(number)
        assert process.wait() == 0
        assert not [child for child in children if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]


def test_up_on_a_folder_or_port_in_use_says_so(data_dir: Path) -> None:
    port = _port()
    with _up(data_dir, port):
        second = testgen("up", "--data", str(data_dir), "--port", str(_port()))
        assert second.returncode == 2
        assert "is in use by another TestGen" in second.stderr
        with temporary_folder() as other:
            third = testgen("up", "--data", str(other), "--port", str(port))
        assert third.returncode == 2
        assert f"cannot listen on 127.0.0.1:{port}" in third.stderr
