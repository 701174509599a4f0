"""A test case as data: what every generator writes, the executor interprets, the healer edits and exports render.

Templates: in any string of a request, `{{name}}` is replaced by a variable; a string that is exactly one template
takes the variable's typed value. Variables come from the environment (`base_url` apart), from earlier `extract`s, and
from the built-ins `{{$uuid}}` (a fresh UUID at each use), `{{$unique}}` (a token of 12 lower-case letters and digits,
the same through one test execution, different in every other) and `{{$now}}` (RFC 3339, UTC).
JSON paths are RFC 9535.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from shared.contracts.base import Contract

TestType = Literal["Functional", "Security", "Performance"]
TestStatus = Literal["Draft", "Approved", "Pending Review", "Blocked"]
Priority = Literal["High", "Medium", "Low"]


class OperationRef(Contract):
    """The operation that a step calls, as it stood when the step was written: what the healer goes by."""

    endpoint_id: int
    revision: int
    method: str
    path: str


class RequestTemplate(Contract):
    """One HTTP request. `path` is the operation's template; `path_params` fills its `{name}` parts, URL-encoded."""

    method: str
    path: str
    path_params: dict[str, Any] = {}
    query: dict[str, Any] = {}
    headers: dict[str, str] = {}
    cookies: dict[str, str] = {}
    body_kind: Literal["none", "json", "form", "multipart", "text"] = "none"
    body: Any = None
    content_type: str | None = None
    auth: Literal["default", "none", "invalid", "other"] = "default"
    """default: the environment's credentials; none: without; invalid: malformed ones; other: the second identity."""


class Extract(Contract):
    """Takes a value from the answer into variable `name`; a missing value fails the step."""

    name: str
    source: Literal["json", "header", "status"] = "json"
    path: str = "$"
    """JSON path for `json`, header name for `header`."""


class StatusAssertion(Contract):
    kind: Literal["status"] = "status"
    one_of: tuple[str, ...]
    """Codes and classes: "200", "4XX"."""
    description: str = ""


class HeaderAssertion(Contract):
    kind: Literal["header"] = "header"
    name: str
    op: Literal["exists", "absent", "equals", "contains", "matches"] = "exists"
    value: str | None = None
    description: str = ""


class JsonAssertion(Contract):
    kind: Literal["json"] = "json"
    path: str
    op: Literal[
        "exists", "absent", "equals", "not_equals", "type", "contains", "not_contains",
        "matches", "length", "max_length", "gte", "lte",
    ]  # fmt: skip
    value: Any = None
    """May hold templates. For `type` a JSON Schema type name; for the lengths and bounds a number."""
    description: str = ""


class SchemaAssertion(Contract):
    kind: Literal["schema"] = "schema"
    json_schema: dict[str, Any]
    description: str = ""


class BodyAssertion(Contract):
    kind: Literal["body"] = "body"
    op: Literal["contains", "not_contains", "matches", "not_matches"]
    value: str
    description: str = ""


class TimeAssertion(Contract):
    kind: Literal["time"] = "time"
    max_ms: float
    description: str = ""


class LoadAssertion(Contract):
    """On the aggregate of a load profile: error share (0..1) and a percentile of the latency in milliseconds."""

    kind: Literal["load"] = "load"
    max_error_rate: float = 0.0
    percentile: float = 95.0
    max_ms: float | None = None
    description: str = ""


Assertion = Annotated[
    StatusAssertion | HeaderAssertion | JsonAssertion | SchemaAssertion | BodyAssertion | TimeAssertion | LoadAssertion,
    Field(discriminator="kind"),
]


class LoadProfile(Contract):
    """The `test` step is sent `requests` times by `concurrency` clients (closed model)."""

    requests: int = Field(default=20, ge=1, le=10_000)
    concurrency: int = Field(default=4, ge=1, le=100)


class Step(Contract):
    """`setup` steps build state and must succeed, else the test is Skipped with the reason; `test` steps are judged;
    `cleanup` steps always run and never change the outcome."""

    role: Literal["setup", "test", "cleanup"] = "test"
    name: str = ""
    operation: OperationRef | None = None
    request: RequestTemplate
    extract: tuple[Extract, ...] = ()
    assertions: tuple[Assertion, ...] = ()


class TestDefinition(Contract):
    """The executable part of a test case."""

    __test__ = False
    format: Literal[1] = 1
    steps: tuple[Step, ...] = Field(min_length=1)
    load: LoadProfile | None = None
    timeout_s: float = Field(default=30.0, gt=0, le=600)


class TestCase(Contract):
    """A test case as other services see it."""

    __test__ = False
    id: str
    project_id: int
    endpoint_id: int
    revision: int = 1
    title: str
    description: str = ""
    test_type: TestType
    category: str
    """valid, invalid, edge, auth_missing, auth_invalid, injection_sql, injection_xss, authorization, load…"""
    priority: Priority
    status: TestStatus
    definition: TestDefinition
