"""What a Flask handler takes from the request, if it is plain: `request.args.get("page")`, `request.json["name"]`."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.scanner.adapters.python.scalars import external_schema
from services.scanner.adapters.python.values import External, Function, Scope, is_concrete
from shared.contracts.scanner import Parameter, RequestBody

if TYPE_CHECKING:
    from services.scanner.adapters.python.machine import Machine

_PARAMETERS = {"args": "query", "headers": "header", "cookies": "cookie"}
_FORM = "application/x-www-form-urlencoded"
_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE"})


@dataclass
class RequestUse:
    parameters: list[Parameter] = field(default_factory=list)
    body: RequestBody | None = None


@dataclass
class _Found:
    parameters: dict[tuple[str, str], Parameter] = field(default_factory=dict)
    fields: dict[str, dict[str, tuple[dict[str, Any], bool]]] = field(default_factory=dict)


def read_request(machine: Machine, function: Function, method: str) -> RequestUse:
    """Parameters and body fields that the function's own code names."""
    reader = _Reader(machine, function)
    for node in ast.walk(function.node):
        reader.visit(node)
    body = None
    if method not in _WITHOUT_BODY and reader.found.fields:
        body = RequestBody(
            required=True, content={media: _object(fields) for media, fields in reader.found.fields.items()}
        )
    return RequestUse(list(reader.found.parameters.values()), body)


class _Reader:
    def __init__(self, machine: Machine, function: Function) -> None:
        self._machine = machine
        self._scope = Scope(function.module, parent=function.scope)
        self._json_names = _json_variables(function, self._is_request)
        self.found = _Found()

    def visit(self, node: ast.AST) -> None:
        if isinstance(node, ast.Subscript):
            key = self._machine.evaluate(node.slice, self._scope) if isinstance(node.slice, ast.Constant) else None
            if isinstance(key, str):
                self._use(node.value, key, {"type": "string"}, required=True)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in {"get", "getlist"} and node.args and isinstance(node.args[0], ast.Constant):
                key = node.args[0].value
                if isinstance(key, str):
                    self._use(node.func.value, key, self._schema(node), required=False)
            if node.func.attr == "get_json" and self._is_request(node.func.value):
                self.found.fields.setdefault("application/json", {})
        elif isinstance(node, ast.Attribute) and node.attr == "json" and self._is_request(node.value):
            self.found.fields.setdefault("application/json", {})

    def _use(self, owner: ast.expr, key: str, schema: dict[str, Any], *, required: bool) -> None:
        place = owner.attr if isinstance(owner, ast.Attribute) and self._is_request(owner.value) else ""
        if place in _PARAMETERS:
            location: Any = _PARAMETERS[place]
            item = Parameter(name=key, location=location, required=required, json_schema=schema)
            self.found.parameters.setdefault((location, key), item)
        elif place == "form":
            self.found.fields.setdefault(_FORM, {}).setdefault(key, (schema, required))
        elif place == "files":
            self.found.fields.setdefault("multipart/form-data", {})[key] = (
                {"type": "string", "format": "binary"},
                required,
            )
        elif self._is_json(owner):
            fields = self.found.fields.setdefault("application/json", {})
            known = fields.get(key, ({}, False))
            fields[key] = ({}, required or known[1])

    def _schema(self, call: ast.Call) -> dict[str, Any]:
        words = {word.arg: self._machine.evaluate(word.value, self._scope) for word in call.keywords}
        kind = words.get("type")
        schema = (external_schema(kind) if isinstance(kind, External) else None) or {"type": "string"}
        default = words.get("default")
        if default is None and len(call.args) > 1:
            default = self._machine.evaluate(call.args[1], self._scope)
        if default is not None and is_concrete(default) and not isinstance(default, bytes | tuple | set):
            schema["default"] = default
        return schema

    def _is_request(self, node: ast.expr) -> bool:
        value = self._machine.evaluate(node, self._scope) if isinstance(node, ast.Name | ast.Attribute) else None
        return isinstance(value, External) and value.name in {"flask.request", "flask.globals.request"}

    def _is_json(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Name):
            return node.id in self._json_names
        return _is_json_source(node, self._is_request)


def _is_json_source(node: ast.expr, is_request: Any) -> bool:
    if isinstance(node, ast.BoolOp):
        return any(_is_json_source(item, is_request) for item in node.values)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        return node.func.attr == "get_json" and is_request(node.func.value)
    return isinstance(node, ast.Attribute) and node.attr == "json" and is_request(node.value)


def _json_variables(function: Function, is_request: Any) -> set[str]:
    """Local names that hold the JSON body."""
    found: set[str] = set()
    for node in ast.walk(function.node):
        if isinstance(node, ast.Assign) and _is_json_source(node.value, is_request):
            found |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return found


def _object(fields: dict[str, tuple[dict[str, Any], bool]]) -> dict[str, Any]:
    required = [name for name, (_, is_required) in fields.items() if is_required]
    schema: dict[str, Any] = {"type": "object", "properties": {name: item for name, (item, _) in fields.items()}}
    return {**schema, **({"required": required} if required else {})}
