"""Reading JSON Schemas: references, unions with null, and what a schema says apart from prose."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

Schema = dict[str, Any]

_PROSE = frozenset(
    {"title", "description", "default", "example", "examples", "deprecated", "$defs", "$comment", "$schema"}
)
_DEPTH = 6
"""How deep two schemas are compared to tell whether they are the same: recursive ones have no end."""


def follow(schema: Any, root: Schema) -> Schema:
    """The schema that a chain of local references ends at; {} where it leads nowhere or in a circle."""
    seen: set[str] = set()
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str):
        reference = schema["$ref"]
        if reference in seen or not reference.startswith("#"):
            return {}
        seen.add(reference)
        schema = _pointed(root, reference)
    return schema if isinstance(schema, dict) else {}


def resolve(schema: Any, root: Schema) -> Schema:
    """The schema without references and wrappers: `allOf` merged, a union with null reduced to the other branch."""
    found = follow(schema, root)
    for _ in range(_DEPTH):
        branches = _union(found, root)
        if len(branches) == 1:
            found = {**{key: value for key, value in found.items() if key not in {"anyOf", "oneOf"}}, **branches[0]}
        elif branches:
            found = _merged([found, *branches], required=())
        elif isinstance(found.get("allOf"), list):
            parts = [follow(part, root) for part in found["allOf"]]
            required = [name for part in [found, *parts] for name in part.get("required", ())]
            found = _merged([found, *parts], required=required)
        else:
            break
    return found


def types_of(schema: Schema) -> frozenset[str]:
    """The JSON types that the schema names; empty where it names none."""
    declared = schema.get("type")
    if isinstance(declared, str):
        return frozenset({declared})
    if isinstance(declared, list):
        return frozenset(item for item in declared if isinstance(item, str))
    if "properties" in schema:
        return frozenset({"object"})
    return frozenset({"array"}) if "items" in schema else frozenset()


def properties_of(schema: Schema) -> dict[str, Any]:
    found = schema.get("properties")
    return found if isinstance(found, dict) else {}


def required_of(schema: Schema) -> frozenset[str]:
    found = schema.get("required")
    return frozenset(name for name in found if isinstance(name, str)) if isinstance(found, list) else frozenset()


def signature(schema: Any, root: Schema, depth: int = _DEPTH) -> str:
    """What the schema allows, as text: equal for two schemas that differ in prose only."""
    return json.dumps(_plain(schema, root, depth), sort_keys=True, default=str)


def similarity(old: Any, old_root: Schema, new: Any, new_root: Schema) -> float:
    """How alike two schemas are: 1.0 the same, 0.0 of different types."""
    if signature(old, old_root) == signature(new, new_root):
        return 1.0
    before, after = resolve(old, old_root), resolve(new, new_root)
    kinds = types_of(before) - {"null"}, types_of(after) - {"null"}
    if kinds[0] != kinds[1]:
        return 0.0
    if kinds[0] == {"object"}:
        names = _overlap(list(properties_of(before)), list(properties_of(after)))
        kinds_of_members = _overlap(_kinds(before, old_root), _kinds(after, new_root))
        return 0.3 + 0.6 * max(names, 0.8 * kinds_of_members)
    if kinds[0] == {"array"}:
        return 0.9 * similarity(before.get("items"), old_root, after.get("items"), new_root)
    if before.get("format") != after.get("format") or ("enum" in before) != ("enum" in after):
        return 0.5
    return 0.8


def _overlap(one: list[str], other: list[str]) -> float:
    common = Counter(one) & Counter(other)
    return common.total() / max(1, (Counter(one) | Counter(other)).total())


def _kinds(schema: Schema, root: Schema) -> list[str]:
    return [signature(part, root) for part in properties_of(schema).values()]


def _plain(schema: Any, root: Schema, depth: int) -> Any:
    if depth == 0 or not isinstance(schema, dict):
        return None if isinstance(schema, dict) else schema
    found = resolve(schema, root)
    plain = {key: value for key, value in found.items() if key not in _PROSE and key not in {"properties", "items"}}
    if isinstance(plain.get("required"), list):
        plain["required"] = sorted(plain["required"])
    if properties_of(found):
        plain["properties"] = {name: _plain(part, root, depth - 1) for name, part in properties_of(found).items()}
    if "items" in found:
        plain["items"] = _plain(found["items"], root, depth - 1)
    return plain


def _union(schema: Schema, root: Schema) -> list[Schema]:
    """The branches of a union, apart from null."""
    branches = schema.get("anyOf") or schema.get("oneOf") or []
    found = [follow(branch, root) for branch in branches] if isinstance(branches, list) else []
    return [branch for branch in found if branch.get("type") != "null"]


def _merged(parts: Iterable[Schema], required: Iterable[str]) -> Schema:
    merged: Schema = {}
    properties: dict[str, Any] = {}
    for part in parts:
        properties.update(properties_of(part))
        merged.update({key: value for key, value in part.items() if key not in {"allOf", "anyOf", "oneOf", "required"}})
    if properties:
        merged["properties"] = properties
    names = list(dict.fromkeys(required))
    return {**merged, "required": names} if names else merged


def _pointed(root: Schema, reference: str) -> Any:
    place: Any = root
    for part in reference.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        place = place.get(key) if isinstance(place, dict) else None
    return place
