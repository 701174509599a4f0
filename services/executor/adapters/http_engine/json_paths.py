"""JSON paths (RFC 9535), compiled once; simple ones (`$.a.b[0]`) are walked without the library."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jsonpath_rfc9535

_SIMPLE = re.compile(r"\$(?:\.[A-Za-z_][A-Za-z0-9_]*|\[\d{1,9}\]|\['[^'\\]*'\])*")
_PART = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d{1,9})\]|\['([^'\\]*)'\]")


class InvalidPath(Exception):
    """The text is not a JSON path."""


class JsonPath:
    """A compiled path. `singular` ones select at most one node."""

    __slots__ = ("find", "singular")

    def __init__(self, find: Callable[[Any], list[Any]], singular: bool) -> None:
        self.find = find
        self.singular = singular


@lru_cache(maxsize=8192)
def compiled(path: str) -> JsonPath:
    """Raises `InvalidPath`."""
    if _SIMPLE.fullmatch(path):
        return JsonPath(_walker(path), singular=True)
    try:
        query = jsonpath_rfc9535.compile(path)
    except (jsonpath_rfc9535.JSONPathError, RecursionError) as problem:
        raise InvalidPath(f"{path!r} is not a JSON path: {problem}") from problem
    return JsonPath(lambda document: _search(query, document), query.singular_query())


def _search(query: jsonpath_rfc9535.JSONPathQuery, document: Any) -> list[Any]:
    try:
        return list(query.find(document).values())
    except (jsonpath_rfc9535.JSONPathError, RecursionError):
        return []


def _walker(path: str) -> Callable[[Any], list[Any]]:
    parts: list[str | int] = [
        int(match[2]) if match[2] is not None else match[1] if match[1] is not None else match[3]
        for match in _PART.finditer(path)
    ]

    def walk(document: Any) -> list[Any]:
        for part in parts:
            if isinstance(part, str):
                if not isinstance(document, dict) or part not in document:
                    return []
            elif not isinstance(document, list) or part >= len(document):
                return []
            document = document[part]
        return [document]

    return walk
