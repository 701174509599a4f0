"""Operations of FastAPI routes."""

from __future__ import annotations

import re
from typing import Any

from services.scanner.adapters.python.annotations import evaluate_annotation
from services.scanner.adapters.python.assembly import PlacedRoute
from services.scanner.adapters.python.fastapi_contract import BodyPart, Signature, SignatureReader, docstring_summary
from services.scanner.adapters.python.machine import Machine
from services.scanner.adapters.python.scalars import last_name, status_code
from services.scanner.adapters.python.schemas import SchemaBuilder
from services.scanner.adapters.python.values import (
    Class,
    External,
    ExternalCall,
    Function,
    Instance,
    Parametrised,
    Unknown,
    Value,
)
from shared.contracts.scanner import Operation, Parameter, RequestBody, Response, SecurityScheme, SourceLocation

_CONVERTOR = re.compile(r"{([^}:]+)(?::([^}]+))?}")
_CONVERTOR_SCHEMAS: dict[str, dict[str, Any]] = {
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "uuid": {"type": "string", "format": "uuid"},
}
_MEDIA_TYPES = {
    "HTMLResponse": "text/html",
    "PlainTextResponse": "text/plain",
    "StreamingResponse": "",
    "FileResponse": "",
    "RedirectResponse": "",
    "Response": "",
}
_NO_CONTENT = frozenset({204, 205, 304})
VALIDATION_ERROR: dict[str, Any] = {
    "type": "object",
    "title": "HTTPValidationError",
    "properties": {"detail": {"type": "array", "items": {"$ref": "#/$defs/ValidationError"}}},
    "$defs": {
        "ValidationError": {
            "type": "object",
            "title": "ValidationError",
            "required": ["loc", "msg", "type"],
            "properties": {
                "loc": {"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "integer"}]}},
                "msg": {"type": "string"},
                "type": {"type": "string"},
            },
        }
    },
}


class FastApiOperations:
    """Makes operations of placed routes; collects the security schemes that they name."""

    def __init__(self, machine: Machine, schemas: SchemaBuilder) -> None:
        self._machine = machine
        self._schemas = schemas
        self._signatures = SignatureReader(machine, schemas)
        self.security_schemes: dict[str, SecurityScheme] = {}

    def operations(self, placed: PlacedRoute) -> list[Operation]:
        """One operation for each method of the route."""
        path = _CONVERTOR.sub(r"{\1}", placed.path)
        handler = placed.route.handler
        if isinstance(handler, Instance):
            handler = self._machine.attribute(handler, "__call__", placed.route.where)
        is_plain = placed.route.options.get("is_plain") is True
        if not isinstance(handler, Function) or is_plain:
            return [self._bare(placed, path, method, handler) for method in placed.route.methods]
        signature = self._signatures.read(handler, placed.path, _gathered(placed, "dependencies"))
        self._add_convertors(signature, placed.path)
        self.security_schemes.update(signature.schemes)
        return [self._operation(placed, path, method, handler, signature) for method in placed.route.methods]

    def _bare(self, placed: PlacedRoute, path: str, method: str, handler: Value) -> Operation:
        """A route whose handler says nothing about its contract."""
        names = [name for name, _ in _CONVERTOR.findall(placed.path)]
        known = isinstance(handler, Function)
        warnings = [placed.warning] if placed.warning else []
        if not known:
            warnings.append("the handler is not known, only method and path are")
        return Operation(
            method=method,
            path=path,
            parameters=tuple(
                Parameter(name=name, location="path", required=True, json_schema={"type": "string"}) for name in names
            ),
            responses={"200": Response(description="Successful Response")},
            source=_source(placed, handler),
            warnings=tuple(warnings),
        )

    def _operation(
        self, placed: PlacedRoute, path: str, method: str, handler: Function, signature: Signature
    ) -> Operation:
        options = placed.route.options
        operation_id = options.get("operation_id")
        summary = options.get("summary")
        tags = list(dict.fromkeys(text for item in _gathered(placed, "tags") if (text := _text(item))))
        responses = self._responses(placed, handler, signature)
        warnings = [*([placed.warning] if placed.warning else []), *signature.warnings, *self._schemas.take_unknown()]
        return Operation(
            method=method,
            path=path,
            operation_id=operation_id if isinstance(operation_id, str) else None,
            summary=summary if isinstance(summary, str) else docstring_summary(handler.unwrapped()) or _title(handler),
            tags=tuple(tags),
            deprecated=options.get("deprecated") is True,
            parameters=tuple(signature.parameters.values()),
            request_body=_body(signature.body),
            responses=responses,
            security=tuple(signature.security),
            source=_source(placed, handler),
            warnings=tuple(dict.fromkeys(warnings)),
        )

    # ------------------------------------------------------------ responses
    def _responses(self, placed: PlacedRoute, handler: Function, signature: Signature) -> dict[str, Response]:
        options = placed.route.options
        code = status_code(options.get("status_code")) or _class_status(options.get("response_class")) or 200
        found: dict[str, Response] = {
            str(code): Response(description="Successful Response", content=self._content(placed, handler, code))
        }
        for mapping in [*_mappings(placed.chain), options.get("responses")]:
            if isinstance(mapping, dict):
                self._declared(found, mapping)
        for raised, description in signature.statuses.items():
            found.setdefault(raised, Response(description=description, content={"application/json": _detail()}))
        if signature.parameters or signature.body:
            found.setdefault(
                "422", Response(description="Validation Error", content={"application/json": VALIDATION_ERROR})
            )
        return found

    def _declared(self, found: dict[str, Response], mapping: dict[Value, Value]) -> None:
        for key, value in mapping.items():
            code = status_code(key)
            shown = str(code) if code is not None else key
            if not isinstance(shown, str) or not isinstance(value, dict):
                continue
            model = value.get("model")
            known = found.get(shown, Response())
            content = {"application/json": self._schemas.build(model)} if model is not None else known.content
            description = value.get("description")
            found[shown] = Response(
                description=description if isinstance(description, str) else known.description, content=content
            )

    def _content(self, placed: PlacedRoute, handler: Function, code: int) -> dict[str, Any]:
        if code in _NO_CONTENT:
            return {}
        options = placed.route.options
        response_class = options.get("response_class", _inherited(placed, "default_response_class"))
        model = options["response_model"] if "response_model" in options else self._returned(handler)
        media = _media_type(response_class)
        if media is not None:
            return {media: {"type": "string"}} if media else {}
        if isinstance(model, Unknown) or model is None:
            return {} if _is_response(self._returned(handler)) else {"application/json": {}}
        if _is_response(model):
            media = _media_type(model)
            return {media: {}} if media else {}
        return {"application/json": self._schemas.build(model)}

    def _returned(self, handler: Function) -> Value:
        inner = handler.unwrapped()
        return evaluate_annotation(self._machine, getattr(inner.node, "returns", None), inner.scope)

    def _add_convertors(self, signature: Signature, path: str) -> None:
        """Path parameters that the handler does not name, and the types that convertors give."""
        for name, convertor in _CONVERTOR.findall(path):
            shown = signature.parameters.get(("path", name))
            schema = _CONVERTOR_SCHEMAS.get(convertor, {"type": "string"})
            if shown is None:
                signature.parameters["path", name] = Parameter(
                    name=name, location="path", required=True, json_schema=schema
                )


def _body(parts: list[BodyPart]) -> RequestBody | None:
    if not parts:
        return None
    required = any(part.required for part in parts)
    markers = {part.marker for part in parts}
    is_file = "File" in markers or any(_has_binary(part.schema) for part in parts)
    media = (
        "multipart/form-data"
        if is_file
        else "application/x-www-form-urlencoded"
        if "Form" in markers
        else "application/json"
    )
    media = next((part.media_type for part in parts if part.media_type), media)
    first = parts[0]
    if len(parts) == 1 and not first.embed and ((first.marker == "Body" and not is_file) or _is_object(first.schema)):
        return RequestBody(required=required, content={media: first.schema})
    return RequestBody(required=required, content={media: _embedded(parts)})


def _embedded(parts: list[BodyPart]) -> dict[str, Any]:
    definitions: dict[str, Any] = {}
    schema: dict[str, Any] = {"type": "object", "properties": {}}
    for part in parts:
        inner = dict(part.schema)
        definitions.update(inner.pop("$defs", {}))
        schema["properties"][part.name] = inner
    names = [part.name for part in parts if part.required]
    return {**schema, **({"required": names} if names else {}), **({"$defs": definitions} if definitions else {})}


def _is_object(schema: dict[str, Any]) -> bool:
    name = str(schema.get("$ref", "")).rsplit("/", 1)[-1]
    return bool(schema.get("$defs", {}).get(name, schema).get("type") == "object")


def _has_binary(schema: dict[str, Any]) -> bool:
    branches = [schema, schema.get("items"), *schema.get("anyOf", [])]
    return any(isinstance(branch, dict) and branch.get("format") == "binary" for branch in branches)


def _gathered(placed: PlacedRoute, name: str) -> list[Value]:
    """An option that adds up from the application down to the route."""
    found: list[Value] = []
    for options in [*placed.chain, placed.route.options]:
        value = options.get(name)
        found.extend(value if isinstance(value, list | tuple) else [])
    return found


def _inherited(placed: PlacedRoute, name: str) -> Value:
    return next((options[name] for options in reversed(placed.chain) if name in options), None)


def _mappings(chain: list[dict[str, Value]]) -> list[Value]:
    return [options.get("responses") for options in chain]


def _media_type(value: Value) -> str | None:
    if isinstance(value, Class):
        declared = value.scope.names.get("media_type")
        if isinstance(declared, str):
            return declared
        names = [base.rsplit(".", 1)[-1] for base in value.external_bases()]
        return next((_MEDIA_TYPES[name] for name in names if name in _MEDIA_TYPES), None)
    return _MEDIA_TYPES.get(last_name(value)) if isinstance(value, External) else None


def _is_response(value: Value) -> bool:
    if isinstance(value, Parametrised):
        return _is_response(value.origin) or any(_is_response(item) for item in value.args)
    if isinstance(value, Class):
        return any(base.endswith("Response") for base in value.external_bases())
    return isinstance(value, External) and value.name.endswith("Response")


def _class_status(value: Value) -> int | None:
    return 307 if last_name(value) == "RedirectResponse" else None


def _detail() -> dict[str, Any]:
    return {"type": "object", "properties": {"detail": {}}}


def _text(value: Value) -> str | None:
    if isinstance(value, Instance):
        value = value.attrs.get("value")
    return value if isinstance(value, str) else None


def _title(handler: Function) -> str:
    return handler.unwrapped().name.replace("_", " ").title()


def _source(placed: PlacedRoute, handler: Value) -> SourceLocation:
    if isinstance(handler, Function):
        inner = handler.unwrapped()
        return SourceLocation(
            file=inner.where.file, line=inner.where.line, handler=f"{inner.module.name}.{inner.qualname}"
        )
    name = handler.name if isinstance(handler, External | ExternalCall) else ""
    return SourceLocation(file=placed.route.where.file, line=placed.route.where.line, handler=name)
