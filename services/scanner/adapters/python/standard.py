"""The part of the standard library that route tables are built with: text, containers, `functools`, `os.environ`."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING

from services.scanner.adapters.python.operators import MAX_ITEMS, WIDE, iterate, text_of, truth
from services.scanner.adapters.python.values import (
    Builtin,
    Class,
    Deferred,
    External,
    Function,
    Instance,
    ModuleRef,
    Scope,
    Super,
    Unknown,
    Value,
    Where,
    is_concrete,
)

if TYPE_CHECKING:
    from services.scanner.adapters.python.machine import Machine

Model = Callable[["Machine", list[Value], dict[str, Value], Where], Value]
_TEXT_METHODS = frozenset(
    {
        "capitalize", "casefold", "endswith", "format", "join", "lower", "lstrip", "removeprefix", "removesuffix",
        "replace", "rstrip", "split", "rsplit", "startswith", "strip", "title", "upper", "swapcase", "partition",
        "rpartition",
    }
)  # fmt: skip
_MAX_TEXT = 10_000


def method(machine: Machine, value: Value, name: str) -> Value:
    """A method of a constant or container."""
    if isinstance(value, str) and name in _TEXT_METHODS:
        return Builtin(name, lambda args, kwargs, _where: _text_method(value, name, args, kwargs))
    if isinstance(value, dict) and name in _DICT_METHODS:
        return Builtin(name, lambda args, kwargs, _where: _DICT_METHODS[name](value, args, kwargs))
    if isinstance(value, list) and name in _LIST_METHODS:
        return Builtin(name, lambda args, _kwargs, _where: _LIST_METHODS[name](value, args))
    if isinstance(value, set | frozenset | tuple) and name in {"union", "copy"}:
        return Builtin(name, lambda _args, _kwargs, _where: value)
    return Unknown(f"attribute {name}")


def _text_method(value: str, name: str, args: list[Value], kwargs: dict[str, Value]) -> Value:
    if not is_concrete(args) or not is_concrete(kwargs) or (name == "format" and WIDE.search(value)):
        return Unknown("text with an unknown part")
    try:
        result = getattr(value, name)(*args, **kwargs)
    except (ValueError, TypeError, IndexError, KeyError, AttributeError):
        return Unknown()
    return result if not isinstance(result, str) or len(result) <= _MAX_TEXT else Unknown("very long text")


def _setdefault(owner: dict[Value, Value], args: list[Value], _kwargs: dict[str, Value]) -> Value:
    return owner.setdefault(args[0], args[1] if len(args) > 1 else None) if args and is_concrete(args[0]) else Unknown()


def _get(owner: dict[Value, Value], args: list[Value], _kwargs: dict[str, Value]) -> Value:
    return owner.get(args[0], args[1] if len(args) > 1 else None) if args and is_concrete(args[0]) else Unknown()


def _pop(owner: dict[Value, Value], args: list[Value], _kwargs: dict[str, Value]) -> Value:
    return owner.pop(args[0], args[1] if len(args) > 1 else None) if args and is_concrete(args[0]) else Unknown()


def _update(owner: dict[Value, Value], args: list[Value], kwargs: dict[str, Value]) -> Value:
    owner.update(args[0] if args and isinstance(args[0], dict) else {})
    owner.update(kwargs)


_DICT_METHODS: dict[str, Callable[[dict[Value, Value], list[Value], dict[str, Value]], Value]] = {
    "get": _get,
    "items": lambda owner, _args, _kwargs: list(owner.items()),
    "keys": lambda owner, _args, _kwargs: list(owner),
    "values": lambda owner, _args, _kwargs: list(owner.values()),
    "copy": lambda owner, _args, _kwargs: dict(owner),
    "setdefault": _setdefault,
    "pop": _pop,
    "update": _update,
}


def _append(owner: list[Value], args: list[Value]) -> Value:
    if len(owner) < MAX_ITEMS:
        owner.extend(args[:1])


def _extend(owner: list[Value], args: list[Value]) -> Value:
    owner.extend((iterate(args[0]) or [])[: MAX_ITEMS - len(owner)] if args else [])


def _insert(owner: list[Value], args: list[Value]) -> Value:
    owner.insert(args[0] if isinstance(args[0], int) else 0, args[1])


_LIST_METHODS: dict[str, Callable[[list[Value], list[Value]], Value]] = {
    "append": _append,
    "extend": _extend,
    "insert": _insert,
    "copy": lambda owner, _args: list(owner),
}


# ---------------------------------------------------------------- functions
def _super(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    scope: Value = args[0]
    while isinstance(scope, Scope) and scope.receiver is None and scope.parent is not None:
        scope = scope.parent
    if isinstance(scope, Scope) and scope.owner is not None and scope.receiver is not None:
        return Super(scope.receiver, scope.owner)
    if len(args) > 1 and isinstance(args[0], Class):
        return Super(args[1], args[0])
    return Unknown("super()")


def _getattr(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    if len(args) < 2 or not isinstance(args[1], str):  # noqa: PLR2004
        if args and isinstance(args[0], Instance) and args[0].native is not None:
            machine.warn(where, "a method of a router is chosen by a name that is not known; its routes may be missing")
        return Unknown("getattr() of an unknown name")
    found = machine.attribute(args[0], args[1], where)
    return args[2] if isinstance(found, Unknown) and len(args) > 2 else found  # noqa: PLR2004


def _setattr(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    if len(args) == 3 and isinstance(args[1], str):  # noqa: PLR2004
        machine.set_attribute(args[0], args[1], args[2])


def _hasattr(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    if len(args) != 2 or not isinstance(args[1], str):  # noqa: PLR2004
        return Unknown()
    return Unknown() if isinstance(machine.attribute(args[0], args[1], where), Unknown) else True


def _str(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    text = text_of(args[0]) if args else ""
    return Unknown("text with an unknown part") if text is None else text


def _isinstance(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    if len(args) != 2:  # noqa: PLR2004
        return Unknown()
    wanted = args[1] if isinstance(args[1], tuple) else (args[1],)
    if is_concrete(args[0]) and all(isinstance(item, External) for item in wanted):
        return f"builtins.{type(args[0]).__name__}" in {item.name for item in wanted}
    if isinstance(args[0], Instance) and isinstance(args[0].cls, Class):
        order = args[0].cls.mro()
        return any(item is known or item == known for item in wanted for known in order)
    if isinstance(args[0], Instance):
        return any(item == args[0].cls for item in wanted) or Unknown()
    return Unknown()


def _collection(make: Callable[[list[Value]], Value]) -> Model:
    def run(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
        items = iterate(args[0]) if args else []
        try:
            return make(items) if items is not None else Unknown()
        except TypeError:
            return Unknown()

    return run


def _dict(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    if args and not isinstance(args[0], dict):
        return Unknown()
    return {**(args[0] if args else {}), **kwargs}


def _zip(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    columns = [iterate(item) for item in args]
    known = [column for column in columns if column is not None]
    return list(zip(*known, strict=False)) if len(known) == len(columns) else Unknown()


def _range(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    if not args or not all(isinstance(item, int) for item in args) or (len(args) > 2 and args[2] == 0):  # noqa: PLR2004
        return Unknown()
    span = range(*args[:3])
    return list(span) if len(span) <= MAX_ITEMS else Unknown()


def _len(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    return len(args[0]) if args and isinstance(args[0], str | list | tuple | dict | set) else Unknown()


def _bool(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    known = truth(args[0]) if args else False
    return Unknown() if known is None else known


def _first(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    return args[0] if args else Unknown()


def _environment(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    """A variable of the environment counts as unset: its default, or None."""
    return kwargs.get("default", args[1] if len(args) > 1 else None)


def _import_module(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    name = args[0] if args else kwargs.get("name")
    importer = machine.module_at(where.file)
    if not isinstance(name, str) or importer is None:
        machine.warn(where, "a module is imported by a name that is not known; its routes may be missing")
        return Unknown("a module imported by an unknown name")
    level = len(name) - len(name.lstrip("."))
    absolute = machine.program.absolute(importer, name.lstrip("."), level)
    return machine.resolve(Deferred(absolute, "", importer)) if absolute else Unknown()


def _wraps(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    """`functools.wraps(f)`: the decorated function stands for f."""

    def decorate(inner: list[Value], _kwargs: dict[str, Value], _where: Where) -> Value:
        if inner and args and isinstance(inner[0], Function) and isinstance(args[0], Function):
            inner[0].wrapped = args[0]
        return inner[0] if inner else Unknown()

    return Builtin("wraps", decorate)


def _cache(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    """`@lru_cache` and `@lru_cache(...)` leave the function as it is."""
    if args and isinstance(args[0], Function | Class):
        return args[0]
    return Builtin("cache", lambda inner, _kwargs, _where: inner[0] if inner else Unknown())


def _replace(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    if not args or not isinstance(args[0], Instance):
        return Unknown()
    return dataclasses.replace(args[0], attrs={**args[0].attrs, **kwargs})


def _iter_modules(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    """`pkgutil.iter_modules(package.__path__)`: the modules beside the file that asks."""
    importer = machine.module_at(where.file)
    if importer is None:
        return Unknown()
    return (
        [(Unknown(), name, False) for name in machine.program.submodules(importer)]
        if importer.is_package
        else Unknown()
    )


def _type(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    if len(args) == 1 and isinstance(args[0], Instance):
        return args[0].cls
    return args[0] if args and isinstance(args[0], ModuleRef) else Unknown()


def _cast(machine: Machine, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
    return args[1] if len(args) > 1 else Unknown()


FUNCTIONS: dict[str, Model] = {
    "builtins.super": _super,
    "builtins.getattr": _getattr,
    "builtins.setattr": _setattr,
    "builtins.hasattr": _hasattr,
    "builtins.isinstance": _isinstance,
    "builtins.str": _str,
    "builtins.list": _collection(list),
    "builtins.tuple": _collection(tuple),
    "builtins.set": _collection(set),
    "builtins.frozenset": _collection(set),
    "builtins.reversed": _collection(lambda items: list(reversed(items))),
    "builtins.sorted": _collection(lambda items: sorted(items) if is_concrete(items) else items),
    "builtins.enumerate": _collection(lambda items: list(enumerate(items))),
    "builtins.iter": _collection(list),
    "builtins.dict": _dict,
    "builtins.zip": _zip,
    "builtins.range": _range,
    "builtins.len": _len,
    "builtins.bool": _bool,
    "builtins.type": _type,
    "os.getenv": _environment,
    "os.environ.get": _environment,
    "importlib.import_module": _import_module,
    "pkgutil.iter_modules": _iter_modules,
    "functools.wraps": _wraps,
    "functools.lru_cache": _cache,
    "functools.cache": _cache,
    "contextlib.contextmanager": _cache,
    "contextlib.asynccontextmanager": _cache,
    "dataclasses.replace": _replace,
    "copy.copy": _first,
    "copy.deepcopy": _first,
    "typing.cast": _cast,
}
