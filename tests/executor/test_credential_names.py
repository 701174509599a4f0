"""Which names are taken for secrets."""

from __future__ import annotations

import pytest

from services.executor.adapters.http_engine.auth import is_credential


@pytest.mark.req("BO-35")
@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("Authorization", True),
        ("Proxy-Authorization", True),
        ("Set-Cookie", True),
        ("X-Api-Key", True),
        ("refresh_token", True),
        ("client_secret", True),
        ("password", True),
        ("Access-Control-Allow-Credentials", False),
        ("Content-Type", False),
        ("author", False),
    ],
)
def test_names_of_secrets(name: str, secret: bool) -> None:
    assert is_credential(name) is secret
