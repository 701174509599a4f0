"""One uvicorn server per service, in the process's one event loop."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from fastapi import FastAPI

_KEEP_ALIVE_SECONDS = 75
"""Longer than our clients keep idle connections, so that they never meet one that is just being closed."""
_BACKLOG = 2048


class AddressTaken(OSError):
    """The address can't be listened on. The message names it and the reason."""


class _Server(uvicorn.Server):
    """Signals are the host's business: one process, many servers."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ServiceServer:
    """Serves an application on `http://host:port` or `unix:/path`."""

    def __init__(self, app: FastAPI, url: str, stop_timeout: float) -> None:
        self.url = url
        options = {"uds": url.removeprefix("unix:")} if url.startswith("unix:") else {}
        self._server = _Server(
            uvicorn.Config(
                app,
                lifespan="on",
                log_config=None,
                access_log=False,
                server_header=False,
                ws="websockets-sansio",
                timeout_keep_alive=_KEEP_ALIVE_SECONDS,
                timeout_graceful_shutdown=max(1, round(stop_timeout)),
                backlog=_BACKLOG,
                uds=options.get("uds"),
            )
        )
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> asyncio.Task[None]:
        """Listen and return once it does. The returned task ends when the server does, for whatever reason."""
        sockets = self._sockets()
        self._task = asyncio.create_task(self._server.serve(sockets), name=f"server {self.url}")
        while not self._server.started:
            if self._task.done():
                await self._task
                raise AddressTaken(f"nothing is served on {self.url}: the application did not start")
            await asyncio.sleep(0.005)
        return self._task

    async def stop(self) -> None:
        """Finish the requests under way (within the time limit) and close."""
        self._server.should_exit = True
        if self._task is not None:
            await asyncio.wait({self._task})
        if self.url.startswith("unix:"):
            Path(self.url.removeprefix("unix:")).unlink(missing_ok=True)

    def _sockets(self) -> list[socket.socket] | None:
        if self.url.startswith("unix:"):
            _own_folder(Path(self.url.removeprefix("unix:")).parent)
            return None
        parts = urlsplit(self.url)
        address = (parts.hostname or "127.0.0.1", parts.port or 80)
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(address)
        except OSError as error:
            listener.close()
            raise AddressTaken(f"cannot listen on {address[0]}:{address[1]}: {error.strerror}") from error
        return [listener]


def _own_folder(folder: Path) -> None:
    """Makes the folder of the sockets; refuses one that somebody else made (its name in /tmp can be guessed)."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user; set TESTGEN_RUN_DIR to a folder of your own")
