"""Operations of Flask routes: converters, class-based views, and what the handler reads of the request."""

from __future__ import annotations

import re
from typing import Any

from services.scanner.adapters.python.assembly import PlacedRoute
from services.scanner.adapters.python.errors_raised import RaisedErrors
from services.scanner.adapters.python.fastapi_contract import docstring_summary
from services.scanner.adapters.python.flask_answers import answers_of
from services.scanner.adapters.python.flask_model import class_method
from services.scanner.adapters.python.flask_request import read_request
from services.scanner.adapters.python.machine import Machine
from services.scanner.adapters.python.values import Class, ExternalCall, Function, Instance, Value
from shared.contracts.scanner import Operation, Parameter, Response, SourceLocation

_RULE = re.compile(r"<(?:(?P<converter>[a-zA-Z_][\w]*)(?:\((?P<arguments>[^>]*)\))?:)?(?P<name>[a-zA-Z_]\w*)>")
_CONVERTERS: dict[str, dict[str, Any]] = {
    "int": {"type": "integer", "minimum": 0},
    "float": {"type": "number", "minimum": 0},
    "uuid": {"type": "string", "format": "uuid"},
    "path": {"type": "string", "minLength": 1},
    "string": {"type": "string", "minLength": 1},
}
_BOUNDS = {"min": "minimum", "max": "maximum", "minlength": "minLength", "maxlength": "maxLength"}


class FlaskOperations:
    """Makes operations of placed Flask routes."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._errors = RaisedErrors(machine)

    def operations(self, placed: PlacedRoute) -> list[Operation]:
        """One operation for each method of the rule."""
        return [self._operation(placed, method) for method in placed.route.methods]

    def _operation(self, placed: PlacedRoute, method: str) -> Operation:
        handler = _handler(placed.route.handler, method)
        parameters = _path_parameters(placed.path)
        responses: dict[str, Response] = {"200": Response(description="OK")}
        warnings = [placed.warning] if placed.warning else []
        summary, body = "", None
        if isinstance(handler, Function):
            inner = handler.unwrapped()
            summary = docstring_summary(inner)
            responses = answers_of(self._machine, inner)
            read = read_request(self._machine, inner, method)
            parameters += [item for item in read.parameters if all(item.name != known.name for known in parameters)]
            body = read.body
            statuses: dict[str, str] = {}
            self._errors.add_to(inner, statuses)
            responses.update(
                {code: Response(description=text) for code, text in statuses.items() if code not in responses}
            )
        else:
            warnings.append("the handler is not known, only method and path are")
        return Operation(
            method=method,
            path=_RULE.sub(lambda match: "{" + match["name"] + "}", placed.path),
            summary=summary,
            parameters=tuple(parameters),
            request_body=body,
            responses=responses,
            source=_source(placed, handler),
            warnings=tuple(warnings),
        )


def _handler(view: Value, method: str) -> Value:
    if isinstance(view, ExternalCall) and view.name == "flask.as_view":
        view = view.args[0]
    if isinstance(view, Instance) and isinstance(view.cls, Class):
        view = view.cls
    if isinstance(view, Class):
        for name in (method.lower(), "dispatch_request", "__call__"):
            found = class_method(view, name)
            if isinstance(found, Function):
                return found
    return view


def _path_parameters(rule: str) -> list[Parameter]:
    found: list[Parameter] = []
    for match in _RULE.finditer(rule):
        schema = _converter_schema(match["converter"] or "string", match["arguments"] or "")
        found.append(Parameter(name=match["name"], location="path", required=True, json_schema=schema))
    return found


def _converter_schema(converter: str, arguments: str) -> dict[str, Any]:
    if converter == "any":
        values = [item.strip().strip("'\"") for item in arguments.split(",")]
        return {"type": "string", "enum": [value for value in values if value]}
    schema = dict(_CONVERTERS.get(converter, {"type": "string"}))
    for name, value in re.findall(r"(\w+)\s*=\s*(-?\d+)", arguments):
        if name in _BOUNDS:
            schema[_BOUNDS[name]] = int(value)
        elif name == "length":
            schema.update(minLength=int(value), maxLength=int(value))
    if re.search(r"signed\s*=\s*True", arguments):
        schema.pop("minimum", None)
    return schema


def _source(placed: PlacedRoute, handler: Value) -> SourceLocation:
    if isinstance(handler, Function):
        inner = handler.unwrapped()
        return SourceLocation(
            file=inner.where.file, line=inner.where.line, handler=f"{inner.module.name}.{inner.qualname}"
        )
    return SourceLocation(file=placed.route.where.file, line=placed.route.where.line)
