"""Stands in for the AWS Price List: serves bulk files on the loopback address."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

_POLL_SECONDS = 0.02  # the interval of checks for a shutdown


@dataclass
class PriceListServer:
    """A price list that records its requests.

    Attributes:
        url: The beginning of its addresses.
        files: Bulk files by path.
        answers: Numbers of answers, by path and status.
    """

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    answers: Counter[tuple[str, int]] = field(default_factory=Counter)

    def serve(self, region: str, document: Mapping[str, Any]) -> str:
        """Serve the bulk file of an offer for a Region; returns its path."""
        path = f"/offers/v1.0/aws/{document['offerCode']}/current/{region}/index.json"
        self.files[path] = json.dumps(document).encode()
        return path


@contextmanager
def open_price_list() -> Iterator[PriceListServer]:
    """Open a price list that has no files yet."""
    price_list = PriceListServer()

    class Files(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = price_list.files.get(self.path)
            if content is None:
                self._answer(HTTPStatus.NOT_FOUND)
                return
            etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
            if self.headers.get("If-None-Match") == etag:
                self._answer(HTTPStatus.NOT_MODIFIED, etag)
            else:
                self._answer(HTTPStatus.OK, etag, content)

        def _answer(self, status: HTTPStatus, etag: str = "", content: bytes = b"") -> None:
            price_list.answers[self.path, status.value] += 1
            self.send_response(status)
            if etag:
                self.send_header("ETag", etag)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Log no requests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Files) as server:
        Thread(target=server.serve_forever, args=(_POLL_SECONDS,), daemon=True).start()
        price_list.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield price_list
        finally:
            server.shutdown()
