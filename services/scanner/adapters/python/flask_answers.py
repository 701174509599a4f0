"""The answers that a Flask handler's own `return` statements name: `return jsonify(x), 201`, `return redirect(url)`."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

from services.scanner.adapters.python.machine import Machine
from services.scanner.adapters.python.scalars import last_name, status_code
from services.scanner.adapters.python.values import Function, Scope, Value
from shared.contracts.scanner import Response

_REDIRECT = 302
_BUILT = {"make_response": (1, ""), "Response": (1, "status"), "redirect": (1, "code"), "Redirect": (1, "code")}
"""Callables that make an answer: position and keyword of the status among their arguments."""


def answers_of(machine: Machine, function: Function) -> dict[str, Response]:
    """Status → response, of what the function returns; 200 without content for what can't be told."""
    scope = Scope(function.module, parent=function.scope)
    found: dict[str, Response] = {}
    for value in _returned(function.node):
        code, content = _answer(machine, value, scope)
        known = found.get(str(code))
        if known is None or (content and not known.content):
            found[str(code)] = Response(description=_phrase(code), content=content)
    return found or {"200": Response(description="OK")}


def _returned(node: ast.AST) -> Iterator[ast.expr]:
    """What the function itself returns, not the functions inside of it; both sides of conditional expressions."""
    stack: list[ast.AST] = [node.body] if isinstance(node, ast.Lambda) else list(getattr(node, "body", []))
    if isinstance(node, ast.Lambda):
        yield node.body
    while stack:
        item = stack.pop()
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(item, ast.Return) and item.value is not None:
            both = [item.value.body, item.value.orelse] if isinstance(item.value, ast.IfExp) else [item.value]
            yield from both
        stack.extend(ast.iter_child_nodes(item))


def _answer(machine: Machine, value: ast.expr, scope: Scope) -> tuple[int, dict[str, Any]]:
    if isinstance(value, ast.Tuple) and len(value.elts) > 1:
        code = status_code(machine.evaluate(value.elts[1], scope))
        return code or 200, {} if code in {204, 304} else _content(machine, value.elts[0], scope)
    if isinstance(value, ast.Call):
        name = last_name(_callee(machine, value, scope))
        if name in _BUILT:
            return _built(machine, value, name, scope)
    return 200, _content(machine, value, scope)


def _built(machine: Machine, call: ast.Call, name: str, scope: Scope) -> tuple[int, dict[str, Any]]:
    position, keyword = _BUILT[name]
    words = {word.arg: word.value for word in call.keywords}
    given = words.get(keyword) or (call.args[position] if len(call.args) > position else None)
    code = status_code(machine.evaluate(given, scope)) if given is not None else None
    is_redirect = name.lower() == "redirect"
    content = _content(machine, call.args[0], scope) if call.args and not is_redirect else {}
    return code or (_REDIRECT if is_redirect else 200), content


def _content(machine: Machine, value: ast.expr, scope: Scope) -> dict[str, Any]:
    """The media type of a body, where its form tells."""
    if isinstance(value, ast.Dict):
        return {"application/json": {"type": "object"}}
    if isinstance(value, ast.List):
        return {"application/json": {"type": "array"}}
    if isinstance(value, ast.Call) and last_name(_callee(machine, value, scope)) == "jsonify":
        return {"application/json": {}}
    return {}


def _callee(machine: Machine, call: ast.Call, scope: Scope) -> Value:
    return machine.evaluate(call.func, scope) if isinstance(call.func, ast.Name | ast.Attribute) else None


def _phrase(code: int) -> str:
    return HTTPStatus(code).phrase if code in {status.value for status in HTTPStatus} else ""
