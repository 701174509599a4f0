"""Ed25519 signatures of access tokens, with a key that lives in a file only the service can read."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
from pathlib import Path
from typing import Any

from joserfc import jwt
from joserfc.jwk import OKPKey

from shared.security.principal import Principal
from shared.security.tokens import ALGORITHM, AUDIENCE, ISSUER


class Ed25519Signer:
    """Signs with the newest key; further keys are only published, so that their tokens live out their time."""

    def __init__(self, key: OKPKey, *older: OKPKey, issuer: str = ISSUER, audience: str = AUDIENCE) -> None:
        self._key = key
        self.keys = (key, *older)
        self._issuer = issuer
        self._audience = audience

    def sign(self, principal: Principal, issued_at: int) -> str:
        claims = {
            "iss": self._issuer,
            "aud": self._audience,
            "sub": principal.user_id,
            "org": principal.org_id,
            "role": principal.role,
            "sid": principal.session,
            "jti": secrets.token_urlsafe(12),
            "iat": issued_at,
            "nbf": issued_at,
            "exp": principal.expires_at,
        }
        return jwt.encode({"alg": ALGORITHM, "kid": self._key.kid}, claims, self._key, algorithms=[ALGORITHM])

    def jwks(self) -> dict[str, Any]:
        return {"keys": [{**key.as_dict(private=False), "alg": ALGORITHM, "use": "sig"} for key in self.keys]}


def load_or_create_key(path: Path) -> OKPKey:
    """The signing key of the file, made by the first process that asks; of several at once, exactly one makes it."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        _create(path)
    key = OKPKey.import_key(json.loads(path.read_text()))
    key.ensure_kid()
    return key


def _create(path: Path) -> None:
    """Written whole beside the file and then linked to its name, which fails where another process was first."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w") as file:
            json.dump(OKPKey.generate_key("Ed25519", auto_kid=True).as_dict(private=True), file)
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
    finally:
        draft.unlink()
