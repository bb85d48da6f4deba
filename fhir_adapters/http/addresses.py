"""Which addresses a call may reach whose URL another server has named (no server-side request forgery).

The FHIR base of an EHR stands in the client registry, so a person has vouched for its host. The endpoints that its
discovery document, token response or style URL name are that server's word alone: they may lie anywhere in public, or
in the same kind of network as the FHIR base. Link-local addresses (where clouds keep their metadata) are never called.
The check is on the address of the open connection, before anything is sent, so a name that resolves differently a
moment later gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from urllib.parse import urlsplit

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class Kind(Enum):
    """Networks that must not be mixed up."""

    PUBLIC = "public"
    PRIVATE = "private"
    LOOPBACK = "loopback"
    CLOSED = "closed"


def kind_of(address: str) -> Kind:
    """The kind of an IP address in text; what is no address is closed."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return Kind.CLOSED
    inner = _embedded(parsed)
    if inner.is_loopback:
        return Kind.LOOPBACK
    if inner.is_link_local or inner.is_multicast or inner.is_unspecified or inner.is_reserved:
        return Kind.CLOSED
    return Kind.PUBLIC if inner.is_global else Kind.PRIVATE


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for (mapped, 6to4, Teredo, NAT64), or the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in ipaddress.ip_network("64:ff9b::/96"):
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    teredo = address.teredo
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else address)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far calls for one EHR may go. `home` is the host of its FHIR base in the registry."""

    home: str

    @classmethod
    def around(cls, fhir_base: str) -> Reach:
        """The reach of an EHR by its registered FHIR base."""
        return cls((urlsplit(fhir_base).hostname or "").lower())

    def admits(self, host: str, address: str) -> bool:
        """Whether a call to `host` may go to this address."""
        kind = kind_of(address)
        if host.lower().strip("[]") == self.home:
            return kind is not Kind.CLOSED
        return kind is Kind.PUBLIC or (kind is not Kind.CLOSED and kind in self._kinds_at_home())

    def _kinds_at_home(self) -> set[Kind]:
        """The kinds of network that the FHIR base lies in."""
        with suppress(OSError, UnicodeError):
            return {kind_of(str(found[4][0])) for found in socket.getaddrinfo(self.home, None, type=socket.SOCK_STREAM)}
        return set()
