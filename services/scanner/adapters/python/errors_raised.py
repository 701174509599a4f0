"""The HTTP errors that a handler raises: `raise HTTPException(404, "no such book")`, `abort(404)`."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING

from services.scanner.adapters.python.scalars import last_name, status_code
from services.scanner.adapters.python.values import Class, External, Function, Scope, Value

if TYPE_CHECKING:
    from services.scanner.adapters.python.machine import Machine

MAX_DEPTH = 2
_EXCEPTIONS = frozenset({"HTTPException"})
_ABORTS = frozenset({"abort"})


@dataclass
class _Body:
    """What one function raises itself, and the functions that it calls."""

    statuses: dict[str, str] = field(default_factory=dict)
    callees: list[Function] = field(default_factory=list)


class RaisedErrors:
    """Remembers what it has read: handlers share their helpers."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._bodies: dict[int, _Body] = {}

    def add_to(self, function: Function, statuses: dict[str, str]) -> None:
        """Adds status → description for the errors of a function and of the functions that it calls by name."""
        seen: set[int] = set()
        level = [function]
        for _ in range(MAX_DEPTH + 1):
            following: list[Function] = []
            for item in level:
                if id(item.node) not in seen:
                    seen.add(id(item.node))
                    body = self._body(item)
                    following += body.callees
                    for code, text in body.statuses.items():
                        statuses.setdefault(code, text)
            level = following

    def _body(self, function: Function) -> _Body:
        known = self._bodies.get(id(function.node))
        if known is None:
            known = self._bodies[id(function.node)] = _Body()
            self._read(function, known)
        return known

    def _read(self, function: Function, body: _Body) -> None:
        scope = Scope(function.module, parent=function.scope)
        for node in ast.walk(function.node):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
                callee = _callee(self._machine, node.func, scope, function)
                found = _status(self._machine, node, callee, scope)
                if found is not None:
                    body.statuses.setdefault(str(found[0]), found[1])
                elif isinstance(callee, Function):
                    body.callees.append(callee)


def _callee(machine: Machine, node: ast.Name | ast.Attribute, scope: Scope, function: Function) -> Value:
    """What is called, where module-level names tell; local variables have no value here."""
    if isinstance(node, ast.Attribute) and not isinstance(node.value, ast.Name | ast.Attribute):
        return None
    root: ast.expr = node
    while isinstance(root, ast.Attribute):
        root = root.value
    if isinstance(root, ast.Name) and root.id in {item.arg for item in function.node.args.args}:
        return None
    return machine.evaluate(node, scope)


def _status(machine: Machine, node: ast.Call, callee: Value, scope: Scope) -> tuple[int, str] | None:
    is_exception = isinstance(callee, External) and last_name(callee) in (_EXCEPTIONS | _ABORTS)
    if isinstance(callee, Class):
        is_exception = any(base.rsplit(".", 1)[-1] in _EXCEPTIONS for base in callee.external_bases())
    if not is_exception:
        return None
    words = {word.arg: word.value for word in node.keywords}
    given = words.get("status_code") or (node.args[0] if node.args else None)
    code = status_code(machine.evaluate(given, scope)) if given is not None else None
    if code is None or not 400 <= code < 600:  # noqa: PLR2004 - the range of errors
        return None
    detail_node = words.get("detail") or words.get("description") or (node.args[1] if len(node.args) > 1 else None)
    detail = machine.evaluate(detail_node, scope) if detail_node is not None else None
    fallback = HTTPStatus(code).phrase if code in HTTPStatus._value2member_map_ else "error"
    return code, detail if isinstance(detail, str) else fallback
