"""Security schemes of `fastapi.security` objects and of the classes that inherit from them."""

from __future__ import annotations

from services.scanner.adapters.python.scalars import last_name
from services.scanner.adapters.python.values import Class, External, ExternalCall, Instance, Value
from shared.contracts.scanner import SecurityScheme

_HTTP = {"HTTPBearer": "bearer", "HTTPBasic": "basic", "HTTPDigest": "digest"}
_API_KEYS = {"APIKeyHeader": "header", "APIKeyQuery": "query", "APIKeyCookie": "cookie"}
_OAUTH2 = frozenset({"OAuth2PasswordBearer", "OAuth2AuthorizationCodeBearer", "OAuth2"})


def security_scheme(target: Value) -> SecurityScheme | None:
    """The scheme that a dependency checks; None for a dependency that is no security scheme."""
    if isinstance(target, ExternalCall) and _is_security(target.name):
        return _scheme(last_name(target), last_name(target), target.args, target.kwargs)
    if isinstance(target, Instance) and isinstance(target.cls, Class):
        for base in target.cls.external_bases():
            if _is_security(base):
                options = dict(target.attrs)
                return _scheme(target.cls.name, last_name(External(base)), [], options)
    return None


def _is_security(name: str) -> bool:
    known = name.rsplit(".", 1)[-1]
    return name.startswith("fastapi.") and (
        known in _HTTP or known in _API_KEYS or known in _OAUTH2 or known == "OpenIdConnect"
    )


def _scheme(key: str, kind: str, args: list[Value], options: dict[str, Value]) -> SecurityScheme | None:
    named = options.get("scheme_name")
    key = named if isinstance(named, str) else key
    if kind in _HTTP:
        return SecurityScheme(key=key, type="http", scheme=_HTTP[kind])
    if kind in _API_KEYS:
        name = options.get("name", args[0] if args else "")
        shown = name if isinstance(name, str) else ""
        return SecurityScheme(key=key, type="apiKey", location=_API_KEYS[kind], parameter_name=shown)
    if kind in _OAUTH2:
        url = options.get("tokenUrl", args[0] if args and kind == "OAuth2PasswordBearer" else "")
        return SecurityScheme(key=key, type="oauth2", scheme="bearer", token_url=url if isinstance(url, str) else "")
    return SecurityScheme(key=key, type="openIdConnect")
