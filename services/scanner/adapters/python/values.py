"""Abstract values of the partial evaluator.

Plain Python constants (str, int, float, bool, bytes, None) and containers (list, tuple, dict, set) stand for
themselves; everything else is one of the classes here. Nothing of the scanned program is ever executed.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Value = Any
"""A constant, a container of values, or an instance of a class of this module."""
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Where:
    """A place in the source, for messages and for the contract."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True, slots=True)
class Unknown:
    """A value that the evaluator can't tell, and why."""

    reason: str = "value is not known before the program runs"


@dataclass(frozen=True, slots=True)
class External:
    """Something of a package outside of the scanned tree, by its dotted name (`fastapi.APIRouter`, `builtins.int`)."""

    name: str


@dataclass(eq=False, slots=True)
class ExternalCall:
    """The result of calling something external: `Depends(get_db)`, `Field(gt=0)`, `OAuth2PasswordBearer(...)`."""

    name: str
    args: list[Value]
    kwargs: dict[str, Value]
    where: Where

    def argument(self, position: int, keyword: str, default: Value = None) -> Value:
        """The argument by keyword or position, else `default`."""
        if keyword in self.kwargs:
            return self.kwargs[keyword]
        return self.args[position] if 0 <= position < len(self.args) else default


@dataclass(eq=False, slots=True)
class Parametrised:
    """A subscripted type: `list[int]`, `Annotated[str, Query()]`, `Page[Book]`."""

    origin: Value
    args: tuple[Value, ...]


@dataclass(eq=False, slots=True)
class UnionOf:
    """`A | B` of types."""

    options: tuple[Value, ...]


@dataclass(eq=False, slots=True)
class Scope:
    """Names of a module, class body or function call. Class bodies are invisible to the functions inside of them."""

    module: Module
    names: dict[str, Value] = field(default_factory=dict)
    parent: Scope | None = None
    is_class: bool = False
    qualname: str = ""
    returns: list[Value] = field(default_factory=list)
    owner: Class | None = None
    receiver: Value = None


@dataclass(eq=False, slots=True)
class Module:
    """A file of the scanned tree."""

    name: str
    file: str
    is_package: bool
    body: list[ast.stmt] = field(default_factory=list)
    scope: Scope = field(init=False)
    star_imports: list[Value] = field(default_factory=list)
    absent: set[str] = field(default_factory=set)
    """Names that the star imports are known not to give."""
    state: str = "new"

    def __post_init__(self) -> None:
        self.scope = Scope(module=self)

    def where(self, node: ast.AST) -> Where:
        return Where(self.file, getattr(node, "lineno", 1))


@dataclass(eq=False, slots=True)
class Deferred:
    """An import that is carried out at its first use. `attribute` is empty for the module itself."""

    module: str
    attribute: str
    importer: Module


@dataclass(eq=False, slots=True)
class ModuleRef:
    module: Module


@dataclass(eq=False, slots=True)
class Function:
    """A function or lambda of the program, perhaps bound to a receiver; `wrapped` is what `functools.wraps` names."""

    node: FunctionNode
    scope: Scope
    qualname: str
    owner: Class | None = None
    receiver: Value = None
    is_bound: bool = False
    kind: str = "function"
    wrapped: Function | None = None
    defaults: dict[str, Value] = field(default_factory=dict)

    @property
    def module(self) -> Module:
        return self.scope.module

    @property
    def where(self) -> Where:
        return self.module.where(self.node)

    @property
    def name(self) -> str:
        return getattr(self.node, "name", "<lambda>")

    def bind(self, receiver: Value) -> Function:
        """The method of a receiver (instance, or class for class methods)."""
        return Function(
            self.node,
            self.scope,
            self.qualname,
            self.owner,
            receiver,
            is_bound=True,
            kind=self.kind,
            wrapped=self.wrapped,
            defaults=self.defaults,
        )

    def unwrapped(self) -> Function:
        """The function whose signature counts."""
        found, seen = self, 0
        while found.wrapped is not None and seen < 20:  # noqa: PLR2004 - a bound against cycles
            found, seen = found.wrapped, seen + 1
        return found


@dataclass(eq=False, slots=True)
class Class:
    """A class of the program."""

    name: str
    node: ast.ClassDef
    scope: Scope
    qualname: str
    bases: list[Value] = field(default_factory=list)
    keywords: dict[str, Value] = field(default_factory=dict)
    decorators: list[Value] = field(default_factory=list)

    @property
    def module(self) -> Module:
        return self.scope.module

    @property
    def where(self) -> Where:
        return self.module.where(self.node)

    def mro(self) -> list[Value]:
        """The class and its ancestors, depth first without repetition; external ones as `External`."""
        order: list[Value] = [self]
        for base in self.bases:
            origin = base.origin if isinstance(base, Parametrised) else base
            for ancestor in origin.mro() if isinstance(origin, Class) else [origin]:
                if all(ancestor is not known for known in order) and len(order) < 100:  # noqa: PLR2004
                    order.append(ancestor)
        return order

    def external_bases(self) -> list[str]:
        return [base.name for base in self.mro() if isinstance(base, External)]


@dataclass(eq=False, slots=True)
class Instance:
    """An object of a class of the program, or of a framework class that has a model here (`native`)."""

    cls: Class | External
    attrs: dict[str, Value] = field(default_factory=dict)
    native: Any = None
    where: Where | None = None


@dataclass(eq=False, slots=True)
class Super:
    """`super()` inside of a method of `owner`."""

    receiver: Value
    owner: Class


@dataclass(eq=False, slots=True)
class Builtin:
    """Something callable that the evaluator itself carries out: `(args, kwargs, where) -> value`."""

    name: str
    run: Callable[[list[Value], dict[str, Value], Where], Value]


def is_concrete(value: Value) -> bool:
    """Whether the value is a plain constant or a container of constants."""
    if value is None or isinstance(value, str | int | float | bool | bytes):
        return True
    if isinstance(value, list | tuple | set | frozenset):
        return all(is_concrete(item) for item in value)
    if isinstance(value, dict):
        return all(is_concrete(item) for item in value.values())
    return False


def external_name(value: Value) -> str:
    """The dotted name of an external thing or of the callee of an external call; else an empty string."""
    if isinstance(value, External | ExternalCall):
        return value.name
    if isinstance(value, Parametrised):
        return external_name(value.origin)
    return ""
