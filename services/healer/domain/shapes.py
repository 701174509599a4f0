"""How the shape of a JSON value moved between two schemas: fields renamed, added, removed, changed.

A `ShapeChange` describes one place of the value; its children, by the *old* names, the places below. Recursive schemas
make recursive changes, so that nothing may walk them without a value or a path to walk along.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import SequenceMatcher
from itertools import pairwise
from typing import Any

from services.healer.domain.schemas import (
    Schema,
    follow,
    properties_of,
    required_of,
    resolve,
    signature,
    similarity,
    types_of,
)

ITEMS = "[]"
"""The child for the items of an array."""

_ALIKE = 0.6
_CLEARLY = 0.15
"""By how much the best candidate for a rename must lead the next."""


@dataclass(frozen=True)
class Rename:
    new: str
    confidence: float


@dataclass(frozen=True)
class Addition:
    """A field that came; `root` is where its references lead."""

    schema: Schema
    root: Schema
    required: bool


@dataclass(frozen=True)
class FieldChange:
    """The schemas of one field (resolved) before and after, where they allow different values."""

    old: Schema
    new: Schema


@dataclass(eq=False)
class ShapeChange:
    renamed: dict[str, Rename] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)
    unclear: dict[str, tuple[str, ...]] = field(default_factory=dict)
    added: dict[str, Addition] = field(default_factory=dict)
    changed: dict[str, FieldChange] = field(default_factory=dict)
    children: dict[str, ShapeChange] = field(default_factory=dict)
    replaced: bool = False
    """The value is of another kind now (a list became an object): names below it mean nothing."""

    def __bool__(self) -> bool:
        """True where anything below this place moved."""
        seen: set[int] = set()
        stack = [self]
        while stack:
            place = stack.pop()
            if id(place) in seen:
                continue
            seen.add(id(place))
            if place.renamed or place.removed or place.unclear or place.added or place.changed or place.replaced:
                return True
            stack.extend(place.children.values())
        return False


def compare(old: Schema, new: Schema) -> ShapeChange:
    """How values of schema `old` must be rewritten to be the same values under schema `new`."""
    return _Comparison(old, new).of(old, new)


class _Comparison:
    def __init__(self, old_root: Schema, new_root: Schema) -> None:
        self._roots = old_root, new_root
        self._known: dict[tuple[int, int], ShapeChange] = {}

    def of(self, old: Any, new: Any) -> ShapeChange:
        raw = follow(old, self._roots[0]), follow(new, self._roots[1])
        key = id(raw[0]), id(raw[1])
        if key not in self._known:
            self._known[key] = change = ShapeChange()
            self._fill(change, resolve(raw[0], self._roots[0]), resolve(raw[1], self._roots[1]))
        return self._known[key]

    def _fill(self, change: ShapeChange, old: Schema, new: Schema) -> None:
        kinds = types_of(old) - {"null"}, types_of(new) - {"null"}
        if kinds[0] and kinds[1] and not kinds[0] & kinds[1]:
            change.replaced = True
            return
        if "items" in old and "items" in new:
            change.children[ITEMS] = self.of(old["items"], new["items"])
        self._compare_members(change, old, new)

    def _compare_members(self, change: ShapeChange, old: Schema, new: Schema) -> None:
        before, after = properties_of(old), properties_of(new)
        if not after and new.get("additionalProperties") is not False:
            return  # the new contract leaves the members open: the old names may still hold
        pairing = _Pairing(old, new, self._roots)
        change.renamed, change.unclear, change.removed = pairing.renamed, pairing.unclear, pairing.removed
        taken = {rename.new for rename in change.renamed.values()}
        required = required_of(new)
        for name, part in after.items():
            if name not in before and name not in taken:
                change.added[name] = Addition(resolve(part, self._roots[1]), self._roots[1], name in required)
        for name, part in before.items():
            new_name = change.renamed[name].new if name in change.renamed else name
            if new_name in after and name not in change.unclear:
                self._compare_field(change, name, part, after[new_name])

    def _compare_field(self, change: ShapeChange, name: str, old: Any, new: Any) -> None:
        if signature(old, self._roots[0]) == signature(new, self._roots[1]):
            return
        child = self.of(old, new)
        change.children[name] = child
        before, after = resolve(old, self._roots[0]), resolve(new, self._roots[1])
        if child.replaced or not (properties_of(before) or "items" in before):
            change.changed[name] = FieldChange(before, after)


class _Pairing:
    """Which of the fields that came is which of the fields that went."""

    def __init__(self, old: Schema, new: Schema, roots: tuple[Schema, Schema]) -> None:
        self.renamed: dict[str, Rename] = {}
        self.unclear: dict[str, tuple[str, ...]] = {}
        self.removed: set[str] = set()
        self._old, self._new, self._roots = old, new, roots
        before, after = properties_of(old), properties_of(new)
        gone = [name for name in before if name not in after]
        come = [name for name in after if name not in before]
        alike = {(was, name): self._alike(before[was], after[name]) for was in gone for name in come}
        for was in gone:
            self._decide(was, {pair: score for pair, score in alike.items() if score >= _ALIKE})
        self._settle_doubles()

    def _decide(self, was: str, alike: dict[tuple[str, str], float]) -> None:
        own = sorted(
            ((self._score(was, name, alike[old, name]), name) for old, name in alike if old == was), reverse=True
        )
        if not own:
            self.removed.add(was)
            return
        score, best = own[0]
        rivals = [other for other, _ in own[1:]]
        rivals += [self._score(old, best, alike[old, name]) for old, name in alike if name == best and old != was]
        if rivals and score - max(rivals) < _CLEARLY:
            self.unclear[was] = tuple(name for _, name in own)
            return
        sure = 0.85 if alike[was, best] == 1.0 else 0.7
        self.renamed[was] = Rename(best, round(sure - 0.1 * bool(rivals) + 0.1 * _likeness(was, best), 2))

    def _settle_doubles(self) -> None:
        """Two fields that would become the same one: neither is clear."""
        targets = [rename.new for rename in self.renamed.values()]
        for was, rename in list(self.renamed.items()):
            if targets.count(rename.new) > 1:
                del self.renamed[was]
                self.unclear[was] = (rename.new,)

    def _alike(self, old: Any, new: Any) -> float:
        return similarity(old, self._roots[0], new, self._roots[1])

    def _score(self, was: str, name: str, alike: float) -> float:
        same_need = (was in required_of(self._old)) == (name in required_of(self._new))
        same_place = _neighbours(self._old, was, self._new) == _neighbours(self._new, name, self._old)
        return 0.5 * alike + 0.25 * _likeness(was, name) + 0.1 * same_need + 0.15 * same_place


def _likeness(one: str, other: str) -> float:
    plain = [name.lower().replace("_", "").replace("-", "") for name in (one, other)]
    return SequenceMatcher(None, plain[0], plain[1]).ratio()


def _neighbours(schema: Schema, name: str, other: Schema) -> tuple[str | None, str | None]:
    """The fields next to `name` among those that both schemas have."""
    names: list[str | None] = [
        field for field in properties_of(schema) if field == name or field in properties_of(other)
    ]
    around = pairwise([None, *names, None])
    before = next((left for left, right in around if right == name), None)
    after = next((right for left, right in pairwise([*names, None]) if left == name), None)
    return before, after
