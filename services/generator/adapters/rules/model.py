"""The API as the rules see it: operations with their answers, bodies and path parts."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from services.generator.adapters.rules import names, schema
from shared.contracts.scanner import Endpoint, JsonSchema, Operation, Parameter
from shared.contracts.testcase import OperationRef

BodyKind = Literal["json", "form", "multipart", "text"]
_BODY_KINDS: tuple[tuple[str, BodyKind], ...] = (
    ("json", "json"),
    ("x-www-form-urlencoded", "form"),
    ("multipart/", "multipart"),
    ("text/", "text"),
    ("xml", "text"),
    ("octet-stream", "text"),
)
_SESSION_ENDS = frozenset({"logout", "signout", "revoke", "shutdown", "restart", "terminate"})
_LOGIN = frozenset({"login", "signin", "token", "authenticate", "session", "sessions", "oauth"})
_PASSWORDS = frozenset({"password", "passwd", "pwd", "passphrase"})
_SECRETS = frozenset({"token", "otp", "signature", "captcha", "nonce", "challenge"})
_ID_KEYS = ("id", "uuid", "guid", "key", "slug", "code")
_ANY_SUCCESS = ("2XX", "3XX")
_ENVELOPES = ("data", "result", "item", "record", "payload", "attributes")
_PAGES = ("items", "data", "results", "records", "content", "entries", "list", "rows", "values")


@dataclass(frozen=True)
class Body:
    """The request body in the media type that is written best."""

    media_type: str
    kind: BodyKind
    json_schema: JsonSchema
    required: bool
    example: Any = None


@dataclass(frozen=True)
class Id:
    """Where an answer carries the id of what it describes. `sure` is False where the contract does not say so."""

    path: str
    sample: Any
    sure: bool = True


class Target:
    """One endpoint with what the rules ask of it, worked out once."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.operation: Operation = endpoint.operation
        self.method = endpoint.operation.method.upper()
        self.path = endpoint.operation.path
        self.ref = OperationRef(
            endpoint_id=endpoint.id, revision=endpoint.revision, method=self.method, path=endpoint.operation.path
        )

    @cached_property
    def segments(self) -> list[str]:
        return [part for part in self.path.split("/") if part]

    @cached_property
    def path_names(self) -> list[str]:
        """The names of the path's parameters, in order."""
        return [part[1:-1] for part in self.segments if part.startswith("{") and part.endswith("}")]

    @property
    def name(self) -> str:
        """How a person calls it: `GET /users/{id}`."""
        return f"{self.method} {self.path}"

    def parameters(self, location: str) -> list[Parameter]:
        return [parameter for parameter in self.operation.parameters if parameter.location == location]

    @cached_property
    def body(self) -> Body | None:
        request = self.operation.request_body
        if request is None:
            return None
        for mark, kind in _BODY_KINDS:
            for media_type, json_schema in request.content.items():
                if mark in media_type:
                    return Body(media_type, kind, json_schema, request.required, request.examples.get(media_type))
        return None

    @cached_property
    def success(self) -> tuple[str, ...]:
        """The documented statuses of success; without any, every 2XX and 3XX."""
        if self.is_vague:
            return _ANY_SUCCESS
        found = [code.upper() for code in self.operation.responses if code[:1] == "2"]
        found = found or [code.upper() for code in self.operation.responses if code[:1] == "3"]
        return tuple(sorted(found)) or _ANY_SUCCESS

    @cached_property
    def is_vague(self) -> bool:
        """True where the contract comes from code that says nothing of its answers: 200 is what a scanner assumes."""
        found = {code: response for code, response in self.operation.responses.items() if code[:1] in "23"}
        return self.operation.source is not None and set(found) == {"200"} and not found["200"].content

    @cached_property
    def documented(self) -> frozenset[str]:
        return frozenset(code.upper() for code in self.operation.responses)

    @property
    def rejects(self) -> bool:
        """True where the contract says that bad input is refused."""
        return bool(self.documented & {"400", "422", "4XX"})

    @cached_property
    def harmless(self) -> tuple[str, ...]:
        """Every answer but a crash: no 5XX apart from those that the contract documents."""
        own = sorted(code for code in self.documented if code[:1] == "5" and code != "500")
        return ("2XX", "3XX", "4XX", *own)

    @cached_property
    def answer(self) -> JsonSchema | None:
        """The JSON Schema of the successful answer, where there is exactly one."""
        found = [
            json_schema
            for code, response in self.operation.responses.items()
            if code.upper() in self.success
            for media_type, json_schema in response.content.items()
            if "json" in media_type
        ]
        return found[0] if len(found) == 1 and len(self.success) == 1 else None

    @property
    def answers_text(self) -> bool:
        """True where some answer is documented as neither JSON nor HTML, so that text may be echoed rightly."""
        kinds = {kind for response in self.operation.responses.values() for kind in response.content}
        return any("json" not in kind and "html" not in kind for kind in kinds)

    @property
    def ends_session(self) -> bool:
        """True where calling it would take away the credentials, or the server, that the other tests need."""
        last = self.segments[-1] if self.segments else ""
        said = {*names.words(last), *names.words(self.operation.operation_id or "")}
        own = self.method == "DELETE" and bool(self.segments) and self.segments[-1].lower() in ("me", "self", "account")
        return own or bool(said & _SESSION_ENDS) or ("password" in said and self.operation.requires_auth)

    @property
    def is_login(self) -> bool:
        """True where credentials are exchanged for a session or token."""
        last = self.segments[-1] if self.segments else ""
        asked = any(set(names.words(parameter.name)) & _PASSWORDS for parameter in self.parameters("query"))
        given = asked or (self.method == "POST" and self.body is not None)
        return given and bool(set(names.words(last)) & _LOGIN)

    @property
    def needs_knowledge(self) -> bool:
        """True where right input can't be made up: a login, or a token sent by other ways."""
        body = self.body
        if self.is_login:
            return True
        if body is None:
            return False
        needed = schema.required(schema.flatten(body.json_schema, body.json_schema))
        return any(set(names.words(name)) & _SECRETS for name in needed)

    @cached_property
    def tail_parameter(self) -> str | None:
        """The path parameter that ends the path, as in `/users/{id}`."""
        last = self.segments[-1] if self.segments else ""
        return last[1:-1] if last.startswith("{") and last.endswith("}") else None

    @cached_property
    def collection(self) -> str:
        """The path without parameter names, so that `/users/{id}` and `/users/{user}` compare equal."""
        return template(self.segments)

    @cached_property
    def noun(self) -> str:
        """The noun of the last literal part of the path."""
        literals = [part for part in self.segments if not part.startswith("{")]
        return names.noun_of(literals[-1]) if literals else ""

    def id_for(self, parameter: str) -> Id | None:
        """Where the successful answer carries the value for a path parameter of that name."""
        if self.answer is None:
            silent = all(not response.content for response in self.operation.responses.values())
            guess = self.method == "POST" and (silent or self.success == _ANY_SUCCESS)
            return Id("$.id", 1, sure=False) if guess else None
        flat = schema.flatten(self.answer, self.answer)
        kind = schema.kind_of(flat)
        if kind == "any":
            return Id("$.id", 1, sure=False) if self.method == "POST" else None
        return id_in(flat, self.answer, parameter, self.noun) if kind == "object" else None

    @cached_property
    def listing(self) -> tuple[str, JsonSchema] | None:
        """JSON path of the array in a list answer, and the schema of its items."""
        if self.answer is None:
            return None
        flat = schema.flatten(self.answer, self.answer)
        if schema.kind_of(flat) == "array":
            return "$", schema.flatten(flat.get("items", {}), self.answer)
        arrays = {}
        for name, part in schema.properties(flat).items():
            inner = schema.flatten(part, self.answer)
            if schema.kind_of(inner) == "array":
                arrays[name] = schema.flatten(inner.get("items", {}), self.answer)
        wanted = [name for name in arrays if name.lower() in _PAGES or names.noun_of(name) == self.noun]
        chosen = wanted[0] if wanted else None
        return ("$" + member(chosen), arrays[chosen]) if chosen else None

    def id_for_item(self, parameter: str) -> str | None:
        """JSON path of the ids of all elements of a list answer."""
        if self.listing is None or self.answer is None:
            return None
        path, item = self.listing
        found = id_in(item, self.answer, parameter, self.noun, at=f"{path}[*]")
        return found.path if found is not None else None


def member(name: str) -> str:
    """One step of a JSON path, in shorthand where the name allows it: `.id`, `['odd-name']`."""
    if name.isidentifier() and name.isascii():
        return f".{name}"
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"['{escaped}']"


def template(segments: list[str]) -> str:
    return "/" + "/".join("{}" if part.startswith("{") else part for part in segments)


def id_in(flat: JsonSchema, root: JsonSchema, parameter: str, noun: str, at: str = "$") -> Id | None:
    """The property of an object that is its id: named as the parameter, `id`, `<noun>_id`, `uuid`…, or one level in."""
    known = schema.properties(flat)
    by_name = {names.normal(name): name for name in known}
    wanted = [names.normal(parameter), "id", f"{noun}id", f"{noun}uuid", *_ID_KEYS]
    if names.refers_to(parameter) not in (None, noun):
        wanted = [names.normal(parameter), *([] if known and "id" not in by_name else ["id"])]
    for candidate in wanted:
        if candidate in by_name and (name := by_name[candidate]):
            part = schema.flatten(known[name], root)
            if schema.kind_of(part) in ("string", "integer", "number", "any"):
                return Id(at + member(name), _sample(part))
    if at == "$":
        for name in known:
            if name.lower() in _ENVELOPES or names.noun_of(name) == noun:
                inner = schema.flatten(known[name], root)
                found = id_in(inner, root, parameter, noun, at + member(name)) if "properties" in inner else None
                if found is not None:
                    return found
    return None


def _sample(part: JsonSchema) -> Any:
    if schema.kind_of(part) in ("integer", "number"):
        return 1
    return "0d9a2b1c-3e4f-4a5b-8c6d-7e8f9a0b1c2d" if part.get("format") == "uuid" else "abc123def456"


class Api:
    """All operations of a project, found by method and path shape."""

    def __init__(self, endpoints: tuple[Endpoint, ...]) -> None:
        self.targets = [Target(endpoint) for endpoint in endpoints if endpoint.status != "Error"]
        self._by_shape = {(target.method, target.collection): target for target in reversed(self.targets)}

    def at(self, method: str, shape: str) -> Target | None:
        return self._by_shape.get((method, shape))

    def item(self, method: str, collection: str) -> Target | None:
        """The operation on one element of a collection, as DELETE `/users/{id}` of `/users`."""
        return self.at(method, f"{collection.rstrip('/')}/{{}}")

    def having(self, method: str, noun: str) -> Iterator[Target]:
        """Operations of that method whose path ends in the noun, shortest path first."""
        found = (t for t in self.targets if t.method == method and t.tail_parameter is None and t.noun == noun)
        return iter(sorted(found, key=lambda target: (len(target.segments), target.endpoint.id)))
