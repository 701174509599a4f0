"""Test cases and generation jobs: what happens to them, and what does not."""

from typing import Any

import pytest

from services.generator.domain.draft import Draft, fingerprint
from services.generator.domain.generation_job import GenerationJob
from services.generator.domain.test_case import TestCase, number_of, public_id
from services.generator.errors import GenerationEnded, TestCaseInvalid, TestCaseNotFound
from shared.contracts.testcase import (
    JsonAssertion,
    OperationRef,
    RequestTemplate,
    StatusAssertion,
    Step,
    TestDefinition,
)


def definition(path: str = "/users", revision: int = 1, status: str = "200") -> TestDefinition:
    ref = OperationRef(endpoint_id=7, revision=revision, method="GET", path=path)
    request = RequestTemplate(method="GET", path=path)
    return TestDefinition(
        steps=(Step(operation=ref, request=request, assertions=(StatusAssertion(one_of=(status,)),)),)
    )


def case() -> TestCase:
    draft = Draft(7, 1, "GET /users in time", "Calls it.", "Performance", "response_time", "Low", definition())
    made = TestCase.write(draft, number=42, org_id="org", project_id=3, job_id="job")
    made.collect_events()
    return made


def events(aggregate: Any) -> list[str]:
    return [type(event).__name__ for event in aggregate.collect_events()]


@pytest.mark.req("TG-10")
def test_a_new_test_case_is_a_draft_with_a_public_id() -> None:
    made = case()

    assert (made.status, made.public_id, made.revision) == ("Draft", "TC-00042", 1)


@pytest.mark.parametrize(("test_id", "number"), [("TC-00042", 42), ("TC-123456", 123456), ("TC-x", 0), ("TC-²", 0)])
def test_public_ids_are_read(test_id: str, number: int) -> None:
    assert number_of(test_id) == number
    assert number == 0 or public_id(number) == test_id


@pytest.mark.req("TG-14")
@pytest.mark.parametrize("status", ["Approved", "Pending Review", "Blocked"])
def test_every_status_is_reached_and_left(status: Any) -> None:
    made = case()

    made.move(status)
    assert made.status == status
    made.move("Draft")
    assert made.status == "Draft"
    assert events(made) == ["StatusChanged", "StatusChanged"]


def test_the_same_status_again_is_no_event() -> None:
    made = case()
    made.move("Approved")
    made.move("Approved")

    assert events(made) == ["StatusChanged"]


@pytest.mark.req("TG-14")
def test_a_new_definition_is_a_new_revision_and_other_fields_are_not() -> None:
    made = case()

    made.edit({"title": "Another"})
    assert made.revision == 1
    made.edit({"definition": definition(status="204").model_dump(mode="json")})
    assert made.revision == 2
    made.edit({"title": "Another"})
    assert events(made) == ["Edited", "Edited"]


def test_a_definition_that_cannot_run_is_refused() -> None:
    bad = definition().model_dump(mode="json")
    bad["steps"][0]["assertions"].append(JsonAssertion(path="oops", op="exists").model_dump(mode="json"))
    made = case()

    with pytest.raises(TestCaseInvalid):
        made.edit({"definition": bad})
    assert events(made) == []


@pytest.mark.req("TG-14")
def test_a_deleted_test_case_is_gone_for_everybody() -> None:
    made = case()
    made.delete()

    for command in (made.delete, lambda: made.move("Approved"), lambda: made.edit({"title": "x"})):
        with pytest.raises(TestCaseNotFound):
            command()
    made.heal(definition(), "run_00001", [])
    made.ask_review("late")
    assert events(made) == ["Deleted"]


@pytest.mark.req("TG-19")
def test_healing_makes_a_new_revision_with_the_moved_path_in_its_title() -> None:
    made = case()
    made.move("Approved")
    made.ask_review("regression: odd")
    change = {
        "change_type": "path_change",
        "old_value": "/users",
        "new_value": "/people",
        "reason": "",
        "endpoint_id": 7,
    }

    made.heal(definition("/people", revision=2), "run_00001", [change])
    made.heal(definition("/people", revision=2), "run_00001", [change])

    assert (made.revision, made.status, made.needs_review) == (2, "Approved", False)
    assert made.fields["title"] == "GET /people in time"
    assert made.fields["fingerprint"] == fingerprint(7, 2, "response_time", "GET /people in time")
    assert events(made) == ["StatusChanged", "ReviewAsked", "Healed"]


def test_healing_never_takes_a_fingerprint_that_another_test_has() -> None:
    made = case()
    before = made.fields["fingerprint"]
    taken = frozenset({fingerprint(7, 2, "response_time", "GET /users in time")})

    made.heal(definition(revision=2), "run_00001", [], taken)

    assert made.fields["fingerprint"] == before


@pytest.mark.req("TG-20")
def test_what_cannot_be_healed_is_flagged_until_a_person_decides() -> None:
    made = case()
    made.move("Approved")

    made.ask_review("regression: 500")
    assert (made.needs_review, made.status) == (True, "Approved")
    made.ask_review("regression: 500")
    made.move("Approved")

    assert not made.needs_review
    assert events(made) == ["StatusChanged", "ReviewAsked", "StatusChanged"]


def job() -> GenerationJob:
    return GenerationJob.request(job_id="job", org_id="org", project_id=3, options={})


@pytest.mark.req("TG-11")
def test_a_job_runs_to_its_end_once() -> None:
    made = job()
    made.start()
    made.start()
    made.advance(endpoint_id=4, done=1, of=2, tests=30)
    made.advance(endpoint_id=9, done=2, of=2, tests=12)
    made.complete([])
    made.complete([])
    made.fail("GEN_001", "late")

    assert (made.status, made.tests_generated, made.last_endpoint) == ("Completed", 42, 9)
    assert events(made) == ["Created", "Started", "Progressed", "Progressed", "Completed"]


@pytest.mark.req("BO-19")
def test_a_job_is_cancelled_until_it_has_ended() -> None:
    made = job()
    made.cancel()

    with pytest.raises(GenerationEnded):
        made.cancel()
    made.complete([])
    assert made.status == "Cancelled"
