"""Events over WebSocket: the right ones, to the right people, in order, and a clean end."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import aiohttp
import pytest
from aiohttp import WSMsgType

from services.auth.adapters.signing import Ed25519Signer, load_or_create_key
from shared.security import Principal
from tests.gateway.conftest import Account, Platform
from tests.support.waiting import eventually

Socket = aiohttp.ClientWebSocketResponse


class Client:
    """A WebSocket client that reads JSON messages; heartbeats are left out unless asked for."""

    def __init__(self, opened: Socket) -> None:
        self.socket = opened

    async def send(self, **message: Any) -> None:
        await self.socket.send_str(json.dumps(message))

    async def read(self, *, heartbeats: bool = False) -> dict[str, Any]:
        while True:
            message = await asyncio.wait_for(self.socket.receive(), 20)
            assert message.type is WSMsgType.TEXT, message
            found: dict[str, Any] = json.loads(message.data)
            if heartbeats or found["type"] != "heartbeat":
                return found

    async def close_code(self) -> int:
        """Reads until the server closes."""
        while True:
            message = await asyncio.wait_for(self.socket.receive(), 20)
            if message.type is not WSMsgType.TEXT:
                assert message.type in {WSMsgType.CLOSE, WSMsgType.CLOSED}
                return self.socket.close_code or 0

    async def subscribe(self, project_id: int) -> dict[str, Any]:
        await self.send(action="subscribe", project_id=project_id)
        return await self.read()


@asynccontextmanager
async def connected(platform: Platform, credential: str = "", **options: Any) -> AsyncIterator[Client]:
    url = platform.url.replace("http", "ws", 1) + "/api/ws"
    protocols = ("testgen", f"bearer.{credential}") if credential else ()
    async with platform.client.ws_connect(url, protocols=protocols, **options) as opened:
        client = Client(opened)
        if credential:
            assert (await client.read())["type"] == "authenticated"
        yield client


async def rename(platform: Platform, account: Account, project_id: int) -> str:
    name = f"renamed {uuid4().hex}"
    path = f"/api/projects/{project_id}"
    assert (await platform.call("PATCH", path, json={"name": name}, headers=account.headers))[0] == 200
    return name


@pytest.mark.req("TG-30", "TG-R10")
async def test_events_of_a_project_reach_its_followers_in_order(platform: Platform) -> None:
    account = await platform.account()
    project_id = await platform.project(account)
    async with connected(platform, account.token) as first, connected(platform, account.token) as second:
        assert first.socket.protocol == "testgen"
        for client in (first, second):
            assert await client.subscribe(project_id) == {"type": "subscribed", "project_id": project_id}
        names = [await rename(platform, account, project_id) for _ in range(5)]
        for client in (first, second):
            heard = [await client.read() for _ in names]
            assert [event["data"]["project"]["name"] for event in heard] == names
            assert {event["type"] for event in heard} == {"projects.project_updated.v1"}
            sequences = [event["sequence"] for event in heard]
            assert sequences == sorted(set(sequences))
            assert {"id", "time", "context", "project_id"} <= set(heard[0])


@pytest.mark.req("TG-30", "DC-6")
async def test_nobody_hears_of_a_project_that_is_not_theirs(platform: Platform) -> None:
    mine, theirs = await platform.account(), await platform.account()
    project_id, other_id = await platform.project(mine), await platform.project(theirs)
    async with connected(platform, theirs.token) as client:
        refused = await client.subscribe(project_id)
        assert (refused["type"], refused["error"]["code"]) == ("error", "PROJ_001")
        await client.subscribe(other_id)
        await rename(platform, mine, project_id)
        name = await rename(platform, theirs, other_id)
        assert (await client.read())["data"]["project"]["name"] == name


async def test_after_unsubscribing_it_is_quiet(platform: Platform) -> None:
    account = await platform.account()
    left_id, kept_id = await platform.project(account), await platform.project(account)
    async with connected(platform, account.token) as client:
        await client.subscribe(left_id)
        await client.subscribe(kept_id)
        await client.send(action="unsubscribe", project_id=left_id)
        assert await client.read() == {"type": "unsubscribed", "project_id": left_id}
        await rename(platform, account, left_id)
        name = await rename(platform, account, kept_id)
        assert (await client.read())["data"]["project"]["name"] == name


async def test_the_first_message_may_bring_the_credentials(platform: Platform) -> None:
    account = await platform.account()
    _, key = await platform.api_key(account)
    for credential in (account.token, key):
        async with connected(platform) as client:
            await client.send(action="authenticate", token=credential)
            answer = await client.read()
            assert (answer["type"], answer["user_id"]) == ("authenticated", account.user_id)


@pytest.mark.parametrize(
    "message",
    ['{"action":"subscribe","project_id":1}', "{", "[]", '{"action":"authenticate","token":"no"}',
     '{"action":"authenticate","token":5}', '{"action":"authenticate","token":"ak_no"}'],
)  # fmt: skip
async def test_without_valid_credentials_it_is_closed(platform: Platform, message: str) -> None:
    async with connected(platform) as client:
        await client.socket.send_str(message)
        assert (await client.read())["type"] == "error"
        assert await client.close_code() == 4401


async def test_who_says_nothing_is_shown_out(platform: Platform) -> None:
    async with connected(platform) as client:
        assert (await client.read())["error"]["code"] == "AUTH_001"
        assert await client.close_code() == 4401


@pytest.mark.parametrize(
    "message",
    ["{", "[]", "{}", '{"action":"dance"}', '{"action":"subscribe"}', '{"action":"subscribe","project_id":"1"}',
     '{"action":"subscribe","project_id":true}', '{"action":"subscribe","project_id":-1}',
     '{"action":"subscribe","project_id":99999999999999999999}', '{"action":"subscribe","project_id":2147483647}'],
)  # fmt: skip
async def test_nonsense_is_answered_and_survived(platform: Platform, message: str) -> None:
    account = await platform.account()
    async with connected(platform, account.token) as client:
        await client.socket.send_str(message)
        assert (await client.read())["type"] == "error"
        await client.send(action="ping")
        assert await client.read() == {"type": "pong"}


async def test_a_binary_frame_is_answered_and_survived(platform: Platform) -> None:
    account = await platform.account()
    async with connected(platform, account.token) as client:
        await client.socket.send_bytes(b"\xff\x00")
        assert (await client.read())["type"] == "error"
        await client.send(action="ping")
        assert (await client.read())["type"] == "pong"


async def test_too_large_a_message_ends_it(platform: Platform) -> None:
    account = await platform.account()
    async with connected(platform, account.token) as client:
        await client.socket.send_str(" " * 20_000)
        assert await client.close_code() == 1009


async def test_it_beats_while_nothing_happens(platform: Platform) -> None:
    account = await platform.account()
    async with connected(platform, account.token) as client:
        for _ in range(2):
            assert (await client.read(heartbeats=True))["type"] == "heartbeat"


async def test_it_ends_with_the_token(platform: Platform) -> None:
    account = await platform.account()
    signer = Ed25519Signer(load_or_create_key(platform.infra.settings.data_dir / "auth" / "signing-key.json"))
    now = int(time.time())
    principal = Principal(account.user_id, account.org_id, "owner", str(uuid4()), now + 1)
    async with connected(platform, signer.sign(replace(principal), now)) as client:
        assert (await client.read())["error"]["code"] == "AUTH_002"
        assert await client.close_code() == 4401


@pytest.mark.req("TG-29", "TG-30")
async def test_revoking_the_key_ends_it(platform: Platform) -> None:
    account = await platform.account()
    key_id, key = await platform.api_key(account)
    async with connected(platform, key) as client:
        await platform.call("DELETE", f"/api/user/api-keys/{key_id}", headers=account.headers)
        assert await client.close_code() == 4401


async def test_pages_of_other_origins_cannot_connect(platform: Platform) -> None:
    account = await platform.account()
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with connected(platform, account.token, origin="https://evil.example.com"):
            pass
    assert refused.value.status == 403
    for origin in ("https://tests.example.com", platform.url):
        async with connected(platform, account.token, origin=origin):
            pass


@pytest.mark.req("TG-30")
async def test_a_connection_that_is_gone_is_cleaned_up(platform: Platform) -> None:
    account = await platform.account()
    project_id = await platform.project(account)
    for _ in range(3):
        async with connected(platform, account.token) as client:
            await client.subscribe(project_id)
            transport = client.socket.get_extra_info("socket")
            transport.shutdown(socket.SHUT_RDWR)
    async with connected(platform, account.token) as client:
        await client.subscribe(project_id)
        name = await rename(platform, account, project_id)
        assert (await client.read())["data"]["project"]["name"] == name

        async def only_one() -> bool:
            async with platform.client.get(f"{platform.url}/metrics") as response:
                return "testgen_gateway_websockets 1.0" in await response.text()

        await eventually(only_one)
