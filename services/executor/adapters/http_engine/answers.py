"""Reading what a target answers, within bounds of size and time."""

from __future__ import annotations

import asyncio
import zlib
from typing import Any

import aiohttp
import orjson

KEPT_BYTES = 1_048_576
"""So much of a body is read and judged; the rest is left on the wire and the connection closed."""
_STREAM_BYTES = 65_536
_STREAM_SECONDS = 2.0
_MISSING = object()
_ZLIB_METHOD = 8
"""The low half of a zlib stream's first byte; some servers send bare deflate data without that header."""


class Answer:
    """A response with at most `KEPT_BYTES` of its body, decompressed."""

    __slots__ = ("_json", "_text", "body", "headers", "status", "truncated")

    def __init__(self, status: int, headers: Any, body: bytes, truncated: bool) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.truncated = truncated
        self._json: Any = _MISSING
        self._text: str | None = None

    def json(self) -> Any:
        """The body as JSON. Raises `ValueError` where it is none."""
        if self._json is _MISSING:
            self._json = orjson.loads(self.body)
        return self._json

    @property
    def text(self) -> str:
        if self._text is None:
            self._text = self.body.decode("utf-8", "replace")
        return self._text


async def read(response: aiohttp.ClientResponse) -> Answer:
    """Raises what aiohttp raises for a broken body; a body that is too long is cut, and its connection dropped."""
    headers = response.headers
    length = response.content_length
    if length is not None and length <= KEPT_BYTES and "Content-Encoding" not in headers:
        return Answer(response.status, headers, await response.read(), truncated=False)
    if headers.get("Content-Type", "").startswith("text/event-stream"):
        body, truncated = await _read_stream(response)
    else:
        body, truncated = await _read_up_to(response, KEPT_BYTES)
    encoding = headers.get("Content-Encoding", "").strip().lower()
    if encoding in ("gzip", "x-gzip", "deflate") and body:
        body, cut = _decompress(body, encoding)
        truncated = truncated or cut
    return Answer(response.status, headers, body, truncated)


async def _read_up_to(response: aiohttp.ClientResponse, limit: int) -> tuple[bytes, bool]:
    parts = bytearray()
    while chunk := await response.content.readany():
        parts += chunk
        if len(parts) > limit:
            response.close()
            return bytes(parts[:limit]), True
    return bytes(parts), False


async def _read_stream(response: aiohttp.ClientResponse) -> tuple[bytes, bool]:
    """An event stream need never end: its beginning is enough."""
    parts = bytearray()
    try:
        async with asyncio.timeout(_STREAM_SECONDS):
            while chunk := await response.content.readany():
                parts += chunk
                if len(parts) > _STREAM_BYTES:
                    break
            else:
                return bytes(parts), False
    except TimeoutError:
        pass
    response.close()
    return bytes(parts), True


def _decompress(body: bytes, encoding: str) -> tuple[bytes, bool]:
    """At most `KEPT_BYTES` come out, whatever goes in. Raises `aiohttp.ClientPayloadError`."""
    raw_deflate = encoding == "deflate" and body[0] & 0x0F != _ZLIB_METHOD
    decoder = zlib.decompressobj(-zlib.MAX_WBITS if raw_deflate else zlib.MAX_WBITS | 32)
    try:
        plain = decoder.decompress(body, KEPT_BYTES)
    except zlib.error as problem:
        raise aiohttp.ClientPayloadError(f"the {encoding} body can't be decompressed: {problem}") from problem
    return plain, bool(decoder.unconsumed_tail)
