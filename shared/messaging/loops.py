"""Endless work of a process: loops that log, back off and try again, and the threads for blocking calls."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import os
import random
import signal
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import ParamSpec, TypeVar

from shared.observability import get_logger

log = get_logger(__name__)
P = ParamSpec("P")
T = TypeVar("T")
_LOUD_AFTER = 5
"""Failures in a row that may be a restart of a server; more are an error."""


def backoff(attempt: int, first: float = 0.1, most: float = 5.0) -> float:
    """Seconds to wait before try `attempt` + 1 (from 0): doubling to `most`, with full jitter above half."""
    return min(most, first * 2.0 ** min(attempt, 30)) * random.uniform(0.5, 1.0)


class Threads:
    """A pool of its own: the event loop's default one has a handful of threads, which waiting relays would take up."""

    def __init__(self, count: int = 64) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="messaging")

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """The blocking call's result; the caller's context variables are seen inside."""
        call = functools.partial(contextvars.copy_context().run, function, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._pool, call)

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


class Loops:
    """Keeps endless coroutines running. One that ends although nobody stopped it stops the process."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self.stopping = False
        self.died: str | None = None
        """The loop that ended by itself, and why."""

    def start(self, name: str, step: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Runs `step` again and again; what it raises is logged and followed by a pause."""
        task = asyncio.get_running_loop().create_task(self._repeat(name, step), name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    async def stop(self) -> None:
        self.stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _repeat(self, name: str, step: Callable[[], Awaitable[None]]) -> None:
        failures = 0
        while not self.stopping:
            try:
                await step()
                failures = 0
            except Exception as error:
                level = log.warning if failures < _LOUD_AFTER else log.error
                level("messaging loop failed, trying again", loop=name, failures=failures, error=repr(error))
                await asyncio.sleep(backoff(failures))
                failures += 1

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self.stopping:
            return
        error = None if task.cancelled() else task.exception()
        self.died = f"{task.get_name()}: {error!r}"
        log.critical("messaging loop died: stopping the process", loop=task.get_name(), error=repr(error))
        os.kill(os.getpid(), signal.SIGTERM)
