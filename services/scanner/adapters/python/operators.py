"""What operators and loops make of abstract values."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable
from typing import Any

from services.scanner.adapters.python.values import (
    Class,
    External,
    ExternalCall,
    Function,
    Instance,
    ModuleRef,
    Parametrised,
    UnionOf,
    Unknown,
    Value,
    is_concrete,
)

MAX_TEXT = 10_000
MAX_ITEMS = 20_000
WIDE = re.compile(r"\d{5}")
"""A width in a format that would take any amount of memory."""
_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.BitOr: operator.or_,
    ast.BitAnd: operator.and_,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_OBJECTS = (Function, Class, Instance, ModuleRef)


def truth(value: Value) -> bool | None:
    """True or False where that is certain, else None."""
    if isinstance(value, list | tuple | dict | set) or is_concrete(value):
        return bool(value)
    return True if isinstance(value, _OBJECTS) else None


def iterate(value: Value) -> list[Value] | None:
    """The items that a loop over the value sees; None where they are not known."""
    if isinstance(value, list | tuple):
        return list(value)
    if isinstance(value, dict | str):
        return list(value)
    if isinstance(value, set | frozenset):
        return sorted(value, key=repr)
    if isinstance(value, Class) and any(name.startswith("enum.") for name in value.external_bases()):
        return enum_members(value)
    return None


def enum_members(cls: Class) -> list[Value]:
    """Members of an enumeration as instances with `name` and `value`."""
    members: list[Value] = []
    for name, value in cls.scope.names.items():
        if not name.startswith("_") and not isinstance(value, Function | Class):
            members.append(Instance(cls, {"name": name, "value": value}))
    return members


def binary(op: ast.operator, left: Value, right: Value) -> Value:
    """`left op right`, of constants and lists; a union of types for `|`."""
    if isinstance(op, ast.BitOr) and (_is_type(left) or _is_type(right)):
        return UnionOf((*_options(left), *_options(right)))
    run = _BINARY.get(type(op))
    if isinstance(op, ast.Mod) and isinstance(left, str) and not is_concrete(right):
        return Unknown("text with an unknown part")
    if isinstance(op, ast.Mult):
        return _multiply(left, right)
    if run is None or isinstance(left, Unknown) or isinstance(right, Unknown):
        return Unknown()
    if isinstance(left, list | tuple) and (type(left) is not type(right) or len(left) + len(right) > MAX_ITEMS):
        return Unknown()
    if isinstance(left, str) and isinstance(op, ast.Mod) and WIDE.search(left):
        return Unknown("very long text")
    try:
        result = run(left, right)
    except Exception:  # noqa: BLE001 - whatever the operands make of it, the program would have raised it
        return Unknown()
    return result if not isinstance(result, str) or len(result) <= MAX_TEXT else Unknown("very long text")


def _multiply(left: Value, right: Value) -> Value:
    """Only of numbers: repetition could take any amount of memory."""
    if isinstance(left, int | float) and isinstance(right, int | float) and max(abs(left), abs(right)) < 1e12:  # noqa: PLR2004
        return left * right
    return Unknown()


def _options(value: Value) -> tuple[Value, ...]:
    return value.options if isinstance(value, UnionOf) else (value,)


def _is_type(value: Value) -> bool:
    return isinstance(value, External | Parametrised | UnionOf | Class)


def text_of(value: Value) -> str | None:
    """`str(value)` where it is known; members of string enumerations give their value."""
    if isinstance(value, Instance) and isinstance(value.attrs.get("value"), str):
        return str(value.attrs["value"])
    return str(value) if isinstance(value, str | int | float | bool) or value is None else None


def compared(op: ast.cmpop, left: Value, right: Value) -> Value:
    """`left < right` and its like, of constants."""
    if is_concrete(left) and is_concrete(right):
        try:
            return _COMPARE[type(op)](left, right)
        except TypeError:
            return Unknown()
    return Unknown()


def identity(left: Value, right: Value, *, negated: bool) -> Value:
    """`left is right`, where one of them is None."""
    if right is None and (left is None or is_concrete(left) or isinstance(left, (list, dict, ExternalCall, *_OBJECTS))):
        return (left is None) is not negated
    return Unknown()


def membership(left: Value, right: Value, *, negated: bool) -> Value:
    """`left in right`, of constants."""
    if isinstance(right, list | tuple | dict | set) and not right:
        return negated
    if is_concrete(left) and is_concrete(right):
        try:
            return (left in right) is not negated
        except TypeError:
            return Unknown()
    return Unknown()
