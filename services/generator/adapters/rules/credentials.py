"""Logging in: who registers can log in with what was sent, where the API has both operations."""

from typing import Any

from services.generator.adapters.rules import names, schema
from services.generator.adapters.rules.model import Api, Target

_PASSWORDS = frozenset({"password", "passwd", "pwd", "passphrase"})
_LOGINS = ("username", "login", "email", "user", "identifier", "handle")
_CONFIRMS = frozenset({"verify", "verification", "confirm", "confirmation", "activate", "activation"})


def registration(target: Target, api: Api) -> Target | None:
    """The operation that makes an account which `target`, a login, then lets in; None where there is none."""
    needed = _needed(target)
    if not target.is_login or not any(_is_password(name) for name in needed):
        return None
    open_ones = (one for one in api.targets if one.method == "POST" and one is not target and not one.is_login)
    candidates = [one for one in open_ones if not one.operation.requires_auth and not one.needs_knowledge]
    fitting = [one for one in candidates if _matches(needed, _known(one)) is not None]
    return min(fitting, key=lambda one: (len(one.segments), one.endpoint.id), default=None)


def logged_in(target: Target, sent: Any) -> dict[str, Any] | None:
    """The login's body for an account that was registered with `sent`."""
    found = _matches(_needed(target), list(sent)) if isinstance(sent, dict) else None
    return {name: sent[source] for name, source in found.items()} if found is not None else None


def confirms(api: Api) -> bool:
    """True where accounts seem to be confirmed (by mail, say) before they can log in."""
    return any(set(names.words(target.path)) & _CONFIRMS for target in api.targets)


def _needed(target: Target) -> list[str]:
    body = target.body
    return schema.required(schema.flatten(body.json_schema, body.json_schema)) if body else []


def _known(target: Target) -> list[str]:
    """What a registration asks for; only operations that ask for a password count."""
    needed = _needed(target)
    return needed if any(_is_password(name) for name in needed) else []


def _is_password(name: str) -> bool:
    return bool(set(names.words(name)) & _PASSWORDS)


def _matches(needed: list[str], known: list[str]) -> dict[str, str] | None:
    """For each needed field the known one of the same meaning, or None where one has none."""
    found: dict[str, str] = {}
    for name in needed:
        same = [other for other in known if names.normal(other) == names.normal(name)]
        if not same and _is_password(name):
            same = [other for other in known if _is_password(other)]
        if not same and names.normal(name) in _LOGINS:
            by_name = {names.normal(other): other for other in known}
            same = [by_name[login] for login in _LOGINS if login in by_name]
        if not same:
            return None
        found[name] = same[0]
    return found
