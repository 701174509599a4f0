"""Comparing two scans: identity survives moves, and nothing is guessed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.scanner.domain.matching import Known, compare
from shared.contracts.scanner import Operation, Parameter, Response, SourceLocation

WORDS = st.sampled_from(["users", "orders", "items", "reports", "{id}", "{name}"])
PATHS = st.lists(WORDS, min_size=1, max_size=3).map(lambda words: "/" + "/".join(words))


def operation(method: str, path: str, handler: str = "", *, query: str = "", answer: str = "") -> Operation:
    parameters = (Parameter(name=query, location="query"),) if query else ()
    schema = {"type": "object", "properties": {name: {} for name in answer.split()}}
    return Operation(
        method=method,
        path=path,
        parameters=parameters,
        responses={"200": Response(content={"application/json": schema})} if answer else {},
        source=SourceLocation(file="a.py", handler=handler) if handler else None,
    )


@st.composite
def tables(draw: st.DrawFn, with_handlers: bool = True) -> list[Operation]:
    keys = draw(st.lists(st.tuples(st.sampled_from(["GET", "POST"]), PATHS), min_size=1, max_size=8, unique=True))
    return [
        operation(method, path, f"m.f{index}" if with_handlers else "", query=draw(st.sampled_from(["", "q", "page"])))
        for index, (method, path) in enumerate(keys)
    ]


def known(operations: list[Operation]) -> list[Known]:
    return [Known(index, item) for index, item in enumerate(operations, start=1)]


@settings(max_examples=200)
@given(tables(), st.booleans())
def test_the_same_scan_twice_changes_nothing(table: list[Operation], shuffled: bool) -> None:
    diff = compare(known(table), table[::-1] if shuffled else table)
    assert [(item.id, found) for item, found in sorted(diff.unchanged, key=lambda pair: pair[0].id)] == [
        (index, item) for index, item in enumerate(table, start=1)
    ]
    assert (diff.changed, diff.moved, diff.discovered, diff.removed, diff.errored) == ([], [], [], [], [])


@settings(max_examples=200)
@given(tables(), tables())
def test_everything_is_accounted_for_once(old: list[Operation], new: list[Operation]) -> None:
    diff = compare(known(old), new)
    pairs = [*diff.unchanged, *diff.changed, *diff.moved]
    assert sorted([item.id for item, _ in pairs] + [item.id for item in diff.removed]) == list(range(1, len(old) + 1))
    assert sorted(map(id, [found for _, found in pairs] + diff.discovered)) == sorted(map(id, new))


@pytest.mark.req("TG-19")
@settings(max_examples=200)
@given(tables(), st.sampled_from(["/v2", "/api"]))
def test_a_new_prefix_moves_every_endpoint_by_its_handler(table: list[Operation], prefix: str) -> None:
    moved = [item.model_copy(update={"path": prefix + item.path}) for item in table]
    diff = compare(known(table), moved)
    assert {(item.operation.method, prefix + item.operation.path) for item, _ in diff.moved} == {
        (found.method, found.path) for _, found in diff.moved
    }
    assert len(diff.moved) == len(table)


def test_likeness_finds_a_move_that_nothing_else_identifies() -> None:
    old = operation("GET", "/books/{id}/reviews", answer="rating text author")
    new = operation("GET", "/books/{id}/ratings", answer="rating text author")
    other = operation("GET", "/health", answer="ok")
    diff = compare(known([old, other]), [other, new])
    assert [(item.id, found.path) for item, found in diff.moved] == [(1, "/books/{id}/ratings")]


def test_what_is_ambiguous_is_removed_and_discovered() -> None:
    old = operation("GET", "/books/{id}/reviews", answer="rating text author")
    new = [operation("GET", f"/books/{{id}}/{word}", answer="rating text author") for word in ("ratings", "opinions")]
    diff = compare(known([old]), new)
    assert ([item.id for item in diff.removed], len(diff.discovered), diff.moved) == ([1], 2, [])


def test_a_renamed_path_parameter_and_a_changed_method_are_moves() -> None:
    renamed = compare(known([operation("GET", "/users/{id}")]), [operation("GET", "/users/{user_id}")])
    assert len(renamed.moved) == 1
    method = compare(known([operation("PUT", "/users/{id}", "m.f")]), [operation("PATCH", "/users/{id}", "m.f")])
    assert len(method.moved) == 1


@pytest.mark.req("TG-7")
@settings(max_examples=200)
@given(tables(), st.data())
def test_failed_files_remove_and_move_nothing(table: list[Operation], data: st.DataObject) -> None:
    left = data.draw(st.lists(st.sampled_from(table), unique_by=id))
    shifted = [item.model_copy(update={"path": "/x" + item.path}) for item in left]
    diff = compare(known(table), shifted, has_failures=True)
    assert (diff.removed, diff.moved, diff.discovered) == ([], [], [])
    assert len(diff.errored) == len(table)
