"""From where a request comes, also behind proxies that are trusted to say so."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
UNIX_SOCKET = "unix"


def client_address(meta: Mapping[str, Any]) -> str:
    """Return the address of the client, "" where nothing says it.

    `X-Forwarded-For` is written by anybody; its last entry is what the last proxy saw. It
    counts only where the connection comes from a proxy in TESSERA_TRUSTED_PROXIES (addresses
    and networks; `unix` for a connection by a socket without addresses), and so on from right
    to left: the first entry that is no trusted proxy is the client.
    """
    found = parse_address(meta.get("REMOTE_ADDR", ""))
    trusted: Sequence[str] = settings.TESSERA_TRUSTED_PROXIES
    if not _is_trusted(found, trusted):
        return str(found or "")
    for entry in reversed(meta.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        earlier = parse_address(entry)
        if earlier is None:
            break
        found = earlier
        if not _is_trusted(found, trusted):
            break
    return str(found or "")


def client_network(meta: Mapping[str, Any]) -> str:
    """Return what limits count as one client: an IPv4 address, or the /64 of an IPv6 address.

    Whoever has an IPv6 address has 2^64 of them. "unknown" where nothing says the address.
    """
    address = parse_address(client_address(meta))
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address or "unknown")


def parse_address(text: str) -> Address | None:
    """Return the address of `192.0.2.7`, `192.0.2.7:80`, `2001:db8::1` or `[2001:db8::1]:80`."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _is_trusted(address: Address | None, trusted: Sequence[str]) -> bool:
    if address is None:
        return UNIX_SOCKET in trusted
    return any(
        address in ipaddress.ip_network(network, strict=False)
        for network in trusted
        if network != UNIX_SOCKET
    )
