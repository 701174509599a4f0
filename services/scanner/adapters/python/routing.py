"""What the models of the frameworks collect: routes, inclusions and mounts, before paths are put together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from services.scanner.adapters.python.values import Builtin, Instance, Unknown, Value, Where

if TYPE_CHECKING:
    from services.scanner.adapters.python.machine import Machine

HTTP_METHODS = ("get", "post", "put", "delete", "patch", "options", "head", "trace")


@dataclass(eq=False)
class Route:
    """One registration: a path as written, its methods, and the handler."""

    path: Value
    methods: list[str]
    handler: Value
    options: dict[str, Value]
    where: Where


@dataclass(eq=False)
class Include:
    """A router under another one. `is_mount`: an application of its own."""

    target: Value
    prefix: Value
    options: dict[str, Value]
    where: Where
    is_mount: bool = False


@dataclass(eq=False)
class Native:
    """The model of an application, router or blueprint object."""

    is_application = False
    where: Where | None = None
    prefix: Value = ""
    options: dict[str, Value] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)
    includes: list[Include] = field(default_factory=list)
    attrs: dict[str, Value] = field(default_factory=dict)

    def attribute(self, machine: Machine, instance: Instance, name: str) -> Value:
        """A method or attribute of the framework object."""
        if name in self.attrs:
            return self.attrs[name]
        method = getattr(self, f"on_{name.strip('_')}", None)
        if method is not None:
            return Builtin(name, lambda args, kwargs, where: method(machine, instance, args, kwargs, where))
        return self.other(machine, instance, name)

    def other(self, machine: Machine, instance: Instance, name: str) -> Value:
        """What has no model: usable as a decorator that changes nothing."""
        return Builtin(name, lambda _args, _kwargs, _where: Builtin(name, keep))

    def assign(self, name: str, value: Value) -> bool:
        """Sets an attribute of the framework object; False where it is the program's own."""
        if name == "prefix":
            self.prefix = value
            return True
        return False


def keep(args: list[Value], _kwargs: dict[str, Value], _where: Where) -> Value:
    """The decorator that leaves its function alone."""
    return args[0] if args else Unknown()


def argument(args: list[Value], kwargs: dict[str, Value], position: int, name: str, default: Value = None) -> Value:
    """An argument by keyword or position."""
    return kwargs.get(name, args[position] if position < len(args) else default)


def method_names(value: Value) -> list[str] | None:
    """Upper-case method names of a `methods=` argument; None where they are not known."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list | tuple | set | frozenset):
        return None
    names: list[str] = []
    for item in value:
        text = item.attrs.get("value") if isinstance(item, Instance) else item
        if not isinstance(text, str):
            return None
        names.append(text.upper())
    return sorted(names) if isinstance(value, set | frozenset) else list(dict.fromkeys(names))
