"""Given events, when a command, then events."""

from __future__ import annotations

from typing import Any

import pytest

from services.executor.domain import Run, Shard, pass_rate, run_status, spoken_duration
from services.executor.errors import RunEnded, RunNotFound, StaleAttempt

NOW = "2026-01-01T00:00:10+00:00"


def requested(**options: Any) -> Run:
    return Run.request(
        number=7,
        org_id="org",
        project_id=3,
        requested_by="someone",
        requested_at="2026-01-01T00:00:00+00:00",
        options={"healing": True, **options},
        sealed_environment="sealed",
    )


def planned(shards: int = 1, **options: Any) -> Run:
    run = requested(**options)
    assert run.plan(total=shards * 2, shards=shards, base_url="http://target", now="2026-01-01T00:00:01+00:00")
    return run


def healing() -> Run:
    run = planned()
    run.count_shard(0, {"Passed": 1, "Failed": 1}, 1, NOW)
    return run


def names(run: Run | Shard) -> list[str]:
    return [type(event).__name__ for event in run.collect_events()]


def shard(kind: str = "tests", *tests: str) -> Shard:
    planned_tests = [
        {
            "test_id": test,
            "endpoint_id": 1,
            "title": "",
            "test_type": "",
            "category": "",
            "definition": {},
            "was": "Failed",
        }
        for test in tests or ("TC-1", "TC-2")
    ]
    return Shard.plan(run_id="run_00007", index=0, org_id="org", project_id=3, kind=kind, tests=planned_tests)


def result(test_id: str, status: str = "Passed", **more: Any) -> dict[str, Any]:
    return {"test_id": test_id, "endpoint_id": 1, "status": status, "assertions": [], **more}


@pytest.mark.req("TG-17")
def test_the_public_id_is_made_of_the_number() -> None:
    assert requested().run_id == "run_00007"
    assert Run.id_of("run_00007") == Run.create_id(7)
    for wrong in ("run_7", "7", "run_", "run_-0001", "run_" + "9" * 5000):
        with pytest.raises(RunNotFound):
            Run.id_of(wrong)


def test_planning_twice_changes_nothing() -> None:
    run = planned()
    assert not run.plan(total=9, shards=9, base_url="", now=NOW)
    assert run.total == 2


@pytest.mark.req("TG-16")
def test_the_last_shard_ends_the_run() -> None:
    run = planned(shards=2, healing=False)
    run.count_shard(0, {"Passed": 2}, 0, NOW)
    run.count_shard(0, {"Passed": 2}, 0, NOW)
    assert run.status == "Running"
    run.count_shard(1, {"Passed": 1, "Failed": 1}, 1, NOW)
    assert (run.status, run.counts) == ("Partial", {"Passed": 3, "Failed": 1})
    *_, finished = run.collect_events()
    assert isinstance(finished, Run.Finished)
    assert finished.duration_s == 9


@pytest.mark.req("TG-16")
def test_failures_lead_to_healing_before_the_end() -> None:
    run = healing()
    assert names(run) == ["Created", "Planned", "ShardCounted", "HealingRequested"]
    index = run.follow_healing(part=0, last=True, has_proposals=True, now=NOW)
    assert index == 1
    run.count_shard(1, {"Healed": 1, "Failed": -1}, 0, NOW)
    assert (run.status, run.counts) == ("Success", {"Passed": 1, "Failed": 0, "Healed": 1})


def test_parts_of_the_healers_answer_may_come_in_any_order_and_twice() -> None:
    run = healing()
    assert run.follow_healing(part=1, last=True, has_proposals=True, now=NOW) == 1
    run.count_shard(1, {}, 0, NOW)
    assert run.status == "Running"
    assert run.follow_healing(part=1, last=True, has_proposals=True, now=NOW) is None
    assert run.follow_healing(part=0, last=False, has_proposals=False, now=NOW) is None
    assert run.status == "Partial"


def test_without_anything_to_heal_the_run_ends() -> None:
    run = planned()
    run.count_shard(0, {"Skipped": 2}, 0, NOW)
    assert run.status == "Failed"


def test_an_answer_of_the_healer_that_nobody_asked_for_changes_nothing() -> None:
    run = planned()
    assert run.follow_healing(part=0, last=True, has_proposals=True, now=NOW) is None
    assert names(run) == ["Created", "Planned"]


@pytest.mark.parametrize("make", [requested, planned, healing])
def test_a_run_can_be_cancelled_until_it_ends(make: Any) -> None:
    run = make()
    run.cancel(NOW, {"Skipped": 2})
    assert run.status == "Cancelled"
    with pytest.raises(RunEnded):
        run.cancel(NOW, {})
    run.count_shard(0, {"Passed": 2}, 0, NOW)
    assert run.counts == {"Skipped": 2}


@pytest.mark.req("TG-16")
@pytest.mark.parametrize(
    ("counts", "status"),
    [
        ({"Passed": 3}, "Success"),
        ({"Passed": 1, "Healed": 1}, "Success"),
        ({"Passed": 1, "Failed": 1}, "Partial"),
        ({"Healed": 1, "Skipped": 1}, "Partial"),
        ({"Failed": 2}, "Failed"),
        ({"Skipped": 2}, "Failed"),
        ({}, "Failed"),
    ],
)
def test_the_status_follows_from_the_counts(counts: dict[str, int], status: str) -> None:
    assert run_status(counts) == status


@pytest.mark.req("TG-16")
def test_each_test_gets_exactly_one_result() -> None:
    one = shard()
    attempt = one.start()
    assert attempt == 1
    one.record(attempt, [result("TC-1"), result("TC-1", "Failed"), result("TC-9")])
    one.record(attempt, [result("TC-1", "Failed"), result("TC-2", "Failed")])
    one.finish(attempt)
    recorded = [event for event in one.collect_events() if isinstance(event, Shard.ResultsRecorded)]
    assert [(item["test_id"], item["status"]) for event in recorded for item in event.results] == [
        ("TC-1", "Passed"),
        ("TC-2", "Failed"),
    ]
    assert one.counts == {"Passed": 1, "Failed": 1}
    assert one.healable == 1
    assert one.start() is None


def test_a_newer_attempt_makes_the_older_one_void() -> None:
    one = shard()
    first, second = one.start(), one.start()
    assert (first, second) == (1, 2)
    with pytest.raises(StaleAttempt):
        one.record(1, [result("TC-1")])
    with pytest.raises(StaleAttempt):
        one.finish(1)
    assert [test["test_id"] for test in one.remaining] == ["TC-1", "TC-2"]


def test_what_is_left_can_be_skipped() -> None:
    one = shard()
    one.record(one.start() or 0, [result("TC-1")])
    one.skip_rest("no time", "EXEC_001")
    assert one.counts == {"Passed": 1, "Skipped": 1}
    assert one.finished


def test_a_healing_shard_turns_only_what_passes() -> None:
    one = shard("healing", "TC-1", "TC-2", "TC-3")
    attempt = one.start() or 0
    one.record(attempt, [result("TC-1"), result("TC-2", "Failed")])
    one.skip_rest("cancelled")
    assert one.counts == {"Healed": 1, "Failed": -1}
    (recorded, rest) = [event for event in one.collect_events() if isinstance(event, Shard.ResultsRecorded)]
    assert [item["status"] for item in recorded.results] == ["Healed"]
    assert (recorded.tried, rest.results, rest.tried) == (["TC-2"], [], ["TC-3"])


def test_a_set_up_that_was_answered_wrongly_is_healable_and_an_unreachable_one_not() -> None:
    one = shard()
    attempt = one.start() or 0
    one.record(attempt, [result("TC-1", "Skipped", assertions=[{"passed": False}]), result("TC-2", "Skipped")])
    assert one.healable == 1


def test_figures() -> None:
    assert pass_rate({"Passed": 1, "Healed": 1, "Failed": 1, "Skipped": 5}) == 66.67
    assert pass_rate({"Skipped": 5}) is None
    assert [spoken_duration(seconds) for seconds in (0.25, 45.2, 105, 7384)] == ["0.2s", "45s", "1m 45s", "2h 3m"]
