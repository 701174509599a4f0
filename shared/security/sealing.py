"""Sealing short secrets with a key from a file: AES-256-GCM, bound to a context.

The key is made at first use. Replicas on several machines need the same file (a mounted secret).
"""

from __future__ import annotations

import base64
import os
import secrets
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_KEY_BYTES = 32
_NONCE_BYTES = 12
_VERSION = "v1."


class SealBroken(Exception):
    """The text was sealed with another key or for another context, or it was changed."""


class Sealer:
    """Safe to share by threads and processes."""

    def __init__(self, key: bytes) -> None:
        self._cipher = AESGCM(key)

    @classmethod
    def from_file(cls, path: Path) -> Sealer:
        """The sealer with the key in `path`, which is made (readable by its owner only) where it is missing."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if not path.exists():
            _write_once(path, secrets.token_bytes(_KEY_BYTES))
        return cls(path.read_bytes())

    def seal(self, plain: bytes, context: str) -> str:
        """Text that only `open` with the same key and context turns back."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, plain, context.encode())
        return _VERSION + base64.urlsafe_b64encode(sealed).decode()

    def open(self, sealed: str, context: str) -> bytes:
        """Raises `SealBroken`."""
        try:
            raw = base64.urlsafe_b64decode(sealed.removeprefix(_VERSION))
            return self._cipher.decrypt(raw[:_NONCE_BYTES], raw[_NONCE_BYTES:], context.encode())
        except (ValueError, InvalidTag) as problem:
            raise SealBroken("the sealed text can't be opened") from problem


def _write_once(path: Path, key: bytes) -> None:
    """All or nothing, and the first of several processes wins."""
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(key)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()
