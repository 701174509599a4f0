"""Random contracts: schemas with constraints, operations with parameters, bodies, answers and authentication."""

from typing import Any

from hypothesis import strategies as st

from shared.contracts.scanner import Endpoint, Operation, Parameter, RequestBody, Response

NAMES = st.sampled_from(
    [
        "name",
        "title",
        "email",
        "count",
        "price",
        "user_id",
        "kind",
        "tags",
        "startDate",
        "note",
        "active",
        "odd-name",
        "it's",
    ]
)
NOUNS = st.sampled_from(["users", "orders", "items", "categories", "boxes", "status"])


@st.composite
def scalars(draw: st.DrawFn) -> dict[str, Any]:
    kind = draw(st.sampled_from(["string", "integer", "number", "boolean", "enum", "format", "pattern"]))
    low = draw(st.integers(-50, 50))
    high = low + draw(st.integers(0, 100))
    match kind:
        case "string":
            size = draw(st.integers(0, 20))
            return {"type": "string", "minLength": size, "maxLength": size + draw(st.integers(0, 30))}
        case "integer" | "number":
            return draw(st.sampled_from([{"type": kind}, {"type": kind, "minimum": low}, _between(kind, low, high)]))
        case "enum":
            return {"type": "string", "enum": draw(st.lists(st.text(min_size=1, max_size=5), min_size=1, unique=True))}
        case "format":
            shapes = ["email", "uuid", "date", "date-time", "uri", "ipv4", "hostname"]
            return {"type": "string", "format": draw(st.sampled_from(shapes))}
        case "pattern":
            return {"type": "string", "pattern": draw(st.sampled_from(["^[A-Z]{3}-[0-9]{4}$", "^[a-z]+$", "[0-9]"]))}
    return {"type": kind}


def _between(kind: str, low: int, high: int) -> dict[str, Any]:
    return {"type": kind, "minimum": low, "maximum": high}


@st.composite
def schemas(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    if depth == 0:
        return draw(scalars())
    inner = schemas(depth=depth - 1)
    shape = draw(st.sampled_from(["scalar", "object", "array", "nullable", "all", "one"]))
    match shape:
        case "object":
            return draw(objects(depth))
        case "array":
            fewest = draw(st.integers(0, 2))
            return {"type": "array", "items": draw(inner), "minItems": fewest, "maxItems": fewest + 3}
        case "nullable":
            return {"anyOf": [draw(inner), {"type": "null"}]}
        case "all":
            return {"allOf": [draw(objects(depth)), {"type": "object"}]}
        case "one":
            return {"oneOf": [{"type": "string", "enum": ["only"]}, {"type": "object", "required": ["z"]}]}
    return draw(scalars())


@st.composite
def objects(draw: st.DrawFn, depth: int = 2) -> dict[str, Any]:
    properties = draw(st.dictionaries(NAMES, schemas(depth=depth - 1), max_size=4))
    required = draw(st.lists(st.sampled_from(sorted(properties)), unique=True)) if properties else []
    closed = {"additionalProperties": False} if draw(st.booleans()) else {}
    return {"type": "object", "properties": properties, "required": required, **closed}


def _answer(schema: dict[str, Any]) -> Response:
    return Response(content={"application/json": schema})


@st.composite
def apis(draw: st.DrawFn) -> tuple[Endpoint, ...]:
    """Resources with some of the usual operations, possibly nested, with ids of different names and types."""
    operations: list[Operation] = []
    for noun in draw(st.lists(NOUNS, min_size=1, max_size=3, unique=True)):
        parent = draw(st.sampled_from(["", "/tenants/{tenantId}"]))
        name, id_schema = (
            draw(st.sampled_from(["id", f"{noun}_id"])),
            draw(st.sampled_from([{"type": "integer"}, {"type": "string", "format": "uuid"}, {"type": "string"}])),
        )
        body = draw(objects())
        full = {**body, "properties": {**body["properties"], "id": id_schema}}
        operations += draw(_resource(f"{parent}/{noun}", name, id_schema, body, full))
    return tuple(Endpoint(id=n, project_id=1, operation=operation) for n, operation in enumerate(operations, start=1))


@st.composite
def _resource(
    draw: st.DrawFn, path: str, name: str, id_schema: dict[str, Any], body: dict[str, Any], full: dict[str, Any]
) -> list[Operation]:
    methods = draw(st.sets(st.sampled_from(["POST", "LIST", "GET", "PUT", "PATCH", "DELETE"]), min_size=1))
    refused = draw(st.sampled_from([{}, {"422": Response()}, {"400": Response(), "404": Response()}]))
    security = draw(st.sampled_from([(), ({"bearer": ()},)]))
    query = draw(st.lists(st.builds(_query, NAMES, scalars(), st.booleans()), max_size=2))
    found = []
    for method in sorted(methods):
        real = "GET" if method == "LIST" else method
        item = method not in ("LIST", "POST")
        answers: dict[str, Any] = {"array": {"type": "array", "items": full}, "one": full}
        success = {"POST": "201", "DELETE": "204"}.get(real, "200")
        response = Response() if real == "DELETE" else _answer(answers["array" if method == "LIST" else "one"])
        parts = [Parameter(name=name, location="path", required=True, json_schema=id_schema)] if item else []
        found.append(
            Operation(
                method=real,
                path=f"{path}/{{{name}}}" if item else path,
                parameters=(*parts, *{parameter.name: parameter for parameter in query}.values()),
                request_body=_body(body) if real in ("POST", "PUT", "PATCH") else None,
                responses={success: response, **refused},
                security=security,
            )
        )
    return found


def _query(name: str, schema: dict[str, Any], required: bool) -> Parameter:
    return Parameter(name=name, location="query", required=required, json_schema=schema)


def _body(schema: dict[str, Any]) -> RequestBody:
    return RequestBody(required=True, content={"application/json": schema})
