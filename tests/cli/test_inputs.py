"""What the user gives to `testgen test`: source, address, credentials, selection, and what is said when it is wrong."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cli.errors import CliError
from cli.selection import Selection
from cli.source import describes_api, source_of
from cli.target import Credentials, Target, check_address, check_reachable, headers_of

DOCUMENT = json.dumps({"openapi": "3.1.0", "info": {"title": "t", "version": "1"}, "paths": {}})


class Answers(BaseHTTPRequestHandler):
    """An OpenAPI document, a Git repository (smart HTTP), and a plain page."""

    def do_GET(self) -> None:
        kinds = {"/api-docs": "application/json", "/repo/info/refs": "application/x-git-upload-pack-advertisement"}
        place = self.path.split("?")[0]
        self.send_response(200 if place in {*kinds, "/page"} else 404)
        self.send_header("Content-Type", kinds.get(place, "text/html"))
        self.end_headers()
        self.wfile.write(DOCUMENT.encode() if place == "/api-docs" else b"<html>")

    def log_message(self, *_: Any) -> None:
        """Silence."""


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.req("TG-R3")
def test_sources_are_told_apart(tmp_path: Path, site: str) -> None:
    (tmp_path / "openapi.yaml").write_text("openapi: 3.0.3\npaths: {}\n")
    assert source_of(str(tmp_path)).request() == {"kind": "path", "path": str(tmp_path)}
    assert source_of(str(tmp_path / "openapi.yaml")).kind == "openapi"
    assert source_of(f"{site}/api-docs").request() == {"kind": "openapi_url", "url": f"{site}/api-docs"}
    assert source_of(f"{site}/repo").request("dev") == {"kind": "git", "url": f"{site}/repo", "branch": "dev"}
    assert source_of("git@example.org:team/shop.git").name == "shop"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.yaml", "openapi: [", "not well-formed"),
        ("b.json", '{"a": 1}', "no OpenAPI document"),
        ("c.json", "", "no OpenAPI document"),
        ("d.bin", "\x00\x01", "not well-formed"),
    ],
)
def test_a_file_that_is_no_openapi_document_is_refused_in_words(
    tmp_path: Path, name: str, content: str, said: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(CliError, match=said):
        source_of(str(tmp_path / name))


def test_an_address_that_is_neither_is_refused(site: str) -> None:
    with pytest.raises(CliError, match="neither an OpenAPI document nor a Git repository"):
        source_of(f"{site}/page")
    with pytest.raises(CliError, match="cannot read"):
        source_of(f"http://127.0.0.1:{free_port()}/openapi.json")


def test_a_path_that_does_not_exist_is_refused() -> None:
    with pytest.raises(CliError, match="no file or folder"):
        source_of("/nowhere/at/all")


@settings(max_examples=200)
@given(st.text())
def test_any_text_is_judged_without_a_crash(text: str) -> None:
    with suppress(ValueError):
        assert describes_api(text) in {True, False}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.req("TG-16")
def test_an_address_where_nothing_listens_is_told_before_anything_starts(site: str) -> None:
    check_reachable(site)
    with pytest.raises(CliError, match="cannot reach"):
        check_reachable(f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize("url", ["example.org", "ftp://example.org", "http://", "http://h:99999", "http://h:0"])
def test_an_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(CliError, match="no http or https address"):
        check_address(url)


@pytest.mark.parametrize("url", ["http://h/?page=1", "http://h/api#top"])
def test_an_address_that_paths_cannot_be_appended_to_is_refused(url: str) -> None:
    with pytest.raises(CliError, match="has a query or a fragment"):
        check_address(url)


def test_credentials_become_the_run_s_environment() -> None:
    basic = Target("http://h", headers_of(["X-Tenant: a:b"]), Credentials(basic="me:pass:word")).environment()
    assert basic["headers"] == {"X-Tenant": "a:b"}
    assert basic["auth"] == {"kind": "basic", "username": "me", "password": "pass:word"}
    key = Credentials(key="X-Key: s3", key_in="query").request()
    assert key == {"kind": "api_key", "name": "X-Key", "token": "s3", "location": "query"}
    assert Target("http://h", credentials=Credentials(bearer="t")).environment()["auth"]["token"] == "t"


@pytest.mark.parametrize(
    "wrong",
    [Credentials("t", "u:p"), Credentials(basic="no colon"), Credentials(key=":v"), Credentials(key="a:b", key_in="x")],
)
def test_credentials_that_make_no_sense_are_refused(wrong: Credentials) -> None:
    with pytest.raises(CliError):
        wrong.request()


def endpoint(method: str, path: str) -> dict[str, Any]:
    return {"operation": {"method": method, "path": path}}


@pytest.mark.parametrize(
    ("include", "exclude", "method", "path", "wanted"),
    [
        ((), (), "GET", "/users", True),
        (("/users*",), (), "GET", "/users/{id}", True),
        (("/users*",), (), "GET", "/orders", False),
        (("post",), (), "POST", "/orders", True),
        (("GET /users*",), (), "POST", "/users", False),
        (("/users*",), ("DELETE",), "DELETE", "/users/{id}", False),
        (("/users*",), ("GET /users/*",), "GET", "/users/{id}", False),
    ],
)
def test_endpoints_are_chosen(
    include: tuple[str, ...], exclude: tuple[str, ...], method: str, path: str, wanted: bool
) -> None:
    assert Selection(include, exclude).wants_endpoint(endpoint(method, path)) is wanted


def test_tests_are_chosen_by_type_and_category() -> None:
    test = {"test_type": "Security", "category": "auth_missing"}
    assert Selection(test_types=("security",)).wants_test(test)
    assert not Selection(test_types=("functional",)).wants_test(test)
    assert Selection(categories=("Auth_Missing",)).wants_test(test)
    assert not Selection(exclude_categories=("auth_missing",)).wants_test(test)
    assert Selection(test_types=("functional",)).generation() == {"test_types": ["Functional"]}
