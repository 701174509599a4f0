"""The tables do not depend on interleaving, batching or repetition; answers are those of a naive model."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, text

from services.analytics import views
from tests.analytics import model
from tests.analytics.conftest import Scratch
from tests.analytics.model import Model
from tests.analytics.streams import ORGS, PROJECTS, START, Stream, Streams, interleaved, streams

examples = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
projection = views.AnalyticsProjection()


def apply(connection: Connection, events: Stream, size: int = 7) -> None:
    for first in range(0, len(events), size):
        projection.apply(connection, events[first : first + size])


def content(connection: Connection) -> dict[str, list[str]]:
    tables = [table.fullname for table in views.TABLES]
    return {table: sorted(connection.scalars(text(f"SELECT t::text FROM {table} t"))) for table in tables}


def everything(of: Streams) -> Stream:
    return [event for stream in of.values() for event in stream]


def owned(org_id: str) -> set[int]:
    return {project_id for project_id in PROJECTS if ORGS[project_id] == org_id}


@pytest.mark.req("DC-2", "DC-7")
@examples
@given(data=st.data(), of=streams(), size=st.integers(1, 40))
def test_any_interleaving_and_batching_gives_the_same_tables(
    data: st.DataObject, of: Streams, size: int, scratch: Scratch
) -> None:
    with scratch() as connection:
        apply(connection, everything(of))
        expected = content(connection)
    with scratch() as connection:
        apply(connection, data.draw(interleaved(of)), size)
        assert content(connection) == expected


@pytest.mark.req("DC-2")
@examples
@given(of=streams())
def test_applying_a_batch_again_changes_nothing(of: Streams, scratch: Scratch) -> None:
    with scratch() as connection:
        apply(connection, everything(of))
        expected = content(connection)
        apply(connection, everything(of))
        assert content(connection) == expected


@pytest.mark.req("TG-22", "TG-24")
@examples
@given(of=streams())
def test_coverage_report(of: Streams, scratch: Scratch) -> None:
    now = Model(of)
    with scratch() as connection:
        apply(connection, everything(of))
        for project_id in PROJECTS:
            report = views.coverage_report(connection, ORGS[project_id], project_id)
            total, tested, share = now.coverage({project_id})
            assert (report["total_endpoints"], report["tested_endpoints"]) == (total, tested)
            assert report["percentage"] == pytest.approx(share or 0.0)
            untested = [e.endpoint_id for e in now.live({project_id}) if not now.approved(e.endpoint_id)]
            assert sorted(row["endpoint_id"] for row in report["untested"]) == sorted(untested)
            assert {row["method"]: row["total_endpoints"] for row in report["by_method"]} == _methods(now, project_id)
            kinds = {row["test_type"]: (row["tested_endpoints"], row["tests"]) for row in report["by_test_type"]}
            assert kinds == now.by_test_type({project_id})
            assert report["warning"] == (share is not None and share < report["threshold"])
            if project_id in now.projects:
                assert report["threshold"] == now.projects[project_id].project.coverage_threshold


def _methods(now: Model, project_id: int) -> dict[str, int]:
    methods = [endpoint.method for endpoint in now.live({project_id})]
    return {method: methods.count(method) for method in methods}


@pytest.mark.req("TG-23")
@examples
@given(of=streams())
def test_run_coverage(of: Streams, scratch: Scratch) -> None:
    now = Model(of)
    ever = {event.event.endpoint_id for event in of["scanner"]}
    with scratch() as connection:
        apply(connection, everything(of))
        for project_id in PROJECTS:
            for run_id, run in now.runs({project_id}).items():
                found = views.run_coverage(connection, ORGS[project_id], project_id, run_id)
                assert found is not None
                executed = {r.endpoint_id for r in run.results.values() if r.status != "Skipped"}
                idle = {r.endpoint_id for r in run.results.values()} - executed
                assert {row["endpoint_id"] for row in found["tested"]} == executed & ever
                there = _there_when_asked(of, project_id, run)
                assert {row["endpoint_id"] for row in found["skipped"]} == (idle & ever) | (there - executed)


def _there_when_asked(of: Streams, project_id: int, run: model.Run) -> set[int]:
    """Endpoints first seen by then, and not removed for good by then."""
    mine = [each for each in of["scanner"] if each.event.project_id == project_id]
    first = {each.event.endpoint_id: each.time for each in reversed(mine)}
    last = {each.event.endpoint_id: each for each in mine}
    gone = {
        key
        for key, each in last.items()
        if each.event.name.startswith("scanner.endpoint_removed") and each.time <= run.requested_at
    }
    return {key for key, at in first.items() if at <= run.requested_at} - gone


@pytest.mark.req("TG-26", "TG-21")
@examples
@given(of=streams(), start=st.integers(-2000, 4000), length=st.integers(1, 20000))
def test_trends(of: Streams, start: int, length: int, scratch: Scratch) -> None:
    span = views.TimeRange(START + timedelta(minutes=start), START + timedelta(minutes=start + length))
    with scratch() as connection:
        apply(connection, everything(of))
        for project_id in PROJECTS:
            found = views.trends(connection, ORGS[project_id], project_id, span)
            runs = _finished(Model(of), project_id, span)
            assert [point["run_id"] for point in found["runs"]] == [run_id for run_id, _ in runs]
            for point, (_, run) in zip(found["runs"], runs, strict=True):
                _, _, share = Model(of, run.finished_at, inclusive=True).coverage({project_id})
                expected = (model.pass_rate([run]), share, model.healing_rate([run]))
                assert (point["pass_rate"], point["coverage"], point["healing_rate"]) == pytest.approx(expected)
            _check_days(of, project_id, span, found["days"])


def _finished(now: Model, project_id: int, span: views.TimeRange) -> list[tuple[str, model.Run]]:
    runs = now.runs({project_id}).items()
    done = [(k, run) for k, run in runs if run.finished_at and span.since <= run.finished_at < span.until]
    return sorted(done, key=lambda each: (each[1].finished_at, each[0]))


def _check_days(of: Streams, project_id: int, span: views.TimeRange, found: list[views.Row]) -> None:
    calendar = model.days(span.since, span.until)
    assert [row["day"] for row in found] == [begin.date().isoformat() for begin, _ in calendar]
    runs = [run for _, run in _finished(Model(of), project_id, span)]
    for row, (begin, end) in zip(found, calendar, strict=True):
        mine = [run for run in runs if run.finished_at and begin <= run.finished_at < end]
        _, _, share = Model(of, end).coverage({project_id})
        duration = model.mean([run.finish.duration_s for run in mine if run.finish])
        expected = (len(mine), model.pass_rate(mine), share, model.healing_rate(mine), duration)
        got = (row["runs"], row["pass_rate"], row["coverage"], row["healing_rate"], row["duration_s"])
        assert got == pytest.approx(expected)


@pytest.mark.req("TG-25", "TG-21")
@examples
@given(of=streams())
def test_dashboard_and_global_coverage(of: Streams, scratch: Scratch) -> None:
    now = Model(of)
    with scratch() as connection:
        apply(connection, everything(of))
        for org_id in set(ORGS.values()):
            found, mine = views.dashboard(connection, org_id), owned(org_id)
            runs = list(now.runs(mine).values())
            shares = {each: now.coverage({each})[2] for each in mine & set(now.projects)}
            known = [share for share in shares.values() if share is not None]
            assert found["total_projects"] == len(shares)
            assert found["average_coverage"] == pytest.approx(model.mean(known) or 0.0)
            executed = sum(r.finish.passed + r.finish.failed + r.finish.healed for r in runs if r.finish)
            assert (found["tests_executed"], found["total_runs"]) == (executed, len(runs))
            assert found["total_endpoints"] == len(now.live(mine))
            assert found["pass_rate"] == pytest.approx(model.pass_rate(runs))
            assert found["rl_efficiency"] is None
            whole = views.global_coverage(connection, org_id)
            total, tested, share = now.coverage(mine)
            assert (whole["total_endpoints"], whole["tested_endpoints"], whole["percentage"]) == pytest.approx(
                (total, tested, share or 0.0)
            )
            assert {row["project_id"]: row["percentage"] for row in whole["projects"]} == pytest.approx(
                {key: share or 0.0 for key, share in shares.items()}
            )


@pytest.mark.req("TG-27")
@examples
@given(of=streams(), asked=st.sets(st.sampled_from(PROJECTS), min_size=1))
def test_comparison(of: Streams, asked: set[int], scratch: Scratch) -> None:
    now = Model(of)
    with scratch() as connection:
        apply(connection, everything(of))
        found = views.compare(connection, "org-a", sorted(asked))
    mine = sorted(asked & owned("org-a") & set(now.projects))
    assert [each["project_id"] for each in found["projects"]] == mine
    shares = [now.coverage({each})[2] or 0.0 for each in mine]
    for each, share in zip(found["projects"], shares, strict=True):
        coverage = each["metrics"]["coverage"]
        expected = (share, 1 + sum(1 for other in shares if other > share + 1e-9), share - sum(shares) / len(shares))
        got = (coverage["value"], coverage["rank"], coverage["difference_from_mean"])
        assert got == pytest.approx(expected)
        rate = model.pass_rate(list(now.runs({each["project_id"]}).values()))
        assert each["metrics"]["pass_rate"]["value"] == pytest.approx(rate)


@pytest.mark.req("TG-4")
@examples
@given(data=st.data(), of=streams())
def test_nothing_of_a_deleted_project_is_left(data: st.DataObject, of: Streams, scratch: Scratch) -> None:
    with scratch() as connection:
        apply(connection, data.draw(interleaved(of)))
        for table in views.TABLES:
            if table.name != "projects":
                left = set(connection.scalars(text(f"SELECT DISTINCT project_id FROM {table.fullname}")))
                assert not left & Model(of).deleted
