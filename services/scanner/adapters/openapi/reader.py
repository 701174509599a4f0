"""Operations of an OpenAPI document with all of their metadata."""

from __future__ import annotations

import re
from typing import Any, get_args

from pydantic import ValidationError

from services.scanner.adapters.openapi.document import load
from services.scanner.adapters.openapi.schemas import Resolver, SchemaReader
from services.scanner.errors import MalformedSource
from shared.contracts.scanner import (
    ApiDescription,
    Operation,
    Parameter,
    ParameterLocation,
    RequestBody,
    Response,
    SecurityScheme,
    SourceLocation,
)

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
_LOCATIONS = frozenset(get_args(ParameterLocation))
_SCHEME_TYPES = frozenset({"apiKey", "http", "oauth2", "openIdConnect", "mutualTLS"})
_TEMPLATE = re.compile(r"{([^{}]+)}")


def read_openapi(data: bytes, name: str) -> ApiDescription:
    """The API that a document describes; small faults become warnings. Raises `MalformedSource` and its kin."""
    document = load(data, name)
    reader = _DocumentReader(document, name)
    paths = document.get("paths", {})
    if not isinstance(paths, dict):
        raise MalformedSource(f"{name}: 'paths' must be an object, at #/paths.", {"file": name, "pointer": "#/paths"})
    operations = [item for path, node in paths.items() for item in reader.path_item(str(path), node)]
    if not operations and reader.faults:
        raise MalformedSource(f"{name}: {reader.faults[0]}", {"file": name, "faults": reader.faults[:20]})
    given = document.get("info")
    info: dict[str, Any] = given if isinstance(given, dict) else {}
    return ApiDescription(
        title=_text(info.get("title")),
        version=_text(info.get("version")),
        framework="openapi",
        operations=tuple(operations),
        security_schemes=reader.security_schemes(),
        servers=_servers(document.get("servers")),
        warnings=tuple(f"{name}: {text}" for text in [*reader.faults, *reader.resolver.warnings]),
    )


class _DocumentReader:
    def __init__(self, document: dict[str, Any], name: str) -> None:
        self._document = document
        self._name = name
        self.resolver = Resolver(document)
        self._schemas = SchemaReader(self.resolver, is_3_0=str(document["openapi"]).startswith("3.0"))
        self.faults: list[str] = []

    def path_item(self, path: str, node: Any) -> list[Operation]:
        """The operations of one path."""
        pointer = f"#/paths/{path.replace('~', '~0').replace('/', '~1')}"
        item = self.resolver.follow(node)
        if not isinstance(item, dict) or not path.startswith("/"):
            if not path.startswith("x-"):
                self.faults.append(f"a path must begin with '/' and hold an object, at {pointer}")
            return []
        found: list[Operation] = []
        for method in METHODS:
            if method not in item:
                continue
            operation = item[method]
            if not isinstance(operation, dict):
                self.faults.append(f"an operation must be an object, at {pointer}/{method}")
                continue
            try:
                found.append(self._operation(path, method, item, operation, f"{pointer}/{method}"))
            except (ValidationError, TypeError, ValueError, AttributeError) as error:
                self.faults.append(f"the operation cannot be read, at {pointer}/{method}: {_first_line(error)}")
        return found

    def _operation(self, path: str, method: str, item: dict[str, Any], node: dict[str, Any], pointer: str) -> Operation:
        warnings: list[str] = []
        parameters = self._parameters(path, item, node, pointer, warnings)
        security = node.get("security", self._document.get("security", []))
        operation_id = node.get("operationId")
        tags = node.get("tags")
        return Operation(
            method=method.upper(),
            path=path,
            operation_id=operation_id if isinstance(operation_id, str) else None,
            summary=_text(node.get("summary")) or _text(node.get("description")).strip().split("\n")[0][:200],
            tags=tuple(str(tag) for tag in tags) if isinstance(tags, list) else (),
            deprecated=node.get("deprecated") is True,
            parameters=tuple(parameters),
            request_body=self._body(node.get("requestBody")),
            responses=self._responses(node.get("responses"), pointer, warnings),
            security=_security(security),
            source=SourceLocation(file=self._name, handler=operation_id if isinstance(operation_id, str) else ""),
            warnings=tuple(warnings),
        )

    # ------------------------------------------------------------ parameters
    def _parameters(
        self, path: str, item: dict[str, Any], node: dict[str, Any], pointer: str, warnings: list[str]
    ) -> list[Parameter]:
        found: dict[tuple[str, str], Parameter] = {}
        for owner in (item, node):
            given = owner.get("parameters")
            for raw in given if isinstance(given, list) else []:
                parameter = self._parameter(self.resolver.follow(raw))
                if parameter is None:
                    warnings.append(f"a parameter has no valid name and place, at {pointer}/parameters")
                else:
                    found[parameter.name, parameter.location] = parameter
        names = _TEMPLATE.findall(path)
        for name in names:
            if (name, "path") not in found:
                warnings.append(f"path parameter {name!r} is not described")
                found[name, "path"] = Parameter(
                    name=name, location="path", required=True, json_schema={"type": "string"}
                )
        for key in [key for key in found if key[1] == "path" and key[0] not in names]:
            warnings.append(f"path parameter {key[0]!r} does not occur in the path")
            del found[key]
        return list(found.values())

    def _parameter(self, node: Any) -> Parameter | None:
        if not isinstance(node, dict) or node.get("in") not in _LOCATIONS or not isinstance(node.get("name"), str):
            return None
        schema, example = node.get("schema"), node.get("example")
        content = node.get("content")
        if schema is None and isinstance(content, dict) and content:
            media = next(iter(content.values()))
            schema = media.get("schema") if isinstance(media, dict) else None
        explode = node.get("explode")
        return Parameter(
            name=node["name"],
            location=node["in"],
            required=node.get("required") is True or node["in"] == "path",
            json_schema=self._schemas.read(schema),
            description=_text(node.get("description")),
            example=example if example is not None else self._example(node),
            style=_text(node.get("style")),
            explode=explode if isinstance(explode, bool) else None,
        )

    # ------------------------------------------------------------ bodies
    def _body(self, raw: Any) -> RequestBody | None:
        node = self.resolver.follow(raw)
        if not isinstance(node, dict):
            return None
        content, examples = self._content(node.get("content"))
        return RequestBody(required=node.get("required") is True, content=content, examples=examples)

    def _content(self, raw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
        content: dict[str, Any] = {}
        examples: dict[str, Any] = {}
        for media_type, media in raw.items() if isinstance(raw, dict) else []:
            node = media if isinstance(media, dict) else {}
            content[str(media_type)] = self._schemas.read(node.get("schema"))
            example = node.get("example", self._example(node))
            if example is not None:
                examples[str(media_type)] = example
        return content, examples

    def _example(self, node: dict[str, Any]) -> Any:
        """The first of the named examples that has a value."""
        named = node.get("examples")
        for raw in named.values() if isinstance(named, dict) else []:
            example = self.resolver.follow(raw)
            if isinstance(example, dict) and "value" in example:
                return example["value"]
        return None

    def _responses(self, raw: Any, pointer: str, warnings: list[str]) -> dict[str, Response]:
        found: dict[str, Response] = {}
        for status, value in raw.items() if isinstance(raw, dict) else []:
            if str(status).startswith("x-"):
                continue
            node = self.resolver.follow(value)
            if not isinstance(node, dict):
                warnings.append(f"a response must be an object, at {pointer}/responses/{status}")
                continue
            content, _ = self._content(node.get("content"))
            found[str(status)] = Response(
                description=_text(node.get("description")), content=content, headers=self._headers(node)
            )
        return found

    def _headers(self, node: dict[str, Any]) -> dict[str, Any]:
        given = node.get("headers")
        found: dict[str, Any] = {}
        for name, raw in given.items() if isinstance(given, dict) else []:
            header = self.resolver.follow(raw)
            found[str(name)] = self._schemas.read(header.get("schema")) if isinstance(header, dict) else {}
        return found

    # ------------------------------------------------------------ security
    def security_schemes(self) -> dict[str, SecurityScheme]:
        """The document's security schemes by key."""
        components = self._document.get("components")
        given = components.get("securitySchemes") if isinstance(components, dict) else None
        found: dict[str, SecurityScheme] = {}
        for key, raw in given.items() if isinstance(given, dict) else []:
            node = self.resolver.follow(raw)
            if isinstance(node, dict) and node.get("type") in _SCHEME_TYPES:
                found[str(key)] = _scheme(str(key), node)
            else:
                self.faults.append(f"a security scheme has no valid type, at #/components/securitySchemes/{key}")
        return found


def _scheme(key: str, node: dict[str, Any]) -> SecurityScheme:
    flows = node.get("flows")
    urls = (
        [flow.get("tokenUrl") for flow in flows.values() if isinstance(flow, dict)] if isinstance(flows, dict) else []
    )
    return SecurityScheme(
        key=key,
        type=node["type"],
        scheme=_text(node.get("scheme")) or ("bearer" if node["type"] == "oauth2" else ""),
        location=_text(node.get("in")),
        parameter_name=_text(node.get("name")),
        token_url=next((url for url in urls if isinstance(url, str)), ""),
    )


def _security(raw: Any) -> tuple[dict[str, tuple[str, ...]], ...]:
    if not isinstance(raw, list):
        return ()
    alternatives = [item for item in raw if isinstance(item, dict)]
    return tuple(
        {
            str(key): tuple(str(scope) for scope in scopes) if isinstance(scopes, list) else ()
            for key, scopes in item.items()
        }
        for item in alternatives
    )


def _servers(raw: Any) -> tuple[str, ...]:
    found: list[str] = []
    for node in raw if isinstance(raw, list) else []:
        if not isinstance(node, dict) or not isinstance(node.get("url"), str):
            continue
        variables = node.get("variables") if isinstance(node.get("variables"), dict) else {}
        url = node["url"]
        for name, variable in (variables or {}).items():
            if isinstance(variable, dict):
                url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
        found.append(url)
    return tuple(found)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value) if isinstance(value, int | float) else ""


def _first_line(error: Exception) -> str:
    return str(error).split("\n", maxsplit=1)[0][:200]
