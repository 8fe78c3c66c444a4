"""Serves the local cloud over TLS: AWS's SDKs send bearer keys over nothing else."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import NamedTuple
from urllib.parse import urlsplit

import trustme

_HOST = "127.0.0.1"
_PIECE = 65_536


class Certificates(NamedTuple):
    """A certificate for 127.0.0.1.

    Attributes:
        authority: The file of its authority, which clients have to trust.
        server: The server's side of TLS with it.
    """

    authority: Path
    server: ssl.SSLContext


def make_certificates(folder: Path) -> Certificates:
    """Make a certificate for 127.0.0.1 and its authority, whose file is put into a folder."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(_HOST).configure_cert(context)
    file = folder / "authority.pem"
    authority.cert_pem.write_to_path(file)
    return Certificates(file, context)


@contextmanager
def serve_tls(endpoint: str, context: ssl.SSLContext) -> Iterator[str]:
    """Serve an endpoint over TLS, byte for byte, until the block ends; yields its URL.

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

    with Server((_HOST, 0), Connection) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"https://{_HOST}:{server.server_address[1]}"
        server.shutdown()


def _copy(source: socket.socket, target: socket.socket) -> None:
    """Copy bytes as they come, until either side ends."""
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
