"""Contracts only grow: what a released version sent still loads, and old readers still find what they read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shared.contracts import CONTRACT_EVENTS, Contract
from shared.messaging import asyncapi
from shared.messaging.cloudevents import event_token, subject_filter
from tests.contracts.samples import GOLDEN, contracts, sample

ALL = contracts()
NOTES = {"title", "description", "default", "examples"}


def golden(name: str) -> dict[str, Any]:
    return dict(json.loads((GOLDEN / f"{name}.json").read_text(encoding="utf-8")))


def test_every_contract_has_a_golden_file_and_every_golden_file_a_contract() -> None:
    """Missing: `python -m tests.contracts.samples`. One too many: a contract was removed, which is not allowed."""
    assert {path.stem for path in GOLDEN.glob("*.json")} == set(ALL)


@pytest.mark.parametrize("name", sorted(ALL))
def test_the_golden_payload_loads_with_nothing_lost(name: str) -> None:
    payload = golden(name)["payload"]
    loaded = ALL[name].model_validate(payload).model_dump(mode="json")
    assert _contains(loaded, payload)


@pytest.mark.parametrize("name", sorted(ALL))
def test_the_schema_only_grew(name: str) -> None:
    old, new = golden(name)["schema"], ALL[name].model_json_schema()
    assert _breaks(old, new, old.get("$defs", {}), new.get("$defs", {}), name) == []


@pytest.mark.parametrize("name", sorted(ALL))
def test_a_newer_publishers_field_is_ignored(name: str) -> None:
    model: type[Contract] = ALL[name]
    payload = sample(model)
    assert model.model_validate({**payload, "of_the_future": 1}) == model.model_validate(payload)


def test_a_changed_field_is_noticed() -> None:
    old = {"properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a"]}
    new = {"properties": {"a": {"type": "integer"}, "c": {"type": "string"}}, "required": ["a", "c"]}
    assert _breaks(old, new, {}, {}, "x") == ["x.a: changed", "x.b: removed", "x: newly required c"]


def test_subjects_are_distinct_and_valid() -> None:
    filters = {subject_filter(event) for event in CONTRACT_EVENTS.values()}
    assert len(filters) == len(CONTRACT_EVENTS)
    assert all("." not in event_token(name) for name in CONTRACT_EVENTS)


def test_the_asyncapi_document_is_current() -> None:
    """If not: `python -m shared.messaging.asyncapi docs/asyncapi.json`."""
    stored = Path(__file__).parents[2] / "docs" / "asyncapi.json"
    assert stored.read_text(encoding="utf-8") == asyncapi.render()


def test_every_reference_of_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi.document()
    for reference in _references(document):
        target: Any = document
        for part in reference.removeprefix("#/").split("/"):
            target = target[part]
    assert len(document["operations"]) == len(CONTRACT_EVENTS) + len(asyncapi.all_queries())


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [reference for part in value.values() for reference in _references(part)]
    if isinstance(value, list):
        return [reference for part in value for reference in _references(part)]
    return []


def _contains(whole: Any, part: Any) -> bool:
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(k in whole and _contains(whole[k], v) for k, v in part.items())
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(_contains, whole, part))
    return bool(whole == part)


def _breaks(old: Any, new: Any, old_defs: dict[str, Any], new_defs: dict[str, Any], where: str) -> list[str]:
    """What a reader of the old schema would stumble on."""
    old, new = _resolved(old, old_defs), _resolved(new, new_defs)
    found: list[str] = []
    for name, old_property in old.get("properties", {}).items():
        new_property = new.get("properties", {}).get(name)
        if new_property is None:
            found.append(f"{where}.{name}: removed")
        else:
            found += _breaks(old_property, new_property, old_defs, new_defs, f"{where}.{name}")
    if missing := sorted(set(new.get("required", [])) - set(old.get("required", []))):
        found.append(f"{where}: newly required {', '.join(missing)}")
    for keyword in sorted(set(old) - NOTES - {"properties", "required", "$defs"}):
        if keyword in {"items", "additionalProperties"} and isinstance(old[keyword], dict):
            found += _breaks(old[keyword], new.get(keyword, {}), old_defs, new_defs, f"{where}[]")
        elif keyword == "enum":
            found += [] if set(old["enum"]) <= set(new.get("enum", [])) else [f"{where}: fewer values"]
        elif keyword in {"anyOf", "oneOf"}:
            pairs = zip(old[keyword], new.get(keyword, []), strict=False)
            found += [b for o, n in pairs for b in _breaks(o, n, old_defs, new_defs, where)]
            found += [f"{where}: fewer alternatives"] if len(new.get(keyword, [])) < len(old[keyword]) else []
        elif keyword == "type" and old["type"] != new.get("type"):
            found.append(f"{where}: changed")
    return found


def _resolved(schema: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        schema = definitions[schema["$ref"].rsplit("/", 1)[1]]
    return schema
