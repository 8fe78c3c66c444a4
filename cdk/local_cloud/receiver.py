"""Receives webhooks as an HTTPS server on this machine, which stands for a host on the internet."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import trustme

from cdk.local_cloud.cloud import LocalCloud

_AUTHORITY = "receivers.pem"
_AUTHORITY_KEY = "receivers.key"
_MAX_BODY_BYTES = 1 << 16
_ACCEPTED = 200


class ReceivedWebhook(NamedTuple):
    """A request that a receiver got.

    Attributes:
        headers: Its headers, with names in lower case.
        body: Its body, as it was signed.
    """

    headers: Mapping[str, str]
    body: bytes


@dataclass
class Receiver:
    """A receiver.

    Attributes:
        url: Its address, for `bedrock-meter webhooks add`.
        requests: What it received, in order.
        answers: The statuses of its next answers; it accepts what comes after them.
        choose_answer: Chooses the status of an answer instead; `None` for `answers`.
    """

    url: str
    requests: list[ReceivedWebhook] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)
    choose_answer: Callable[[ReceivedWebhook], int] | None = None

    def answer(self, request: ReceivedWebhook) -> int:
        """Note a request, and return the status of its answer."""
        self.requests.append(request)
        if self.choose_answer is not None:
            return self.choose_answer(request)
        return self.answers.pop(0) if self.answers else _ACCEPTED


@contextmanager
def open_receiver(
    cloud: LocalCloud, choose_answer: Callable[[ReceivedWebhook], int] | None = None
) -> Iterator[Receiver]:
    """Open a receiver for the webhooks of a local cloud, until the block ends.

    Its name leads here for the local cloud alone, see `cdk.local_cloud.emulator.receivers`.

    Args:
        cloud: The local cloud.
        choose_answer: Chooses the status of each answer, one request at a time in each thread.
    """

    class Endpoint(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = min(int(self.headers["Content-Length"]), _MAX_BODY_BYTES)
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = ReceivedWebhook(headers, self.rfile.read(length))
            self.send_response(receiver.answer(request))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Log no requests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Endpoint) as server:
        name = f"port-{server.server_port}.receivers.example"
        receiver = Receiver(f"https://{name}/hooks/local", choose_answer=choose_answer)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        _open_authority(cloud.home).issue_cert(name).configure_cert(context)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield receiver
        finally:
            server.shutdown()


def _open_authority(home: Path) -> trustme.CA:
    """Open the authority that the local cloud trusts; the first use makes it."""
    certificate, key = home / _AUTHORITY, home / _AUTHORITY_KEY
    if key.exists():
        return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    authority = trustme.CA()
    authority.cert_pem.write_to_path(certificate)
    authority.private_key_pem.write_to_path(key)
    return authority
