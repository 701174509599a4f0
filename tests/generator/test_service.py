"""The generator as it is hosted, with real projects and scanner services, on real PostgreSQL and NATS."""

from __future__ import annotations

import copy
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from shared.settings import InfraSettings
from shared.web import HttpClients
from tests.generator import toy
from tests.support.hosting import hosted
from tests.support.person import Person
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
async def clients(infra_settings: InfraSettings) -> AsyncIterator[HttpClients]:
    async with hosted(infra_settings, ["auth", "projects", "scanner", "generator"]) as clients:
        yield clients


@pytest.fixture(scope="module")
async def ann(clients: HttpClients) -> Person:
    return await Person.register(clients, "generator")


@pytest.fixture(scope="module")
async def bob(clients: HttpClients) -> Person:
    return await Person.register(clients, "generator")


async def project(person: Person, name: str) -> str:
    made = await person.call("POST", "/api/projects", {"name": name}, service="projects")
    assert made.status == 201, made.body
    return f"/api/projects/{made.json()['id']}"


async def scanned(person: Person, path: str, document: dict[str, Any]) -> None:
    source = {"source": {"kind": "openapi", "document": json.dumps(document)}}
    job = await person.call("POST", f"{path}/endpoints/scan", source, service="scanner")
    assert job.status == 202, job.body

    async def ended() -> bool:
        found = await person.call("GET", f"{path}/endpoints/scan/{job.json()['job_id']}", service="scanner")
        assert found.json()["status"] not in ("Failed", "Cancelled"), found.body
        return bool(found.json()["status"] == "Completed")

    await eventually(ended)


async def generated(person: Person, path: str, **options: Any) -> dict[str, Any]:
    job = await person.call("POST", f"{path}/tests/generate", options)
    assert job.status == 202, job.body

    async def ended() -> dict[str, Any] | None:
        found = (await person.call("GET", f"{path}/tests/generate/{job.json()['job_id']}")).json()
        return found if found["status"] in ("Completed", "Failed", "Cancelled") else None

    done = await eventually(ended)
    assert done is not None
    return done


async def listed(person: Person, path: str, **filters: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    params = {"limit": "100", **filters}
    while True:
        page = (await person.call("GET", f"{path}/test-cases", params=params)).json()
        found += page["items"]
        if not page["has_more"]:
            assert page["total_count"] == len(found)
            return found
        params["cursor"] = page["next_cursor"]


@pytest.fixture(scope="module")
async def shop(ann: Person) -> str:
    path = await project(ann, "shop")
    await scanned(ann, path, toy.document())
    done = await generated(ann, path)
    assert done["status"] == "Completed", done
    return path


@pytest.mark.req("TG-11", "TG-R5", "TG-10", "TG-R4")
async def test_a_job_writes_drafts_with_ids_for_every_endpoint(ann: Person, shop: str) -> None:
    cases = await listed(ann, shop)

    assert len({case["endpoint_id"] for case in cases}) == 8
    assert {case["status"] for case in cases} == {"Draft"}
    assert len({case["id"] for case in cases}) == len(cases) > 100
    assert all(case["id"].startswith("TC-") and case["assertions"] and case["description"] for case in cases)


@pytest.mark.req("TG-13")
async def test_filters_return_exactly_the_matching_ones(ann: Person, shop: str) -> None:
    everything = await listed(ann, shop)

    for name, value in [("test_type", "Security"), ("priority", "High"), ("category", "state"), ("status", "Approved")]:
        found = await listed(ann, shop, **{name: value})
        assert found == [case for case in everything if case[name] == value]
    endpoint = everything[0]["endpoint_id"]
    found = await listed(ann, shop, endpoint_id=str(endpoint), test_type="Functional")
    assert {(case["endpoint_id"], case["test_type"]) for case in found} == {(endpoint, "Functional")}


async def test_generating_again_adds_nothing(ann: Person, shop: str) -> None:
    before = await listed(ann, shop)

    done = await generated(ann, shop)

    assert (done["status"], done["tests_generated"], done["endpoints_done"]) == ("Completed", 0, 8)
    assert await listed(ann, shop) == before


@pytest.mark.req("TG-14")
async def test_edit_approve_block_and_delete(ann: Person, shop: str) -> None:
    case = (await listed(ann, shop, category="valid"))[0]
    one = f"{shop}/test-cases/{case['id']}"

    edited = (await ann.call("PATCH", one, {"title": "Mine", "priority": "Low"})).json()
    assert (edited["title"], edited["priority"], edited["revision"]) == ("Mine", "Low", 1)
    assert edited["last_modified"] > case["last_modified"]

    definition = copy.deepcopy(case["definition"])
    definition["timeout_s"] = 5
    changed = (await ann.call("PATCH", one, {"definition": definition})).json()
    assert (changed["revision"], changed["definition"]["timeout_s"]) == (2, 5)

    for status in ("Pending Review", "Blocked", "Approved"):
        moved = await ann.call("PATCH", one, {"status": status})
        assert moved.json()["status"] == status

    assert (await ann.call("DELETE", one)).status == 204
    assert (await ann.call("GET", one)).status == 404
    assert (await ann.call("DELETE", one)).status == 404


async def test_a_definition_that_cannot_run_is_refused(ann: Person, shop: str) -> None:
    case = (await listed(ann, shop))[0]
    definition = copy.deepcopy(case["definition"])
    definition["steps"][-1]["assertions"].append({"kind": "json", "path": "not a path", "op": "exists"})

    refused = await ann.call("PATCH", f"{shop}/test-cases/{case['id']}", {"definition": definition})

    assert (refused.status, refused.json()["error"]["code"]) == (422, "GEN_005")


async def test_an_old_version_is_refused(ann: Person, shop: str) -> None:
    case = (await listed(ann, shop))[1]
    one = f"{shop}/test-cases/{case['id']}"
    seen = (await ann.call("GET", one)).headers["ETag"]

    assert (await ann.call("PATCH", one, {"title": "First"}, headers={"If-Match": seen})).status == 200
    late = await ann.call("PATCH", one, {"title": "Second"}, headers={"If-Match": seen})
    assert (late.status, late.json()["error"]["code"]) == (412, "GEN_006")


@pytest.mark.req("TG-15")
async def test_bulk_touches_exactly_the_named(ann: Person, shop: str) -> None:
    drafts = [case["id"] for case in await listed(ann, shop, status="Draft")]
    approve, delete, others = drafts[:5], drafts[5:8], drafts[8:]
    gone = "TC-99999999"

    refused = await ann.call("POST", f"{shop}/test-cases/bulk-approve", {"test_case_ids": [*approve, gone]})
    assert (refused.status, refused.json()["error"]["details"]["test_case_ids"]) == (404, [gone])
    assert [case["id"] for case in await listed(ann, shop, status="Draft")] == drafts

    done = await ann.call("POST", f"{shop}/test-cases/bulk-approve", {"test_case_ids": approve})
    assert done.json() == {"approved": 5}
    done = await ann.call("POST", f"{shop}/test-cases/bulk-delete", {"test_case_ids": delete})
    assert done.json() == {"deleted": 3}

    left = {case["id"]: case["status"] for case in await listed(ann, shop)}
    assert {left[number] for number in approve} == {"Approved"}
    assert not set(delete) & set(left)
    assert {left[number] for number in others} == {"Draft"}


async def test_all_that_match_a_filter_are_approved(ann: Person) -> None:
    path = await project(ann, "approve all")
    await scanned(ann, path, toy.document())
    await generated(ann, path, max_per_endpoint=5)

    done = await ann.call("POST", f"{path}/test-cases/bulk-approve", {"filter": {"test_type": "Functional"}})

    functional = await listed(ann, path, test_type="Functional")
    assert done.json() == {"approved": len(functional)}
    assert await listed(ann, path, status="Approved") == functional


async def test_the_code_is_there(ann: Person, shop: str) -> None:
    case = (await listed(ann, shop))[0]
    one = f"{shop}/test-cases/{case['id']}"

    detail, code = await ann.call("GET", one), await ann.call("GET", f"{one}/code")

    assert detail.json()["code_snippet"] == code.body.decode()
    compile(code.body.decode(), "test_case.py", "exec")


@pytest.mark.req("TG-12", "TG-9")
async def test_endpoints_types_and_instructions_are_honoured(ann: Person) -> None:
    path = await project(ann, "instructions")
    await scanned(ann, path, toy.document())
    first = (await ann.call("GET", f"{path}/endpoints", service="scanner")).json()["items"][0]["id"]
    instructions = "Max response time 321 ms. Speak French."

    done = await generated(ann, path, endpoint_ids=[first], test_types=["Functional"], instructions=instructions)

    cases = await listed(ann, path)
    assert done["not_applied"] == ["Speak French"]
    assert {(case["endpoint_id"], case["test_type"]) for case in cases} == {(first, "Functional")}
    assert any("within 321 ms" in text for case in cases for text in case["assertions"])


async def test_without_endpoints_generation_is_refused(ann: Person) -> None:
    path = await project(ann, "empty")

    refused = await ann.call("POST", f"{path}/tests/generate", {})

    assert (refused.status, refused.json()["error"]["code"]) == (422, "GEN_002")


async def test_strangers_see_and_change_nothing(ann: Person, bob: Person, shop: str) -> None:
    before = await listed(ann, shop)
    one = before[0]["id"]

    answers = [
        await bob.call("GET", f"{shop}/test-cases"),
        await bob.call("GET", f"{shop}/test-cases/{one}"),
        await bob.call("PATCH", f"{shop}/test-cases/{one}", {"title": "Mine now"}),
        await bob.call("DELETE", f"{shop}/test-cases/{one}"),
        await bob.call("POST", f"{shop}/test-cases/bulk-delete", {"test_case_ids": [one]}),
        await bob.call("POST", f"{shop}/tests/generate", {}),
    ]
    everything = await bob.call("POST", f"{shop}/test-cases/bulk-delete", {"filter": {}})

    assert [answer.status for answer in answers] == [404] * 6
    assert everything.json() == {"deleted": 0}
    assert await listed(ann, shop) == before


async def test_a_removed_endpoint_flags_its_tests_and_a_changed_one_gets_new_ones(ann: Person) -> None:
    path = await project(ann, "moving")
    document = toy.document()
    await scanned(ann, path, document)
    await generated(ann, path, max_per_endpoint=6)
    del document["paths"]["/orders"]
    await scanned(ann, path, document)

    async def flagged() -> list[dict[str, Any]]:
        return await listed(ann, path, needs_review="true")

    found = await eventually(flagged)
    assert len({case["endpoint_id"] for case in found}) == 1
    assert {case["status"] for case in found} == {"Draft"}


@pytest.mark.req("TG-4")
async def test_a_deleted_project_takes_its_test_cases_with_it(ann: Person) -> None:
    path = await project(ann, "short-lived")
    await scanned(ann, path, toy.document())
    await generated(ann, path, max_per_endpoint=3)
    one = (await listed(ann, path))[0]["id"]

    assert (await ann.call("DELETE", path, service="projects")).status == 204

    async def gone() -> bool:
        return (await ann.call("GET", f"{path}/test-cases/{one}")).status == 404

    assert await eventually(gone)
