"""Bodies that differ from what is there, so that a change can be seen."""

from random import Random
from typing import Any

from services.generator.adapters.rules import names, schema
from services.generator.adapters.rules.chains import Arranged
from services.generator.adapters.rules.model import Target
from services.generator.adapters.rules.values import UNIQUE, Maker, Unsatisfiable, sampled
from shared.contracts.scanner import JsonSchema


def changed(target: Target, arranged: Arranged, before: Any) -> dict[str, Any] | None:
    """A valid body for an update with as many scalar values as possible other than those sent `before`."""
    body = target.body
    if body is None or body.kind != "json":
        return None
    flat = schema.flatten(body.json_schema, body.json_schema)
    known = schema.properties(flat)
    maker = Maker(
        body.json_schema,
        Random(f"change:{target.method}:{target.path}"),
        "full",
        arranged.bindings,
        frozenset(_references(known)),
    )
    try:
        made = maker.whole()
    except Unsatisfiable:
        return None
    if not isinstance(made, dict):
        return None
    old = before if isinstance(before, dict) else {}
    moved = 0
    for name in list(made):
        if name in arranged.bindings or name not in known:
            continue
        part = schema.flatten(known[name], body.json_schema)
        for value in _others(made[name], old.get(name), part):
            tried = {**made, name: value}
            if schema.accepts(body.json_schema, sampled(tried, arranged.bindings)):
                made, moved = tried, moved + 1
                break
    return made if moved else None


def _references(known: dict[str, Any]) -> list[str]:
    return [name for name in known if names.refers_to(name)]


def _others(value: Any, old: Any, part: JsonSchema) -> list[Any]:
    """Values near `value` that differ from it and from `old`."""
    found: list[Any] = []
    if "const" in part:
        return found
    if part.get("enum"):
        found = list(part["enum"])
    elif isinstance(value, bool):
        found = [not value]
    elif isinstance(value, int | float):
        step = part.get("multipleOf") or 1
        found = [value + step, value - step, value + step / 2]
    elif isinstance(value, str):
        found = [value.replace(UNIQUE, f"{UNIQUE}2"), f"{value} changed", f"{value}2", value[:-1] + "2"]
        found = found if UNIQUE in value else found[1:]
        found = [] if part.get("format") and UNIQUE not in value else found
    return [other for other in found if other not in (value, old)]
