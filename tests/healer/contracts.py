"""Random contracts of a resource with tests written against them, for the properties of healing."""

from dataclasses import dataclass, replace
from typing import Any

from hypothesis import strategies as st

from shared.contracts.executor import AssertionOutcome, Failure, TestResult
from shared.contracts.scanner import ContractChange, Endpoint, Operation, Parameter, RequestBody, Response
from shared.contracts.testcase import (
    Extract,
    JsonAssertion,
    OperationRef,
    RequestTemplate,
    SchemaAssertion,
    StatusAssertion,
    Step,
    TestDefinition,
)

NAMES = st.from_regex(r"[a-z]{3,8}", fullmatch=True)
FIELDS = st.sampled_from(
    [
        {"type": "string", "minLength": 1},
        {"type": "integer", "minimum": 0},
        {"type": "boolean"},
        {"type": "array", "items": {"type": "string"}},
        {"anyOf": [{"type": "number"}, {"type": "null"}]},
    ]
)
VALUES = {"string": "word", "integer": 7, "boolean": True, "array": ["word"]}


@dataclass(frozen=True)
class Resource:
    """What can move: names of path segment, path parameter, query parameter and fields; statuses of success."""

    segment: str
    key: str
    filter: str
    fields: tuple[tuple[str, Any], ...]
    created: str = "201"
    nested: str = "detail"

    def body(self) -> dict[str, Any]:
        return {name: VALUES.get(schema.get("type", ""), 1.5) for name, schema in self.fields}


@st.composite
def resources(draw: st.DrawFn) -> Resource:
    names = draw(st.lists(NAMES, min_size=6, max_size=8, unique=True))
    fields = tuple((name, draw(FIELDS)) for name in names[4:])
    return Resource(names[0], names[1], names[2], fields, nested=names[3])


@st.composite
def moves(draw: st.DrawFn, before: Resource) -> Resource:
    """The resource with one to four of its names (at most one of its fields) or its status moved."""
    taken = {before.segment, before.key, before.filter, before.nested, "id", *(name for name, _ in before.fields)}
    fresh = draw(st.lists(NAMES.filter(lambda name: name not in taken), min_size=5, max_size=5, unique=True))
    kinds = draw(st.sets(st.sampled_from(["segment", "key", "filter", "nested", "field", "created"]), min_size=1))
    update: dict[str, Any] = dict(zip(sorted(kinds), fresh * 2, strict=False))
    if "field" in update:
        new = update.pop("field")
        index = draw(st.integers(0, len(before.fields) - 1))
        fields = list(before.fields)
        fields[index] = (new, fields[index][1])
        update["fields"] = tuple(fields)
    if "created" in update:
        update["created"] = "200"
    return replace(before, **update)


def item_schema(resource: Resource) -> dict[str, Any]:
    nested = {"type": "object", "properties": {resource.fields[0][0]: {"type": "string"}, "size": {"type": "integer"}}}
    properties = {"id": {"type": "integer"}, **dict(resource.fields), resource.nested: {"$ref": "#/$defs/Nested"}}
    return {
        "type": "object",
        "title": resource.segment.title(),
        "properties": properties,
        "required": ["id", *(name for name, _ in resource.fields)],
        "$defs": {"Nested": nested},
    }


def operations(resource: Resource) -> dict[int, Operation]:
    """Create (1), list (2), get (3) and delete (4), by endpoint id."""
    item = item_schema(resource)
    page = {
        "type": "object",
        "properties": {"items": {"type": "array", "items": {k: v for k, v in item.items() if k != "$defs"}}},
        "$defs": item["$defs"],
    }
    given = {"type": "object", "properties": dict(resource.fields), "required": [name for name, _ in resource.fields]}
    collection, one = f"/{resource.segment}", f"/{resource.segment}/{{{resource.key}}}"
    key = Parameter(name=resource.key, location="path", required=True, json_schema={"type": "integer"})
    search = Parameter(name=resource.filter, location="query", json_schema={"type": "string"})
    json = "application/json"
    body = RequestBody(required=True, content={json: given})
    ok = {"200": Response(content={json: item})}
    return {
        1: Operation(
            method="POST",
            path=collection,
            request_body=body,
            responses={resource.created: Response(content={json: item}), "422": Response()},
        ),
        2: Operation(
            method="GET",
            path=collection,
            parameters=(search,),
            responses={"200": Response(content={json: page})},
        ),
        3: Operation(method="GET", path=one, parameters=(key,), responses=ok),
        4: Operation(method="DELETE", path=one, parameters=(key,), responses={"204": Response()}),
    }


def written_for(resource: Resource, revisions: dict[int, int]) -> TestDefinition:
    """A test of the resource as the generator would write it: create, list, get, delete."""
    known = operations(resource)
    item = "{{item}}"
    first = resource.fields[0][0]
    shown = (
        StatusAssertion(one_of=("200",)),
        SchemaAssertion(json_schema=known[3].responses["200"].content["application/json"]),
        *(JsonAssertion(path=f"$.{name}", op="equals", value=value) for name, value in resource.body().items()),
        JsonAssertion(path=f"$.{resource.nested}.{first}", op="type", value="string"),
    )
    create = RequestTemplate(method="POST", path=known[1].path, body_kind="json", body=resource.body())
    search = RequestTemplate(method="GET", path=known[2].path, query={resource.filter: "word"})
    listed = (
        StatusAssertion(one_of=("200",)),
        JsonAssertion(path=f"$.items[0].{first}", op="exists"),
        JsonAssertion(path="$.items[*].id", op="contains", value=item),
    )
    steps = (
        _step("setup", 1, create, known, revisions, (StatusAssertion(one_of=(resource.created,)),), ("item", "$.id")),
        _step("test", 2, search, known, revisions, listed),
        _step("test", 3, _of_item("GET", resource, known), known, revisions, shown),
        _step("cleanup", 4, _of_item("DELETE", resource, known), known, revisions, ()),
    )
    return TestDefinition(steps=steps)


def failure_of(definition: TestDefinition, step: int = 0, kind: str = "status") -> Failure:
    outcome = AssertionOutcome(step=step, kind=kind, description="", passed=False)
    result = TestResult(test_id="TC-00001", endpoint_id=3, status="Failed", assertions=(outcome,))
    return Failure(definition=definition, result=result)


def history_of(before: Resource, after: Resource) -> tuple[list[ContractChange], list[Endpoint], dict[int, int]]:
    """What the scanner tells when the one becomes the other, and the revisions that result."""
    old, new = operations(before), operations(after)
    revisions = {number: 1 if old[number] == new[number] else 2 for number in old}
    changes = [
        ContractChange(
            endpoint_id=number,
            kind="moved" if old[number].path != new[number].path else "changed",
            old=old[number],
            new=new[number],
            revision=2,
        )
        for number in old
        if revisions[number] == 2
    ]
    endpoints = [Endpoint(id=number, project_id=1, revision=revisions[number], operation=new[number]) for number in new]
    return changes, endpoints, revisions


def _of_item(method: str, resource: Resource, known: dict[int, Operation]) -> RequestTemplate:
    return RequestTemplate(method=method, path=known[3].path, path_params={resource.key: "{{item}}"})


def _step(
    role: Any,
    number: int,
    request: RequestTemplate,
    known: dict[int, Operation],
    revisions: dict[int, int],
    assertions: tuple[Any, ...],
    extract: tuple[str, str] | None = None,
) -> Step:
    operation = known[number]
    reference = OperationRef(
        endpoint_id=number, revision=revisions[number], method=operation.method, path=operation.path
    )
    taken = (Extract(name=extract[0], path=extract[1]),) if extract else ()
    return Step(role=role, operation=reference, request=request, assertions=assertions, extract=taken)
