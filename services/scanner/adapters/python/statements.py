"""Statements of the partial evaluator.

A condition that is not known takes both branches; the first binding of a name that says something wins. A `return`
under such a condition is remembered and evaluation goes on, so that early exits hide nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from enum import Enum
from typing import TYPE_CHECKING

from services.scanner.adapters.python import expressions, operators
from services.scanner.adapters.python.values import (
    Class,
    Deferred,
    External,
    Function,
    Instance,
    Scope,
    Unknown,
    Value,
)

if TYPE_CHECKING:
    from services.scanner.adapters.python.machine import Machine

MAX_ITERATIONS = 5_000


class Flow(Enum):
    """How a block of statements ended."""

    NEXT = 0
    RETURN = 1
    BREAK = 2
    CONTINUE = 3


_ROUTE_WORDS = frozenset({"get", "post", "put", "delete", "patch", "options", "head", "trace", "route", "api_route"})


def execute(machine: Machine, body: list[ast.stmt], scope: Scope) -> Flow:
    """Runs statements until one leaves the block."""
    for statement in body:
        machine.steps += 1
        run = _STATEMENTS.get(type(statement))
        if run is not None:
            flow = run(machine, statement, scope)
            if flow is not None and flow is not Flow.NEXT:
                return flow
    return Flow.NEXT


def _import(machine: Machine, node: ast.Import, scope: Scope) -> None:
    for alias in node.names:
        if alias.asname:
            scope.names[alias.asname] = Deferred(alias.name, "", scope.module)
        else:
            first = alias.name.split(".")[0]
            scope.names[first] = Deferred(first, "", scope.module)


def _import_from(machine: Machine, node: ast.ImportFrom, scope: Scope) -> None:
    name = machine.program.absolute(scope.module, node.module or "", node.level)
    for alias in node.names:
        if name is None:
            scope.names[alias.asname or alias.name] = Unknown("relative import beyond the scanned tree")
        elif alias.name == "*":
            scope.module.star_imports.append(Deferred(name, "", scope.module))
        else:
            scope.names[alias.asname or alias.name] = Deferred(name, alias.name, scope.module)


# ---------------------------------------------------------------- definitions
def _function(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> None:
    function = expressions.make_function(machine, node, scope)
    value: Value = function
    for decorator in reversed(node.decorator_list):
        value = _decorated(machine, decorator, value, scope)
    scope.names[node.name] = value


def _decorated(machine: Machine, node: ast.expr, value: Value, scope: Scope) -> Value:
    decorator = machine.evaluate(node, scope)
    name = decorator.name if isinstance(decorator, External) else ""
    if isinstance(value, Function) and name in {"builtins.staticmethod", "builtins.classmethod", "builtins.property"}:
        value.kind = name.removeprefix("builtins.")
        return value
    if isinstance(value, Function) and name.endswith("cached_property"):
        value.kind = "property"
        return value
    if isinstance(decorator, Unknown):
        _warn_of_lost_route(machine, node, scope)
        return value
    if isinstance(value, Class):
        value.decorators.append(decorator)
    result = machine.call(decorator, [value], {}, scope.module.where(node))
    return result if _stands_for(result, value) else value


def _stands_for(result: Value, value: Value) -> bool:
    """Whether what a decorator gave back can take the place of what it decorates."""
    if isinstance(value, Class):
        return isinstance(result, Class)
    if isinstance(result, Instance) and isinstance(result.cls, Class):
        return any(isinstance(item, Class) and "__call__" in item.scope.names for item in result.cls.mro())
    return isinstance(result, Function)


def _warn_of_lost_route(machine: Machine, node: ast.expr, scope: Scope) -> None:
    if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _ROUTE_WORDS):
        return
    path = machine.evaluate(node.args[0], scope) if node.args else None
    if isinstance(path, str) and (path.startswith("/") or not path):
        where = scope.module.where(node)
        machine.warn(where, f"route {path!r} is not reported: what {ast.unparse(node.func.value)!r} is, is not known")


def _class(machine: Machine, node: ast.ClassDef, scope: Scope) -> None:
    qualname = f"{scope.qualname}.{node.name}" if scope.qualname else node.name
    inner = Scope(scope.module, parent=scope, is_class=True, qualname=qualname)
    cls = Class(node.name, node, inner, qualname)
    inner.owner = cls
    cls.bases = [machine.evaluate(base, scope) for base in node.bases if not isinstance(base, ast.Starred)]
    cls.keywords = {word.arg: machine.evaluate(word.value, scope) for word in node.keywords if word.arg}
    machine.execute(node.body, inner)
    value: Value = cls
    for decorator in reversed(node.decorator_list):
        value = _decorated(machine, decorator, value, scope)
    scope.names[node.name] = value


# ---------------------------------------------------------------- assignment
def _assign(machine: Machine, node: ast.Assign, scope: Scope) -> None:
    value = machine.evaluate(node.value, scope)
    for target in node.targets:
        assign(machine, target, value, scope)


def _annotated(machine: Machine, node: ast.AnnAssign, scope: Scope) -> None:
    if node.value is not None:
        assign(machine, node.target, machine.evaluate(node.value, scope), scope)


def _augmented(machine: Machine, node: ast.AugAssign, scope: Scope) -> None:
    left = machine.evaluate(node.target, scope)
    right = machine.evaluate(node.value, scope)
    if isinstance(left, list) and isinstance(right, list | tuple) and isinstance(node.op, ast.Add):
        left.extend(right[: operators.MAX_ITEMS - len(left)])
        return
    assign(machine, node.target, operators.binary(node.op, left, right), scope)


def assign(machine: Machine, target: ast.expr, value: Value, scope: Scope) -> None:
    """Binds a value to an assignment target."""
    if isinstance(target, ast.Name):
        scope.names[target.id] = value
    elif isinstance(target, ast.Tuple | ast.List):
        _unpack(machine, target.elts, value, scope)
    elif isinstance(target, ast.Attribute):
        owner = machine.evaluate(target.value, scope)
        set_attribute(owner, target.attr, value)
    elif isinstance(target, ast.Subscript):
        _set_item(machine, target, value, scope)
    elif isinstance(target, ast.Starred):
        assign(machine, target.value, value, scope)


def set_attribute(owner: Value, name: str, value: Value) -> None:
    """`owner.name = value`."""
    if isinstance(owner, Instance):
        if owner.native is None or not owner.native.assign(name, value):
            owner.attrs[name] = value
    elif isinstance(owner, Class):
        owner.scope.names[name] = value


def _unpack(machine: Machine, targets: list[ast.expr], value: Value, scope: Scope) -> None:
    items = list(value) if isinstance(value, list | tuple) else []
    if any(isinstance(target, ast.Starred) for target in targets) or len(items) != len(targets):
        items = [Unknown() for _ in targets]
    for target, item in zip(targets, items, strict=True):
        assign(machine, target, item, scope)


def _set_item(machine: Machine, target: ast.Subscript, value: Value, scope: Scope) -> None:
    owner, key = machine.evaluate(target.value, scope), machine.evaluate(target.slice, scope)
    if isinstance(owner, dict) and isinstance(key, str | int | bytes | tuple):
        try:
            owner[key] = value
        except TypeError:
            return
    elif isinstance(owner, list) and isinstance(key, int) and -len(owner) <= key < len(owner):
        owner[key] = value


# ---------------------------------------------------------------- control flow
def _expression(machine: Machine, node: ast.Expr, scope: Scope) -> None:
    machine.evaluate(node.value, scope)


def _return(machine: Machine, node: ast.Return, scope: Scope) -> Flow:
    scope.returns.append(machine.evaluate(node.value, scope))
    return Flow.RETURN


def _if(machine: Machine, node: ast.If, scope: Scope) -> Flow:
    known = operators.truth(machine.evaluate(node.test, scope))
    if _is_always_taken(node.test):
        known = True
    if known is not None:
        return machine.execute(node.body if known else node.orelse, scope)
    before = dict(scope.names)
    first = machine.execute(node.body, scope)
    after_body = dict(scope.names)
    second = machine.execute(node.orelse, scope)
    for name, value in after_body.items():
        if before.get(name) is not value and not isinstance(value, Unknown) and value is not None:
            scope.names[name] = value
    return first if first is second else Flow.NEXT


def _is_always_taken(test: ast.expr) -> bool:
    """`if TYPE_CHECKING:` and `if __name__ == "__main__":` hold names and routes that count."""
    if isinstance(test, ast.Compare):
        return any(
            isinstance(side, ast.Constant) and side.value == "__main__" for side in [test.left, *test.comparators]
        )
    return (isinstance(test, ast.Name) and test.id == "TYPE_CHECKING") or (
        isinstance(test, ast.Attribute) and test.attr == "TYPE_CHECKING"
    )


def _for(machine: Machine, node: ast.For | ast.AsyncFor, scope: Scope) -> Flow:
    items = operators.iterate(machine.evaluate(node.iter, scope))
    if items is None:
        assign(machine, node.target, Unknown(), scope)
        machine.execute(node.body, scope)
        return machine.execute(node.orelse, scope)
    for item in items[:MAX_ITERATIONS]:
        assign(machine, node.target, machine.resolve(item), scope)
        flow = machine.execute(node.body, scope)
        if flow is Flow.RETURN:
            return flow
        if flow is Flow.BREAK:
            return Flow.NEXT
    return machine.execute(node.orelse, scope)


def _while(machine: Machine, node: ast.While, scope: Scope) -> Flow:
    if operators.truth(machine.evaluate(node.test, scope)) is False:
        return machine.execute(node.orelse, scope)
    machine.execute(node.body, scope)
    return Flow.NEXT


def _with(machine: Machine, node: ast.With | ast.AsyncWith, scope: Scope) -> Flow:
    for item in node.items:
        value = machine.evaluate(item.context_expr, scope)
        if item.optional_vars is not None:
            assign(machine, item.optional_vars, value, scope)
    return machine.execute(node.body, scope)


def _try(machine: Machine, node: ast.Try, scope: Scope) -> Flow:
    flow = machine.execute(node.body, scope)
    bound = dict(scope.names)
    if flow is Flow.NEXT:
        flow = machine.execute(node.orelse, scope)
        bound = dict(scope.names)
    for handler in node.handlers:
        if handler.name:
            scope.names[handler.name] = Unknown("an exception")
        machine.execute(handler.body, scope)
    scope.names.update({name: value for name, value in bound.items() if not isinstance(value, Unknown)})
    last = machine.execute(node.finalbody, scope)
    return flow if last is Flow.NEXT else last


def _match(machine: Machine, node: ast.Match, scope: Scope) -> None:
    machine.evaluate(node.subject, scope)
    for case in node.cases:
        machine.execute(case.body, scope)


def _raise(machine: Machine, node: ast.Raise, scope: Scope) -> Flow:
    return Flow.RETURN


_STATEMENTS: dict[type[ast.stmt], Callable[..., Flow | None]] = {
    ast.Import: _import,
    ast.ImportFrom: _import_from,
    ast.FunctionDef: _function,
    ast.AsyncFunctionDef: _function,
    ast.ClassDef: _class,
    ast.Assign: _assign,
    ast.AnnAssign: _annotated,
    ast.AugAssign: _augmented,
    ast.Expr: _expression,
    ast.Return: _return,
    ast.If: _if,
    ast.For: _for,
    ast.AsyncFor: _for,
    ast.While: _while,
    ast.With: _with,
    ast.AsyncWith: _with,
    ast.Try: _try,
    ast.TryStar: _try,
    ast.Match: _match,
    ast.Raise: _raise,
    ast.Break: lambda *_: Flow.BREAK,
    ast.Continue: lambda *_: Flow.CONTINUE,
}
