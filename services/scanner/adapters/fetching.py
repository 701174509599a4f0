"""Fetches a document over HTTP, guarded against addresses that are not allowed, and bounded."""

from __future__ import annotations

import aiohttp

from services.scanner.adapters.openapi.document import MAX_BYTES
from services.scanner.errors import ScanTooLarge, SourceUnreachable
from shared.security.targets import TargetPolicy, TargetRefused, guarded_connector

FETCH_SECONDS = 60.0


async def fetch(url: str, targets: TargetPolicy) -> bytes:
    """The body of a document, guarded and bounded. Raises `SourceUnreachable`, `ScanTooLarge`."""
    try:
        targets.check_url(url)
        timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
        async with (
            aiohttp.ClientSession(connector=guarded_connector(targets), timeout=timeout) as session,
            session.get(url, max_redirects=5) as response,
        ):
            if response.status != 200:  # noqa: PLR2004
                raise SourceUnreachable(f"{url} answered {response.status} {response.reason}.", {"url": url})
            return await _body(response, url)
    except TargetRefused as error:
        raise SourceUnreachable(f"{url}: {error.message}", {"url": url}) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise SourceUnreachable(
            f"{url} cannot be fetched: {str(error) or type(error).__name__}", {"url": url}
        ) from error


async def _body(response: aiohttp.ClientResponse, url: str) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_chunked(65536):
        size += len(part)
        if size > MAX_BYTES:
            raise ScanTooLarge(f"{url} is larger than {MAX_BYTES // 1_000_000} MB.")
        parts.append(part)
    return b"".join(parts)
