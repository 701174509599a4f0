"""Where TestGen may connect to on behalf of a user (protection against server-side request forgery).

Names are resolved once, every address is checked, and the connection goes to the checked address. `guarded_connector`
checks at the very socket, so that literals, redirects and rebinding names meet the same rule::

    policy = TargetPolicy(allow_loopback=True, allow_private=True)   # the embedded default says so to the user
    policy.check_url(base_url)                                       # early and clear: scheme, host, literal addresses
    session = aiohttp.ClientSession(connector=guarded_connector(policy, limit=100))

Whoever can't use that connector (Git, browsers) calls `policy.resolve(url)` and connects to one of `Target.addresses`.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import SplitResult, urlsplit

import aiohttp

from shared.errors import Unprocessable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Kind = Literal["public", "private", "loopback", "forbidden"]

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")
_METADATA = frozenset(
    ipaddress.ip_address(text) for text in ("169.254.169.254", "100.100.100.200", "168.63.129.16", "fd00:ec2::254")
)
"""Where clouds hand out credentials (AWS, Google, Azure, Alibaba, AWS over IPv6): never, whatever the policy."""
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "fc00::/7")
)
_LOOPBACK = tuple(ipaddress.ip_network(text) for text in ("127.0.0.0/8", "0.0.0.0/32", "::1/128", "::/128"))
"""The unspecified address is here since a connection to it reaches this machine."""


class TargetRefused(Unprocessable):
    """The address is not one that TestGen connects to under its policy. The connection was not made."""

    code = "NET_001"
    message = "TestGen is not allowed to connect to this address."


@dataclass(frozen=True)
class Target:
    """A checked destination: connect to one of `addresses`, send `host` as Host and TLS server name."""

    url: str
    host: str
    port: int
    addresses: tuple[str, ...]


@dataclass(frozen=True)
class TargetPolicy:
    """What is allowed beyond public addresses. The default suits an installation shared by strangers."""

    allow_loopback: bool = False
    allow_private: bool = False

    def check_url(self, url: str, *, schemes: frozenset[str] = frozenset({"http", "https"})) -> SplitResult:
        """The parts of a URL whose scheme, host and (where it is a literal) address are allowed, or `TargetRefused`."""
        try:
            parts = urlsplit(url)
            port_is_valid = parts.port is None or parts.port > 0
        except ValueError as error:
            raise TargetRefused(f"This is not a valid URL: {error}.") from error
        if parts.scheme not in schemes:
            raise TargetRefused(f"The URL must begin with {' or '.join(sorted(schemes))}.")
        if not parts.hostname or not port_is_valid or any(character.isspace() for character in url):
            raise TargetRefused("The URL has no valid host or port.")
        literal = _literal(parts.hostname)
        if literal is not None:
            self.check_address(literal)
        return parts

    def check_address(self, address: str | Address) -> None:
        """Raises `TargetRefused` unless a connection to this address is allowed."""
        kind = classify(address)
        allowed = kind == "public" or (kind == "private" and self.allow_private)
        if not allowed and not (kind == "loopback" and self.allow_loopback):
            raise TargetRefused(details={"address": str(address), "kind": kind})

    def resolve(self, url: str, *, schemes: frozenset[str] = frozenset({"http", "https"})) -> Target:
        """Resolves once and checks every address (blocking). A name with any refused address is refused whole."""
        parts = self.check_url(url, schemes=schemes)
        host = parts.hostname or ""
        port = parts.port or {"http": 80, "https": 443, "ssh": 22, "git": 9418}.get(parts.scheme, 443)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise TargetRefused(f"The host {host} is not known.") from error
        addresses = tuple(dict.fromkeys(str(entry[4][0]) for entry in found))
        for address in addresses:
            self.check_address(address)
        return Target(url, host, port, addresses)


def classify(address: str | Address) -> Kind:
    """What kind of address this is; IPv4 addresses wrapped in IPv6 ones count as what they wrap."""
    if isinstance(address, str):
        try:
            address = ipaddress.ip_address(address.split("%", 1)[0])
        except ValueError:
            return "forbidden"
    address = _unwrapped(address)
    if address in _METADATA:
        return "forbidden"
    if any(address in network for network in _LOOPBACK):
        return "loopback"
    if any(address in network for network in _PRIVATE):
        return "private"
    return "public" if address.is_global and not address.is_multicast else "forbidden"


def guarded_connector(policy: TargetPolicy, **options: Any) -> aiohttp.TCPConnector:
    """An aiohttp connector that opens sockets only to addresses that the policy allows. Options: `TCPConnector`'s."""

    def open_socket(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = info
        policy.check_address(str(address[0]))
        opened = socket.socket(family=family, type=kind, proto=protocol)
        opened.setblocking(False)
        return opened

    return aiohttp.TCPConnector(socket_factory=open_socket, **options)


def _literal(host: str) -> Address | None:
    """The address that a host is, in any spelling that the system's resolver understands (`127.1`, `0x7f000001`)."""
    try:
        return ipaddress.ip_address(host.split("%", 1)[0])
    except ValueError:
        pass
    try:
        return ipaddress.IPv4Address(socket.inet_aton(host.rstrip(".")))
    except (OSError, UnicodeError):
        return None


def _unwrapped(address: Address) -> Address:
    if isinstance(address, ipaddress.IPv4Address):
        return address
    embedded = address.ipv4_mapped or address.sixtofour
    if embedded is None and address.teredo is not None:
        embedded = address.teredo[1]
    if embedded is None and (address in _NAT64 or (address in _COMPATIBLE and int(address) > 1)):
        embedded = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return embedded or address
