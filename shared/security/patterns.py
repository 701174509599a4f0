"""Regular expressions and JSON Schemas of strangers, evaluated in bounded time.

Python's `re` backtracks without limit while it holds the interpreter; jsonschema-rs brings engines that do not.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import jsonschema_rs
import orjson

_OPTIONS = jsonschema_rs.FancyRegexOptions(backtrack_limit=100_000)


class InvalidPattern(Exception):
    """Not a regular expression, or not a JSON Schema; the text says why."""


@lru_cache(maxsize=4096)
def _pattern(pattern: str) -> Any:
    try:
        return jsonschema_rs.validator_for({"pattern": pattern}, pattern_options=_OPTIONS)
    except (jsonschema_rs.ValidationError, ValueError) as problem:
        raise InvalidPattern(f"{pattern!r} is not a regular expression") from problem


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` is found anywhere in `text`. Raises `InvalidPattern`."""
    return bool(_pattern(pattern).is_valid(_utf8(text)))


def schema_problems(schema: dict[str, Any], document: Any, limit: int = 3) -> list[str]:
    """At most `limit` places where `document` breaks `schema`; empty when it conforms. Raises `InvalidPattern`."""
    validator = _schema(orjson.dumps(schema, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS))
    if validator.is_valid(document):
        return []
    problems: list[str] = []
    for problem in validator.iter_errors(document):
        where = "$" + "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in problem.instance_path)
        problems.append(f"{where}: {problem.message[:300]}")
        if len(problems) == limit:
            break
    return problems


@lru_cache(maxsize=2048)
def _schema(canonical: bytes) -> Any:
    try:
        return jsonschema_rs.validator_for(orjson.loads(canonical), pattern_options=_OPTIONS, retriever=_refuse)
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as problem:
        raise InvalidPattern(f"the schema is not valid: {str(problem).splitlines()[0][:300]}") from problem


def _refuse(uri: str) -> Any:
    raise ValueError(f"schemas may not refer to {uri}")


def _utf8(text: str) -> str:
    """Lone surrogates (from undecodable headers) have no UTF-8 form, which the Rust side needs."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
