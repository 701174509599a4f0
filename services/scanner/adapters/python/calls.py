"""Attributes and calls of the partial evaluator."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from services.scanner.adapters.python import standard
from services.scanner.adapters.python.operators import enum_members
from services.scanner.adapters.python.values import (
    Builtin,
    Class,
    Deferred,
    External,
    ExternalCall,
    Function,
    Instance,
    ModuleRef,
    Parametrised,
    Scope,
    Super,
    Unknown,
    Value,
    Where,
)

if TYPE_CHECKING:
    from services.scanner.adapters.python.machine import Machine

MAX_CALL_DEPTH = 40


# ---------------------------------------------------------------- attributes
def attribute(machine: Machine, value: Value, name: str, where: Where) -> Value:
    """`value.name`."""
    if isinstance(value, Parametrised):
        value = value.origin
    if isinstance(value, ModuleRef):
        return machine.member(value.module, name)
    if isinstance(value, External):
        return _external_attribute(machine, value, name)
    if isinstance(value, Instance):
        return _instance_attribute(machine, value, name, where)
    if isinstance(value, Class):
        return _class_attribute(machine, value, name)
    if isinstance(value, Super):
        return _super_attribute(machine, value, name)
    if isinstance(value, ExternalCall):
        return _call_attribute(value, name, where)
    if isinstance(value, Function):
        return value.name if name == "__name__" else Unknown(f"attribute {name} of a function")
    return standard.method(machine, value, name)


def _external_attribute(machine: Machine, value: External, name: str) -> Value:
    return machine.constants.get(f"{value.name}.{name}", External(f"{value.name}.{name}"))


def _call_attribute(value: ExternalCall, name: str, where: Where) -> Value:
    """An attribute of an object that something external made: known only by what it is an attribute of."""
    if value.name == "builtins.property":
        return Builtin(name, lambda args, _kwargs, _where: args[0] if args else Unknown())
    return Unknown(f"attribute {name} of the result of {value.name}")


def _instance_attribute(machine: Machine, value: Instance, name: str, where: Where) -> Value:
    if name in value.attrs:
        return value.attrs[name]
    if name == "__class__":
        return value.cls
    ancestors = value.cls.mro() if isinstance(value.cls, Class) else []
    for ancestor in ancestors:
        if isinstance(ancestor, Class) and name in ancestor.scope.names:
            return _bound(machine, machine.resolve(ancestor.scope.names[name]), value, where)
    if value.native is not None:
        return value.native.attribute(machine, value, name)
    if any(base in _SETTINGS_BASES for base in _external_bases(value.cls)):
        return Unknown(f"setting {name} has no default")
    return Unknown(f"no attribute {name}")


_SETTINGS_BASES = frozenset({"pydantic_settings.BaseSettings", "pydantic.BaseSettings"})


def _external_bases(cls: Class | External) -> list[str]:
    return cls.external_bases() if isinstance(cls, Class) else [cls.name]


def _bound(machine: Machine, found: Value, receiver: Value, where: Where) -> Value:
    if isinstance(found, Function):
        if found.kind == "staticmethod":
            return found
        if found.kind == "property":
            return machine.call(found.bind(receiver), [], {}, where)
        return found.bind(receiver.cls if found.kind == "classmethod" and isinstance(receiver, Instance) else receiver)
    if isinstance(found, ExternalCall):
        return _default_of(machine, found, where)
    return found


def _default_of(machine: Machine, found: ExternalCall, where: Where) -> Value:
    """The value that a field declared by `Field(default=…)` or `field(default_factory=…)` begins with."""
    if not found.name.rsplit(".", 1)[-1].lower().endswith("field"):
        return found
    if "default_factory" in found.kwargs:
        return machine.call(found.kwargs["default_factory"], [], {}, where)
    position = 0 if found.name.endswith(".Field") else -1
    return found.argument(position, "default", Unknown("a field without a default"))


def _class_attribute(machine: Machine, value: Class, name: str) -> Value:
    for ancestor in value.mro():
        if isinstance(ancestor, Class) and name in ancestor.scope.names:
            found = machine.resolve(ancestor.scope.names[name])
            if isinstance(found, Function) and found.kind == "classmethod":
                return found.bind(value)
            if any(base.startswith("enum.") for base in value.external_bases()) and not isinstance(found, Function):
                return next((m for m in enum_members(ancestor) if m.attrs["name"] == name), found)
            return found
    if name in {"__name__", "__qualname__"}:
        return value.name
    bound = machine.class_methods.get(name)
    if bound is not None and value.external_bases():
        return Builtin(name, lambda args, kwargs, where: bound(machine, value, args, kwargs, where))
    return Unknown(f"no attribute {name}")


def _super_attribute(machine: Machine, value: Super, name: str) -> Value:
    receiver = value.receiver
    cls = receiver.cls if isinstance(receiver, Instance) else receiver
    order = cls.mro() if isinstance(cls, Class) else []
    after = order[order.index(value.owner) + 1 :] if value.owner in order else value.owner.mro()[1:]
    for ancestor in after:
        if isinstance(ancestor, Class) and name in ancestor.scope.names:
            found = machine.resolve(ancestor.scope.names[name])
            return found.bind(receiver) if isinstance(found, Function) and found.kind != "staticmethod" else found
    if isinstance(receiver, Instance) and receiver.native is not None:
        return receiver.native.attribute(machine, receiver, name)
    return Builtin(name, lambda _args, _kwargs, _where: None)


# ---------------------------------------------------------------- calls
def call(machine: Machine, function: Value, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    """The result of a call."""
    if isinstance(function, Function):
        return _call_function(machine, function, args, kwargs, where)
    if isinstance(function, Builtin):
        return function.run(args, kwargs, where)
    if isinstance(function, Class):
        return instantiate(machine, function, args, kwargs, where)
    if isinstance(function, Parametrised):
        return call(machine, function.origin, args, kwargs, where)
    if isinstance(function, External):
        return _call_external(machine, function, args, kwargs, where)
    if isinstance(function, Instance):
        method = attribute(machine, function, "__call__", where)
        return call(machine, method, args, kwargs, where) if isinstance(method, Function) else Unknown()
    if isinstance(function, ExternalCall) and function.name == "functools.partial" and function.args:
        return call(machine, function.args[0], [*function.args[1:], *args], {**function.kwargs, **kwargs}, where)
    return Unknown("result of an unknown call")


def _call_external(
    machine: Machine, function: External, args: list[Value], kwargs: dict[str, Value], where: Where
) -> Value:
    if function.name in machine.natives:
        return instantiate(machine, function, args, kwargs, where)
    model = standard.FUNCTIONS.get(function.name)
    if model is not None:
        return model(machine, args, kwargs, where)
    return ExternalCall(function.name, args, kwargs, where)


def instantiate(
    machine: Machine, cls: Class | External, args: list[Value], kwargs: dict[str, Value], where: Where
) -> Value:
    """A new object: the framework's model beneath it, then the program's own `__init__`."""
    if isinstance(cls, Class) and any(base.startswith("enum.") for base in cls.external_bases()):
        return next(
            (m for m in enum_members(cls) if args and m.attrs["value"] == args[0]), Unknown("enumeration member")
        )
    instance = Instance(cls, native=machine.native_of(cls), where=where)
    if instance.native is not None:
        instance.native.where = where
        machine.instances.append(instance)
    init = attribute(machine, instance, "__init__", where)
    if isinstance(init, Function | Builtin):
        call(machine, init, args, kwargs, where)
    elif isinstance(cls, Class):
        _set_fields(instance, cls, args, kwargs)
    return instance


def _set_fields(instance: Instance, cls: Class, args: list[Value], kwargs: dict[str, Value]) -> None:
    """Of classes whose `__init__` is generated (dataclasses, Pydantic, attrs)."""
    instance.attrs.update(kwargs)
    if cls.decorators:
        names = [
            item.target.id
            for item in cls.node.body
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
        ]
        instance.attrs.update(zip(names, args, strict=False))


def _call_function(
    machine: Machine, function: Function, args: list[Value], kwargs: dict[str, Value], where: Where
) -> Value:
    machine.called.add(id(function.node))
    if machine.depth >= MAX_CALL_DEPTH:
        return Unknown("calls nested too deeply")
    if function.is_bound:
        args = [function.receiver, *args]
    scope = Scope(function.module, parent=function.scope, qualname=function.qualname, owner=function.owner)
    scope.receiver = args[0] if function.owner is not None and args else None
    scope.names.update(_arguments(function, args, kwargs))
    machine.depth += 1
    try:
        if isinstance(function.node, ast.Lambda):
            return machine.evaluate(function.node.body, scope)
        machine.execute(function.node.body, scope)
    finally:
        machine.depth -= 1
    return _result(function, scope)


def _arguments(function: Function, args: list[Value], kwargs: dict[str, Value]) -> dict[str, Value]:
    spec = function.node.args
    positional = [argument.arg for argument in [*spec.posonlyargs, *spec.args]]
    names: dict[str, Value] = dict(zip(positional, args, strict=False))
    known = {*positional, *(argument.arg for argument in spec.kwonlyargs)}
    names.update({name: value for name, value in kwargs.items() if name in known})
    for name in known - names.keys():
        names[name] = function.defaults.get(name, Unknown(f"argument {name}"))
    if spec.vararg is not None:
        names[spec.vararg.arg] = tuple(args[len(positional) :])
    if spec.kwarg is not None:
        names[spec.kwarg.arg] = {name: value for name, value in kwargs.items() if name not in known}
    return names


def _result(function: Function, scope: Scope) -> Value:
    """The value that says most of those that the function may return; the later one where several do."""
    if _is_generator(function):
        return Unknown("a generator")
    said = [value for value in scope.returns if value is not None and not isinstance(value, Unknown | Deferred)]
    if said:
        return said[-1]
    return scope.returns[-1] if scope.returns else None


def _is_generator(function: Function) -> bool:
    body = [] if isinstance(function.node, ast.Lambda) else function.node.body
    return any(isinstance(item, ast.Expr) and isinstance(item.value, ast.Yield | ast.YieldFrom) for item in body)
