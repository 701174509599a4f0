"""Waiting for something that another process or thread brings about."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(condition: Callable[[], T | Awaitable[T]], *, timeout: float = 20.0, pause: float = 0.02) -> T:
    """The first true answer of `condition` (sync or async; AssertionError counts as not yet).

    Fails with its last answer or error after `timeout` seconds. Not for proving that something does not happen.
    """
    deadline = time.monotonic() + timeout
    while True:
        last: object
        try:
            answer = condition()
            value = await answer if inspect.isawaitable(answer) else answer
            if value:
                return value
            last = value
        except AssertionError as error:
            last = error
        assert time.monotonic() < deadline, f"not within {timeout} s; last: {last!r}"
        await asyncio.sleep(pause)
