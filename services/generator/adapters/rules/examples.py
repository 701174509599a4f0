"""The contract's own examples, fitted to be sent again and again."""

from typing import Any

from services.generator.adapters.rules import names, schema
from services.generator.adapters.rules.values import UNIQUE, Binding, sampled
from shared.contracts.scanner import JsonSchema


def adapted(example: Any, json_schema: JsonSchema, bindings: dict[str, Binding]) -> Any:
    """The example with ids of existing resources in place of made-up ones, and unique names where the schema lets."""
    if not isinstance(example, dict):
        return example
    known = schema.properties(schema.flatten(json_schema, json_schema))
    made: dict[str, Any] = {}
    for name, value in example.items():
        part = schema.flatten(known.get(name, {}), json_schema)
        if part.get("readOnly"):
            continue
        if name in bindings:
            made[name] = [bindings[name].template] if isinstance(value, list) else bindings[name].template
        elif isinstance(value, str) and (names.is_identity(name) or part.get("format") == "email"):
            made[name] = _unique(value, schema.rooted(part, json_schema))
        else:
            made[name] = value
    return made


def _unique(value: str, part: JsonSchema) -> str:
    local, at, domain = value.partition("@")
    if at:
        spelled = [f"{local}+{UNIQUE}@{domain}", f"{UNIQUE}@{domain}"]
    else:
        spelled = [f"{value} {UNIQUE}" if " " in value else f"{value}-{UNIQUE}", f"{value}{UNIQUE}", UNIQUE]
    return next((text for text in spelled if schema.accepts(part, sampled(text))), value)
