"""A filled example of any contract, made from its JSON Schema; and the golden files.

`python -m tests.contracts.samples` writes golden files of contracts that have none. An existing one is never rewritten:
what it holds must load for ever.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from shared.contracts import CONTRACT_EVENTS, Contract
from shared.messaging.asyncapi import all_queries

GOLDEN = Path(__file__).parent / "golden"
_SCALARS: dict[str, Any] = {"string": "text", "integer": 7, "number": 1.5, "boolean": True, "null": None}


def contracts() -> dict[str, type[Contract]]:
    """Everything that crosses a service boundary, by the name of its golden file."""
    queries = all_queries()
    asked = {f"query.{query.subject}": query for query in queries}
    answered = {f"reply.{query.subject}": query.reply for query in queries}
    return {**CONTRACT_EVENTS, **asked, **answered}


def sample(model: type[Contract]) -> dict[str, Any]:
    """JSON with every field of the model filled."""
    schema = model.model_json_schema()
    filled = _fill(schema, schema.get("$defs", {}))
    return model.model_validate(filled).model_dump(mode="json")


def _fill(schema: dict[str, Any], definitions: dict[str, Any]) -> Any:
    if "$ref" in schema:
        return _fill(definitions[schema["$ref"].rsplit("/", 1)[1]], definitions)
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return _fill(schema[key][0], definitions)
    if "const" in schema or "enum" in schema:
        return schema.get("const", schema.get("enum", [None])[0])
    if schema.get("type") == "object":
        if "properties" in schema:
            return {name: _fill(value, definitions) for name, value in schema["properties"].items()}
        values = schema.get("additionalProperties")
        return {"key": _fill(values, definitions)} if isinstance(values, dict) else {"key": "value"}
    if schema.get("type") == "array":
        items = schema.get("prefixItems") or [schema.get("items", {"type": "string"})]
        return [_fill(item, definitions) for item in items]
    return _SCALARS.get(schema.get("type", "string"), "text")


def write_missing() -> None:
    for name, model in contracts().items():
        path = GOLDEN / f"{name}.json"
        if not path.exists():
            golden = {"payload": sample(model), "schema": model.model_json_schema()}
            path.write_text(json.dumps(golden, indent=1, sort_keys=True) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_missing()
