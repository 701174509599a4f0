"""What a FastAPI handler's signature says: parameters, body, dependencies and their security, responses."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from services.scanner.adapters.python import scalars
from services.scanner.adapters.python.annotations import evaluate_annotation
from services.scanner.adapters.python.errors_raised import RaisedErrors
from services.scanner.adapters.python.fastapi_security import security_scheme
from services.scanner.adapters.python.fields import Field, fields_of, is_model
from services.scanner.adapters.python.scalars import ELLIPSIS, SCALAR_NAMES, Schema, last_name
from services.scanner.adapters.python.values import (
    Class,
    External,
    ExternalCall,
    Function,
    Instance,
    Parametrised,
    UnionOf,
    Unknown,
    Value,
    is_concrete,
)
from shared.contracts.scanner import Parameter, SecurityScheme

if TYPE_CHECKING:
    from services.scanner.adapters.python.machine import Machine
    from services.scanner.adapters.python.schemas import SchemaBuilder

_LOCATIONS = {"Query": "query", "Path": "path", "Header": "header", "Cookie": "cookie"}
_BODIES = frozenset({"Body", "Form", "File"})
_MARKERS = frozenset({*_LOCATIONS, *_BODIES, "Depends", "Security"})
_INJECTED = frozenset(
    {"Request", "Response", "BackgroundTasks", "WebSocket", "HTTPConnection", "SecurityScopes", "Headers", "Session"}
)
_MISSING = Unknown("no default")
MAX_DEPENDENCIES = 200


@dataclass
class BodyPart:
    """One parameter that comes from the body."""

    name: str
    schema: Schema
    required: bool
    marker: str
    embed: bool = False
    media_type: str = ""


@dataclass
class Signature:
    """What a handler and its dependencies take, and how they authenticate."""

    path_names: frozenset[str]
    parameters: dict[tuple[str, str], Parameter] = field(default_factory=dict)
    body: list[BodyPart] = field(default_factory=list)
    security: list[dict[str, tuple[str, ...]]] = field(default_factory=list)
    schemes: dict[str, SecurityScheme] = field(default_factory=dict)
    statuses: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)


class SignatureReader:
    """Reads handlers and their dependencies."""

    def __init__(self, machine: Machine, schemas: SchemaBuilder) -> None:
        self._machine = machine
        self._schemas = schemas
        self._errors = RaisedErrors(machine)

    def read(self, handler: Function, path: str, dependencies: list[Value]) -> Signature:
        """The signature of a handler under a path, with the dependencies that its routers add."""
        signature = Signature(frozenset(re.findall(r"{([^}:]+)", path)))
        for dependency in dependencies:
            self._marked(signature, "", None, dependency)
        self.function(signature, handler)
        for unknown in self._schemas.take_unknown():
            signature.warnings.append(unknown)
        return signature

    def function(self, signature: Signature, function: Function) -> None:
        """Adds what a function takes."""
        inner = function.unwrapped()
        if id(inner.node) in signature.seen or len(signature.seen) > MAX_DEPENDENCIES:
            return
        signature.seen.add(id(inner.node))
        self._errors.add_to(inner, signature.statuses)
        arguments = inner.node.args
        names = [*arguments.posonlyargs, *arguments.args]
        if (inner.owner is not None and inner.kind != "staticmethod") or function.is_bound:
            names = names[1:]
        for argument in [*names, *arguments.kwonlyargs]:
            annotation = evaluate_annotation(self._machine, argument.annotation, inner.scope)
            default = inner.defaults.get(argument.arg, _MISSING)
            self._parameter(
                signature, argument.arg, annotation, default, has_annotation=argument.annotation is not None
            )

    def _parameter(
        self, signature: Signature, name: str, annotation: Value, default: Value, *, has_annotation: bool
    ) -> None:
        annotation, marker = _split(annotation)
        if isinstance(default, ExternalCall) and last_name(default) in _MARKERS:
            default = _merge(marker, default)
            marker = default
        if isinstance(annotation, External) and last_name(annotation) in _INJECTED:
            return
        if marker is not None:
            given = default if default is not marker else _MISSING
            self._marked(signature, name, annotation, marker, given)
        elif name in signature.path_names:
            self._add(signature, "path", name, annotation, {}, required=True, default=None)
        elif not has_annotation or self._is_scalar(annotation):
            required = default is _MISSING
            self._add(
                signature,
                "query",
                name,
                annotation if has_annotation else External("typing.Any"),
                {},
                required,
                default,
            )
        else:
            self._add_body(signature, BodyPart(name, self._schemas.build(annotation), default is _MISSING, "Body"))

    def _marked(
        self, signature: Signature, name: str, annotation: Value, marker: Value, given: Value = _MISSING
    ) -> None:
        """A parameter with `Query(...)`, `Body(...)`, `Depends(...)` and so on."""
        kind = last_name(marker)
        if not isinstance(marker, ExternalCall):
            return
        if kind in {"Depends", "Security"}:
            target = marker.argument(0, "dependency")
            scopes = marker.kwargs.get("scopes", [])
            self._dependency(signature, annotation if target is None else target, scopes)
            return
        default = given if given is not _MISSING else marker.argument(0, "default", _MISSING)
        required = default in (_MISSING, ELLIPSIS) and "default_factory" not in marker.kwargs
        if kind in _BODIES:
            schema = scalars.with_constraints(dict(self._schemas.build(annotation)), marker.kwargs)
            media = marker.kwargs.get("media_type")
            embed = marker.kwargs.get("embed") is True
            self._add_body(
                signature, BodyPart(name, schema, required, kind, embed, media if isinstance(media, str) else "")
            )
            return
        location = "path" if name in signature.path_names else _LOCATIONS[kind]
        self._add(signature, location, name, annotation, marker.kwargs, required or location == "path", default)

    def _dependency(self, signature: Signature, target: Value, scopes: Value) -> None:
        scheme = security_scheme(target)
        if scheme is not None:
            self._secure(signature, scheme, target, scopes)
            if isinstance(target, ExternalCall):
                return
        if isinstance(target, Function):
            self.function(signature, target)
        elif isinstance(target, Class):
            self._class_dependency(signature, target)
        elif isinstance(target, Instance):
            method = self._machine.attribute(target, "__call__", target.where or _nowhere())
            if isinstance(method, Function):
                self.function(signature, method)
        elif isinstance(target, ExternalCall) and target.name == "functools.partial" and target.args:
            self._dependency(signature, target.args[0], scopes)
        elif isinstance(target, Unknown):
            signature.warnings.append(f"a dependency is not known: {target.reason}")

    def _class_dependency(self, signature: Signature, cls: Class) -> None:
        init = next(
            (a.scope.names["__init__"] for a in cls.mro() if isinstance(a, Class) and "__init__" in a.scope.names), None
        )
        if isinstance(init, Function):
            self.function(signature, init)
        elif is_model(cls):
            for item in fields_of(self._machine, cls)[0].values():
                default = _MISSING if item.required else item.default
                self._parameter(signature, item.alias, item.annotation, default, has_annotation=True)

    def _secure(self, signature: Signature, scheme: SecurityScheme, target: Value, scopes: Value) -> None:
        signature.schemes[scheme.key] = scheme
        named = tuple(item for item in scopes if isinstance(item, str)) if isinstance(scopes, list | tuple) else ()
        requirement = {scheme.key: named}
        if requirement not in signature.security:
            signature.security.append(requirement)

    # ------------------------------------------------------------ adding
    def _add(
        self,
        signature: Signature,
        location: Any,
        name: str,
        annotation: Value,
        options: dict[str, Value],
        required: bool,
        default: Value,
    ) -> None:
        cls = annotation.origin if isinstance(annotation, Parametrised) else annotation
        if isinstance(cls, Class) and is_model(cls) and location != "path":
            self._add_model(signature, location, cls)
            return
        item = Field(name, name, annotation, required, default, options)
        schema = self._schemas.field_schema(item)
        alias = options.get("validation_alias") or options.get("alias")
        shown = alias if isinstance(alias, str) else name
        if location == "header" and not isinstance(alias, str) and options.get("convert_underscores") is not False:
            shown = shown.replace("_", "-")
        description = schema.pop("description", "")
        examples = schema.get("examples") or [None]
        signature.parameters.setdefault(
            (location, shown),
            Parameter(
                name=shown,
                location=location,
                required=required,
                json_schema=schema,
                description=description if isinstance(description, str) else "",
                example=examples[0] if is_concrete(examples[0]) else None,
            ),
        )

    def _add_model(self, signature: Signature, location: Any, cls: Class) -> None:
        """A model whose fields are parameters each."""
        for item in fields_of(self._machine, cls)[0].values():
            options = {**item.constraints, "alias": item.alias} if item.alias != item.name else item.constraints
            self._add(signature, location, item.name, item.annotation, options, item.required, item.default)

    def _add_body(self, signature: Signature, part: BodyPart) -> None:
        if all(part.name != known.name for known in signature.body):
            signature.body.append(part)

    def _is_scalar(self, annotation: Value) -> bool:
        if isinstance(annotation, UnionOf):
            return all(self._is_scalar(option) for option in annotation.options)
        if isinstance(annotation, Parametrised):
            name = last_name(annotation.origin)
            inner = annotation.args[:1] if name in {"Annotated", "Optional"} else annotation.args
            return name == "Literal" or (
                name in {"Annotated", "Optional", "Union"} and all(map(self._is_scalar, inner))
            )
        if isinstance(annotation, Class):
            bases = annotation.external_bases()
            return not is_model(annotation) and any(
                base.startswith("enum.") or last_name(External(base)) in SCALAR_NAMES for base in bases
            )
        if isinstance(annotation, External):
            return last_name(annotation) in SCALAR_NAMES and scalars.external_schema(annotation) is not None
        if isinstance(annotation, ExternalCall):
            return last_name(annotation) in {"constr", "conint", "confloat", "condecimal"} or (
                last_name(annotation) == "NewType" and self._is_scalar(annotation.argument(1, "tp"))
            )
        return annotation is None


def _split(annotation: Value) -> tuple[Value, ExternalCall | None]:
    """The type of an `Annotated` one, and the FastAPI marker in it; other metadata stays with the type."""
    if not isinstance(annotation, Parametrised) or last_name(annotation.origin) != "Annotated":
        return annotation, None
    markers = [item for item in annotation.args[1:] if isinstance(item, ExternalCall) and last_name(item) in _MARKERS]
    others = tuple(item for item in annotation.args[1:] if item not in markers)
    inner = Parametrised(annotation.origin, (annotation.args[0], *others)) if others else annotation.args[0]
    if markers:
        nested = _split(annotation.args[0])[0] if not others else inner
        return nested, markers[-1]
    base, marker = _split(annotation.args[0]) if annotation.args else (annotation, None)
    return (inner, None) if marker is None else (base, marker)


def _merge(marker: ExternalCall | None, default: ExternalCall) -> ExternalCall:
    return (
        default
        if marker is None
        else ExternalCall(default.name, default.args, {**marker.kwargs, **default.kwargs}, default.where)
    )


def _nowhere() -> Any:
    from services.scanner.adapters.python.values import Where

    return Where("", 1)


def docstring_summary(handler: Function) -> str:
    """The first line of the handler's docstring."""
    text = ast.get_docstring(handler.node) if not isinstance(handler.node, ast.Lambda) else None
    return (text or "").strip().split("\n")[0][:200]
