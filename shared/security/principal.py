"""Who is calling: the verified content of an access token."""

from dataclasses import dataclass
from typing import Literal, get_args

Role = Literal["owner", "admin", "member", "viewer"]
ROLES: frozenset[str] = frozenset(get_args(Role))
EDITORS: frozenset[str] = frozenset({"owner", "admin", "member"})
ADMINISTRATORS: frozenset[str] = frozenset({"owner", "admin"})


@dataclass(frozen=True)
class Principal:
    """A user acting in one organisation with one role; `session` names the login or API key behind the token."""

    user_id: str
    org_id: str
    role: Role
    session: str = ""
    expires_at: int = 0
    """Unix seconds."""
