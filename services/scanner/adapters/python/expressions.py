"""Expressions of the partial evaluator."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from services.scanner.adapters.python.operators import (
    MAX_ITEMS,
    MAX_TEXT,
    binary,
    compared,
    identity,
    iterate,
    membership,
    text_of,
    truth,
)
from services.scanner.adapters.python.values import (
    Class,
    Deferred,
    External,
    Function,
    FunctionNode,
    Parametrised,
    Scope,
    Unknown,
    Value,
    is_concrete,
)

if TYPE_CHECKING:
    from services.scanner.adapters.python.machine import Machine


def evaluate(machine: Machine, node: ast.expr, scope: Scope) -> Value:
    """The value of an expression; `Unknown` for what has no meaning before the program runs."""
    run = _EXPRESSIONS.get(type(node))
    return run(machine, node, scope) if run is not None else Unknown()


def make_function(machine: Machine, node: FunctionNode, scope: Scope) -> Function:
    """The function object of a definition; defaults are evaluated here, as Python does."""
    name = getattr(node, "name", "<lambda>")
    qualname = f"{scope.qualname}.{name}" if scope.qualname else name
    defaults: dict[str, Value] = {}
    positional = [*node.args.posonlyargs, *node.args.args]
    for argument, default in zip(reversed(positional), reversed(node.args.defaults), strict=False):
        defaults[argument.arg] = machine.evaluate(default, scope)
    for argument, given in zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True):
        if given is not None:
            defaults[argument.arg] = machine.evaluate(given, scope)
    return Function(node, scope, qualname, owner=scope.owner if scope.is_class else None, defaults=defaults)


# ---------------------------------------------------------------- names and literals
def _constant(machine: Machine, node: ast.Constant, scope: Scope) -> Value:
    return Unknown("...") if node.value is Ellipsis or isinstance(node.value, complex) else node.value


def lookup(machine: Machine, name: str, scope: Scope) -> Value:
    """A name by Python's scoping rules."""
    current: Scope | None = scope
    while current is not None:
        if name in current.names and (current is scope or not current.is_class):
            value = current.names[name]
            if isinstance(value, Deferred):
                value = machine.resolve(value)
            return value
        current = current.parent
    found = machine.member(scope.module, name)
    if isinstance(found, Unknown) and hasattr(builtins, name):
        return External(f"builtins.{name}")
    return found


def _name(machine: Machine, node: ast.Name, scope: Scope) -> Value:
    return lookup(machine, node.id, scope)


def _attribute(machine: Machine, node: ast.Attribute, scope: Scope) -> Value:
    return machine.attribute(machine.evaluate(node.value, scope), node.attr, scope.module.where(node))


def _elements(machine: Machine, nodes: list[ast.expr], scope: Scope) -> list[Value]:
    items: list[Value] = []
    for node in nodes:
        if isinstance(node, ast.Starred):
            items.extend(iterate(machine.evaluate(node.value, scope)) or [])
        else:
            items.append(machine.evaluate(node, scope))
    return items


def _list(machine: Machine, node: ast.List, scope: Scope) -> Value:
    return _elements(machine, node.elts, scope)


def _tuple(machine: Machine, node: ast.Tuple, scope: Scope) -> Value:
    return tuple(_elements(machine, node.elts, scope))


def _set(machine: Machine, node: ast.Set, scope: Scope) -> Value:
    items = _elements(machine, node.elts, scope)
    return set(items) if all(isinstance(item, str | int | float) for item in items) else items


def _dict(machine: Machine, node: ast.Dict, scope: Scope) -> Value:
    result: dict[Any, Value] = {}
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = machine.evaluate(value_node, scope)
        if key_node is None:
            result.update(value if isinstance(value, dict) else {})
            continue
        key = machine.evaluate(key_node, scope)
        try:
            result[key] = value
        except TypeError:
            continue
    return result


def _joined(machine: Machine, node: ast.JoinedStr, scope: Scope) -> Value:
    parts: list[str] = []
    for part in node.values:
        value = machine.evaluate(part.value if isinstance(part, ast.FormattedValue) else part, scope)
        text = text_of(value)
        if text is None:
            return Unknown(f"text with an unknown part: {ast.unparse(node)[:80]}")
        parts.append(text)
    return "".join(parts)[:MAX_TEXT]


# ---------------------------------------------------------------- operators
def _binary(machine: Machine, node: ast.BinOp, scope: Scope) -> Value:
    return binary(node.op, machine.evaluate(node.left, scope), machine.evaluate(node.right, scope))


def _boolean(machine: Machine, node: ast.BoolOp, scope: Scope) -> Value:
    is_or = isinstance(node.op, ast.Or)
    unsure: Value = None
    for item in node.values:
        value = machine.evaluate(item, scope)
        known = truth(value)
        if known is None:
            unsure = Unknown()
        elif known is is_or:
            return value if unsure is None or is_or else Unknown()
    return unsure if unsure is not None else value


def _not(machine: Machine, node: ast.UnaryOp, scope: Scope) -> Value:
    value = machine.evaluate(node.operand, scope)
    if isinstance(node.op, ast.Not):
        known = truth(value)
        return Unknown() if known is None else not known
    if isinstance(node.op, ast.USub) and isinstance(value, int | float):
        return -value
    return Unknown()


def _conditional(machine: Machine, node: ast.IfExp, scope: Scope) -> Value:
    known = truth(machine.evaluate(node.test, scope))
    if known is None:
        first = machine.evaluate(node.body, scope)
        return first if not isinstance(first, Unknown) and first is not None else machine.evaluate(node.orelse, scope)
    return machine.evaluate(node.body if known else node.orelse, scope)


def _compare(machine: Machine, node: ast.Compare, scope: Scope) -> Value:
    left = machine.evaluate(node.left, scope)
    if len(node.ops) != 1:
        return Unknown()
    right, op = machine.evaluate(node.comparators[0], scope), node.ops[0]
    if isinstance(op, ast.Is | ast.IsNot):
        return identity(left, right, negated=isinstance(op, ast.IsNot))
    if isinstance(op, ast.In | ast.NotIn):
        return membership(left, right, negated=isinstance(op, ast.NotIn))
    return compared(op, left, right)


def _subscript(machine: Machine, node: ast.Subscript, scope: Scope) -> Value:
    owner = machine.evaluate(node.value, scope)
    if isinstance(owner, External | Class | Parametrised):
        args = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        return _parametrised(machine, owner, args, scope)
    if isinstance(node.slice, ast.Slice):
        return _slice(machine, owner, node.slice, scope)
    key = machine.evaluate(node.slice, scope)
    if isinstance(owner, dict | list | tuple | str) and is_concrete(key):
        try:
            return owner[key]
        except (KeyError, IndexError, TypeError):
            return Unknown("no such item")
    return Unknown()


def _parametrised(machine: Machine, owner: Value, args: list[ast.expr], scope: Scope) -> Value:
    name = owner.name if isinstance(owner, External) else ""
    if name == "os.environ":
        return Unknown("an environment variable")
    return Parametrised(owner, tuple(machine.evaluate(item, scope) for item in args))


def _slice(machine: Machine, owner: Value, node: ast.Slice, scope: Scope) -> Value:
    bounds = [machine.evaluate(part, scope) for part in (node.lower, node.upper, node.step)]
    if isinstance(owner, list | tuple | str) and all(bound is None or isinstance(bound, int) for bound in bounds):
        return owner[slice(*bounds)] if bounds[2] != 0 else Unknown()
    return Unknown()


# ---------------------------------------------------------------- calls, functions, comprehensions
def _call(machine: Machine, node: ast.Call, scope: Scope) -> Value:
    where = scope.module.where(node)
    function = machine.evaluate(node.func, scope)
    args = _elements(machine, node.args, scope)
    kwargs: dict[str, Value] = {}
    for word in node.keywords:
        value = machine.evaluate(word.value, scope)
        if word.arg is not None:
            kwargs[word.arg] = value
        elif isinstance(value, dict):
            kwargs.update({key: item for key, item in value.items() if isinstance(key, str)})
    if isinstance(function, External) and function.name == "builtins.super":
        return machine.call(function, [scope], {}, where) if not args else machine.call(function, args, kwargs, where)
    return machine.call(function, args, kwargs, where)


def _lambda(machine: Machine, node: ast.Lambda, scope: Scope) -> Value:
    return make_function(machine, node, scope)


def _comprehension(machine: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp, scope: Scope) -> Value:
    inner = Scope(scope.module, parent=scope, qualname=scope.qualname)
    result: list[Value] = []
    known = _generate(machine, node.generators, inner, lambda: result.append(machine.evaluate(node.elt, inner)))
    return result if known else Unknown()


def _dict_comprehension(machine: Machine, node: ast.DictComp, scope: Scope) -> Value:
    inner = Scope(scope.module, parent=scope, qualname=scope.qualname)
    result: dict[Any, Value] = {}

    def add() -> None:
        key = machine.evaluate(node.key, inner)
        if isinstance(key, str | int | bool):
            result[key] = machine.evaluate(node.value, inner)

    return result if _generate(machine, node.generators, inner, add) else Unknown()


def _generate(machine: Machine, generators: list[ast.comprehension], scope: Scope, emit: Callable[[], None]) -> bool:
    if not generators:
        emit()
        return True
    first, rest = generators[0], generators[1:]
    items = iterate(machine.evaluate(first.iter, scope))
    if items is None or len(items) > MAX_ITEMS:
        return False
    for item in items:
        machine.assign(first.target, machine.resolve(item), scope)
        if all(truth(machine.evaluate(test, scope)) is not False for test in first.ifs) and not _generate(
            machine, rest, scope, emit
        ):
            return False
    return True


def _named(machine: Machine, node: ast.NamedExpr, scope: Scope) -> Value:
    value = machine.evaluate(node.value, scope)
    scope.names[node.target.id] = value
    return value


def _await(machine: Machine, node: ast.Await, scope: Scope) -> Value:
    return machine.evaluate(node.value, scope)


_EXPRESSIONS: dict[type[ast.expr], Callable[..., Value]] = {
    ast.Constant: _constant,
    ast.Name: _name,
    ast.Attribute: _attribute,
    ast.List: _list,
    ast.Tuple: _tuple,
    ast.Set: _set,
    ast.Dict: _dict,
    ast.JoinedStr: _joined,
    ast.BinOp: _binary,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _not,
    ast.IfExp: _conditional,
    ast.Compare: _compare,
    ast.Subscript: _subscript,
    ast.Call: _call,
    ast.Lambda: _lambda,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.DictComp: _dict_comprehension,
    ast.NamedExpr: _named,
    ast.Await: _await,
}
