"""Starts modules in order, keeps them running, stops them in reverse order."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
from collections.abc import Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

import uvloop
from sqlalchemy.exc import SQLAlchemyError

from shared.hosting.infra import Infra
from shared.hosting.migrating import migrate
from shared.hosting.module import Module, Step, builder, service_names
from shared.hosting.servers import ServiceServer
from shared.observability import get_logger
from shared.settings import InfraSettings

log = get_logger(__name__)


class HostError(Exception):
    """The process can't go on; the message says which module failed and how."""


class Host:
    """Hosts the services named by `targets` (`["all"]`: every one) until `stop()` or a signal."""

    def __init__(self, settings: InfraSettings, targets: Sequence[str]) -> None:
        self.settings = settings
        self.targets = _chosen(targets)
        self._stop = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    def migrate(self) -> None:
        """Bring the schemas of the hosted services to the newest version. Before `run`."""
        try:
            migrate(self.settings, self.targets)
        except SQLAlchemyError as error:
            raise HostError(f"the database could not be brought to the newest version: {error}") from error

    def run(self, on_ready: Callable[[], None] = lambda: None, until: Callable[[], None] | None = None) -> None:
        """Host until a signal comes, in an event loop of its own. See `serve`."""
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self.serve(on_ready, until))

    async def serve(self, on_ready: Callable[[], None], until: Callable[[], None] | None = None) -> None:
        """Start everything, call `on_ready`, and return after an orderly stop.

        `until` is a blocking call whose return stops the host as a signal does. Raises HostError when a module fails,
        after the others have been stopped in order.
        """
        async with AsyncExitStack() as stack:
            self._listen_to_signals(stack)
            infra = await self._start(stack)
            if until is not None:
                self._stop_after(until)
            _quieten_garbage_collection()
            log.info("ready", services=self.targets)
            on_ready()
            await self._until_stopped()
            log.info("stopping", services=self.targets)
            if infra.messaging.failure:  # it stopped us by a signal, which is an orderly end otherwise
                raise HostError(f"a loop of messaging died: {infra.messaging.failure}")

    def stop(self) -> None:
        """Begin the orderly stop. A second call ends the process at once."""
        if self._stop.is_set():
            os._exit(130)
        self._stop.set()

    async def _start(self, stack: AsyncExitStack) -> Infra:
        infra = Infra.of(self.settings, f"testgen {','.join(self.targets)}"[:60])
        stack.push_async_callback(infra.close)
        modules = [self._build(name, infra) for name in self.targets]
        for module in modules:
            for step in module.stop:
                stack.push_async_callback(step)
            for step in module.start:
                await step()
        stack.push_async_callback(infra.messaging.stop)
        await self._unless_stopped(infra.messaging.start())
        stack.push_async_callback(self._cancel_background)
        servers: list[ServiceServer] = []
        stack.push_async_callback(_stop_servers, servers)
        for module in modules:
            await self._serve(module, servers)
        return infra

    def _build(self, name: str, infra: Infra) -> Module:
        try:
            return builder(name)(self.settings, infra)
        except Exception as error:
            raise HostError(f"{name} could not be built: {error!r}") from error

    async def _serve(self, module: Module, servers: list[ServiceServer]) -> None:
        for number, step in enumerate(module.background):
            self._watch(asyncio.create_task(_run(step)), f"{module.name} background {number}")
        server = ServiceServer(module.app, self.settings.listen_url(module.name), self.settings.stop_timeout)
        self._watch(await server.start(), f"{module.name} server")
        servers.append(server)

    def _watch(self, task: asyncio.Task[None], name: str) -> None:
        task.set_name(name)
        self._tasks.add(task)

    async def _until_stopped(self) -> None:
        stop = asyncio.create_task(self._stop.wait())
        done, _ = await asyncio.wait({stop, *self._tasks}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        failed = [task for task in done if task is not stop]
        if failed and not self._stop.is_set():
            error = None if failed[0].cancelled() else failed[0].exception()
            raise HostError(f"{failed[0].get_name()} ended: {error!r}") from error

    async def _unless_stopped(self, starting: Coroutine[Any, Any, None]) -> None:
        """Wait for a start that may take for ever (a server that is not there), or for the signal to give up."""
        start = asyncio.create_task(starting)
        stop = asyncio.create_task(self._stop.wait())
        await asyncio.wait({start, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not start.done():
            start.cancel()
            with suppress(asyncio.CancelledError):
                await start
            raise HostError("stopped before NATS could be reached")
        await start

    async def _cancel_background(self) -> None:
        running = [task for task in self._tasks if not task.done()]
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    def _listen_to_signals(self, stack: AsyncExitStack) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.stop)
            stack.callback(loop.remove_signal_handler, number)

    def _stop_after(self, until: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()

        def wait() -> None:
            until()
            with suppress(RuntimeError):  # the loop has ended by itself
                loop.call_soon_threadsafe(self._stop.set)

        threading.Thread(target=wait, name="until", daemon=True).start()


async def _stop_servers(servers: list[ServiceServer]) -> None:
    """The edge first, while those that it calls still answer; then the others at once."""
    if servers:
        await servers[-1].stop()
    await asyncio.gather(*(server.stop() for server in servers[:-1]))


def _quieten_garbage_collection() -> None:
    """What is loaded stays; to walk over it again and again cost the executor a quarter of its time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


async def _run(step: Step) -> None:
    await step()


def _chosen(targets: Sequence[str]) -> list[str]:
    known = service_names()
    if "all" in targets:
        return known
    unknown = sorted(set(targets) - set(known))
    if unknown or not targets:
        raise HostError(f"no such service: {', '.join(unknown) or '(none)'}; known are {', '.join(known)}")
    return [name for name in known if name in targets]
