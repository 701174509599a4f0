"""API keys exchanged for access tokens, remembered for seconds and forgotten at once when revoked."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from prometheus_client import Counter

from services.gateway.errors import ApiKeyRefused
from shared.contracts.auth import AccessToken

API_KEY_PREFIX = "ak_"
_MAX_KEYS = 10_000
_MAX_LENGTH = 200
EXCHANGES = Counter("testgen_gateway_api_key_lookups_total", "API keys looked up", ["result"])

Exchange = Callable[[str], Awaitable[AccessToken]]


@dataclass(frozen=True)
class _Known:
    token: str
    key_id: int
    until: float


class ApiKeys:
    """For the event loop's one thread. `exchange` asks auth."""

    def __init__(self, exchange: Exchange, *, keep_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._exchange = exchange
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._asking: dict[str, asyncio.Task[_Known]] = {}
        self._revoked: OrderedDict[int, None] = OrderedDict()

    async def token_for(self, api_key: str) -> str:
        """The access token that a key stands for. Raises `ApiKeyRefused`, `QueryUnavailable`."""
        if not api_key.startswith(API_KEY_PREFIX) or len(api_key) > _MAX_LENGTH:
            raise ApiKeyRefused
        name = hashlib.sha256(api_key.encode()).hexdigest()
        known = self._known.get(name)
        if known is not None and self._clock() < known.until:
            EXCHANGES.labels("hit").inc()
            return known.token
        EXCHANGES.labels("miss").inc()
        # many requests that come with one key ask once
        asking = self._asking.get(name)
        if asking is None:
            asking = self._asking[name] = asyncio.create_task(self._ask(name, api_key))
            asking.add_done_callback(lambda done: self._answered(name, done))
        return (await asyncio.shield(asking)).token

    def revoke(self, key_id: int) -> None:
        """Forgets a key, also one whose exchange is under way just now."""
        self._revoked[key_id] = None
        if len(self._revoked) > _MAX_KEYS:
            self._revoked.popitem(last=False)
        for name in [name for name, known in self._known.items() if known.key_id == key_id]:
            del self._known[name]

    def _answered(self, name: str, asking: asyncio.Task[_Known]) -> None:
        self._asking.pop(name, None)
        if not asking.cancelled():
            asking.exception()  # looked at even where every caller has left

    async def _ask(self, name: str, api_key: str) -> _Known:
        answer = await self._exchange(api_key)
        if answer.token is None or answer.key_id is None or answer.key_id in self._revoked:
            raise ApiKeyRefused
        known = _Known(answer.token, answer.key_id, self._clock() + min(self._keep_seconds, answer.expires_in / 2))
        self._known[name] = known
        if len(self._known) > _MAX_KEYS:
            self._known.popitem(last=False)
        return known
