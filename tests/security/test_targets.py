"""The target policy: no spelling of an inner address gets through."""

from __future__ import annotations

import ipaddress
import socket

import aiohttp
import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from shared.security import TargetPolicy, TargetRefused
from shared.security.targets import classify, guarded_connector

STRICT = TargetPolicy()
EMBEDDED = TargetPolicy(allow_loopback=True, allow_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://0/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[2002:7f00:1::]/",
        "http://[fe80::1%25eth0]/",
        "http://[fd00:ec2::254]/",
        "http://10.1.2.3/",
        "http://192.168.1.1/",
        "http://100.64.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://168.63.129.16/",
        "http://224.0.0.1/",
        "http://255.255.255.255/",
        "http://user@127.0.0.1/",
        "http://127.0.0.1./",
    ],
)
def test_inner_addresses_are_refused_in_every_spelling(url: str) -> None:
    with pytest.raises(TargetRefused):
        STRICT.check_url(url)


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "gopher://example.com/", "//example.com", "", "http://", "http://a b/", "http://h:99999/"],
)
def test_what_is_no_http_url_is_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        EMBEDDED.check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/",
        "http://[64:ff9b::a9fe:a9fe]/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
    ],
)
def test_metadata_addresses_are_refused_under_every_policy(url: str) -> None:
    with pytest.raises(TargetRefused):
        EMBEDDED.check_url(url)


def test_public_addresses_and_names_pass() -> None:
    for url in ("https://example.com/a?b=c", "http://93.184.216.34:8080/", "https://[2606:4700::1111]/"):
        STRICT.check_url(url)


def test_the_embedded_policy_reaches_this_machine() -> None:
    target = EMBEDDED.resolve("http://localhost:8123/x")
    assert target.port == 8123
    assert {classify(address) for address in target.addresses} == {"loopback"}


def test_a_name_that_resolves_to_this_machine_is_refused() -> None:
    with pytest.raises(TargetRefused):
        STRICT.resolve("http://localhost:8123/x")


@hypothesis_settings(max_examples=300)
@given(st.ip_addresses(v=4))
def test_wrapping_an_ipv4_address_never_changes_what_it_is(address: ipaddress.IPv4Address) -> None:
    plain = classify(address)
    number = int(address)
    wrapped = [
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80)),
    ]
    assert {classify(item) for item in wrapped} == {plain}
    assert classify(str(address)) == plain


@hypothesis_settings(max_examples=300)
@given(st.ip_addresses())
def test_nothing_that_python_calls_inner_is_public(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if address.is_loopback or address.is_link_local or address.is_multicast or address.is_private:
        assert classify(address) != "public"


async def test_the_connector_refuses_redirects_and_names_that_lead_inside(unused_tcp_port: int) -> None:
    runner = await _server(unused_tcp_port)
    try:
        async with aiohttp.ClientSession(connector=guarded_connector(EMBEDDED)) as open_session:
            async with open_session.get(f"http://localhost:{unused_tcp_port}/") as response:
                assert response.status == 200
            with pytest.raises(TargetRefused):
                await open_session.get(f"http://localhost:{unused_tcp_port}/redirect")
        async with aiohttp.ClientSession(connector=guarded_connector(STRICT)) as strict_session:
            for host in ("localhost", "127.0.0.1", "[::ffff:127.0.0.1]"):
                with pytest.raises(TargetRefused):
                    await strict_session.get(f"http://{host}:{unused_tcp_port}/")
    finally:
        await runner.cleanup()


async def _server(port: int) -> web.AppRunner:
    async def hello(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def redirect(_: web.Request) -> web.Response:
        raise web.HTTPFound("http://169.254.169.254/latest/meta-data/")

    app = web.Application()
    app.add_routes([web.get("/", hello), web.get("/redirect", redirect)])
    runner = web.AppRunner(app)
    await runner.setup()
    await web.SockSite(runner, _bound(port)).start()
    return runner


def _bound(port: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    return listening
