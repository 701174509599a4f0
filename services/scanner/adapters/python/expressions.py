"""Expressions of the partial evaluator."""

from __future__ import annotations

import ast
import builtins
import operator
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from services.scanner.adapters.python.values import (
    Class,
    Deferred,
    External,
    ExternalCall,
    Function,
    FunctionNode,
    Instance,
    ModuleRef,
    Parametrised,
    Scope,
    Unknown,
    UnionOf,
    Value,
    is_concrete,
)

if TYPE_CHECKING:
    from services.scanner.adapters.python.machine import Machine

MAX_TEXT = 10_000
MAX_ITEMS = 20_000
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


def evaluate(machine: Machine, node: ast.expr, scope: Scope) -> Value:
    """The value of an expression; `Unknown` for what has no meaning before the program runs."""
    run = _EXPRESSIONS.get(type(node))
    return run(machine, node, scope) if run is not None else Unknown()


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
    if isinstance(left, list) and isinstance(right, tuple):
        return Unknown()
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


def text_of(value: Value) -> str | None:
    """`str(value)` where it is known; members of string enumerations give their value."""
    if isinstance(value, Instance) and isinstance(value.attrs.get("value"), str):
        return str(value.attrs["value"])
    return str(value) if isinstance(value, str | int | float | bool) or value is None else None


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
        return _identity(left, right, negated=isinstance(op, ast.IsNot))
    if isinstance(op, ast.In | ast.NotIn):
        return _membership(left, right, negated=isinstance(op, ast.NotIn))
    if is_concrete(left) and is_concrete(right):
        try:
            return _COMPARE[type(op)](left, right)
        except TypeError:
            return Unknown()
    return Unknown()


def _identity(left: Value, right: Value, *, negated: bool) -> Value:
    if right is None and (left is None or is_concrete(left) or isinstance(left, (list, dict, ExternalCall, *_OBJECTS))):
        return (left is None) is not negated
    return Unknown()


def _membership(left: Value, right: Value, *, negated: bool) -> Value:
    if isinstance(right, list | tuple | dict | set) and not right:
        return negated
    if is_concrete(left) and is_concrete(right):
        try:
            return (left in right) is not negated
        except TypeError:
            return Unknown()
    return Unknown()


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
