"""The projects service as it is hosted, on real PostgreSQL and NATS."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.settings import InfraSettings
from shared.web import HttpClients
from tests.support.hosting import hosted
from tests.support.person import Person


@pytest.fixture(scope="module")
async def clients(infra_settings: InfraSettings) -> AsyncIterator[HttpClients]:
    async with hosted(infra_settings, ["auth", "projects"]) as clients:
        yield clients


@pytest.fixture(scope="module")
async def ann(clients: HttpClients) -> Person:
    return await Person.register(clients, "projects")


@pytest.fixture(scope="module")
async def bob(clients: HttpClients) -> Person:
    return await Person.register(clients, "projects")


names = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=200).filter(
    str.strip
)
fields = st.fixed_dictionaries(
    {},
    optional={
        "description": st.none() | st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=50),
        "api_base_url": st.sampled_from(["http://127.0.0.1:9000", "https://api.example.com/v1"]),
        "coverage_threshold": st.floats(0, 100),
        "settings": st.dictionaries(st.text("abc", min_size=1), st.integers(-5, 5), max_size=3),
    },
)


@pytest.mark.req("TG-4", "TG-R2")
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=names, first=fields, second=fields)
async def test_projects_round_trip(ann: Person, name: str, first: dict[str, Any], second: dict[str, Any]) -> None:
    unique = f"{name[:150]} {uuid.uuid4()}"
    created = (await ann.call("POST", "/api/projects", {"name": unique, **first})).json()
    path = f"/api/projects/{created['id']}"
    assert created | {"name": unique, **first} == created == (await ann.call("GET", path)).json()
    updated = (await ann.call("PATCH", path, second)).json()
    assert updated | second == updated == (await ann.call("GET", path)).json()
    assert (await ann.call("DELETE", path)).status == 204
    gone = await ann.call("GET", path)
    assert (gone.status, gone.json()["error"]["code"]) == (404, "PROJ_001")


@pytest.mark.req("TG-4")
async def test_a_name_is_taken_once_in_an_organisation(ann: Person, bob: Person) -> None:
    first = await ann.call("POST", "/api/projects", {"name": "Twice"})
    again = await ann.call("POST", "/api/projects", {"name": "Twice"})
    assert (first.status, again.status, again.json()["error"]["code"]) == (201, 409, "PROJ_002")
    assert (await bob.call("POST", "/api/projects", {"name": "Twice"})).status == 201


@pytest.mark.req("DC-6")
async def test_other_organisations_see_nothing(ann: Person, bob: Person) -> None:
    mine = (await ann.call("POST", "/api/projects", {"name": "Mine"})).json()
    path = f"/api/projects/{mine['id']}"
    answers = [
        await bob.call("GET", path),
        await bob.call("PATCH", path, {"name": "x"}),
        await bob.call("DELETE", path),
    ]
    assert [answer.status for answer in answers] == [404, 404, 404]
    listed = (await bob.call("GET", "/api/projects")).json()
    assert mine["id"] not in [project["id"] for project in listed["items"]]


async def test_a_stale_etag_is_refused(ann: Person) -> None:
    made = await ann.call("POST", "/api/projects", {"name": "Versioned"})
    path, etag = f"/api/projects/{made.json()['id']}", made.headers["ETag"]
    assert (await ann.call("PATCH", path, {"description": "a"}, headers={"If-Match": etag})).status == 200
    stale = await ann.call("PATCH", path, {"description": "b"}, headers={"If-Match": etag})
    assert (stale.status, stale.json()["error"]["code"]) == (412, "PROJ_004")


async def test_racing_updates_all_succeed(ann: Person) -> None:
    made = (await ann.call("POST", "/api/projects", {"name": "Raced"})).json()
    path = f"/api/projects/{made['id']}"
    answers = await asyncio.gather(*(ann.call("PATCH", path, {"description": str(n)}) for n in range(10)))
    assert [answer.status for answer in answers] == [200] * 10


@pytest.mark.req("BO-13", "BO-14", "BO-4")
async def test_lists_are_paged_by_key(clients: HttpClients) -> None:
    carl = await Person.register(clients, "projects")
    made = [(await carl.call("POST", "/api/projects", {"name": f"p{n}"})).json()["id"] for n in range(7)]
    seen: list[int] = []
    cursor: dict[str, str] = {}
    while True:
        page = (await carl.call("GET", "/api/projects", params={"limit": "3", **cursor})).json()
        seen += [item["id"] for item in page["items"]]
        assert (page["total_count"], page["page_size"]) == (7, len(page["items"]))
        if not page["has_more"]:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert seen == made


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"name": ""}, 400),
        ({"name": "x", "org_id": "other"}, 400),
        ({"name": "x", "git_url": "https://u:p@h/r"}, 422),
    ],
)
async def test_bad_projects_are_refused(ann: Person, body: dict[str, Any], status: int) -> None:
    answer = await ann.call("POST", "/api/projects", body)
    assert answer.status == status, answer.body
