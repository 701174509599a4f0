"""Argon2id by argon2-cffi, with a bound on how many hashes take their memory at once."""

from __future__ import annotations

import secrets
import threading

import argon2
from argon2.exceptions import InvalidHashError, VerificationError


class Argon2Passwords:
    """`memory_kib` KiB and `passes` passes a hash, `at_once` of them at a time."""

    def __init__(self, *, memory_kib: int, passes: int, at_once: int) -> None:
        self._hasher = argon2.PasswordHasher(
            time_cost=passes, memory_cost=memory_kib, parallelism=1, type=argon2.Type.ID
        )
        self._slots = threading.BoundedSemaphore(at_once)
        self._nobody = self.hash(secrets.token_urlsafe())

    def hash(self, password: str) -> str:
        with self._slots:
            return self._hasher.hash(password)

    def verify(self, password: str, hashed: str | None) -> bool:
        with self._slots:
            try:
                self._hasher.verify(self._nobody if hashed is None else hashed, password)
            except (VerificationError, InvalidHashError):
                return False
        return hashed is not None
