"""How one operation's contract moved between the revision a test was written for and today's."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from services.healer.domain.shapes import ShapeChange, compare
from shared.contracts.scanner import ContractChange, Endpoint, Operation, Parameter, Response

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_NAMED = ("query", "header", "cookie")
JSON = "application/json"


@dataclass(frozen=True)
class OperationChange:
    """An operation then and now, with what follows for the parts of a request that go by name."""

    endpoint_id: int
    revision: int
    old: Operation
    new: Operation
    path_params: Mapping[str, str] = field(default_factory=dict)
    """Old name to new name of the path's parameters; those that went are absent."""
    new_path_params: tuple[Parameter, ...] = ()
    moved_params: Mapping[tuple[str, str], str] = field(default_factory=dict)
    """Location and name of the parameters that are found at another location now."""
    parameters: Mapping[str, ShapeChange] = field(default_factory=dict)
    """By location: query, header (names in lower case), cookie."""


@dataclass(frozen=True)
class Removal:
    """The operation is gone."""

    endpoint_id: int
    old: Operation


@dataclass(frozen=True)
class Moves:
    """How an operation moved since a test was written: scan by scan, and from then to now at once."""

    each: tuple[OperationChange, ...]
    whole: OperationChange


class ContractHistory:
    """The changes of a project's contract, and its endpoints as they are now."""

    def __init__(self, changes: Iterable[ContractChange], endpoints: Iterable[Endpoint]) -> None:
        self._endpoints = {endpoint.id: endpoint for endpoint in endpoints}
        self._changes: dict[int, list[ContractChange]] = {}
        for change in sorted(changes, key=lambda change: change.revision):
            self._changes.setdefault(change.endpoint_id, []).append(change)
        self._known: dict[tuple[int, int], Moves | Removal | None] = {}

    def since(self, endpoint_id: int, revision: int) -> Moves | Removal | None:
        """How the operation moved after that revision; None where it did not."""
        key = endpoint_id, revision
        if key not in self._known:
            self._known[key] = self._since(endpoint_id, revision)
        return self._known[key]

    def _since(self, endpoint_id: int, revision: int) -> Moves | Removal | None:
        later = [change for change in self._changes.get(endpoint_id, ()) if change.revision > revision]
        if not later:
            return None
        stages = [(revision, later[0].old), *((change.revision, change.new) for change in later if change.new)]
        current = self._endpoints.get(endpoint_id)
        if current is not None and current.revision >= later[-1].revision:
            stages = [stage for stage in stages if stage[0] < current.revision]
            stages.append((current.revision, current.operation))
        elif later[-1].kind == "removed":
            return Removal(endpoint_id, later[0].old)
        each = [
            compare_operations(endpoint_id, number, old, new)
            for (_, old), (number, new) in pairwise(stages)
            if old != new
        ]
        whole = compare_operations(endpoint_id, stages[-1][0], stages[0][1], stages[-1][1])
        return Moves(tuple(each), whole) if each else None


def compare_operations(endpoint_id: int, revision: int, old: Operation, new: Operation) -> OperationChange:
    """What a request of `old` must become to be one of `new`."""
    moved = _moved(old, new)
    path_params, new_path_params = _compare_paths(old, new, {name for _, name in moved})
    shapes = {
        location: compare(_as_object(old, location, moved), _as_object(new, location, moved)) for location in _NAMED
    }
    return OperationChange(endpoint_id, revision, old, new, path_params, new_path_params, moved, shapes)


def compare_bodies(change: OperationChange, media_type: str | None) -> ShapeChange:
    """How the request body of that media type moved (JSON's where none is named)."""
    old, new = change.old.request_body, change.new.request_body
    if old is None or new is None:
        return ShapeChange()
    before = old.content.get(body_type(old.content, media_type), {})
    return compare(before, new.content.get(body_type(new.content, media_type), {}))


def body_type(content: Mapping[str, Any], preferred: str | None) -> str:
    """The media type that a body is sent in: the preferred where it is documented, else JSON, else the first."""
    if preferred in content:
        return str(preferred)
    json_types = [name for name in content if name == JSON or name.endswith("+json")]
    return json_types[0] if json_types else next(iter(content), "")


def answer_schema(response: Response | None) -> dict[str, Any] | None:
    """The schema of a documented answer's JSON body."""
    if response is None or not response.content:
        return None
    return response.content.get(body_type(response.content, None))


def documented(operation: Operation, code: str) -> str | None:
    """The key under which an answer with this status (or class of it) is documented."""
    keys = {key.upper(): key for key in operation.responses}
    return keys.get(code.upper()) or keys.get(f"{code[:1]}XX") or keys.get("DEFAULT")


def _as_object(operation: Operation, location: str, moved: Mapping[tuple[str, str], str]) -> dict[str, Any]:
    """The parameters of a location as an object schema, so that they are compared as fields are."""
    elsewhere = {name for (was, name), now in moved.items() if location in {was, now}}
    found = [item for item in operation.parameters if item.location == location and item.name not in elsewhere]
    names = {item.name: item.name.lower() if location == "header" else item.name for item in found}
    properties = {names[item.name]: _with_example(item) for item in found}
    required = [names[item.name] for item in found if item.required]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _with_example(parameter: Parameter) -> dict[str, Any]:
    extra = {} if parameter.example is None else {"example": parameter.example}
    return {**parameter.json_schema, "description": parameter.description, **extra}


def _moved(old: Operation, new: Operation) -> dict[tuple[str, str], str]:
    was = {(parameter.name, parameter.location) for parameter in old.parameters}
    now = {(parameter.name, parameter.location) for parameter in new.parameters}
    gone = dict(was - now)
    come = dict(now - was)
    return {(gone[name], name): come[name] for name in gone.keys() & come.keys()}


def _compare_paths(old: Operation, new: Operation, moved: set[str]) -> tuple[dict[str, str], tuple[Parameter, ...]]:
    """Path parameters keep their name where it is in both paths; the others pair up in order if they are as many."""
    before, after = _PLACEHOLDER.findall(old.path), _PLACEHOLDER.findall(new.path)
    kept = {name: name for name in before if name in after}
    gone = [name for name in before if name not in kept and name not in moved]
    come = [name for name in after if name not in kept and name not in moved]
    if len(gone) == len(come):
        return {**kept, **dict(zip(gone, come, strict=True))}, ()
    by_name = {parameter.name: parameter for parameter in new.parameters if parameter.location == "path"}
    return kept, tuple(by_name.get(name) or Parameter(name=name, location="path", required=True) for name in come)
