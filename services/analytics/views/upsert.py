"""Folding a batch's changes by row, and writing them with one statement a table."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, func, select
from sqlalchemy.dialects.postgresql import ARRAY, Insert, insert

from services.analytics.views.changes import Change

Folded = dict[Table, dict[tuple[Any, ...], dict[str, Any]]]


def fold(changes: Iterable[Change]) -> Folded:
    """One row a key, merged in order by the rules of the columns (the same ones that the upsert follows)."""
    folded: Folded = {}
    for table, values in changes:
        rows = folded.setdefault(table, {})
        key = tuple(values[name] for name in _layout(table)[0])
        known = rows.get(key)
        rows[key] = values if known is None else _merge(table, known, values)
    return folded


def write(connection: Connection, folded: Folded) -> None:
    """Upserts the rows; a row that the table knows from a later position stays as it is."""
    for table, rows in folded.items():
        arrays = {column.name: [row.get(column.name) for row in rows.values()] for column in table.columns}
        connection.execute(_statement(table), arrays)


@cache
def _layout(table: Table) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    key = tuple(column.name for column in table.primary_key)
    rest = tuple((column.name, column.info["merge"]) for column in table.columns if column.name not in key)
    return key, rest


def _merge(table: Table, known: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    merged = dict(known)
    for name, rule in _layout(table)[1]:
        value = new.get(name)
        if rule == "replace" or (value is not None and (rule == "latest" or known.get(name) is None)):
            merged[name] = value
    return merged


@cache
def _statement(table: Table) -> Insert:
    names = [column.name for column in table.columns]
    arrays = [bindparam(column.name, type_=ARRAY(column.type)) for column in table.columns]
    rows = func.unnest(*arrays).table_valued(*names, name="rows").render_derived()
    statement = insert(table).from_select(names, select(*rows.columns))
    key, rest = _layout(table)
    new = statement.excluded
    merged = {name: _merged(rule, table.columns[name], new[name]) for name, rule in rest}
    if "position" in key:
        return statement.on_conflict_do_nothing()
    newer = new["position"] >= table.columns["position"]
    return statement.on_conflict_do_update(index_elements=list(key), set_=merged, where=newer)


def _merged(rule: str, old: ColumnElement[Any], new: ColumnElement[Any]) -> ColumnElement[Any]:
    if rule == "replace":
        return new
    return func.coalesce(new, old) if rule == "latest" else func.coalesce(old, new)
