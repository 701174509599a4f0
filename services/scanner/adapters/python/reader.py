"""Reads the API of a tree of Python files."""

from __future__ import annotations

import re
from collections.abc import Callable
from http import HTTPStatus

from services.scanner.adapters.python import fastapi_model, flask_model
from services.scanner.adapters.python.assembly import PlacedRoute, place_routes
from services.scanner.adapters.python.entries import run_uncalled
from services.scanner.adapters.python.fastapi_operations import FastApiOperations
from services.scanner.adapters.python.flask_operations import FlaskOperations
from services.scanner.adapters.python.machine import BudgetExceededError, Machine
from services.scanner.adapters.python.program import Program
from services.scanner.adapters.python.schemas import SchemaBuilder
from services.scanner.adapters.python.values import Value
from services.scanner.adapters.tree import SourceTree
from shared.contracts.scanner import ApiDescription, Operation, SecurityScheme

Progress = Callable[[float, str], None]
"""Share of the work done (0..1), and what is being done."""
_WORTH_RUNNING = re.compile(
    rb"fastapi|flask|starlette|[Rr]outer|[Bb]lueprint|@\w[\w.]*\.(get|post|put|delete|patch|route|api_route)\("
)
_FRAMEWORK_MARK = re.compile(
    rb"(?m)^\s*(?:from|import)\s+(fastapi|flask|starlette|flask_restful|flask_restx|flask_smorest|apiflask)\b"
)


def read_python(tree: SourceTree, progress: Progress = lambda _share, _message: None) -> ApiDescription:
    """The operations that the FastAPI and Flask code of a tree serves, with what could not be told as warnings."""
    program = Program(tree)
    machine = Machine(program, {**fastapi_model.NATIVES, **flask_model.NATIVES})
    machine.class_methods.update(flask_model.CLASS_METHODS)
    machine.constants.update(_status_constants())
    frameworks: set[str] = set()
    chosen = [file for file in program.files if _is_worth_running(tree, file, frameworks)]
    for done, file in enumerate(chosen):
        if done % 20 == 0:
            progress(0.8 * done / len(chosen), f"{done} of {len(chosen)} Python files")
        machine.load(program.module(file))
    run_uncalled(machine, [program.module(file) for file in chosen])
    progress(0.85, "putting paths together")
    return _describe(machine, place_routes(machine), frameworks)


def _is_worth_running(tree: SourceTree, file: str, frameworks: set[str]) -> bool:
    """Whether a file may register routes; what it imports is read when it is used. Notes the frameworks imported."""
    try:
        source = tree.read(file)
    except OSError:
        return True
    frameworks.update(match.decode() for match in _FRAMEWORK_MARK.findall(source))
    return _WORTH_RUNNING.search(source) is not None


def _describe(machine: Machine, placed: list[PlacedRoute], frameworks: set[str]) -> ApiDescription:
    schemas = SchemaBuilder(machine)
    fastapi, flask = FastApiOperations(machine, schemas), FlaskOperations(machine)
    found: dict[tuple[str, str], Operation] = {}
    for item in placed:
        machine.steps = 0
        try:
            operations = flask.operations(item) if item.is_flask else fastapi.operations(item)
        except (BudgetExceededError, RecursionError):
            machine.warn(item.route.where, f"the contract of {item.path} could not be read: too large")
            continue
        for operation in operations:
            found.setdefault((operation.method, operation.path), operation)
    failures = machine.program.failures
    warnings = [f"{where}: {message}" for where, message in machine.warnings]
    warnings += [f"{file}:{error.line}: cannot be parsed: {error}" for file, error in sorted(failures.items())]
    title, version = _title(machine)
    return ApiDescription(
        title=title,
        version=version,
        framework=_framework(placed, frameworks),
        operations=tuple(found[key] for key in sorted(found, key=lambda key: (key[1], key[0]))),
        security_schemes=_schemes(fastapi.security_schemes),
        warnings=tuple(dict.fromkeys(warnings)),
        failed_files=tuple(sorted(failures)),
    )


def _schemes(found: dict[str, SecurityScheme]) -> dict[str, SecurityScheme]:
    return dict(sorted(found.items()))


def _framework(placed: list[PlacedRoute], frameworks: set[str]) -> str:
    kinds = {"flask" if item.is_flask else "fastapi" for item in placed}
    kinds = kinds or {"flask" if name.startswith("flask") else name for name in frameworks}
    return "+".join(sorted(kinds)) or "none"


def _title(machine: Machine) -> tuple[str, str]:
    for instance in machine.instances:
        native = instance.native
        if native.is_application and isinstance(native.options.get("title"), str):
            version = native.options.get("version")
            return native.options["title"], version if isinstance(version, str) else ""
    return "", ""


def _status_constants() -> dict[str, Value]:
    """`status.HTTP_404_NOT_FOUND` and `HTTPStatus.NOT_FOUND` as numbers."""
    found: dict[str, Value] = {}
    for status in HTTPStatus:
        for module in ("fastapi.status", "starlette.status"):
            found[f"{module}.HTTP_{status.value}_{status.name}"] = status.value
        found[f"http.HTTPStatus.{status.name}"] = status.value
    return found
