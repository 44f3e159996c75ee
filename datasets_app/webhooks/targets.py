"""Where a message may go: never into the service's own network, unless configured.

Whoever administers a dataset chooses the URL, and the request is made from where databases
and metadata services answer without a password. So the name is resolved here, every address
that it has is checked, and the connection is made to a checked address, not to the name:
a name that resolves differently a moment later changes nothing.
"""

from __future__ import annotations

import ipaddress
import re
import socket
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from django.conf import settings

from datasets_app.models.webhook import MAX_URL
from datasets_app.webhooks.errors import ForbiddenTarget, InvalidWebhookUrl, Unreachable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_URL = re.compile(r"https?://[!-~]+", re.IGNORECASE)
_HOST = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}", re.IGNORECASE)
DEFAULT_PORTS = {"http": 80, "https": 443}
# Beside what Python holds for private, which differs between its versions: addresses of
# protocols, the metadata services of clouds among them.
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(network)
    for network in (
        "100.64.0.0/10",  # carriers; 100.100.100.200 at Alibaba
        "168.63.129.16/32",  # the host of a virtual machine at Azure
        "192.0.0.0/24",  # 192.0.0.192 at Oracle
        "192.88.99.0/24",  # relays into IPv6
        "2001::/23",
        "2001:db8::/32",
        "2002::/16",
        "3fff::/20",
    )
)
_UNICAST_V6 = ipaddress.ip_network("2000::/3")
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_COMPATIBLE_V6 = ipaddress.ip_network("::/96")


class Target(NamedTuple):
    """A URL in its parts; `host` without brackets, `path` with the query."""

    scheme: str
    host: str
    port: int
    path: str


def parse_target(url: str) -> Target:
    """Return the parts of a webhook's URL.

    Raises
    ------
    InvalidWebhookUrl
        It is no URL of http or https, has a user, a fragment or characters beside ASCII, or
        an address or port where nothing may be sent whatever its name resolves to.
    """
    if len(url) > MAX_URL:
        raise InvalidWebhookUrl(f"at most {MAX_URL:,} characters")
    if not _URL.fullmatch(url) or "\\" in url:
        raise InvalidWebhookUrl("http:// or https://, in ASCII and without spaces")
    try:
        parts = urlsplit(url)
        port = parts.port if parts.port is not None else DEFAULT_PORTS[parts.scheme.lower()]
    except ValueError as error:
        raise InvalidWebhookUrl("it cannot be read") from error
    _check_parts(parts)
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    target = Target(parts.scheme.lower(), str(parts.hostname), port, path)
    _check_without_resolving(target)
    return target


def resolve_target(target: Target) -> list[str]:
    """Return the addresses to connect to, in the resolver's order.

    Raises
    ------
    ForbiddenTarget
        *Any* address of the name is one where nothing may be sent.
    Unreachable
        The name has no address.
    """
    try:
        found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise Unreachable("the host has no address") from error
    addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
    for address in addresses:
        check_address(address, target.port)
    return addresses


def check_address(text: str, port: int) -> None:
    """Raise `ForbiddenTarget` unless a message may go to this address and port."""
    address = _innermost(ipaddress.ip_address(text.partition("%")[0]))
    if _is_allowed(address):
        return
    if not _is_public(address):
        raise ForbiddenTarget("the host's address is not a public one")
    if port not in settings.TESSERA_WEBHOOK_PORTS:
        raise ForbiddenTarget(f"port {port} is not among those that webhooks may use")


def _check_parts(parts: SplitResult) -> None:
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise InvalidWebhookUrl("it must not hold a user or a password")
    if parts.fragment or "#" in parts.geturl():
        raise InvalidWebhookUrl("it must not have a fragment")
    if not parts.hostname or not _HOST.fullmatch(parts.hostname):
        raise InvalidWebhookUrl("it has no host that can be asked for")
    if parts.port == 0:
        raise InvalidWebhookUrl("it has no port that can be asked for")


def _check_without_resolving(target: Target) -> None:
    """Refuse now what would be refused at each delivery; names are resolved by the worker."""
    try:
        ipaddress.ip_address(target.host)
    except ValueError:
        if target.port not in settings.TESSERA_WEBHOOK_PORTS and not settings.TESSERA_WEBHOOK_ALLOW:
            raise InvalidWebhookUrl(f"port {target.port} is not allowed") from None
        return
    try:
        check_address(target.host, target.port)
    except ForbiddenTarget as error:
        raise InvalidWebhookUrl(error.message) from error


def _innermost(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, or the address itself."""
    if not isinstance(address, ipaddress.IPv6Address):
        return address
    inner = address.ipv4_mapped or address.sixtofour
    if inner is None and address.teredo is not None:
        inner = address.teredo[1]
    if inner is None and int(address) > 1 and (address in _NAT64 or address in _COMPATIBLE_V6):
        inner = ipaddress.IPv4Address(int(address) & 0xFFFF_FFFF)
    return address if inner is None else inner


def _is_public(address: Address) -> bool:
    if any(address in network for network in _NOT_PUBLIC if network.version == address.version):
        return False
    if isinstance(address, ipaddress.IPv6Address) and address not in _UNICAST_V6:
        return False
    return address.is_global and not (
        address.is_multicast or address.is_reserved or address.is_unspecified
    )


def _is_allowed(address: Address) -> bool:
    networks = (ipaddress.ip_network(one, strict=False) for one in settings.TESSERA_WEBHOOK_ALLOW)
    return any(address in network for network in networks)
