"""Who calls (access tokens) and where TestGen itself may call (targets)."""

from shared.security.principal import ADMINISTRATORS, EDITORS, ROLES, Principal, Role
from shared.security.targets import Target, TargetPolicy, TargetRefused
from shared.security.tokens import ALGORITHM, HttpKeySource, KeySource, StaticKeySource, TokenVerifier

__all__ = [
    "ADMINISTRATORS",
    "ALGORITHM",
    "EDITORS",
    "ROLES",
    "HttpKeySource",
    "KeySource",
    "Principal",
    "Role",
    "StaticKeySource",
    "Target",
    "TargetPolicy",
    "TargetRefused",
    "TokenVerifier",
]
