"""Reading JSON Schema: references, `allOf` and alternatives brought to one plain schema, and validation."""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema_rs

from shared.contracts.scanner import JsonSchema

_BOUNDS_UP = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_BOUNDS_DOWN = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_MAX_DEPTH = 40
NULLABLE = "x-testgen-nullable"


def resolve(schema: Any, root: JsonSchema) -> JsonSchema:
    """The schema behind a chain of local references; keywords beside a `$ref` are merged in."""
    seen = 0
    while isinstance(schema, dict) and isinstance(schema.get("$ref"), str) and seen < _MAX_DEPTH:
        beside = {key: value for key, value in schema.items() if key != "$ref"}
        target = _pointed(schema["$ref"], root)
        schema = merge(target, beside) if beside else target
        seen += 1
    return schema if isinstance(schema, dict) else {}


def _pointed(reference: str, root: JsonSchema) -> JsonSchema:
    node: Any = root
    for part in reference.removeprefix("#").strip("/").split("/"):
        key = part.replace("~1", "/").replace("~0", "~")
        if not key:
            continue
        node = node.get(key, {}) if isinstance(node, dict) else {}
    return node if isinstance(node, dict) else {}


def flatten(schema: Any, root: JsonSchema, branch: int = 0, depth: int = 0) -> JsonSchema:
    """One plain schema: references followed, `allOf` merged, alternative number `branch` chosen, null set aside."""
    flat = resolve(schema, root)
    if depth > _MAX_DEPTH:
        return {}
    for part in flat.get("allOf", ()):
        inner = flatten(part, root, branch, depth + 1)
        flat = merge({key: value for key, value in flat.items() if key != "allOf"}, inner)
    for keyword in ("oneOf", "anyOf"):
        options = flat.get(keyword)
        if isinstance(options, list) and options:
            real = [option for option in options if not is_null(resolve(option, root))]
            rest = {key: value for key, value in flat.items() if key != keyword}
            if len(real) < len(options):
                rest[NULLABLE] = True
            chosen = flatten(real[branch % len(real)], root, branch, depth + 1) if real else {"type": "null"}
            flat = merge(rest, chosen)
    return _single_type(flat)


def _single_type(flat: JsonSchema) -> JsonSchema:
    kinds = flat.get("type")
    if not isinstance(kinds, list):
        return flat
    real = [kind for kind in kinds if kind != "null"]
    flat = {**flat, "type": real[0] if real else "null"}
    if len(real) < len(kinds):
        flat[NULLABLE] = True
    return flat


def merge(left: JsonSchema, right: JsonSchema) -> JsonSchema:
    """Both at once: properties united, required united, bounds tightened; else the right one wins."""
    merged = {**left, **right}
    if "properties" in left and "properties" in right:
        properties = dict(left["properties"])
        for name, schema in right["properties"].items():
            properties[name] = {"allOf": [properties[name], schema]} if name in properties else schema
        merged["properties"] = properties
    if "required" in left and "required" in right:
        merged["required"] = list(dict.fromkeys([*left["required"], *right["required"]]))
    if "enum" in left and "enum" in right:
        merged["enum"] = [value for value in left["enum"] if value in right["enum"]]
    for keywords, tighter in ((_BOUNDS_UP, max), (_BOUNDS_DOWN, min)):
        for keyword in keywords:
            if keyword in left and keyword in right:
                merged[keyword] = tighter(left[keyword], right[keyword])
    return merged


def is_null(schema: JsonSchema) -> bool:
    return schema.get("type") == "null" or ("const" in schema and schema["const"] is None)


def kind_of(flat: JsonSchema) -> str:
    """The JSON type of a flat schema, inferred from its keywords where it does not say; "any" if nothing tells."""
    kind = flat.get("type")
    if isinstance(kind, str):
        return kind
    if "properties" in flat or "additionalProperties" in flat:
        return "object"
    if "items" in flat or "prefixItems" in flat:
        return "array"
    if any(key in flat for key in ("pattern", "minLength", "maxLength", "format")):
        return "string"
    if any(key in flat for key in ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")):
        return "number"
    return "any"


def properties(flat: JsonSchema) -> dict[str, Any]:
    found = flat.get("properties")
    return found if isinstance(found, dict) else {}


def required(flat: JsonSchema) -> list[str]:
    """Required property names, in the schema's order."""
    names = flat.get("required")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def examples(flat: JsonSchema) -> Iterator[Any]:
    """The values that the contract itself gives as examples."""
    if flat.get("example") is not None:
        yield flat["example"]
    given = flat.get("examples")
    if isinstance(given, list):
        yield from (value for value in given if value is not None)


@lru_cache(maxsize=4096)
def _compiled(canonical: str) -> jsonschema_rs.Draft202012Validator | None:
    try:
        return jsonschema_rs.Draft202012Validator(json.loads(canonical), validate_formats=True)
    except (jsonschema_rs.ValidationError, ValueError):
        return None


def accepts(schema: JsonSchema, value: Any) -> bool:
    """True where the value satisfies the schema, formats included. A schema that cannot be compiled accepts all."""
    validator = _compiled(json.dumps(schema, sort_keys=True))
    return True if validator is None else bool(validator.is_valid(value))


def usable(schema: JsonSchema) -> bool:
    """True where the schema says something and compiles, so that an answer can be checked against it."""
    says = set(schema) - {"title", "description", "$defs", "example", "examples", "default"}
    return bool(says) and _compiled(json.dumps(schema, sort_keys=True)) is not None


def rooted(schema: JsonSchema, root: JsonSchema) -> JsonSchema:
    """A part of a schema made self-contained, with the definitions of the whole."""
    definitions = root.get("$defs")
    return {**schema, "$defs": definitions} if definitions and "$defs" not in schema else schema
