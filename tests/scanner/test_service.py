"""The scanner as it is hosted, on real PostgreSQL and NATS, with scans in their own processes."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.scanner import ChangePage, Endpoint, EndpointPage, ListChanges, ListEndpoints
from shared.hosting import Infra
from shared.settings import InfraSettings
from shared.web import HttpClients
from tests.support.hosting import hosted
from tests.support.person import Person
from tests.support.waiting import eventually

EXAMPLES = Path(__file__).parents[2] / "examples"
MAIN = """
from fastapi import FastAPI
from books import router
app = FastAPI(title="Shop")
app.include_router(router, prefix="/api")

@app.get("/health")
def health() -> bool:
    return True
"""
BOOKS = """
from fastapi import APIRouter
from pydantic import BaseModel
router = APIRouter(prefix="/books")
class Book(BaseModel):
    title: str
    pages: int = 1

@router.get("/{book_id}")
def get_book(book_id: int) -> Book: ...

@router.post("", status_code=201)
def add_book(book: Book) -> Book: ...
"""


@pytest.fixture(scope="module")
def local_scans() -> Iterator[None]:
    os.environ["TESTGEN_SCANNER_ALLOW_LOCAL"] = "1"
    yield
    del os.environ["TESTGEN_SCANNER_ALLOW_LOCAL"]


@pytest.fixture(scope="module")
async def clients(infra_settings: InfraSettings, local_scans: None) -> AsyncIterator[HttpClients]:
    async with hosted(infra_settings, ["auth", "projects", "scanner"]) as clients:
        yield clients


@pytest.fixture(scope="module")
async def ann(clients: HttpClients) -> Person:
    return await Person.register(clients, "scanner")


async def new_project(person: Person, **fields: Any) -> int:
    name = {"name": f"Shop {os.urandom(4).hex()}"}
    answer = await person.call("POST", "/api/projects", {**name, **fields}, service="projects")
    assert answer.status == 201, answer.body
    return int(answer.json()["id"])


async def scan(person: Person, project: int, source: dict[str, Any] | None = None) -> dict[str, Any]:
    body = None if source is None else {"source": source}
    asked = await person.call("POST", f"/api/projects/{project}/endpoints/scan", body)
    assert asked.status == 202, asked.body
    where = asked.headers["Location"]

    async def ended() -> dict[str, Any] | None:
        job: dict[str, Any] = (await person.call("GET", where)).json()
        return job if job["status"] in {"Completed", "Failed", "Cancelled"} else None

    found = await eventually(ended, timeout=60)
    assert found is not None
    return found


async def endpoints(person: Person, project: int, **params: str) -> list[dict[str, Any]]:
    answer = await person.call("GET", f"/api/projects/{project}/endpoints", params=params)
    assert answer.status == 200, answer.body
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def write_shop(folder: Path) -> Path:
    (folder / "main.py").write_text(MAIN)
    (folder / "books.py").write_text(BOOKS)
    return folder


def shapes(found: list[dict[str, Any]]) -> set[tuple[str, str]]:
    return {(item["method"], item["path"]) for item in found}


@pytest.mark.req("TG-6", "TG-R3")
async def test_a_folder_is_scanned_and_its_endpoints_are_listed(ann: Person, tmp_path: Path) -> None:
    project = await new_project(ann, local_path=str(write_shop(tmp_path)))
    job = await scan(ann, project)
    assert (job["status"], job["endpoints_found"], job["discovered"], job["progress"]) == ("Completed", 3, 3, 100)
    found = await endpoints(ann, project)
    assert shapes(found) == {("GET", "/api/books/{book_id}"), ("POST", "/api/books"), ("GET", "/health")}
    assert shapes(await endpoints(ann, project, method="POST")) == {("POST", "/api/books")}
    assert shapes(await endpoints(ann, project, path="health")) == {("GET", "/health")}
    one = (await ann.call("GET", f"/api/projects/{project}/endpoints/{found[0]['id']}")).json()
    assert one == found[0]


@pytest.mark.req("TG-19", "TG-R3")
async def test_a_rescan_tells_what_moved_changed_went_and_came(ann: Person, tmp_path: Path) -> None:
    project = await new_project(ann, local_path=str(write_shop(tmp_path)))
    await scan(ann, project)
    before = {item["path"]: item["id"] for item in await endpoints(ann, project)}
    (tmp_path / "main.py").write_text(
        MAIN.replace('"/api"', '"/api/v2"').replace("/health", "/live").replace("health", "l")
    )
    (tmp_path / "books.py").write_text(BOOKS.replace("pages: int = 1", "page_count: int = 1"))
    job = await scan(ann, project)
    assert (job["moved"], job["removed"], job["discovered"]) == (2, 1, 1)
    after = {item["path"]: item["id"] for item in await endpoints(ann, project)}
    assert after["/api/v2/books"] == before["/api/books"]
    changes = (await ann.call("GET", f"/api/projects/{project}/endpoints/changes")).json()
    assert sorted(change["kind"] for change in changes["items"]) == ["moved", "moved", "removed"]
    assert {change["revision"] for change in changes["items"]} == {2}, "each came after revision 1"
    assert changes["items"][0]["revision"] == 2


@pytest.mark.req("TG-7")
async def test_a_file_that_does_not_parse_leaves_endpoints_as_they_were(ann: Person, tmp_path: Path) -> None:
    project = await new_project(ann, local_path=str(write_shop(tmp_path)))
    await scan(ann, project)
    before = shapes(await endpoints(ann, project))
    (tmp_path / "books.py").write_text("def broken(:\n")
    job = await scan(ann, project)
    assert job["status"] == "Completed"
    assert any("books.py:1" in warning for warning in job["warnings"])
    found = await endpoints(ann, project)
    assert shapes(found) == before
    assert {item["path"]: item["status"] for item in found if item["status"] == "Error"} == {
        "/api/books": "Error",
        "/api/books/{book_id}": "Error",
    }
    (tmp_path / "books.py").write_text(BOOKS)
    await scan(ann, project)
    assert shapes(await endpoints(ann, project, status="Error")) == set()


@pytest.mark.req("TG-8", "TG-R3")
async def test_a_document_is_uploaded(ann: Person) -> None:
    project = await new_project(ann)
    paths = {"/things/{id}": {"get": {"responses": {"200": {"description": "ok"}}}}}
    document = {"openapi": "3.1.0", "info": {"title": "T", "version": "1"}, "paths": paths}
    for sent in (document, json.dumps(document)):
        job = await scan(ann, project, {"kind": "openapi", "document": sent})
        assert job["status"] == "Completed", job
    assert shapes(await endpoints(ann, project)) == {("GET", "/things/{id}")}


@pytest.mark.parametrize(
    ("source", "code", "text"),
    [
        ({"kind": "openapi", "document": "openapi: 3.0.0\npaths: [\n"}, "SCAN_003", "line"),
        ({"kind": "openapi", "document": '{"openapi": "3.0.0", "paths": {}}'}, "SCAN_004", "no endpoints"),
        ({"kind": "openapi", "document": '{"swagger": "2.0"}'}, "SCAN_002", "Swagger"),
        ({"kind": "path", "path": "/does/not/exist"}, "SCAN_001", "/does/not/exist"),
        ({"kind": "openapi_url", "url": "http://169.254.169.254/x"}, "SCAN_001", "not allowed"),
        ({"kind": "git", "url": "http://127.0.0.1:1/x.git"}, "SCAN_001", "cannot be reached"),
    ],
)
async def test_a_scan_that_cannot_be_done_says_why(ann: Person, source: dict[str, Any], code: str, text: str) -> None:
    project = await new_project(ann)
    job = await scan(ann, project, source)
    assert (job["status"], job["error_code"]) == ("Failed", code)
    assert text in job["error_message"]


async def test_a_folder_without_endpoints_fails(ann: Person, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import fastapi\n")
    job = await scan(ann, await new_project(ann), {"kind": "path", "path": str(tmp_path)})
    assert (job["status"], job["error_code"]) == ("Failed", "SCAN_004")
    assert "no endpoints" in job["error_message"]


async def test_bad_requests_are_refused(ann: Person) -> None:
    project = await new_project(ann)
    path = f"/api/projects/{project}/endpoints/scan"
    for body, status, code in [
        (None, 400, "SCAN_010"),
        ({"source": {"kind": "git"}}, 400, "SCAN_010"),
        ({"source": {"kind": "ftp"}}, 400, "VAL_001"),
        ({"source": {"kind": "git", "url": "https://user:token@git.test/x.git"}}, 400, "SCAN_010"),
        ({"source": {"kind": "git", "url": "https://token@git.test/x.git"}}, 400, "SCAN_010"),
        ({"source": {"kind": "git", "url": "https://token@[broken/x.git"}}, 400, "SCAN_010"),
        ({"source": {"kind": "openapi_url", "url": "http://user:token@api.test/openapi.json"}}, 400, "SCAN_010"),
    ]:
        answer = await ann.call("POST", path, body)
        assert (answer.status, answer.json()["error"]["code"]) == (status, code), answer.body


@pytest.mark.req("DC-6", "TG-30")
async def test_other_organisations_see_nothing(clients: HttpClients, ann: Person, tmp_path: Path) -> None:
    bob = await Person.register(clients, "scanner")
    project = await new_project(ann, local_path=str(write_shop(tmp_path)))
    job = await scan(ann, project)
    first = (await endpoints(ann, project))[0]["id"]
    base = f"/api/projects/{project}/endpoints"
    for path in (base, f"{base}/{first}", f"{base}/scan/{job['job_id']}", f"{base}/changes"):
        assert (await bob.call("GET", path)).status == 404
    assert (await bob.call("POST", f"{base}/scan")).status == 404


@pytest.mark.req("TG-5")
async def test_the_project_follows_and_its_deletion_takes_everything(ann: Person, tmp_path: Path) -> None:
    project = await new_project(ann, local_path=str(write_shop(tmp_path)))
    await scan(ann, project)

    async def status() -> str:
        answer = await ann.call("GET", f"/api/projects/{project}", service="projects")
        return str(answer.json()["status"])

    async def is_active() -> bool:
        return await status() == "Active"

    await eventually(is_active)
    await ann.call("DELETE", f"/api/projects/{project}", service="projects")

    async def is_gone() -> bool:
        return (await ann.call("GET", f"/api/projects/{project}/endpoints")).status == 404

    await eventually(is_gone)


async def test_one_scan_at_a_time(ann: Person, tmp_path: Path) -> None:
    for number in range(400):
        (tmp_path / f"m{number}.py").write_text(BOOKS + "\n" + "x = [1]\n" * 2000)
    project = await new_project(ann, local_path=str(write_shop(tmp_path)))
    path = f"/api/projects/{project}/endpoints/scan"
    first, second = await ann.call("POST", path), await ann.call("POST", path)
    assert (first.status, second.status) == (202, 409)
    assert second.json()["error"]["code"] == "SCAN_007"
    cancelled = await ann.call("POST", f"{path}/{first.json()['job_id']}/cancel")
    assert cancelled.json()["status"] == "Cancelled"
    third = await ann.call("POST", path)
    assert third.status == 202
    where = third.headers["Location"]

    async def is_running() -> bool:
        return bool((await ann.call("GET", where)).json()["status"] == "Running")

    await eventually(is_running)
    assert (await ann.call("POST", f"{where}/cancel")).json()["status"] == "Cancelled"
    small = await scan(
        ann, await new_project(ann), {"kind": "openapi", "document": '{"openapi": "3.0.0", "paths": {}}'}
    )
    assert small["error_code"] == "SCAN_004"  # the worker is free again


@pytest.mark.req("TG-19")
async def test_the_sample_api_moves_by_one_path_and_one_field(ann: Person, tmp_path: Path) -> None:
    copy = tmp_path / "library_api"
    shutil.copytree(EXAMPLES / "library_api", copy, ignore=shutil.ignore_patterns("__pycache__"))
    project = await new_project(ann, local_path=str(copy))
    first = await scan(ann, project)
    assert (first["status"], first["warnings"]) == ("Completed", [])
    done = await asyncio.create_subprocess_exec(sys.executable, str(EXAMPLES / "moved_contract.py"), str(copy))
    assert await done.wait() == 0
    second = await scan(ann, project)
    assert (second["discovered"], second["removed"]) == (0, 0)
    changes = (await ann.call("GET", f"/api/projects/{project}/endpoints/changes")).json()["items"]
    moved = {(item["old"]["path"], item["new"]["path"]) for item in changes if item["kind"] == "moved"}
    assert moved == {("/books/{book_id}/reviews", "/books/{book_id}/ratings")}
    changed = {(item["new"]["method"], item["new"]["path"]) for item in changes if item["kind"] == "changed"}
    assert ("POST", "/books") in changed


@pytest.mark.req("TG-R3", "DC-1")
async def test_other_services_ask_for_endpoints_and_changes(
    ann: Person, infra_settings: InfraSettings, tmp_path: Path
) -> None:
    project = await new_project(ann, local_path=str(write_shop(tmp_path)))
    await scan(ann, project)
    (tmp_path / "books.py").write_text(BOOKS.replace("pages: int = 1", "pages: int"))
    await scan(ann, project)
    answer = await ann.call("GET", "/api/auth/verify", service="auth")
    org_id = answer.json()["user"]["organisation_id"]
    infra = Infra.of(infra_settings, "asker")
    await infra.messaging.start()
    try:
        found: list[Endpoint] = []
        after: int | None = 0
        while after is not None:
            page: EndpointPage = await infra.messaging.ask(
                ListEndpoints(org_id=org_id, project_id=project, after=after, limit=2)
            )
            found += page.endpoints
            after = page.next_after
        assert {(item.operation.method, item.operation.path) for item in found} == {
            ("GET", "/api/books/{book_id}"),
            ("POST", "/api/books"),
            ("GET", "/health"),
        }
        changes: ChangePage = await infra.messaging.ask(ListChanges(org_id=org_id, project_id=project))
        assert {(item.kind, item.old.path, item.revision) for item in changes.changes} == {
            ("changed", "/api/books", 2),
            ("changed", "/api/books/{book_id}", 2),
        }
        foreign: ChangePage = await infra.messaging.ask(ListChanges(org_id="other", project_id=project))
        assert foreign.changes == ()
    finally:
        await infra.messaging.stop()
        await infra.close()
