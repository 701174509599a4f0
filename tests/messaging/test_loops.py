"""Backoff, classification of faults, and what becomes of a loop that fails or dies."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.errors import NoServersError
from sqlalchemy.exc import IntegrityError, OperationalError

from shared.eventstore import VersionConflict
from shared.messaging import PermanentFailure, QueryUnavailable, RetryLater
from shared.messaging.calls import is_transient
from shared.messaging.loops import Loops, Threads, backoff
from tests.support.waiting import eventually

_DYING = """
import asyncio
from shared.messaging.loops import Loops

async def die():
    raise asyncio.CancelledError

async def main():
    Loops().start("dying", die)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.req("BO-25")
@given(st.integers(0, 10_000), st.floats(0.01, 5), st.floats(5, 100))
def test_backoff_doubles_to_its_cap_with_jitter(attempt: int, first: float, most: float) -> None:
    full = min(most, first * 2.0 ** min(attempt, 30))
    assert full / 2 <= backoff(attempt, first, most) <= full


@pytest.mark.req("BO-29")
@pytest.mark.parametrize(
    ("error", "transient"),
    [
        (OperationalError("s", {}, Exception()), True),
        (VersionConflict("v"), True),
        (QueryUnavailable(), True),
        (RetryLater(1), True),
        (NoServersError(), True),
        (ConnectionResetError(), True),
        (TimeoutError(), True),
        (IntegrityError("s", {}, Exception()), False),
        (PermanentFailure("no"), False),
        (KeyError("bug"), False),
    ],
)
def test_every_fault_is_of_the_message_or_of_the_surroundings(error: Exception, transient: bool) -> None:
    assert is_transient(error) is transient


async def test_a_failing_loop_is_tried_again() -> None:
    loops, tries = Loops(), []

    async def step() -> None:
        tries.append(1)
        if len(tries) < 4:
            raise ValueError("not yet")
        await asyncio.Event().wait()

    loops.start("failing", step)
    await eventually(lambda: len(tries) == 4)
    await loops.stop()


def test_a_loop_that_dies_stops_the_process() -> None:
    process = subprocess.run([sys.executable, "-c", _DYING], timeout=60, check=False, capture_output=True)
    assert process.returncode == -signal.SIGTERM


async def test_blocked_threads_do_not_hold_up_others() -> None:
    threads, release = Threads(), threading.Event()
    blocked = [asyncio.create_task(threads.run(release.wait)) for _ in range(40)]
    assert await threads.run(lambda: 7) == 7
    release.set()
    assert all(await asyncio.gather(*blocked))
    threads.close()
