"""`/api/ws`: contract events of the projects that a client follows, as JSON messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

import orjson
from fastapi import APIRouter, WebSocket
from prometheus_client import Gauge
from starlette.websockets import WebSocketDisconnect

from services.gateway.application.hub import Follower, Hub
from services.gateway.application.keys import API_KEY_PREFIX, ApiKeys
from services.gateway.errors import ForeignOrigin, ProjectNotFound, UnknownAction
from shared.errors import ApiError, InvalidCredentials, TokenExpired
from shared.security import Principal, TokenVerifier
from shared.web.envelope import envelope_of

PROTOCOL = "testgen"
TOKEN_PROTOCOL = "bearer."  # noqa: S105 - the prefix of a subprotocol, no secret
MAX_MESSAGE = 16 * 1024
_MAX_PROJECT_ID = 2**31 - 1

NORMAL, TOO_BIG, TRY_LATER, UNAUTHENTICATED = 1000, 1009, 1013, 4401
"""Close codes: of RFC 6455, and 4401 where the credentials are missing, refused, expired or revoked."""

OPEN = Gauge("testgen_gateway_websockets", "Open WebSocket connections")

HasProject = Callable[[str, int], Awaitable[bool]]
"""Whether the organisation has a project of that number."""


class Gate:
    """Who may open a connection, and what a client may follow."""

    def __init__(
        self, verifier: TokenVerifier, keys: ApiKeys, has_project: HasProject, origins: frozenset[str]
    ) -> None:
        self._verifier = verifier
        self._keys = keys
        self._has_project = has_project
        self._origins = origins

    async def principal(self, credential: str) -> Principal:
        """The principal of an access token or an API key."""
        if credential.startswith(API_KEY_PREFIX):
            credential = await self._keys.token_for(credential)
        return await self._verifier.verify(credential)

    async def check_project(self, org_id: str, project_id: int) -> None:
        if not 0 < project_id <= _MAX_PROJECT_ID or not await self._has_project(org_id, project_id):
            raise ProjectNotFound(details={"project_id": project_id})

    def check_origin(self, websocket: WebSocket) -> None:
        """Browsers send an Origin: a page of somebody else must not connect with what the browser knows."""
        origin = websocket.headers.get("origin")
        own = origin is None or urlsplit(origin).netloc == websocket.headers.get("host")
        if not own and origin not in self._origins:
            raise ForeignOrigin


def websocket_router(gate: Gate, hub: Hub, *, heartbeat_seconds: float, login_seconds: float) -> APIRouter:
    """`/api/ws` and `/api/v1/ws`."""
    router = APIRouter()

    @router.websocket("/api/ws")
    @router.websocket("/api/v1/ws")
    async def events(websocket: WebSocket) -> None:
        await Conversation(websocket, gate, hub, heartbeat_seconds).hold(login_seconds)

    return router


class Conversation:
    """One client, from its credentials to the close."""

    def __init__(self, websocket: WebSocket, gate: Gate, hub: Hub, heartbeat_seconds: float) -> None:
        self._websocket = websocket
        self._gate = gate
        self._hub = hub
        self._heartbeat_seconds = heartbeat_seconds
        self._credential = ""

    async def hold(self, login_seconds: float) -> None:
        """Serves the client until either side has enough."""
        try:
            self._gate.check_origin(self._websocket)
        except ForeignOrigin:
            await self._websocket.close()  # before accept: answers 403
            return
        offered = self._websocket.scope.get("subprotocols", [])
        await self._websocket.accept(PROTOCOL if PROTOCOL in offered else None)
        try:
            async with asyncio.timeout(login_seconds):
                principal = await self._authenticate(offered)
        except TimeoutError:
            await self._end(UNAUTHENTICATED, InvalidCredentials("No credentials came in time."))
        except ApiError as error:
            await self._end(UNAUTHENTICATED if error.status < 500 else TRY_LATER, error)  # noqa: PLR2004 - any 5xx
        except WebSocketDisconnect:
            return
        else:
            await self._serve(principal)

    async def _authenticate(self, offered: list[str]) -> Principal:
        token = next((name.removeprefix(TOKEN_PROTOCOL) for name in offered if name.startswith(TOKEN_PROTOCOL)), "")
        if not token:
            message = await self._read()
            if message.get("action") != "authenticate" or not isinstance(message.get("token"), str):
                raise InvalidCredentials('Send your credentials first: {"action": "authenticate", "token": …}.')
            token = message["token"]
        principal = await self._gate.principal(token)
        self._credential = token
        await self._send({"type": "authenticated", "user_id": principal.user_id, "organisation_id": principal.org_id})
        return principal

    async def _serve(self, principal: Principal) -> None:
        follower = self._hub.join(principal)
        OPEN.inc()
        parts = [
            asyncio.create_task(part)
            for part in (
                self._listen(follower),
                self._talk(follower),
                self._expire(principal),
                self._until(follower.too_slow, TRY_LATER),
                self._until(follower.revoked, UNAUTHENTICATED),
            )
        ]
        try:
            done, _ = await asyncio.wait(parts, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._hub.leave(follower)
            OPEN.dec()
            for part in parts:
                part.cancel()
            await asyncio.gather(*parts, return_exceptions=True)
        code, reason = _outcome(done)
        await self._end(code, reason)

    async def _listen(self, follower: Follower) -> int:
        while True:
            try:
                follower.offer(await self._obey(follower, await self._read()))
            except ApiError as error:
                follower.offer({"type": "error", **envelope_of(error)})

    async def _obey(self, follower: Follower, message: dict[str, Any]) -> dict[str, Any]:
        action, project_id = message.get("action"), message.get("project_id")
        if action == "ping":
            return {"type": "pong"}
        if not isinstance(project_id, int) or isinstance(project_id, bool):
            raise UnknownAction
        if action == "subscribe":
            await self._gate.check_project(follower.principal.org_id, project_id)
            self._hub.subscribe(follower, project_id)
            return {"type": "subscribed", "project_id": project_id}
        if action == "unsubscribe":
            self._hub.unsubscribe(follower, project_id)
            return {"type": "unsubscribed", "project_id": project_id}
        raise UnknownAction

    async def _talk(self, follower: Follower) -> int:
        while True:
            try:
                async with asyncio.timeout(self._heartbeat_seconds):
                    message = await follower.waiting.get()
            except TimeoutError:
                message = {"type": "heartbeat"}
            await self._send(message)

    async def _expire(self, principal: Principal) -> int:
        """Ends with the token. An API key is good for as long as it is not revoked: it is exchanged again."""
        while True:
            await asyncio.sleep(max(0.0, principal.expires_at - time.time()))
            if not self._credential.startswith(API_KEY_PREFIX):
                raise TokenExpired
            principal = await self._gate.principal(self._credential)

    async def _until(self, happened: asyncio.Event, code: int) -> int:
        await happened.wait()
        return code

    async def _read(self) -> dict[str, Any]:
        try:
            text = await self._websocket.receive_text()
        except KeyError as error:  # Starlette's way to say that the frame was binary
            raise UnknownAction from error
        if len(text) > MAX_MESSAGE:
            raise WebSocketDisconnect(TOO_BIG)
        try:
            message = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            raise UnknownAction from error
        if not isinstance(message, dict):
            raise UnknownAction
        return message

    async def _send(self, message: dict[str, Any]) -> None:
        await self._websocket.send_text(orjson.dumps(message).decode())

    async def _end(self, code: int, error: ApiError | None = None) -> None:
        """Says why and closes; a client that has gone needs neither."""
        try:
            if error is not None:
                await self._send({"type": "error", **envelope_of(error)})
            await self._websocket.close(code)
        except (RuntimeError, WebSocketDisconnect, OSError):
            return


def _outcome(done: set[asyncio.Task[int]]) -> tuple[int, ApiError | None]:
    """Why a conversation ended: the close code and what to tell."""
    for part in done:
        error = part.exception()
        if isinstance(error, ApiError):
            return UNAUTHENTICATED, error
        if isinstance(error, WebSocketDisconnect):
            return (TOO_BIG if error.code == TOO_BIG else NORMAL), None
        if error is not None and not isinstance(error, RuntimeError | OSError):
            raise error
    return next((part.result() for part in done if part.exception() is None), NORMAL), None
