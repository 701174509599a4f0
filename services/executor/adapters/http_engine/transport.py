"""Sending one prepared request and naming what went wrong with it."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Literal

import aiohttp
from yarl import URL

from services.executor.adapters.http_engine.answers import Answer, read
from services.executor.adapters.http_engine.requests import Prepared
from services.executor.ports import Environment, TargetUnreachable
from shared.errors import ApiError
from shared.security.targets import TargetPolicy, guarded_connector

Problem = Literal["timeout", "unreachable", "broken"]
CONNECT_SECONDS = 10.0
_NO_TIMEOUT = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_SECONDS)


@dataclass(slots=True)
class Sent:
    """What came of a request: an answer, or a problem and its text (both when a body broke off)."""

    answer: Answer | None
    duration_ms: float
    problem: Problem | None = None
    error: str | None = None


class Transport:
    """One session against one target; redirects are not followed, cookies not kept."""

    def __init__(self, session: aiohttp.ClientSession, host_slots: asyncio.Semaphore) -> None:
        self._session = session
        self._host_slots = host_slots

    async def send(self, request: Prepared, timeout_s: float) -> Sent:
        """Never raises for what the target does; the time-out covers the whole answer."""
        async with self._host_slots:
            started = time.perf_counter()
            try:
                async with asyncio.timeout(timeout_s):
                    answer = await self._exchange(request)
            except TimeoutError:
                return _failed(started, "timeout", f"no complete answer within {timeout_s:.3g} s")
            except (aiohttp.ClientError, OSError, ValueError, ApiError) as problem:
                return _failed(started, *_explained(problem))
            return Sent(answer, (time.perf_counter() - started) * 1000)

    async def _exchange(self, request: Prepared) -> Answer:
        async with self._session.request(
            request.method,
            URL(request.url, encoded=True),
            data=request.body,
            headers=request.headers,
            allow_redirects=False,
        ) as response:
            return await read(response)


def _failed(started: float, problem: Problem, error: str) -> Sent:
    return Sent(None, (time.perf_counter() - started) * 1000, problem, error)


def _explained(problem: Exception) -> tuple[Problem, str]:
    if isinstance(problem, ApiError):
        return "unreachable", str(problem)
    if isinstance(problem, aiohttp.ConnectionTimeoutError):
        return "unreachable", f"no connection within {CONNECT_SECONDS:.0f} s"
    if isinstance(problem, aiohttp.ClientConnectorError):
        return "unreachable", f"no connection: {problem}"
    if isinstance(problem, aiohttp.ServerDisconnectedError):
        return "broken", "the target closed the connection without an answer"
    if isinstance(problem, aiohttp.ClientResponseError):
        return "broken", f"the answer is not valid HTTP: {_one_line(problem.message)}"
    if isinstance(problem, aiohttp.ClientPayloadError):
        return "broken", f"the body of the answer is broken: {_one_line(str(problem))}"
    if isinstance(problem, (aiohttp.ClientOSError, ConnectionError)):
        return "broken", f"the connection broke: {problem}"
    return "broken", f"the request failed: {_one_line(str(problem) or type(problem).__name__)}"


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]


@asynccontextmanager
async def opened(
    policy: TargetPolicy, environment: Environment, host_slots: asyncio.Semaphore, connections: int
) -> AsyncGenerator[Transport, None]:
    """A transport whose sockets go only where the policy allows."""
    verify: bool | ssl.SSLContext = environment.verify_tls
    connector = guarded_connector(policy, limit=connections, ssl=verify, keepalive_timeout=3.0, ttl_dns_cache=300)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=_NO_TIMEOUT,
        auto_decompress=False,
        trust_env=False,
    ) as session:
        yield Transport(session, host_slots)


async def probe(policy: TargetPolicy, environment: Environment) -> None:
    """One TCP connection (and TLS handshake) to the base URL. Raises `TargetUnreachable`."""
    try:
        target = await asyncio.to_thread(policy.resolve, environment.base_url)
    except ApiError as problem:
        raise TargetUnreachable(str(problem)) from problem
    tls = None
    if environment.base_url.lower().startswith("https"):
        tls = ssl.create_default_context() if environment.verify_tls else _unverified()
    problems: list[str] = []
    for address in target.addresses[:4]:
        try:
            async with asyncio.timeout(CONNECT_SECONDS / 2):
                _, writer = await asyncio.open_connection(
                    address, target.port, ssl=tls, server_hostname=target.host if tls else None
                )
            writer.close()
            return
        except TimeoutError:
            problems.append("no connection within 5 s")
        except (OSError, ValueError) as problem:
            problems.append(str(problem))
    raise TargetUnreachable(f"{target.host}:{target.port} can't be reached: {'; '.join(dict.fromkeys(problems))}")


def _unverified() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
