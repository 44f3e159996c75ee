"""Read addresses and networks of a setting, so that a slip is found at the start."""

import ipaddress
from collections.abc import Iterable

from django.core.exceptions import ImproperlyConfigured

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(texts: Iterable[str]) -> list[Network]:
    """Return the networks of `10.0.0.0/8` or `192.0.2.7`, which is a network of one."""
    try:
        return [ipaddress.ip_network(text.strip(), strict=False) for text in texts if text.strip()]
    except ValueError as error:
        raise ImproperlyConfigured(f"not an address or a network: {error}") from error
