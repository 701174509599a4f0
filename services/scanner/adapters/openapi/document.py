"""Loads a document: JSON or YAML, bounded, with errors that say what is wrong and where."""

from __future__ import annotations

import json
from typing import Any

import yaml

from services.scanner.errors import MalformedSource, ScanTooLarge, UnsupportedSource

MAX_BYTES = 20_000_000
MAX_NODES = 3_000_000
"""Values of the document, each YAML alias counted as often as it is used."""
_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _JsonLikeLoader(_Loader):  # type: ignore[misc]
    """YAML without dates: the values that JSON has."""


_JsonLikeLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in _Loader.yaml_implicit_resolvers.items()
}


def load(data: bytes, name: str) -> dict[str, Any]:
    """The document as JSON values. Raises `MalformedSource`, `ScanTooLarge`, `UnsupportedSource`."""
    if len(data) > MAX_BYTES:
        raise ScanTooLarge(f"{name} is larger than {MAX_BYTES // 1_000_000} MB.")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedSource(f"{name}: not UTF-8 text (byte {error.start}).", {"file": name}) from error
    document = _json(text, name) if text.lstrip()[:1] in {"{", "["} else _yaml(text, name)
    if not isinstance(document, dict):
        raise MalformedSource(f"{name}: an OpenAPI document is an object, this is {_kind(document)}.", {"file": name})
    _check_size(document, name)
    _check_version(document, name)
    return document


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        try:
            return _yaml(text, name)
        except MalformedSource:
            raise MalformedSource(f"{name}: {error.msg} ({where}).", {"file": name, "line": error.lineno}) from error
    except RecursionError as error:
        raise MalformedSource(f"{name}: nested too deeply.", {"file": name}) from error


def _yaml(text: str, name: str) -> Any:
    try:
        return yaml.load(text, Loader=_JsonLikeLoader)  # noqa: S506 - derived from the safe loader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        where = f"line {line}, column {mark.column + 1 if mark else 1}"
        raise MalformedSource(
            f"{name}: {error.problem or 'not valid YAML'} ({where}).", {"file": name, "line": line}
        ) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise MalformedSource(f"{name}: not valid JSON or YAML: {str(error)[:200]}", {"file": name}) from error


def _check_version(document: dict[str, Any], name: str) -> None:
    if "swagger" in document:
        raise UnsupportedSource(f"{name}: Swagger {document['swagger']} is not supported; OpenAPI 3.0 and 3.1 are.")
    version = document.get("openapi")
    if version is None:
        raise MalformedSource(
            f"{name}: the field 'openapi' with the version is missing at the top level.", {"file": name}
        )
    if not isinstance(version, str) or not version.startswith("3."):
        raise UnsupportedSource(f"{name}: OpenAPI {version} is not supported; 3.0 and 3.1 are.")


def _check_size(document: Any, name: str) -> None:
    """Refuses documents that aliases make enormous or endless. Shared parts are counted once and multiplied."""
    sizes: dict[int, int] = {}
    open_: set[int] = set()
    stack: list[tuple[Any, bool]] = [(document, False)]
    while stack:
        node, is_done = stack.pop()
        if not isinstance(node, dict | list) or (id(node) in sizes and not is_done):
            continue
        children = list(node.values()) if isinstance(node, dict) else node
        if is_done:
            open_.discard(id(node))
            sizes[id(node)] = 1 + sum(sizes.get(id(child), 1) for child in children)
            if sizes[id(node)] > MAX_NODES:
                raise ScanTooLarge(f"{name}: aliases blow the document up to more than {MAX_NODES} values.")
            continue
        if id(node) in open_:
            raise MalformedSource(f"{name}: a YAML alias contains itself.", {"file": name})
        open_.add(id(node))
        stack.append((node, True))
        stack.extend((child, False) for child in children)


def _kind(value: Any) -> str:
    if value is None:
        return "empty"
    return "a list" if isinstance(value, list) else f"a {type(value).__name__}"
