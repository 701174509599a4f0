"""A service that does nothing but answer and remember what the host did with it."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from shared.hosting import Infra, Module
from shared.settings import InfraSettings
from shared.web import service_app

LOG: list[str] = []
fail = asyncio.Event()
router = APIRouter(prefix="/api/echo")


@router.get("/{word}")
def echo(word: str) -> dict[str, Any]:
    return {"word": word}


def build(settings: InfraSettings, infra: Infra) -> Module:
    LOG.clear()
    fail.clear()
    app = service_app("echo", [router], infra.ready, verifier=infra.verifier)
    return Module(
        "echo", app, start=[_note("start")], stop=[_note("stop 1"), _note("stop 2")], background=[_until_failed]
    )


async def _until_failed() -> None:
    await fail.wait()
    raise RuntimeError("told to fail")


def _note(what: str) -> Any:
    async def step() -> None:
        LOG.append(what)

    return step
