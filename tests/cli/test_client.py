"""The REST client over a server that answers as platforms do, well and badly."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.client import Client
from cli.collect import curl_of
from cli.errors import CliError, Refused
from tests.cli.test_inputs import free_port

Answer = tuple[int, Any]


class Scripted(ThreadingHTTPServer):
    """Answers each `METHOD /path` with the next of its script; the last one stays. Keeps what it was sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: dict[str, list[Answer]] = {}
        self.seen: list[tuple[str, dict[str, str]]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Scripted

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.seen.append((f"{self.command} {self.path}", dict(self.headers)))
        answers = self.server.script.get(f"{self.command} {self.path.split('?')[0]}", [(404, {})])
        status, content = answers.pop(0) if len(answers) > 1 else answers[0]
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def log_message(self, *_: Any) -> None:
        """Silence."""


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    thread = Thread(target=scripted.serve_forever)
    thread.start()
    yield scripted
    scripted.shutdown()
    scripted.server_close()
    thread.join()


def failing(code: str) -> Answer:
    return 404, {"error": {"code": code, "message": "Gone.", "details": {"id": 7}, "correlation_id": "c-1"}}


def test_an_error_envelope_becomes_one_clear_line(server: Scripted) -> None:
    server.script["GET /api/projects/7"] = [failing("PROJ_001")]
    with (
        Client(server.url, api_key="ak_1") as client,
        pytest.raises(Refused, match=r"Gone\. \(PROJ_001; id: 7\)") as it,
    ):
        client.project(7)
    assert (it.value.status, it.value.code, it.value.hint) == (404, "PROJ_001", "correlation id c-1")
    assert server.seen[0][1]["X-API-Key"] == "ak_1"


@pytest.mark.parametrize("answer", [(200, b"<html>"), (200, [1]), (502, b"bad gateway")])
def test_something_that_is_no_platform_is_told(server: Scripted, answer: Answer) -> None:
    server.script["GET /api/projects/7"] = [answer]
    with Client(server.url) as client, pytest.raises(CliError):
        client.project(7)


def test_a_platform_that_is_not_there_is_told() -> None:
    with pytest.raises(CliError, match="cannot reach the platform"):
        Client(f"http://127.0.0.1:{free_port()}").project(1)


def test_a_busy_platform_is_asked_again(server: Scripted) -> None:
    server.script["GET /api/projects/7"] = [(429, {}), (503, {}), (200, {"id": 7})]
    assert Client(server.url).project(7) == {"id": 7}


def test_pages_are_followed_to_the_end(server: Scripted) -> None:
    server.script["GET /api/projects/7/endpoints"] = [
        (200, {"items": [{"id": 1}], "has_more": True, "next_cursor": "x y"}),
        (200, {"items": [{"id": 2}], "has_more": False, "next_cursor": None}),
    ]
    assert Client(server.url).endpoints(7) == [{"id": 1}, {"id": 2}]
    assert server.seen[1][0].endswith("cursor=x+y")


def test_a_job_is_watched_until_its_end(server: Scripted) -> None:
    server.script["POST /api/projects/7/endpoints/scan"] = [(202, {"job_id": "j"})]
    states = [{"status": "Running", "progress": 50}, {"status": "Completed", "progress": 100}]
    server.script["GET /api/projects/7/endpoints/scan/j"] = [(200, state) for state in states]
    watched: list[Any] = []
    Client(server.url).scan(7, {}, watch=watched.append)
    assert watched == states


def test_a_failed_job_says_why(server: Scripted) -> None:
    server.script["POST /api/projects/7/endpoints/scan"] = [(202, {"job_id": "j"})]
    failed = {"status": "Failed", "error_code": "SCAN_001", "error_message": "access denied"}
    server.script["GET /api/projects/7/endpoints/scan/j"] = [(200, failed)]
    with pytest.raises(CliError, match=r"Failed: access denied \(SCAN_001\)"):
        Client(server.url).scan(7, {})


def test_an_expired_token_is_refreshed_once(server: Scripted) -> None:
    server.script["POST /api/auth/login"] = [(200, {"access_token": "old", "refresh_token": "r"})]
    server.script["POST /api/auth/refresh"] = [(200, {"access_token": "new", "refresh_token": "s"})]
    server.script["GET /api/projects/7"] = [(401, {"error": {"code": "AUTH_002"}}), (200, {"id": 7})]
    client = Client(server.url)
    client.login("a@b.c", "p")
    assert client.project(7) == {"id": 7}
    assert server.seen[-1][1]["Authorization"] == "Bearer new"


@settings(max_examples=100)
@given(body=st.text(), value=st.text(alphabet=st.characters(exclude_characters="\r\n\0")))
def test_a_curl_line_keeps_every_word(body: str, value: str) -> None:
    request = {"method": "POST", "url": "http://h/a b?x='1'", "headers": {"X-V": value, "Host": "h"}, "body": body}
    words = shlex.split(curl_of({"exchanges": [{"step": 0, "request": request}], "assertions": []}))
    assert words[:5] == ["curl", "-i", "-X", "POST", "http://h/a b?x='1'"]
    assert words[5:7] == ["-H", f"X-V: {value}"]
    assert words[7:] == (["--data-raw", body] if body else [])


def test_the_curl_line_is_of_the_request_that_failed() -> None:
    exchanges = [{"step": step, "request": {"method": "GET", "url": f"http://h/{step}"}} for step in range(3)]
    result = {"exchanges": exchanges, "assertions": [{"step": 1, "passed": False}]}
    assert curl_of(result) == "curl -i -X GET http://h/1"
    assert curl_of({"exchanges": []}) == ""
