"""`testgen events tail` and `testgen replay` against hosted services."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path

import pytest

from shared.settings import InfraSettings
from tests.support.hosting import hosted
from tests.support.person import Person

ROOT = Path(__file__).parents[2]


async def testgen(settings: InfraSettings, *words: str) -> tuple[int, str, str]:
    addresses = {"TESTGEN_DATABASE_URL": settings.database_url, "TESTGEN_NATS_URL": settings.nats_url}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "cli", *words,
        env={**os.environ, **addresses, "PYTHONPATH": str(ROOT), "COLUMNS": "120"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


testgen.__test__ = False  # type: ignore[attr-defined]


@pytest.mark.req("DC-7")
async def test_tail_shows_events_and_replay_rebuilds_the_read_model(infra_settings: InfraSettings) -> None:
    async with hosted(infra_settings, ["auth", "projects"]) as clients:
        ann = await Person.register(clients, "projects")
        numbers = [(await ann.call("POST", "/api/projects", {"name": f"p{n}"})).json()["id"] for n in range(3)]
        code, out, _ = await testgen(
            infra_settings, "events", "tail", "--json", "--from-beginning", "--type", "projects.",
            "--project", str(numbers[1]), "--count", "1",
        )  # fmt: skip
        event = json.loads(out)
        assert (code, event["type"], event["data"]["project_id"]) == (0, "projects.project_created.v1", numbers[1])
        assert all(event[field] for field in ("actor", "org_id", "correlation_id"))

        code, out, err = await testgen(infra_settings, "replay", "projects", "--json")
        assert code == 0, err
        assert json.loads(out) == {"service": "projects", "events": 3, "equal": True}
        listed = (await ann.call("GET", "/api/projects")).json()
        assert listed["total_count"] == 3


@pytest.mark.parametrize(
    ("words", "problem"),
    [(("replay", "nonsense"), "no such service"), (("events", "tail", "--type", "x."), "no event's name begins")],
)
async def test_mistakes_are_explained(infra_settings: InfraSettings, words: tuple[str, ...], problem: str) -> None:
    code, _, err = await testgen(infra_settings, *words)
    assert code == 2
    assert problem in err
