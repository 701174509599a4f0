"""A platform, a project on the slow target, and what must hold after any fault."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

from cli.client import Client
from cli.platform import Platform, running_platform
from shared.contracts import ContractEvent
from shared.contracts.executor import HealingRequested, ResultsRecorded, RunFinished
from shared.hosting import service_names
from shared.hosting.rebuilding import replay
from shared.messaging import EventTail
from shared.messaging.connection import Connection
from shared.messaging.deadletter import DeadLetters
from shared.messaging.tail import history
from tests.faults.target import SlowTarget, serving_slowly

PASSWORD = "Correct-horse-7-battery"
FINISHED = {"Success", "Failed", "Partial"}
PATIENCE_S = 240.0
MIDDLE = 40
"""Requests after which a run is in its middle."""


@dataclass
class World:
    platform: Platform
    target: SlowTarget
    client: Client
    project_id: int

    @property
    def with_read_model(self) -> list[str]:
        return [name for name in service_names() if name != "gateway"]

    def move_the_contract(self) -> None:
        """Renames a path in the API and tells the scanner: the next run has something to heal."""
        self.target.moved = not self.target.moved
        source = {"source": {"kind": "openapi", "document": self.target.document()}}
        self.client.scan(self.project_id, source, seconds=PATIENCE_S)

    def start_run(self) -> str:
        environment = {"base_url": self.target.url}
        return str(self.client.start_run(self.project_id, {"environment": environment, "healing": True})["id"])

    def finished(self, run_id: str) -> dict[str, Any]:
        return self.client.wait_for_run(self.project_id, run_id, seconds=PATIENCE_S)

    def reach_the_middle(self, run_id: str, requests: int = MIDDLE) -> None:
        """Returns when the run has made `requests` requests and is not done by far."""
        self.wait_for_requests(requests)
        run = self.client.run(self.project_id, run_id)
        assert run["status"] == "Running", f"the run is too short to be disturbed: {run}"

    def wait_for_requests(self, count: int) -> None:
        """Returns when the target has seen `count` more requests."""
        goal, deadline = self.target.requests + count, time.monotonic() + PATIENCE_S
        while self.target.requests < goal:
            assert time.monotonic() < deadline, f"the run makes no requests ({self.target.requests} of {goal})"
            time.sleep(0.005)

    def wait_for_event(self, kind: type[ContractEvent], run_id: str) -> None:
        """Returns when the run's event of this class is published."""
        asyncio.run(self._wait_for_event(kind, run_id))

    async def _wait_for_event(self, kind: type[ContractEvent], run_id: str) -> None:
        connection = Connection(self.platform.settings.nats_url, "faults")
        await connection.connect()
        try:
            async with asyncio.timeout(PATIENCE_S), EventTail(connection, [kind], from_beginning=True) as tail:
                async for received in tail:
                    assert isinstance(received.event, HealingRequested | RunFinished)
                    if received.event.run_id == run_id:
                        return
        finally:
            await connection.close()

    def check(self, run_id: str) -> None:
        """What must hold after every fault, however it struck."""
        run = self.finished(run_id)
        self.wait_for_event(RunFinished, run_id)
        assert run["status"] in FINISHED, run
        tests = sorted(test["id"] for test in self.client.test_cases(self.project_id))
        results = self.client.results(self.project_id, run_id)
        assert sorted(result["test_id"] for result in results) == tests
        counts = Counter(result["status"].lower() for result in results)
        assert {status: run[status] for status in ("passed", "failed", "skipped", "healed")} == {
            status: counts[status] for status in ("passed", "failed", "skipped", "healed")
        }
        assert run["total"] == len(tests)
        asyncio.run(self._check_log(run_id))
        assert run["healed"] > 0, "the moved path was not healed"
        self.client.settled_coverage(self.project_id, run_id, seconds=PATIENCE_S)
        assert self.dead_letters() == []
        for service in self.with_read_model:
            self.check_read_model(service)

    async def _check_log(self, run_id: str) -> None:
        """The event log itself, not only what is shown of it, has one result per test; healing may follow a failure."""
        outcomes: dict[str, list[str]] = {}
        connection = Connection(self.platform.settings.nats_url, "faults")
        await connection.connect()
        try:
            async for batch in history(connection, [ResultsRecorded], "executor"):
                for event in (received.event for received in batch):
                    assert isinstance(event, ResultsRecorded)
                    for result in event.results if event.run_id == run_id else ():
                        outcomes.setdefault(result.test_id, []).append(result.status)
        finally:
            await connection.close()
        odd = {test: seen for test, seen in outcomes.items() if len(seen) != 1 and not _healed_after_failure(seen)}
        assert odd == {}

    def check_read_model(self, service: str) -> None:
        """Equal to its rebuilt self; one that is still being written gets a few chances."""
        for _ in range(5):
            replayed = asyncio.run(replay(self.platform.settings, service))
            if replayed.equal:
                assert replayed.events > 0
                return
        raise AssertionError(f"{service}: the rebuilt read model differs\n{replayed.before}\n{replayed.after}")

    def dead_letters(self) -> list[str]:
        return asyncio.run(self._dead_letters())

    async def _dead_letters(self) -> list[str]:
        connection = Connection(self.platform.settings.nats_url, "faults")
        await connection.connect()
        try:
            letters = await DeadLetters(connection).list()
            return [f"{letter.service}.{letter.consumer}: {letter.reason}\n{letter.stack}" for letter in letters]
        finally:
            await connection.close()


def _healed_after_failure(outcomes: list[str]) -> bool:
    first, *later = outcomes
    return first in {"Failed", "Skipped"} and later == ["Healed"]


@contextmanager
def small_world(targets: Sequence[str]) -> Iterator[World]:
    """Registered, scanned, generated and approved; ready for runs. `targets`: a process each."""
    with ExitStack() as stack:
        target = stack.enter_context(serving_slowly())
        platform = stack.enter_context(running_platform(targets=targets))
        client = stack.enter_context(Client(platform.url))
        client.register("faults@example.com", PASSWORD)
        client.login("faults@example.com", PASSWORD)
        project_id = client.create_project("Slow", api_base_url=target.url)["id"]
        world = World(platform, target, client, project_id)
        source = {"source": {"kind": "openapi", "document": target.document()}}
        client.scan(project_id, source, seconds=PATIENCE_S)
        client.generate(project_id, seconds=PATIENCE_S)
        client.approve(project_id, [test["id"] for test in client.test_cases(project_id)])
        yield world
