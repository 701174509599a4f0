"""The user as which the CLI works on an embedded platform: made once, remembered in the platform's data folder."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path

from cli.client import Client

_FILE = "cli-account.json"
_EMAIL = "cli@testgen.dev"


def signed_in(url: str, data_dir: Path) -> Client:
    """A client of the platform at `url`, whose data are in `data_dir`."""
    client = Client(url)
    file = data_dir / _FILE
    if file.exists():
        account = json.loads(file.read_text())
    else:
        account = {"email": _EMAIL, "password": f"Aa1!{secrets.token_urlsafe(24)}"}
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as kept:
            json.dump(account, kept)
        client.register(account["email"], account["password"])
    client.login(account["email"], account["password"])
    return client
