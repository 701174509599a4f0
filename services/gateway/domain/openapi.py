"""The OpenAPI documents of the services as one, in which no component stands for another's."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Document = dict[str, Any]
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_ENVELOPE = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorEnvelope"}}}
_OWN_ERRORS = {
    "413": "`VAL_002`: The request body is too large.",
    "504": "`SYS_004`: A part of TestGen did not answer in time.",
}
API_KEY = "ApiKey"


def merged(documents: Mapping[str, Document], info: Document) -> Document:
    """One document of all services' (by name). Components that are equal are shared, others get the service's name."""
    whole: Document = {"openapi": "3.1.0", "info": info, "servers": [{"url": "/"}], "paths": {}, "components": {}}
    for service, document in sorted(documents.items()):
        adapted = _with_own_names(service, copy.deepcopy(document), whole["components"])
        for kind, components in adapted.get("components", {}).items():
            whole["components"].setdefault(kind, {}).update(components)
        for path, item in adapted.get("paths", {}).items():
            whole["paths"].setdefault(path, {}).update(item)
    _add_gateway(whole)
    return whole


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """(path, method, operation) of every operation, in the document's order."""
    for path, item in document.get("paths", {}).items():
        for method, operation in item.items():
            if method in _METHODS:
                yield path, method, operation


def _with_own_names(service: str, document: Document, taken: Mapping[str, Document]) -> Document:
    """Renames the components whose name means something else already.

    A component that refers to a renamed one is another component too, so this goes on until nothing collides.
    """
    while renamed := dict(_collisions(service, document.get("components", {}), taken)):
        for (kind, name), new_name in renamed.items():
            components = document["components"][kind]
            components[new_name] = components.pop(name)
        references = {
            f"#/components/{kind}/{name}": f"#/components/{kind}/{new}" for (kind, name), new in renamed.items()
        }
        document = _rewritten(document, references)
    return document


def _collisions(
    service: str, components: Mapping[str, Document], taken: Mapping[str, Document]
) -> Iterable[tuple[tuple[str, str], str]]:
    prefix = service.capitalize()
    for kind, members in components.items():
        others = taken.get(kind, {})
        for name, component in members.items():
            if name in others and others[name] != component:
                new_name = prefix + name
                while new_name in others or new_name in members:
                    new_name += "_"
                yield (kind, name), new_name


def _rewritten(value: Any, references: Mapping[str, str]) -> Any:
    """A copy of the value with its `$ref`s (and a discriminator's mapping) pointing to the new names."""
    if isinstance(value, dict):
        return {key: _rewritten(item, references) for key, item in value.items()}
    if isinstance(value, list):
        return [_rewritten(item, references) for item in value]
    return references.get(value, value) if isinstance(value, str) else value


def _add_gateway(whole: Document) -> None:
    """What the gateway adds to every route: API keys, and errors of its own."""
    schemes = whole["components"].setdefault("securitySchemes", {})
    schemes[API_KEY] = {
        "type": "apiKey",
        "in": "header",
        "name": "X-API-Key",
        "description": "A key of POST /api/user/api-keys; `Authorization: Bearer ak_…` does as well.",
    }
    for _, _, operation in operations(whole):
        if operation.get("security"):
            operation["security"].append({API_KEY: []})
        for status, description in _OWN_ERRORS.items():
            if status == "504" or "requestBody" in operation:
                operation.setdefault("responses", {}).setdefault(
                    status, {"description": description, "content": _ENVELOPE}
                )
