"""The operators of JSON assertions, on the nodes that a path selects.

A path that can select several nodes: `contains`, `not_contains`, `length` and `max_length` look at the list of what
it selected; every other operator must hold for each selected node, and there must be one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from services.executor.adapters.http_engine.json_paths import compiled
from services.executor.adapters.http_engine.templates import as_text
from shared.security.patterns import matches


def check(path: str, op: str, expected: Any, document: Any) -> tuple[bool, str, str]:
    """Whether it holds, what was expected and, where it does not, what was there.

    Raises `InvalidPath` and `InvalidPattern`.
    """
    query = compiled(path)
    nodes = query.find(document)
    wanted = f"{path} {op.replace('_', ' ')}" + ("" if op in ("exists", "absent") else f" {as_text(expected)}")
    if _holds(nodes, query.singular, op, expected):
        return True, wanted, ""
    return False, wanted, "nothing at this path" if not nodes else as_text(nodes[0] if query.singular else nodes)


def _holds(nodes: list[Any], singular: bool, op: str, expected: Any) -> bool:
    if op in ("exists", "absent"):
        return bool(nodes) == (op == "exists")
    if not singular and op in ("contains", "not_contains", "length", "max_length"):
        nodes = [nodes]
    if not nodes:
        return op == "not_contains"
    operator = _OPERATORS[op]
    return all(operator(node, expected) for node in nodes)


def equal(left: Any, right: Any) -> bool:
    """JSON equality: 1 equals 1.0, true does not equal 1."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    return bool(left == right) and (type(left) is type(right) or (_is_number(left) and _is_number(right)))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_type(node: Any, name: Any) -> bool:
    names = name if isinstance(name, list) else [name]
    return any(_TYPES.get(str(one), lambda _: False)(node) for one in names)


def _contains(node: Any, expected: Any) -> bool:
    if isinstance(node, str):
        return as_text(expected) in node
    if isinstance(node, list):
        return any(equal(item, expected) for item in node)
    return isinstance(node, dict) and isinstance(expected, str) and expected in node


def _length(node: Any) -> int:
    return len(node) if isinstance(node, (str, list, dict)) else -1


def _compare(node: Any, expected: Any, holds: Callable[[Any, Any], bool]) -> bool:
    comparable = (_is_number(node) and _is_number(expected)) or (isinstance(node, str) and isinstance(expected, str))
    return comparable and holds(node, expected)


_TYPES: dict[Any, Callable[[Any], bool]] = {
    "null": lambda node: node is None,
    "boolean": lambda node: isinstance(node, bool),
    "integer": lambda node: _is_number(node) and (isinstance(node, int) or node.is_integer()),
    "number": _is_number,
    "string": lambda node: isinstance(node, str),
    "array": lambda node: isinstance(node, list),
    "object": lambda node: isinstance(node, dict),
}

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "equals": equal,
    "not_equals": lambda node, expected: not equal(node, expected),
    "type": _is_type,
    "contains": _contains,
    "not_contains": lambda node, expected: not _contains(node, expected),
    "matches": lambda node, expected: matches(as_text(expected), as_text(node)),
    "length": lambda node, expected: _is_number(expected) and _length(node) == expected,
    "max_length": lambda node, expected: _is_number(expected) and 0 <= _length(node) <= expected,
    "gte": lambda node, expected: _compare(node, expected, lambda left, right: left >= right),
    "lte": lambda node, expected: _compare(node, expected, lambda left, right: left <= right),
}
