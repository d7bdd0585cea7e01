"""What is reached without the environment's proxies, sans-IO: the entries of `NO_PROXY`."""

import ipaddress
from collections.abc import Iterable
from typing import Final, TypeAlias, final

import msgspec

from trio_groq._http.messages import Origin

__all__ = ["Exemption", "is_exempt", "parse_no_proxy"]

_MAX_PORT: Final = 65_535
_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
"""IPv4 addresses as IPv6 ones (RFC 4291, 2.5.5.2)."""
_IPV4: Final = 2**32 - 1

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@final
class Exemption(msgspec.Struct, frozen=True):
    """What is reached without the proxy: one entry of `NO_PROXY`.

    Attributes:
        domain: This name and all below it; empty for every host.
        network: These addresses, in place of a name. Names are not resolved for it.
        port: This port only, None for all.
    """

    domain: str = ""
    network: _Network | None = None
    port: int | None = None

    def covers(self, host: str, address: _Address | None, port: int) -> bool:
        """Whether it is for a host, which as an address is `address`, and a port."""
        if self.port is not None and self.port != port:
            return False
        if self.network is not None:
            return address is not None and address in self.network
        if not self.domain:
            return True
        return address is None and (host == self.domain or host.endswith(f".{self.domain}"))


def _address(host: str) -> _Address | None:
    """A host as an address, None if it is a name; IPv4 within IPv6 counts as IPv4."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _network(text: str) -> _Network | None:
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None
    # As `_address` takes hosts: IPv4 within IPv6 is IPv4.
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        length = network.prefixlen - _MAPPED.prefixlen
        address = int(network.network_address) & _IPV4
        return ipaddress.IPv4Network((address, length))
    return network


def _exemption(entry: str) -> Exemption | None:
    rest = ""
    if entry.startswith("["):  # an IPv6 address, with a port or without
        host, _, rest = entry[1:].partition("]")
    elif _network(entry) is not None:  # `::1:443` is an address: nobody can tell what else
        host = entry
    else:
        host, separator, digits = entry.partition(":")
        rest = separator + digits
    port = None
    if rest:
        digits = rest.removeprefix(":")
        if digits == rest or not _is_port(digits):
            return None
        port = int(digits)
    network = _network(host)
    if network is not None:
        return Exemption(network=network, port=port)
    domain = host.removeprefix("*").strip(".")
    return Exemption(domain, port=port) if domain or host == "*" else None


def _is_port(digits: str) -> bool:
    return digits.isascii() and digits.isdigit() and int(digits) <= _MAX_PORT


def parse_no_proxy(text: str) -> tuple[Exemption, ...]:
    """Read a `NO_PROXY`: entries between commas.

    An entry is a domain (`groq.com`, `.groq.com` and `*.groq.com` mean the same: it and all below
    it), an address, a network as CIDR, or `*`; each may end with a port, IPv6 in brackets then.
    What is none of these is for no host: other programs read the same variable.
    """
    entries = (entry.strip().lower() for entry in text.split(","))
    found = (_exemption(entry) for entry in entries if entry)
    return tuple(exemption for exemption in found if exemption is not None)


def is_exempt(origin: Origin, exemptions: Iterable[Exemption]) -> bool:
    """Whether an origin is reached without a proxy."""
    host = origin.host.lower().rstrip(".")
    address = _address(host)
    return any(each.covers(host, address, origin.port) for each in exemptions)
