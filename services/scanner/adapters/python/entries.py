"""Functions that build applications but that nothing in the tree calls: the server calls `create_app()`."""

from __future__ import annotations

import ast

from services.scanner.adapters.python.annotations import evaluate_annotation
from services.scanner.adapters.python.machine import Machine
from services.scanner.adapters.python.routing import HTTP_METHODS
from services.scanner.adapters.python.values import Class, External, Function, Instance, Module, Unknown, Value

_REGISTERING = frozenset(
    {
        "include_router", "register_blueprint", "add_url_rule", "add_api_route", "add_resource", "add_namespace",
        "mount", "add_route", "init_app",
    }
)  # fmt: skip
_BUILDING = frozenset({"FastAPI", "Flask", "APIRouter", "Blueprint", "Starlette", "Api", "Namespace"})
_DECORATING = frozenset({*HTTP_METHODS, "route", "api_route"})


def run_uncalled(machine: Machine, modules: list[Module]) -> None:
    """Calls what may register routes and was not called, callers before callees."""
    candidates = [item for module in modules for item in _candidates(machine, module)]
    mentioned = {name for function in candidates for name in _called_names(function)}
    for function in sorted(candidates, key=lambda item: (item.name in mentioned, item.where.file, item.where.line)):
        if not machine.was_called(function):
            _run(machine, function)


def _candidates(machine: Machine, module: Module) -> list[Function]:
    found: list[Function] = []
    for value in module.scope.names.values():
        if isinstance(value, Function) and value.module is module:
            found.append(value.unwrapped())
        elif isinstance(value, Class) and value.module is module:
            found.extend(
                item for item in value.scope.names.values() if isinstance(item, Function) and item.module is module
            )
    return [function for function in found if not machine.was_called(function) and _registers(function)]


def _registers(function: Function) -> bool:
    for node in ast.walk(function.node):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if name in _REGISTERING or name in _BUILDING:
                return True
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node is not function.node:
            for decorator in node.decorator_list:
                target = decorator.func if isinstance(decorator, ast.Call) else decorator
                if isinstance(target, ast.Attribute) and target.attr in _DECORATING:
                    return True
    return False


def _called_names(function: Function) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(function.node):
        if isinstance(node, ast.Call):
            names.add(node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", ""))
    return names


def _run(machine: Machine, function: Function) -> None:
    where = function.where
    if function.owner is not None and function.kind == "function":
        instance = machine.enter(function.owner, [], {}, where)
        if function.name == "__init__" or machine.was_called(function):
            return
        function = function.bind(instance)
    elif function.kind == "classmethod":
        function = function.bind(function.owner)
    machine.enter(function, [], _known_arguments(machine, function), where)


def _known_arguments(machine: Machine, function: Function) -> dict[str, Value]:
    """Arguments that the program leaves no doubt about: its only application, and objects of its own classes."""
    known: dict[str, Value] = {}
    for argument in [*function.node.args.posonlyargs, *function.node.args.args, *function.node.args.kwonlyargs]:
        if argument.arg in function.defaults or argument.annotation is None:
            continue
        kind = evaluate_annotation(machine, argument.annotation, function.scope)
        if isinstance(kind, External) and kind.name in machine.natives:
            applications = [item for item in machine.instances if item.cls == kind]
            if len(applications) == 1:
                known[argument.arg] = applications[0]
        elif isinstance(kind, Class):
            made = machine.enter(kind, [], {}, function.where)
            known[argument.arg] = made if isinstance(made, Instance) else Unknown(f"argument {argument.arg}")
    return known
