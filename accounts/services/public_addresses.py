"""Where a name leads, if that is on the public internet: what people type must not reach inside.

Whoever connects uses the address that was checked and never the name again, which might lead
elsewhere by then (DNS rebinding).
"""

import socket
from concurrent.futures import Future
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from threading import Thread
from typing import Any

from django.conf import settings

Address = IPv4Address | IPv6Address
# Prefixes behind which an IPv4 address stands in the last 32 bits (RFC 6052, RFC 4291).
NAT64 = IPv6Network("64:ff9b::/96")
IPV4_COMPATIBLE = IPv6Network("::/96")
# The only unicast addresses that are routed between networks (RFC 4291, IANA).
GLOBAL_UNICAST = IPv6Network("2000::/3")
# Relays of 6to4, which lead to whatever network announces them (RFC 7526).
RELAYS = IPv4Network("192.88.99.0/24")
# More addresses than this of one name are not tried.
MOST_TRIED = 4


class NotPublic(Exception):
    """The name cannot be found, or leads to an address that is not public."""


def is_public(address: Address) -> bool:
    """Whether anybody on the internet may be there; an IPv4 address inside another counts."""
    if isinstance(address, IPv6Address):
        inner = _ipv4_inside(address)
        return is_public(inner) if inner else address in GLOBAL_UNICAST and _is_global(address)
    return address not in RELAYS and _is_global(address)


def resolve(host: str, *, seconds: float = 10.0) -> list[str]:
    """All addresses of a name, if each is public. Raises NotPublic, also when that takes longer."""
    try:
        found = _look_up(host, seconds)
    except TimeoutError as error:
        raise NotPublic(f"The name {host} was not found within {seconds:g} seconds.") from error
    except (OSError, UnicodeError) as error:
        raise NotPublic(f"The name {host} was not found.") from error
    texts = list(dict.fromkeys(str(address[4][0]) for address in found))
    # "fe80::1%eth0" names an interface: is_public refuses what that is.
    if not texts or not all(is_reachable(ip_address(text)) for text in texts):
        raise NotPublic(f"{host} leads to an address that is not on the public internet.")
    return texts[:MOST_TRIED]


def is_reachable(address: Address) -> bool:
    """Public, or in a network that the operator has allowed (WEBHOOK_PRIVATE_NETWORKS)."""
    networks = (ip_network(network) for network in settings.WEBHOOK_PRIVATE_NETWORKS)
    return is_public(address) or any(address in network for network in networks)


def _look_up(host: str, seconds: float) -> list[Any]:
    """The system's resolver cannot be told to hurry: what is late is left to a thread that ends
    when it does, some half a minute later."""
    answer: Future[list[Any]] = Future()

    def ask() -> None:
        try:
            answer.set_result(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
        except Exception as error:
            answer.set_exception(error)

    Thread(target=ask, daemon=True).start()
    return answer.result(timeout=seconds)


def _is_global(address: Address) -> bool:
    return address.is_global and not address.is_multicast and not address.is_reserved


def _ipv4_inside(address: IPv6Address) -> IPv4Address | None:
    if address in NAT64 or address in IPV4_COMPATIBLE:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour
