"""From a request template, variables and credentials to the request that goes out."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote, quote_plus

from services.executor.adapters.http_engine import bodies
from services.executor.adapters.http_engine.auth import AuthMode, Credentials
from services.executor.adapters.http_engine.templates import Variables, as_text
from shared.contracts.testcase import RequestTemplate

_PATH_PART = re.compile(r"\{([^{}:]+)(?::[^{}]*)?\}")
_METHOD = re.compile(r"[A-Za-z][A-Za-z0-9!#$%&'*+.^_`|~-]*")
_FORBIDDEN = re.compile(r"[\r\n\0]")
_PATH_SAFE = "/%:@!$&'()*+,;=~-._"
USER_AGENT = "TestGen/1"


class UnsendableRequest(Exception):
    """The template and the variables make no request that HTTP can carry; the text says why."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request ready to be sent; `target` is the encoded path and query, to be joined to the base URL."""

    method: str
    url: str
    headers: dict[str, str]
    body: bytes | None


def prepare(
    template: RequestTemplate, base_url: str, variables: Variables, identity: Callable[[AuthMode], Credentials]
) -> Prepared:
    """Raises `UndefinedVariable` and `UnsendableRequest`."""
    method = template.method.upper()
    if not _METHOD.fullmatch(method):
        raise UnsendableRequest(f"{template.method!r} is not an HTTP method")
    who = identity(template.auth)
    try:
        body, content_type = bodies.encode(template.body_kind, variables.render(template.body))
        url = base_url + _path(template, variables) + _query(template, variables, who)
    except (TypeError, ValueError, RecursionError) as problem:
        raise UnsendableRequest(f"the request can't be encoded: {problem}") from problem
    if not template.headers and not template.cookies:
        headers = who.sent = who.sent or _headers(template, variables, who)
    else:
        headers = _headers(template, variables, who)
    if content_type is not None and "content-type" not in {name.lower() for name in headers}:
        headers = {**headers, "Content-Type": template.content_type or content_type}
    return Prepared(method, url, headers, body)


def _path(template: RequestTemplate, variables: Variables) -> str:
    path = template.path
    if "{{" in path:
        path = _fill_templates(path, variables)
    pieces = _pieces(path)
    if len(pieces) == 1:
        return pieces[0]
    filled = list(pieces)
    for index in range(1, len(pieces), 2):
        name = pieces[index]
        if name not in template.path_params:
            raise UnsendableRequest(f"path parameter {name!r} has no value")
        filled[index] = _segment(as_text(variables.render(template.path_params[name])))
    return "".join(filled)


@lru_cache(maxsize=8192)
def _pieces(path: str) -> tuple[str, ...]:
    """A path template as encoded text and parameter names in turn."""
    pieces = _PATH_PART.split(path if path.startswith("/") else "/" + path)
    return tuple(piece if index % 2 else quote(piece, safe=_PATH_SAFE) for index, piece in enumerate(pieces))


def _fill_templates(path: str, variables: Variables) -> str:
    pieces = re.split(r"(\{\{.*?\}\})", path)
    return "".join(_segment(variables.text(piece)) if piece.startswith("{{") else piece for piece in pieces)


def _segment(text: str) -> str:
    """One path segment; dots are encoded where they alone would climb the path."""
    if text.isascii() and text.isalnum():
        return text
    encoded = quote(text, safe="~-._", errors="replace")
    return encoded.replace(".", "%2E") if encoded in (".", "..") else encoded


def _query(template: RequestTemplate, variables: Variables, who: Credentials) -> str:
    if not template.query and not who.query:
        return ""
    pairs: list[str] = []
    given = {**who.query, **template.query} if who.query else template.query
    for name, value in given.items():
        for key, item in _flatten(variables.text(name), variables.render(value)):
            pairs.append(f"{_quoted(key)}={_quoted(as_text(item))}")
    return "?" + "&".join(pairs) if pairs else ""


def _quoted(text: str) -> str:
    return text if text.isascii() and text.isalnum() else quote_plus(text, errors="replace")


def _flatten(name: str, value: Any) -> list[tuple[str, Any]]:
    """Lists repeat the name, objects become name[key] (OpenAPI deepObject), None is left out."""
    if value is None:
        return []
    if isinstance(value, list):
        return [(name, item) for item in value if item is not None]
    if isinstance(value, dict):
        return [(f"{name}[{key}]", item) for key, item in value.items() if item is not None]
    return [(name, value)]


def _headers(template: RequestTemplate, variables: Variables, who: Credentials) -> dict[str, str]:
    headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "gzip, deflate", **who.headers}
    if template.headers:
        own = {name: variables.text(value) for name, value in template.headers.items()}
        replaced = {name.lower() for name in own}
        headers = {name: value for name, value in headers.items() if name.lower() not in replaced} | own
    cookies = {**who.cookies, **{name: variables.text(value) for name, value in template.cookies.items()}}
    if cookies:
        joined = "; ".join(f"{name}={value}" for name, value in cookies.items())
        existing = next((name for name in headers if name.lower() == "cookie"), None)
        headers["Cookie" if existing is None else existing] = f"{headers[existing]}; {joined}" if existing else joined
    for name, value in headers.items():
        if _FORBIDDEN.search(value) or not _METHOD.fullmatch(name):
            raise UnsendableRequest(f"header {name!r} has characters that HTTP does not allow")
    return headers
