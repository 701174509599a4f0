"""The inputs of an operation beside its path: references in the body, query, headers and cookies."""

from collections.abc import Iterator
from random import Random
from typing import Any

from services.generator.adapters.rules import names, schema
from services.generator.adapters.rules.model import Target
from services.generator.adapters.rules.values import Binding, Maker, Mode, Unsatisfiable
from shared.contracts.scanner import JsonSchema, Parameter
from shared.contracts.testcase import RequestTemplate

_NOT_PARAMETERS = frozenset({"authorization", "accept", "contenttype"})
_SAFE_TEXT = frozenset({"q", "query", "search", "name", "title", "text", "keyword", "term", "filter"})
_MAX_DEPTH = 4
_POSITIONS = frozenset({"cursor", "after", "before", "token", "offset", "skip", "marker", "since", "until"})


def referring(target: Target, *, only_required: bool) -> Iterator[str]:
    """Names of body properties that hold the id of another resource, at any depth."""
    if target.body is not None:
        yield from dict.fromkeys(_walk(target.body.json_schema, target.body.json_schema, only_required, 0))


def _walk(part: Any, root: JsonSchema, only_required: bool, depth: int) -> Iterator[str]:
    flat = schema.flatten(part, root)
    if depth > _MAX_DEPTH:
        return
    if schema.kind_of(flat) == "array":
        yield from _walk(flat.get("items", {}), root, only_required, depth + 1)
    needed = schema.required(flat)
    for name, inner in schema.properties(flat).items():
        if only_required and name not in needed:
            continue
        resolved = schema.flatten(inner, root)
        if names.refers_to(name) and not resolved.get("readOnly") and not {"enum", "const"} & set(resolved):
            yield name
        elif schema.kind_of(resolved) in ("object", "array"):
            yield from _walk(inner, root, only_required, depth + 1)


def query_values(target: Target, mode: Mode, bindings: dict[str, Binding], rng: Random) -> dict[str, Any]:
    """Query parameters: the required ones; in full mode also the optional ones whose values are sure to be accepted."""
    made: dict[str, Any] = {}
    for parameter in target.parameters("query"):
        if parameter.name in bindings:
            made[parameter.name] = bindings[parameter.name].template
        elif parameter.required or (mode == "full" and _harmless(parameter)):
            value = parameter_value(parameter, rng)
            if value is not None:
                made[parameter.name] = value
    return made


def _harmless(parameter: Parameter) -> bool:
    flat = schema.flatten(parameter.json_schema, parameter.json_schema)
    said = set(names.words(parameter.name))
    if parameter.example is not None or {"enum", "const"} & set(flat):
        return True
    if said & _POSITIONS or names.refers_to(parameter.name):
        return False
    if schema.kind_of(flat) == "string":
        return bool(said & _SAFE_TEXT) or flat.get("format") in ("date", "date-time")
    return schema.kind_of(flat) in ("integer", "number", "boolean")


def parameter_value(parameter: Parameter, rng: Random) -> Any:
    """The contract's own example, else a value that satisfies the schema; None where there is none."""
    if parameter.example is not None:
        return parameter.example
    try:
        return Maker(parameter.json_schema, rng).make(parameter.json_schema, parameter.name)
    except Unsatisfiable:
        return None


def fixed_parameters(target: Target, rng: Random) -> tuple[dict[str, str], dict[str, str]]:
    """Required cookies and headers, as text. Credentials are not among them: they come from the environment."""
    found: list[dict[str, str]] = []
    for location in ("cookie", "header"):
        values = {
            parameter.name: str(parameter_value(parameter, rng) or "test")
            for parameter in target.parameters(location)
            if parameter.required and names.normal(parameter.name) not in _NOT_PARAMETERS
        }
        found.append(values)
    return found[0], found[1]


def on_the_wire(request: RequestTemplate, target: Target) -> RequestTemplate:
    """The request as the executor sends it: files of a multipart form as files, and its boundary left to the sender."""
    if request.body_kind != "multipart" or target.body is None:
        return request
    known = schema.properties(schema.flatten(target.body.json_schema, target.body.json_schema))
    body = request.body
    if isinstance(body, dict):
        body = {name: _sent(value, known.get(name, {}), target.body.json_schema) for name, value in body.items()}
    return request.model_copy(update={"body": body, "content_type": None})


def _sent(value: Any, part: Any, root: JsonSchema) -> Any:
    flat = schema.flatten(part, root)
    if schema.kind_of(flat) == "array" and isinstance(value, list):
        return [_sent(item, flat.get("items", {}), root) for item in value]
    if isinstance(value, str) and (flat.get("format") == "binary" or "contentMediaType" in flat):
        kind = flat.get("contentMediaType") or "text/plain"
        return {"filename": "sample.txt", "content": value, "content_type": kind}
    return value
