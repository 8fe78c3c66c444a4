"""The addresses of receivers: which may be called, and which lead into private networks."""

from __future__ import annotations

import re
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import NamedTuple, NoReturn, TypeAlias
from urllib.parse import SplitResult, urlsplit

ALLOWED_PORTS = (443, 8443)
MAX_URL_LENGTH = 2000
_DEFAULT_PORT = 443
_MAX_HOST_LENGTH = 253
_LABEL = "[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# A last label that begins with a digit is a number to most resolvers: 127.1, 0x7f.0.0.1.
_NAME = re.compile(rf"(?:{_LABEL}\.)+(?=[a-z]){_LABEL}")
_TARGET = re.compile(r"[!-~]*")  # printable ASCII, so no space and no line break
_DIGITS = re.compile(r"[0-9]{1,5}")

IpAddress: TypeAlias = IPv4Address | IPv6Address

_REFUSED_IPV4 = (
    IPv4Network("192.0.0.0/24"),  # protocol assignments, some of them allowed by `is_global`
    IPv4Network("192.88.99.0/24"),  # relays of 6to4
)
_PUBLIC_IPV6 = IPv6Network("2000::/3")
"""All public addresses. Outside are NAT64, and IPv4 addresses in the form of IPv6."""
_REFUSED_IPV6 = (
    IPv6Network("2001::/23"),  # protocol assignments: Teredo and others
    IPv6Network("2001:db8::/32"),  # examples
    IPv6Network("2002::/16"),  # 6to4, which holds an IPv4 address
    IPv6Network("3fff::/20"),  # examples
)


class InvalidAddressError(ValueError):
    """An address that webhooks may not call. The text says why, without the address."""


class ReceiverAddress(NamedTuple):
    """An address in its parts.

    Attributes:
        host: The name in ASCII and lower case, or an IP address without brackets.
        port: The port.
        target: The path and the query.
    """

    host: str
    port: int
    target: str

    @property
    def ip_address(self) -> IpAddress | None:
        """The IP address that stands in place of a name; `None` for a name."""
        return _try_to_read(self.host)


def parse_address(url: str) -> ReceiverAddress:
    """Read the address of a receiver.

    >>> parse_address("https://hooks.example.com/a?b=c")
    ReceiverAddress(host='hooks.example.com', port=443, target='/a?b=c')

    Raises:
        InvalidAddressError: Webhooks may not call it.
    """
    if len(url) > MAX_URL_LENGTH:
        _refuse(f"it has more than {MAX_URL_LENGTH} characters")
    # urlsplit removes some of these characters instead of refusing them.
    if any(character.isspace() or not character.isprintable() for character in url):
        _refuse("it has spaces or control characters: remove them")
    if not url.lower().startswith("https://"):
        _refuse("it does not begin with https://")
    if "#" in url or "\\" in url:
        _refuse("it has a # or a backslash: remove what follows a #, or write %23 or %5C")
    parts = _split(url)
    if "@" in parts.netloc:
        _refuse("it has a user name or password before the host: remove it")
    host, port = _read_host(parts)
    query = f"?{parts.query}" if parts.query else ""
    target = f"{parts.path or '/'}{query}"
    if _TARGET.fullmatch(target) is None:
        _refuse("its path or query is not ASCII: write other characters as %..")
    return ReceiverAddress(host, port, target)


def is_public(address: IpAddress) -> bool:
    """True if an IP address belongs to a host on the internet, so that webhooks may call it.

    Refused are private, local, shared, multicast and reserved addresses, and those that lead to an
    IPv4 address by way of NAT64, 6to4, Teredo or a form of IPv6.
    """
    if not address.is_global or address.is_multicast or address.is_reserved:
        return False
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _REFUSED_IPV4)
    is_plain = address.scope_id is None and address in _PUBLIC_IPV6
    return is_plain and not any(address in network for network in _REFUSED_IPV6)


def _read_host(parts: SplitResult) -> tuple[str, int]:
    """Read the host and the port."""
    name, colon, port_text = parts.netloc.rpartition(":")
    if not colon or port_text.endswith("]"):
        name, colon, port_text = parts.netloc, "", ""
    port = int(port_text) if _DIGITS.fullmatch(port_text) else None
    if not colon:
        port = _DEFAULT_PORT
    if port not in ALLOWED_PORTS:
        _refuse("its port is not 443 or 8443")
    if name.startswith("[") and name.endswith("]"):
        return _read_ip_address(name[1:-1]), port
    host = _write_ascii(name)
    if _NAME.fullmatch(host) and len(host) <= _MAX_HOST_LENGTH:
        return host, port
    return _read_ip_address(host), port


def _read_ip_address(text: str) -> str:
    address = _try_to_read(text)
    if address is None:
        _refuse("its host is not a full name such as hooks.example.com")
    if not is_public(address):
        _refuse("its host is not a public IP address")
    return str(address)


def _try_to_read(text: str) -> IpAddress | None:
    try:
        return ip_address(text)
    except ValueError:
        return None


def _write_ascii(name: str) -> str:
    """Write a name in ASCII, unless the versions of IDNA disagree about it."""
    lowered = name.lower()
    if lowered.isascii():
        return lowered
    encoded = ""
    with suppress(UnicodeError):
        encoded = lowered.encode("idna").decode("ascii")
        if encoded.encode("ascii").decode("idna") != lowered:
            encoded = ""
    if not encoded:
        _refuse("its host has characters that are ambiguous: write it in ASCII, with xn--")
    return encoded


def _split(url: str) -> SplitResult:
    parts = None
    with suppress(ValueError):
        parts = urlsplit(url)
    if parts is None:
        _refuse("its host cannot be read")
    return parts


def _refuse(reason: str) -> NoReturn:
    raise InvalidAddressError(reason)
