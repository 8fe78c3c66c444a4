"""Gives receivers on this machine public addresses; Python imports it before a function's code.

The name `port-PORT.receivers.example` has the address 11.0.X.Y, in which X and Y are the bytes of
the port. A connection to such an address leads to the loopback address and that port.
"""

from __future__ import annotations

import re
import socket
from typing import Any

_NAME = re.compile(r"port-(\d{1,5})\.receivers\.example")
_ADDRESS = re.compile(r"11\.0\.(\d{1,3})\.(\d{1,3})")
_BYTE = 256

_get_addresses, _connect = socket.getaddrinfo, socket.create_connection


def _get_addresses_here(host: Any, port: Any, *rest: Any, **more: Any) -> Any:
    if isinstance(host, str) and (named := _NAME.fullmatch(host)):
        high, low = divmod(int(named[1]), _BYTE)
        host = f"11.0.{high}.{low}"
    return _get_addresses(host, port, *rest, **more)


def _connect_here(address: Any, *rest: Any, **more: Any) -> socket.socket:
    host, *_ = address
    if isinstance(host, str) and (found := _ADDRESS.fullmatch(host)):
        address = ("127.0.0.1", int(found[1]) * _BYTE + int(found[2]))
    return _connect(address, *rest, **more)


socket.getaddrinfo = _get_addresses_here
socket.create_connection = _connect_here
