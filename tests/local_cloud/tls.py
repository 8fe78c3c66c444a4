"""Serves the local cloud over TLS, over which alone AWS's SDKs send keys."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socketserver import BaseRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit

_PIECE = 65_536


@contextmanager
def serve_tls(endpoint: str, context: ssl.SSLContext) -> Iterator[str]:
    """Serve an endpoint over TLS, byte for byte, until the block ends; gives its URL.

    Args:
        endpoint: The URL, without TLS.
        context: The certificate, for 127.0.0.1.
    """
    address = urlsplit(endpoint)

    class Connection(BaseRequestHandler):
        def handle(self) -> None:
            with (
                suppress(OSError),
                context.wrap_socket(self.request, server_side=True) as client,
                socket.create_connection((address.hostname, address.port)) as server,
            ):
                sending = threading.Thread(target=_copy, args=(client, server), daemon=True)
                sending.start()
                _copy(server, client)

    class Server(ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Connection) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"https://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes as they come, until either side ends."""
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
