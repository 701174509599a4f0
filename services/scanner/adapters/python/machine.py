"""The partial evaluator: ties expressions, statements and calls together, and keeps them bounded."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from services.scanner.adapters.python import calls, expressions, statements
from services.scanner.adapters.python.program import Program
from services.scanner.adapters.python.values import (
    Class,
    Deferred,
    External,
    Function,
    Instance,
    Module,
    ModuleRef,
    Scope,
    Unknown,
    Value,
    Where,
)

MAX_CALL_DEPTH = 40
STEPS_PER_ENTRY = 400_000
"""Nodes evaluated for one module body or one entry function before it is given up."""
_ABSENT = object()


class BudgetExceededError(Exception):
    """One entry took too many steps; it is given up with a warning, the scan goes on."""


class Machine:
    """Evaluates the modules of a program on abstract values. `natives` are the framework classes that have a model."""

    def __init__(self, program: Program, natives: dict[str, Callable[[], Any]]) -> None:
        self.program = program
        self.natives = natives
        self.warnings: list[tuple[Where, str]] = []
        self.instances: list[Instance] = []
        self.called: set[int] = set()
        self.constants: dict[str, Value] = {}
        """Attributes of external things whose value is known (`fastapi.status.HTTP_201_CREATED`)."""
        self.class_methods: dict[str, Callable[..., Value]] = {}
        """Class methods that a framework gives to the classes of a program (`View.as_view`)."""
        self.depth = 0
        self.steps = 0

    # ------------------------------------------------------------ evaluation
    def evaluate(self, node: ast.expr | None, scope: Scope) -> Value:
        """The value of an expression."""
        if node is None:
            return None
        self.steps += 1
        if self.steps > STEPS_PER_ENTRY:
            raise BudgetExceededError
        return self.resolve(expressions.evaluate(self, node, scope))

    def execute(self, body: list[ast.stmt], scope: Scope) -> statements.Flow:
        """Runs statements; tells how they ended."""
        return statements.execute(self, body, scope)

    def call(self, function: Value, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
        """The result of a call."""
        return self.resolve(calls.call(self, function, args, kwargs, where))

    def attribute(self, value: Value, name: str, where: Where) -> Value:
        """`value.name`."""
        return self.resolve(calls.attribute(self, value, name, where))

    def assign(self, target: ast.expr, value: Value, scope: Scope) -> None:
        """Binds a value to an assignment target."""
        statements.assign(self, target, value, scope)

    def set_attribute(self, owner: Value, name: str, value: Value) -> None:
        """`owner.name = value`."""
        statements.set_attribute(owner, name, value)

    def module_at(self, file: str) -> Module | None:
        """The module of a file of the tree."""
        return self.program.module(file) if file in self.program.files else None

    def warn(self, where: Where, message: str) -> None:
        if (where, message) not in self.warnings:
            self.warnings.append((where, message))

    # ------------------------------------------------------------ modules
    def load(self, module: Module) -> None:
        """Evaluates a module's body, once."""
        if module.state != "new":
            return
        module.state = "running"
        saved, self.steps = self.steps, 0
        module.scope.names.update({"__name__": module.name, "__file__": Unknown("the path of the file")})
        try:
            self.execute(module.body, module.scope)
        except BudgetExceededError:
            self.warn(Where(module.file, 1), "evaluation was given up: too many steps")
        except RecursionError:
            self.warn(Where(module.file, 1), "evaluation was given up: nested too deeply")
        finally:
            self.steps = saved
            module.state = "done"

    def resolve(self, value: Value) -> Value:
        """Carries out a deferred import."""
        seen = 0
        while isinstance(value, Deferred) and seen < MAX_CALL_DEPTH:
            value, seen = self._import(value), seen + 1
        return Unknown("cyclic import") if isinstance(value, Deferred) else value

    def _import(self, deferred: Deferred) -> Value:
        module = self.program.find(deferred.importer, deferred.module)
        if module is not None:
            self.load(module)
            return self.member(module, deferred.attribute) if deferred.attribute else ModuleRef(module)
        if deferred.attribute:
            whole = self.program.find(deferred.importer, f"{deferred.module}.{deferred.attribute}")
            if whole is not None:
                self.load(whole)
                return ModuleRef(whole)
            return External(f"{deferred.module}.{deferred.attribute}")
        return External(deferred.module)

    def member(self, module: Module, name: str, seen: frozenset[str] = frozenset()) -> Value:
        """What a module gives by a name: its own, one of its submodules, or one that it imports by `*`."""
        own = module.scope.names.get(name, _ABSENT)
        is_itself = isinstance(own, Deferred) and (own.module, own.attribute) == (module.name, name)
        if own is not _ABSENT and not is_itself:
            return own
        inner = self.program.find(module, f"{module.name}.{name}") if module.is_package else None
        if inner is not None:
            self.load(inner)
            return ModuleRef(inner)
        if module.star_imports and not name.startswith("_") and name not in module.absent:
            return self._starred(module, name, seen | {module.file})
        return Unknown(f"{module.name} has no {name}")

    def _starred(self, module: Module, name: str, seen: frozenset[str]) -> Value:
        is_settled = module.state == "done"
        for index, source in enumerate(module.star_imports):
            resolved = module.star_imports[index] = self.resolve(source)
            if not isinstance(resolved, ModuleRef) or resolved.module.file in seen:
                continue
            found = self.resolve(self.member(resolved.module, name, seen))
            if not isinstance(found, Unknown):
                return found
            is_settled = is_settled and resolved.module.state == "done"
        if is_settled and len(seen) == 1:
            module.absent.add(name)
        return Unknown(f"{module.name} has no {name}")

    # ------------------------------------------------------------ entries
    def enter(self, function: Value, args: list[Value], kwargs: dict[str, Value], where: Where) -> Value:
        """Calls something with a budget of its own."""
        saved, self.steps = self.steps, 0
        try:
            return self.call(function, args, kwargs, where)
        except BudgetExceededError:
            self.warn(where, "evaluation was given up: too many steps")
        except RecursionError:
            self.warn(where, "evaluation was given up: nested too deeply")
        finally:
            self.steps = saved
        return Unknown("evaluation was given up")

    def native_of(self, cls: Class | External) -> Any:
        """A fresh model of the framework class that this is or inherits from; None where there is none."""
        names = cls.external_bases() if isinstance(cls, Class) else [cls.name]
        for name in names:
            if name in self.natives:
                return self.natives[name]()
        return None

    def was_called(self, function: Function) -> bool:
        return id(function.node) in self.called
