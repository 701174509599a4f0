"""Schemas of a document as self-contained JSON Schema 2020-12."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

from services.scanner.adapters.closure import Definition, Schema, close

_SUBSCHEMA = frozenset(
    {
        "items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else", "unevaluatedItems",
        "unevaluatedProperties", "additionalItems",
    }
)  # fmt: skip
_SUBSCHEMAS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs", "definitions"})
_DROPPED = frozenset({"xml", "externalDocs", "nullable", "discriminator", "$schema", "$id", "id"})
MAX_DEPTH = 100


class Resolver:
    """Follows references inside of a document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self.warnings: list[str] = []

    def find(self, reference: str) -> Any:
        """What a local reference points to; None, with a warning, where it points to nothing or out of the document."""
        if not reference.startswith("#"):
            self.warn(f"reference {reference!r} leads out of the document and is not followed")
            return None
        node: Any = self._document
        for part in [unquote(part).replace("~1", "/").replace("~0", "~") for part in reference[1:].split("/")[1:]]:
            if isinstance(node, dict) and part in node:
                node = node[part]
            elif isinstance(node, list) and part.isdigit() and int(part) < len(node):
                node = node[int(part)]
            else:
                self.warn(f"reference {reference!r} points to nothing")
                return None
        return node

    def follow(self, node: Any) -> Any:
        """The object behind a chain of `$ref`s."""
        seen: set[str] = set()
        while isinstance(node, dict) and isinstance(node.get("$ref"), str):
            reference = node["$ref"]
            if reference in seen:
                self.warn(f"reference {reference!r} goes in a circle")
                return {}
            seen.add(reference)
            node = self.find(reference)
        return node

    def warn(self, message: str) -> None:
        if message not in self.warnings:
            self.warnings.append(message)


class SchemaReader:
    """Upgrades schemas to 2020-12 and makes them self-contained; definitions are converted once and shared."""

    def __init__(self, resolver: Resolver, *, is_3_0: bool) -> None:
        self._resolver = resolver
        self._is_3_0 = is_3_0
        self._definitions: dict[str, Definition] = {}
        self._names: dict[str, str] = {}
        self._needs: list[set[str]] = []
        self._waiting: list[tuple[str, str]] = []

    def read(self, schema: Any) -> Schema:
        """The self-contained form of a schema of the document."""
        self._needs.append(set())
        try:
            converted = self._convert(schema, 0)
        finally:
            needs = self._needs.pop()
        while self._waiting:
            name, reference = self._waiting.pop()
            self._define(name, reference)
        closed, is_cut = close(converted, needs, self._definitions)
        if is_cut:
            self._resolver.warn("some schemas refer to more than can be taken along; their far parts allow everything")
        return closed

    def _define(self, name: str, reference: str) -> None:
        self._needs.append(set())
        try:
            converted = self._convert(self._resolver.find(reference), 0)
        finally:
            needs = self._needs.pop()
        if converted.get("$ref") == f"#/$defs/{name}":
            self._resolver.warn(f"schema {reference!r} refers to itself only")
            converted, needs = {}, set()
        self._definitions[name] = Definition(converted, needs)

    def _convert(self, schema: Any, depth: int) -> Schema:
        if schema is True or not isinstance(schema, dict) or depth > MAX_DEPTH:
            return {"not": {}} if schema is False else {}
        reference = schema.get("$ref")
        if isinstance(reference, str):
            found = self._reference(reference)
            if self._is_3_0 or len(schema) == 1:
                return found
            rest = self._convert({key: value for key, value in schema.items() if key != "$ref"}, depth + 1)
            return {**rest, **found}
        converted: Schema = {}
        for key, value in schema.items():
            if isinstance(key, str) and key not in _DROPPED and not key.startswith("x-"):
                converted[key] = self._keyword(key, value, depth)
        self._upgrade(schema, converted)
        return converted

    def _keyword(self, key: str, value: Any, depth: int) -> Any:
        if key in _SUBSCHEMA and isinstance(value, dict):
            return self._convert(value, depth + 1)
        if key in _SUBSCHEMAS and isinstance(value, list):
            return [self._convert(item, depth + 1) for item in value]
        if key in _NAMED and isinstance(value, dict):
            return {str(name): self._convert(item, depth + 1) for name, item in value.items()}
        return value

    def _reference(self, reference: str) -> Schema:
        if not reference.startswith("#"):
            self._resolver.find(reference)
            return {}
        name = self._names.get(reference)
        if name is None:
            name = self._names[reference] = self._free_name(reference)
            self._definitions[name] = Definition()
            self._waiting.append((name, reference))
        self._needs[-1].add(name)
        return {"$ref": f"#/$defs/{name}"}

    def _free_name(self, reference: str) -> str:
        name = re.sub(r"[^A-Za-z0-9._-]", "_", unquote(reference.rsplit("/", 1)[-1])) or "schema"
        suffix, free = 2, name
        while free in self._definitions:
            free, suffix = f"{name}_{suffix}", suffix + 1
        return free

    def _upgrade(self, schema: Schema, converted: Schema) -> None:
        """OpenAPI 3.0's own dialect; harmless where a 3.1 document still uses it."""
        for bound, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if isinstance(schema.get(bound), bool):
                del converted[bound]
                if schema[bound] and limit in converted:
                    converted[bound] = converted.pop(limit)
        if "example" in converted:
            example = converted.pop("example")
            converted.setdefault("examples", [example])
        if schema.get("nullable") is True:
            _allow_null(converted)


def _allow_null(converted: Schema) -> None:
    kind = converted.get("type")
    if isinstance(kind, str):
        converted["type"] = [kind, "null"]
        if isinstance(converted.get("enum"), list) and None not in converted["enum"]:
            converted["enum"] = [*converted["enum"], None]
        return
    combined = next((key for key in ("anyOf", "oneOf") if isinstance(converted.get(key), list)), None)
    if combined is not None:
        converted[combined] = [*converted[combined], {"type": "null"}]
    elif isinstance(converted.get("allOf"), list):
        parts = converted.pop("allOf")
        converted["anyOf"] = [parts[0] if len(parts) == 1 else {"allOf": parts}, {"type": "null"}]
