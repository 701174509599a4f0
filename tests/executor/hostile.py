"""A target that misbehaves in every way we know. By hand: `python -m tests.executor.hostile` and curl the paths."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
Behaviour = Callable[[asyncio.StreamWriter], Awaitable[None]]
_OK = b"HTTP/1.1 200 OK\r\n"


async def hang(_: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def drip(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK + b"Content-Length: 1000000\r\n\r\n")
    while True:
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def drip_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK)
    while True:
        writer.write(b"X-More: y\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def garbage(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\x01\x02 this is not HTTP at all\r\n\r\n\xff\xfe")
    await writer.drain()


async def close(_: asyncio.StreamWriter) -> None:
    return


async def reset(writer: asyncio.StreamWriter) -> None:
    opened = writer.get_extra_info("socket")
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def short_body(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK + b"Content-Length: 100\r\n\r\nonly this")
    await writer.drain()


async def bad_chunks(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK + b"Transfer-Encoding: chunked\r\n\r\nZZZ\r\nno\r\n")
    await writer.drain()


async def endless(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK + b"Content-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
    chunk = b"10000\r\n" + b"a" * 0x10000 + b"\r\n"
    while True:
        writer.write(chunk)
        await writer.drain()


async def huge(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK + b"Content-Length: 10000000000\r\n\r\n")
    while True:
        writer.write(b"b" * 0x10000)
        await writer.drain()


async def bomb(writer: asyncio.StreamWriter) -> None:
    packed = gzip.compress(b"\0" * 200_000_000, 9)
    writer.write(_OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed)
    await writer.drain()


async def bad_gzip(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK + b"Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope")
    await writer.drain()


async def redirect(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 302 Found\r\nLocation: /redirect\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def long_header(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK + b"X-Long: " + b"h" * 200_000 + b"\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()


async def odd_headers(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK + b"X-Odd: caf\xe9\xff\r\nContent-Length: 2\r\n\r\n{}")
    await writer.drain()


async def events(writer: asyncio.StreamWriter) -> None:
    writer.write(_OK + b"Content-Type: text/event-stream\r\n\r\n")
    while True:
        writer.write(b"data: tick\n\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def deep_json(writer: asyncio.StreamWriter) -> None:
    body = b"[" * 100_000
    writer.write(_OK + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    await writer.drain()


BEHAVIOURS: dict[str, Behaviour] = {
    behaviour.__name__: behaviour
    for behaviour in (
        hang, drip, drip_headers, garbage, close, reset, short_body, bad_chunks, endless, huge, bomb, bad_gzip,
        redirect, long_header, odd_headers, events, deep_json,
    )
}  # fmt: skip


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, asyncio.CancelledError):
        head = await reader.readuntil(b"\r\n\r\n")
        name = head.split(b" ", 2)[1].decode("latin-1").strip("/").split("?")[0]
        await BEHAVIOURS.get(name, close)(writer)
    writer.close()


@asynccontextmanager
async def running(port: int = 0) -> AsyncGenerator[str, None]:
    """The hostile target's base URL."""
    serving: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(_serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", port)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def _main() -> None:
    async with running(8099) as url:
        print(url, *sorted(BEHAVIOURS))  # noqa: T201 - the program's whole output
        await asyncio.Event().wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())
