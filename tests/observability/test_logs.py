"""Logs: JSON with the documented fields, and nothing secret in them."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.eventstore import Metadata, use_metadata
from shared.observability import configure_logging, get_logger, redact, redact_text

SECRETS = [
    "hunter2hunter2",
    "ak_live0123456789abcdef",
    "eyJhbGciOiJFZDI1NTE5In0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl",
    "4111 1111 1111 1111",
    "5500000000000004",
    "alice@example.com",
]


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What the process logs; the logging of pytest comes back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    captured = io.StringIO()
    monkeypatch.setattr(sys, "stderr", captured)
    configure_logging("INFO")
    yield captured
    root.handlers[:] = handlers
    root.setLevel(level)
    import structlog

    structlog.reset_defaults()


def entries(lines: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines.getvalue().splitlines()]


@pytest.mark.req("BO-32", "BO-33", "BO-34")
def test_an_entry_has_the_documented_fields(lines: io.StringIO) -> None:
    metadata = Metadata(org_id="o", actor="u", correlation_id="c-1", causation_id=None, traceparent=None)
    with use_metadata(metadata):
        get_logger("services.projects.application").info("project created", project_id=4)
        logging.getLogger("some.library").warning("old %s", "style")
    ours, theirs = entries(lines)
    assert {"timestamp", "level", "service", "message", "correlation_id"} <= set(ours)
    assert (ours["service"], ours["message"], ours["project_id"]) == ("projects", "project created", 4)
    assert (theirs["message"], theirs["correlation_id"], theirs["level"]) == ("old style", "c-1", "warning")


@pytest.mark.req("BO-30")
def test_a_stack_is_in_the_entry(lines: io.StringIO) -> None:
    try:
        raise ValueError("broken for alice@example.com")
    except ValueError:
        get_logger("services.auth.api").exception("failed")
    (entry,) = entries(lines)
    assert "ValueError" in entry["exception"]
    assert "alice" not in entry["exception"]


@pytest.mark.req("BO-35")
@pytest.mark.parametrize("secret", SECRETS)
def test_secrets_are_redacted_wherever_they_stand(lines: io.StringIO, secret: str) -> None:
    log = get_logger("services.auth.api")
    log.info("login", password=secret, nested={"headers": [{"authorization": f"Bearer {secret}"}]}, api_key=secret)
    log.info('body was {"password": "%s", "x": 1} and token=%s', secret, secret)
    logging.getLogger("lib").warning("Authorization: Bearer %s", secret)
    written = lines.getvalue()
    assert secret not in written
    assert len(entries(lines)) == 3


@pytest.mark.req("BO-35")
@settings(max_examples=200)
@given(
    secret=st.text(st.characters(min_codepoint=48, max_codepoint=122, categories=["L", "N"]), min_size=8, max_size=40),
    name=st.sampled_from(
        ["password", "new_password", "accessToken", "X-API-Key", "client_secret", "Set-Cookie", "email"]
    ),
    depth=st.integers(0, 12),
)
def test_a_secret_by_name_never_survives(secret: str, name: str, depth: int) -> None:
    value: Any = {name: f"<<{secret}>>"}
    for level in range(depth):
        value = [value] if level % 2 else {"inner": value}
    assert f"<<{secret}>>" not in json.dumps(redact(value))


@pytest.mark.parametrize(
    "text",
    [
        "run_00042 finished in 12.5 s",
        "2026-11-21T12:41:27.123456+00:00",
        "GET /api/projects/12/runs?cursor=WzVd 200",
        "1763728887123456",
        "9f1c2b3a-0d4e-4f5a-8b6c-7d8e9f0a1b2c",
    ],
)
def test_what_is_not_secret_stays_readable(text: str) -> None:
    assert redact_text(text) == text


def test_passwords_in_urls_go(lines: io.StringIO) -> None:
    get_logger("services.scanner.git").info("clone", url="https://bob:s3cr3t@github.com/a/b.git")
    assert "s3cr3t" not in lines.getvalue()
    assert "github.com/a/b.git" in lines.getvalue()
