"""Streams of contract events as publishers could send them, for property tests."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from shared.contracts import ContractEvent
from shared.contracts.executor import (
    HealingRequested,
    ResultsRecorded,
    ResultSummary,
    RunFinished,
    RunPlanned,
    RunRequested,
)
from shared.contracts.generator import TestCaseCreated, TestCaseDeleted, TestCaseUpdated
from shared.contracts.projects import Project, ProjectCreated, ProjectDeleted, ProjectUpdated
from shared.contracts.scanner import EndpointChanged, EndpointDiscovered, EndpointMoved, EndpointRemoved

START = datetime(2026, 3, 1, 23, tzinfo=UTC)
PROJECTS = (1, 2, 3)
ORGS = {1: "org-a", 2: "org-a", 3: "org-b"}
METHODS = ("GET", "POST", "DELETE")
TYPES = ("Functional", "Security", "Performance")
STATUSES = ("Draft", "Approved", "Pending Review", "Blocked")


@dataclass(frozen=True)
class Tenant:
    org_id: str | None


@dataclass(frozen=True)
class Happened:
    """What `shared.messaging.Received` is to the projection."""

    event: ContractEvent
    meta: Tenant
    position: int
    time: datetime


Stream = list[Happened]
Streams = dict[str, Stream]


@dataclass
class _Publisher:
    draw: Any
    stream: Stream = field(default_factory=list)
    now: datetime = START

    def say(self, event: ContractEvent) -> None:
        # Few values, so that moments of different publishers, and midnights, are often the same.
        self.now += timedelta(minutes=self.draw(st.sampled_from([0, 1, 60, 700])))
        position = len(self.stream) + 1
        self.stream.append(Happened(event, Tenant(ORGS[event.project_id or 0]), position, self.now))


@st.composite
def streams(draw: Any) -> Streams:
    """One stream for each publisher, in its own order, of three projects in two organisations."""
    return {
        "projects": _projects(draw),
        "scanner": _endpoints(draw),
        "generator": _test_cases(draw),
        "executor": _runs(draw),
    }


@st.composite
def interleaved(draw: Any, of: Streams) -> Stream:
    """All events in one order that keeps each publisher's own."""
    turns = draw(st.permutations([name for name, stream in of.items() for _ in stream]))
    waiting = {name: iter(stream) for name, stream in of.items()}
    return [next(waiting[name]) for name in turns]


def _projects(draw: Any) -> Stream:
    say = (publisher := _Publisher(draw)).say
    for project_id in PROJECTS:
        say(ProjectCreated(project_id=project_id, project=_project(draw, project_id)))
    for project_id in draw(st.lists(st.sampled_from(PROJECTS), max_size=3)):
        say(ProjectUpdated(project_id=project_id, project=_project(draw, project_id)))
    if draw(st.integers(0, 3)) == 0:
        say(ProjectDeleted(project_id=draw(st.sampled_from(PROJECTS))))
    return publisher.stream


def _project(draw: Any, project_id: int) -> Project:
    name, threshold = draw(st.sampled_from(["shop", "bank"])), draw(st.sampled_from([0.0, 50.0, 80.0]))
    org = ORGS[project_id]
    return Project(id=project_id, org_id=org, name=name, status="Active", coverage_threshold=threshold)


def _endpoints(draw: Any) -> Stream:
    publisher = _Publisher(draw)
    known: dict[int, bool] = {}
    for endpoint_id in draw(st.lists(st.integers(1, 8), max_size=14)):
        _endpoint_event(publisher, known, endpoint_id)
    return publisher.stream


def _endpoint_event(publisher: _Publisher, known: dict[int, bool], endpoint_id: int) -> None:
    method, path = METHODS[endpoint_id % 3], f"/things/{endpoint_id}"
    contract: dict[str, Any] = {"project_id": project_of(endpoint_id), "endpoint_id": endpoint_id}
    action = publisher.draw(st.sampled_from(["changed", "moved", "removed"]))
    if not known.get(endpoint_id):
        known[endpoint_id] = True
        publisher.say(EndpointDiscovered(**contract, method=method, path=path))
    elif action == "changed":
        publisher.say(EndpointChanged(**contract, method=method, path=path, revision=2))
    elif action == "moved":
        new = {"old_method": method, "old_path": path, "method": "PATCH", "path": f"{path}/new"}
        publisher.say(EndpointMoved(**contract, **new, revision=2))
    else:
        known[endpoint_id] = False
        publisher.say(EndpointRemoved(**contract))


def project_of(endpoint_id: int) -> int:
    return PROJECTS[endpoint_id % len(PROJECTS)]


def _test_cases(draw: Any) -> Stream:
    publisher = _Publisher(draw)
    known: dict[int, int] = {}
    for number in draw(st.lists(st.integers(1, 9), max_size=18)):
        _test_case_event(publisher, known, number)
    return publisher.stream


def _test_case_event(publisher: _Publisher, known: dict[int, int], number: int) -> None:
    draw = publisher.draw
    project_id = PROJECTS[number % len(PROJECTS)]
    ids = {"project_id": project_id, "test_id": f"TC-{number:05}"}
    if known.get(number) is None:
        known[number] = draw(st.sampled_from([each for each in range(1, 9) if project_of(each) == project_id]))
        status = draw(st.sampled_from(["Draft", "Draft", "Approved"]))
        kind = {"test_type": TYPES[number % 3], "category": "valid", "priority": "High"}
        publisher.say(TestCaseCreated(**ids, endpoint_id=known[number], **kind, status=status))
    elif draw(st.integers(0, 4)) == 0:
        del known[number]
        publisher.say(TestCaseDeleted(**ids))
    else:
        status = draw(st.sampled_from(STATUSES))
        now = {"test_type": TYPES[number % 3], "priority": "Low", "revision": 2, "needs_review": draw(st.booleans())}
        publisher.say(TestCaseUpdated(**ids, endpoint_id=known[number], **now, status=status))


def _runs(draw: Any) -> Stream:
    publisher = _Publisher(draw)
    for number in range(1, draw(st.integers(0, 4)) + 1):
        project_id = draw(st.sampled_from(PROJECTS))
        _run(publisher, {"project_id": project_id, "run_id": f"run_{number:05}"})
    return publisher.stream


def _run(publisher: _Publisher, ids: dict[str, Any]) -> None:
    draw = publisher.draw
    mine = [each for each in range(1, 10) if PROJECTS[each % len(PROJECTS)] == ids["project_id"]]
    tests = draw(st.lists(st.sampled_from(mine), unique=True, min_size=1))
    outcomes = {number: draw(st.sampled_from(["Passed", "Failed", "Skipped"])) for number in tests}
    publisher.say(RunRequested(**ids))
    publisher.say(RunPlanned(**ids, total=len(outcomes), shards=1))
    publisher.say(ResultsRecorded(**ids, results=tuple(_result(ids, *each) for each in outcomes.items())))
    failed = [number for number, status in outcomes.items() if status == "Failed"]
    if failed and draw(st.booleans()):
        publisher.say(HealingRequested(**ids, failures=len(failed)))
        healed = {number: "Healed" for number in failed if draw(st.booleans())}
        outcomes |= healed
        publisher.say(ResultsRecorded(**ids, results=tuple(_result(ids, *each) for each in healed.items())))
    if draw(st.integers(0, 4)) > 0:
        publisher.say(_finished(draw, ids, list(outcomes.values())))


def _result(ids: dict[str, Any], number: int, status: Any) -> ResultSummary:
    endpoint_id = next(each for each in range(number % 8 + 1, 99) if project_of(each) == ids["project_id"])
    summary = {"test_id": f"TC-{number:05}", "endpoint_id": endpoint_id, "test_type": TYPES[number % 3]}
    return ResultSummary(**summary, status=status, duration_s=number / 8)


def _finished(draw: Any, ids: dict[str, Any], outcomes: list[str]) -> RunFinished:
    counts = {name.lower(): outcomes.count(name) for name in ("Passed", "Failed", "Skipped", "Healed")}
    times = {"started_at": "", "completed_at": "", "duration_s": draw(st.integers(0, 80)) / 4}
    return RunFinished(**ids, status="Partial", total=len(outcomes), **counts, **times)
