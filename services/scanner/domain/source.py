"""Where a scan reads: a Git repository, a local folder, an OpenAPI document by address or by value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, get_args
from urllib.parse import urlsplit

from services.scanner.errors import SourceInvalid

SourceKind = Literal["git", "path", "openapi_url", "openapi"]
_NEEDED: dict[str, tuple[str, str]] = {
    "git": ("url", "the address of the repository"),
    "path": ("path", "the folder"),
    "openapi_url": ("url", "the address of the document"),
    "openapi": ("document", "the document"),
}
MAX_DOCUMENT = 4_000_000
"""Characters of an uploaded document: it travels in an event."""


@dataclass(frozen=True)
class Source:
    """One source; which fields count depends on `kind`."""

    kind: SourceKind
    url: str = ""
    branch: str = ""
    path: str = ""
    document: str = ""

    @classmethod
    def of(cls, fields: dict[str, Any]) -> Self:
        """Checks the fields. Raises `SourceInvalid`."""
        kind: Any = fields.get("kind")
        if kind not in get_args(SourceKind):
            raise SourceInvalid(f"A source is one of {', '.join(get_args(SourceKind))}.", {"field": "source.kind"})
        source = cls(kind, **{name: str(fields.get(name) or "") for name in ("url", "branch", "path", "document")})
        name, meaning = _NEEDED[source.kind]
        if not getattr(source, name):
            raise SourceInvalid(
                f"A scan of kind {source.kind} needs {meaning} in '{name}'.", {"field": f"source.{name}"}
            )
        if _has_credentials(source.url):
            raise SourceInvalid("The address must not hold a user name or password.", {"field": "source.url"})
        if len(source.document) > MAX_DOCUMENT:
            raise SourceInvalid("The document is too large; give its address instead.", {"field": "source.document"})
        return source

    def fields(self) -> dict[str, Any]:
        """Only what is set, for storing."""
        return {name: value for name, value in asdict(self).items() if value}


def _has_credentials(url: str) -> bool:
    """They would be stored in clear. The user of an SSH address (`git@`) is none; a URL that can't be read might be."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "@" in url
    if "@" not in parts.netloc:
        return False
    return parts.scheme not in {"ssh", "git+ssh"} or parts.password is not None
