"""Hashing of passwords and the file of the signing key."""

from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from services.auth.adapters.passwords import Argon2Passwords
from services.auth.adapters.signing import Ed25519Signer, load_or_create_key
from shared.security import Principal, StaticKeySource, TokenVerifier


def test_hashes_are_salted_argon2id() -> None:
    passwords = Argon2Passwords(memory_kib=64, passes=1, at_once=2)
    first, second = passwords.hash("pässword 🐎"), passwords.hash("pässword 🐎")
    assert first != second
    assert first.startswith("$argon2id$v=19$m=64,t=1,p=1$")
    assert passwords.verify("pässword 🐎", first)
    assert not passwords.verify("password", first)
    assert not passwords.verify("password", "no hash at all")


def test_nobody_has_no_password() -> None:
    assert not Argon2Passwords(memory_kib=64, passes=1, at_once=2).verify("", None)


def test_the_key_is_private_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "auth" / "signing-key.json"
    first = load_or_create_key(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_key(path).kid == first.kid
    assert [entry.name for entry in path.parent.iterdir()] == ["signing-key.json"]


def test_processes_that_start_together_agree_on_one_key(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from services.auth.adapters.signing import load_or_create_key;"
        "sys.stdin.read(); print(load_or_create_key(pathlib.Path(sys.argv[1])).kid)"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "key.json")]
    running = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=Path.cwd())
        for _ in range(4)
    ]
    for process in running:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    kids = {process.communicate(timeout=60)[0].strip() for process in running}
    assert len(kids) == 1
    assert kids != {""}


@pytest.mark.req("TG-2")
async def test_the_published_keys_check_the_tokens(tmp_path: Path) -> None:
    signer = Ed25519Signer(load_or_create_key(tmp_path / "key.json"))
    principal = Principal(str(uuid4()), str(uuid4()), "member", "s", 4_000_000_000)
    token = signer.sign(principal, 1_700_000_000)
    assert await TokenVerifier(StaticKeySource(*signer.keys)).verify(token) == principal
    (published,) = signer.jwks()["keys"]
    assert "d" not in published
    assert (published["kty"], published["crv"], published["alg"]) == ("OKP", "Ed25519", "Ed25519")
