"""What the scanner tells the others: the operations of an API, and how they moved.

Every schema is self-contained JSON Schema 2020-12: a `$ref` points to `#/$defs/<name>` inside the same schema.
"""

from typing import Any, ClassVar, Literal

from pydantic import Field

from shared.contracts.base import Contract, ContractEvent, Query

JsonSchema = dict[str, Any]
ParameterLocation = Literal["path", "query", "header", "cookie"]


class Parameter(Contract):
    name: str
    location: ParameterLocation
    required: bool = False
    json_schema: JsonSchema = Field(default_factory=dict)
    description: str = ""
    example: Any = None
    style: str = ""
    explode: bool | None = None


class RequestBody(Contract):
    """`content` maps a media type to the schema of the body."""

    required: bool = False
    content: dict[str, JsonSchema] = {}
    examples: dict[str, Any] = {}


class Response(Contract):
    """`content` maps a media type to the schema of the body; `headers` a header name to its schema."""

    description: str = ""
    content: dict[str, JsonSchema] = {}
    headers: dict[str, JsonSchema] = {}


class SecurityScheme(Contract):
    """How a caller authenticates (OpenAPI Security Scheme Object)."""

    key: str
    type: Literal["apiKey", "http", "oauth2", "openIdConnect", "mutualTLS"]
    scheme: str = ""
    location: str = ""
    parameter_name: str = ""
    token_url: str = ""


class SourceLocation(Contract):
    file: str
    line: int = 1
    handler: str = ""


class Operation(Contract):
    """One endpoint: method, full path template (`/users/{id}`) and its contract."""

    method: str
    path: str
    operation_id: str | None = None
    summary: str = ""
    tags: tuple[str, ...] = ()
    deprecated: bool = False
    parameters: tuple[Parameter, ...] = ()
    request_body: RequestBody | None = None
    responses: dict[str, Response] = {}
    security: tuple[dict[str, tuple[str, ...]], ...] = ()
    """Alternatives, each a map of scheme key to scopes; empty: no authentication. An empty alternative: optional."""
    source: SourceLocation | None = None
    warnings: tuple[str, ...] = ()

    @property
    def requires_auth(self) -> bool:
        """True where no alternative lets an anonymous caller in."""
        return bool(self.security) and all(self.security)


class ApiDescription(Contract):
    """The result of one scan, before it is compared with what is known."""

    title: str = ""
    version: str = ""
    framework: str = "openapi"
    operations: tuple[Operation, ...] = ()
    security_schemes: dict[str, SecurityScheme] = {}
    servers: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    failed_files: tuple[str, ...] = ()
    """Files that could not be read or parsed; their endpoints are marked Error and otherwise left alone."""


class Endpoint(Contract):
    """A known endpoint of a project. `revision` grows with every change of its contract."""

    id: int
    project_id: int
    revision: int = 1
    operation: Operation
    status: Literal["Scanned", "Unscanned", "Error", "Warning"] = "Scanned"


class ContractChange(Contract):
    """How one endpoint's contract moved between two scans, with the evidence."""

    endpoint_id: int
    kind: Literal["moved", "changed", "removed"]
    old: Operation
    new: Operation | None = None
    revision: int
    """The endpoint's revision after the change."""
    recorded_at: str = ""


class ScanRequested(ContractEvent):
    name: ClassVar[str] = "scanner.scan_requested.v1"
    project_id: int
    job_id: str


class ScanProgressed(ContractEvent):
    name: ClassVar[str] = "scanner.scan_progressed.v1"
    project_id: int
    job_id: str
    progress: int
    endpoints_found: int
    message: str = ""


class ScanCompleted(ContractEvent):
    name: ClassVar[str] = "scanner.scan_completed.v1"
    project_id: int
    job_id: str
    endpoints_found: int
    discovered: int = 0
    changed: int = 0
    moved: int = 0
    removed: int = 0
    warnings: int = 0


class ScanFailed(ContractEvent):
    name: ClassVar[str] = "scanner.scan_failed.v1"
    project_id: int
    job_id: str
    code: str
    message: str


class EndpointDiscovered(ContractEvent):
    name: ClassVar[str] = "scanner.endpoint_discovered.v1"
    project_id: int
    endpoint_id: int
    method: str
    path: str
    requires_auth: bool = False


class EndpointChanged(ContractEvent):
    name: ClassVar[str] = "scanner.endpoint_changed.v1"
    project_id: int
    endpoint_id: int
    method: str
    path: str
    revision: int


class EndpointMoved(ContractEvent):
    name: ClassVar[str] = "scanner.endpoint_moved.v1"
    project_id: int
    endpoint_id: int
    old_method: str
    old_path: str
    method: str
    path: str
    revision: int


class EndpointRemoved(ContractEvent):
    name: ClassVar[str] = "scanner.endpoint_removed.v1"
    project_id: int
    endpoint_id: int


class EndpointPage(Contract):
    """Endpoints by ascending id; `next_after` is None on the last page."""

    endpoints: tuple[Endpoint, ...] = ()
    security_schemes: dict[str, SecurityScheme] = {}
    next_after: int | None = None


class ListEndpoints(Query):
    subject: ClassVar[str] = "scanner.endpoints"
    reply: ClassVar[type[Contract]] = EndpointPage
    project_id: int
    endpoint_ids: tuple[int, ...] | None = None
    after: int = 0
    limit: int = 100


class ChangePage(Contract):
    changes: tuple[ContractChange, ...] = ()
    next_after: int | None = None


class ListChanges(Query):
    """Contract changes of a project, oldest first; `after` is a position from the page before."""

    subject: ClassVar[str] = "scanner.changes"
    reply: ClassVar[type[Contract]] = ChangePage
    project_id: int
    after: int = 0
    limit: int = 100
