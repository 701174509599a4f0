"""The host: modules started and stopped in order, failures end the process. On real servers and sample services."""

from __future__ import annotations

import asyncio
import importlib
import os
import signal
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType

import pytest

import services
from shared.hosting import Host, HostError, service_names
from shared.settings import InfraSettings
from shared.web import HttpClients
from tests.support.waiting import eventually

SAMPLES = str(Path(__file__).parent / "services")


@pytest.fixture(autouse=True)
def sample_services() -> Iterator[None]:
    services.__path__.append(SAMPLES)
    importlib.invalidate_caches()
    yield
    services.__path__.remove(SAMPLES)


def _echo() -> ModuleType:
    return importlib.import_module("services.echo.module")


@asynccontextmanager
async def _hosting(host: Host) -> AsyncIterator[asyncio.Task[None]]:
    ready = asyncio.Event()
    task = asyncio.create_task(host.serve(ready.set))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    try:
        yield task
    finally:
        if not task.done():
            host.stop()
        await asyncio.wait({task})


async def test_a_service_is_served_at_its_address_and_stopped_in_order(infra_settings: InfraSettings) -> None:
    async with _hosting(Host(infra_settings, ["echo"])) as task:
        clients = HttpClients(infra_settings.service_url)
        answer = await clients.to("echo").request("GET", "/api/echo/hello")
        assert (answer.status, answer.json()) == (200, {"word": "hello"})
        ready = await clients.to("echo").request("GET", "/health/ready")
        assert ready.json()["parts"] == {"database": True, "messaging": True}
        await clients.close()
        assert _echo().LOG == ["start"]
    await task
    assert _echo().LOG == ["start", "stop 2", "stop 1"]
    assert not (infra_settings.sockets / "echo.sock").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_it(infra_settings: InfraSettings, number: signal.Signals) -> None:
    async with _hosting(Host(infra_settings, ["echo"])) as task:
        os.kill(os.getpid(), number)
        await task
    assert _echo().LOG == ["start", "stop 2", "stop 1"]


async def test_the_end_of_the_starter_stops_it(infra_settings: InfraSettings) -> None:
    reader, writer = os.pipe()
    host = Host(infra_settings, ["echo"])

    def starter_ends() -> None:
        assert os.read(reader, 1) == b""
        os.close(reader)

    await host.serve(on_ready=lambda: os.close(writer), until=starter_ends)
    assert _echo().LOG == ["start", "stop 2", "stop 1"]


async def test_a_failing_module_stops_the_process_with_its_reason(infra_settings: InfraSettings) -> None:
    async with _hosting(Host(infra_settings, ["echo"])) as task:
        _echo().fail.set()
        with pytest.raises(HostError, match="echo background 0 ended: RuntimeError\\('told to fail'\\)"):
            await task
    assert _echo().LOG == ["start", "stop 2", "stop 1"]


async def test_a_dead_loop_of_messaging_stops_the_process_with_its_reason(infra_settings: InfraSettings) -> None:
    async with _hosting(Host(infra_settings, ["echo"])) as task:
        (leases,) = (one for one in asyncio.all_tasks() if one.get_name() == "leases")
        leases.cancel()
        with pytest.raises(HostError, match="a loop of messaging died: leases"):
            await task
    assert _echo().LOG == ["start", "stop 2", "stop 1"]


async def test_a_module_that_cannot_be_built_is_named(infra_settings: InfraSettings) -> None:
    with pytest.raises(HostError, match="broken could not be built: ValueError\\('no such setting'\\)"):
        await Host(infra_settings, ["broken", "echo"]).serve(lambda: None)


async def test_a_taken_port_is_named(infra_settings: InfraSettings, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        monkeypatch.setenv("TESTGEN_ECHO_URL", f"http://127.0.0.1:{port}")
        with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1:{port}: Address already in use"):
            await Host(infra_settings, ["echo"]).serve(lambda: None)
    assert _echo().LOG == ["start", "stop 2", "stop 1"]


async def test_it_can_be_stopped_while_nats_is_away(infra_settings: InfraSettings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        lost = infra_settings.model_copy(update={"nats_url": f"nats://127.0.0.1:{nobody.getsockname()[1]}"})
    host = Host(lost, ["echo"])
    task = asyncio.create_task(host.serve(lambda: None))
    await eventually(lambda: "start" in _echo().LOG)
    host.stop()
    with pytest.raises(HostError, match="stopped before NATS could be reached"):
        await task


def test_targets_are_checked(infra_settings: InfraSettings) -> None:
    assert "echo" in service_names()
    with pytest.raises(HostError, match="no such service: nope; known are"):
        Host(infra_settings, ["echo", "nope"])
