"""Compares two scans: which known endpoint is which of the found operations.

Identity survives moves: the operation id and the handler come first, then the path, then the likeness of contract and
path. What is ambiguous is not guessed: it counts as removed and discovered.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any, TypeVar

from shared.contracts.scanner import Operation

T = TypeVar("T")
SIMILAR = 0.62
"""Least likeness (0..1) of a moved endpoint that nothing else identifies."""
MARGIN = 0.08
"""How much more alike the best candidate must be than the next one."""
MAX_CANDIDATES = 400
_CONTRACT = {"parameters", "request_body", "responses", "security", "deprecated"}


@dataclass(frozen=True)
class Known:
    """An endpoint as the last scan left it."""

    id: int
    operation: Operation
    is_in_error: bool = False


@dataclass
class Diff:
    """What a scan changes. Pairs are (known endpoint, operation found)."""

    unchanged: list[tuple[Known, Operation]] = field(default_factory=list)
    changed: list[tuple[Known, Operation]] = field(default_factory=list)
    moved: list[tuple[Known, Operation]] = field(default_factory=list)
    discovered: list[Operation] = field(default_factory=list)
    removed: list[Known] = field(default_factory=list)
    errored: list[Known] = field(default_factory=list)
    """Endpoints that the scan could not judge since files failed: they stay as they were."""


def compare(known: Iterable[Known], found: Iterable[Operation], *, has_failures: bool = False) -> Diff:
    """The difference between what is known and what a scan found. `has_failures`: some files could not be read."""
    matcher = _Matcher(list(known), list(found))
    matcher.run()
    diff = Diff(discovered=matcher.found)
    for endpoint, operation in matcher.pairs:
        _classify(diff, endpoint, operation, has_failures=has_failures)
    (diff.errored if has_failures else diff.removed).extend(matcher.known)
    return diff


def same_contract(old: Operation, new: Operation) -> bool:
    """Whether callers see no difference, the path apart."""
    return old.model_dump(include=_CONTRACT) == new.model_dump(include=_CONTRACT)


def _classify(diff: Diff, endpoint: Known, operation: Operation, *, has_failures: bool) -> None:
    old = endpoint.operation
    if (old.method, old.path) != (operation.method, operation.path):
        if has_failures:
            diff.errored.append(endpoint)
        else:
            diff.moved.append((endpoint, operation))
    elif same_contract(old, operation):
        diff.unchanged.append((endpoint, operation))
    else:
        diff.changed.append((endpoint, operation))


class _Matcher:
    """Pairs off what belongs together, surest first; what is left is in `known` and `found`."""

    def __init__(self, known: list[Known], found: list[Operation]) -> None:
        self.known = known
        self.found = found
        self.pairs: list[tuple[Known, Operation]] = []

    def run(self) -> None:
        self._by(lambda op: (op.method, op.path, op.operation_id, _handler(op)))
        self._by(lambda op: (op.method, op.operation_id) if op.operation_id else None)
        self._by(lambda op: (op.method, _handler(op)) if _handler(op) else None)
        self._by(lambda op: (op.method, op.path))
        self._by(lambda op: op.operation_id)
        self._by(_handler)
        self._by(lambda op: (op.method, normalised(op.path)))
        self._similar()

    def _by(self, key: Callable[[Operation], Hashable | None]) -> None:
        """Pairs those whose key occurs once on both sides."""
        old, new = _unique(self.known, lambda item: key(item.operation)), _unique(self.found, key)
        self._pair([(old[found], new[found]) for found in old.keys() & new.keys()])

    def _pair(self, pairs: list[tuple[Known, Operation]]) -> None:
        self.pairs.extend(pairs)
        taken = {id(item) for pair in pairs for item in pair}
        self.known = [item for item in self.known if id(item) not in taken]
        self.found = [item for item in self.found if id(item) not in taken]

    def _similar(self) -> None:
        if not self.known or not self.found or max(len(self.known), len(self.found)) > MAX_CANDIDATES:
            return
        scores: list[tuple[float, Known, Operation]] = []
        features = {id(item): _features(item) for item in self.found}
        for endpoint in self.known:
            own = _features(endpoint.operation)
            for operation in self.found:
                if operation.method == endpoint.operation.method:
                    score = _likeness(endpoint.operation, operation, own, features[id(operation)])
                    scores.append((score, endpoint, operation))
        self._pair(
            [(old, new) for score, old, new in scores if score >= SIMILAR and _is_clear(score, old, new, scores)]
        )


def _is_clear(score: float, old: Known, new: Operation, scores: list[tuple[float, Known, Operation]]) -> bool:
    """Whether neither side has another candidate that is about as good."""
    rivals = [other for other, a, b in scores if (a is old) is not (b is new)]
    return all(score - rival >= MARGIN for rival in rivals)


def _unique(items: list[T], key: Callable[[T], Hashable | None]) -> dict[Hashable, T]:
    groups: defaultdict[Hashable, list[T]] = defaultdict(list)
    for item in items:
        found = key(item)
        if found is not None:
            groups[found].append(item)
    return {found: group[0] for found, group in groups.items() if len(group) == 1}


def _handler(operation: Operation) -> str | None:
    return (operation.source.handler or None) if operation.source is not None else None


def normalised(path: str) -> str:
    """The path without the names of its parameters and without a slash at the end."""
    return re.sub(r"{[^}]*}", "{}", path).rstrip("/") or "/"


def _likeness(old: Operation, new: Operation, old_features: frozenset[str], new_features: frozenset[str]) -> float:
    """0..1: half the path, half the contract; contracts that say little prove little."""
    paths = SequenceMatcher(None, normalised(old.path).split("/"), normalised(new.path).split("/")).ratio()
    union = old_features | new_features
    contract = len(old_features & new_features) / len(union) if union else 0.0
    weight = min(1.0, len(union) / 4)
    return 0.5 * paths + 0.5 * contract * weight


def _features(operation: Operation) -> frozenset[str]:
    """What tells one contract from another: names of parameters, fields and models. What all share is left out."""
    found = {f"{item.location}:{item.name}" for item in operation.parameters}
    if operation.request_body is not None:
        for schema in operation.request_body.content.values():
            found |= {f"body:{name}" for name in _field_names(schema)}
    for status, response in operation.responses.items():
        if status.startswith("2"):
            for schema in response.content.values():
                found |= {f"answer:{name}" for name in _field_names(schema)}
    return frozenset(found)


def _field_names(schema: dict[str, Any]) -> set[str]:
    inner = _behind_reference(schema, schema)
    if isinstance(inner.get("items"), dict):
        inner = _behind_reference(schema, inner["items"])
    properties = inner.get("properties")
    return {str(name) for name in properties} if isinstance(properties, dict) else set()


def _behind_reference(root: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = str(schema.get("$ref", "")).removeprefix("#/$defs/")
    definition = root.get("$defs", {}).get(name) if name else None
    return definition if isinstance(definition, dict) else schema
