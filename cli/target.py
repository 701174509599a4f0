"""The API under test: its address, and how its tests authenticate."""

from __future__ import annotations

import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from cli.errors import CliError

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Credentials:
    """How requests authenticate, as the options say it; at most one of them is set."""

    bearer: str | None = None
    basic: str | None = None
    """`user:password`"""
    key: str | None = None
    """`name: value`"""
    key_in: str = "header"

    def request(self) -> dict[str, Any]:
        """The `auth` object of a run's environment."""
        if sum(each is not None for each in (self.bearer, self.basic, self.key)) > 1:
            raise CliError("give only one of --auth-bearer, --auth-basic and --auth-key")
        if self.bearer is not None:
            return {"kind": "bearer", "token": self.bearer}
        if self.basic is not None:
            user, password = _pair(self.basic, "--auth-basic", "user:password")
            return {"kind": "basic", "username": user, "password": password}
        if self.key is not None:
            if self.key_in not in {"header", "query", "cookie"}:
                raise CliError(f"--auth-key-in is header, query or cookie, not '{self.key_in}'")
            name, value = _pair(self.key, "--auth-key", "X-API-Key:value")
            return {"kind": "api_key", "name": name, "token": value, "location": self.key_in}
        return {"kind": "none"}


@dataclass(frozen=True)
class Target:
    """`base_url` as given; `headers` go with every request."""

    base_url: str
    headers: dict[str, str] = field(default_factory=dict)
    credentials: Credentials = Credentials()
    other: Credentials = Credentials()
    """A second identity, for tests of who may see whose data."""
    verify_tls: bool = True

    @property
    def is_anonymous(self) -> bool:
        """Nothing that is sent could be a credential."""
        identities = (self.credentials.request(), self.other.request())
        return not self.headers and all(each["kind"] == "none" for each in identities)

    def environment(self) -> dict[str, Any]:
        """The `environment` object of a run request."""
        other = self.other.request()
        return {
            "base_url": self.base_url,
            "headers": self.headers,
            "auth": self.credentials.request(),
            "other_auth": other if other["kind"] != "none" else None,
            "verify_tls": self.verify_tls,
        }


def headers_of(lines: Sequence[str]) -> dict[str, str]:
    """Headers given as `Name: value`."""
    return dict(_pair(line, "--header", "Name: value") for line in lines)


def check_address(base_url: str) -> None:
    """Raises `CliError` where `base_url` is no http(s) address."""
    try:
        place = urlsplit(base_url)
        well_formed = place.scheme in _PORTS and bool(place.hostname) and place.port != 0
    except ValueError:
        well_formed = False
    if not well_formed:
        raise CliError(f"'{base_url}' is no http or https address", "for example --url http://127.0.0.1:8080")
    if "?" in base_url or "#" in base_url:
        raise CliError(f"'{base_url}' has a query or a fragment", "paths of the API are appended to --url")


def check_reachable(base_url: str, timeout: float = 5.0) -> None:
    """Raises `CliError` where nothing accepts connections at `base_url` within `timeout` seconds."""
    place = urlsplit(base_url)
    try:
        socket.create_connection((place.hostname or "", place.port or _PORTS[place.scheme]), timeout).close()
    except OSError as error:
        reason = error.strerror or str(error) or "no answer"
        raise CliError(f"cannot reach {base_url}: {reason}", "is the API under test running there?") from error


def is_loopback(url: str) -> bool:
    """Whether an address names this machine."""
    host = urlsplit(url).hostname or ""
    return host == "localhost" or host.startswith("127.") or host == "::1"


def _pair(text: str, option: str, shape: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise CliError(f"{option} takes '{shape}'")
    return name.strip(), value.strip()
