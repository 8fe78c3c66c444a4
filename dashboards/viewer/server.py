"""Serves the page on the loopback address, a view at a time."""

from __future__ import annotations

import json
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from urllib.parse import parse_qs, urlsplit

from dashboards.cloudwatch import SourceError
from dashboards.viewer.dashboard_session import DashboardSession, NoSuchViewError
from dashboards.viewer.pages import render_live_page
from dashboards.viewer.recent_views import RecentViews

HOST = "127.0.0.1"
_OWN_SITES = frozenset({"same-origin", "none"})
"""Values of `Sec-Fetch-Site`: the page itself, and what a person typed or opened."""


class PreviewServer(ThreadingHTTPServer):
    """A server of one source's dashboards."""

    daemon_threads = True

    def __init__(self, session: DashboardSession, port: int) -> None:
        """Listen on a port; 0 for a free one.

        Raises:
            OSError: The port is taken.
            NoLibraryError: The charting library is not installed.
        """
        self.views = RecentViews(session)
        self.page = render_live_page(session).encode()
        super().__init__((HOST, port), _Handler)

    def handle_error(self, request: socket | tuple[bytes, socket], client_address: object) -> None:
        """Ignore browsers that close their connection before the answer."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)

    @property
    def address(self) -> str:
        """The URL of the page."""
        return f"http://{HOST}:{self.server_port}/"


class _Handler(BaseHTTPRequestHandler):
    server: PreviewServer

    def do_GET(self) -> None:
        # Another site's page must not read this one by a name of its own for this host, nor make it
        # query: each view can cost money.
        is_named = self.headers.get("Host") == f"{HOST}:{self.server.server_port}"
        if not is_named or self.headers.get("Sec-Fetch-Site", "none") not in _OWN_SITES:
            self._answer(
                HTTPStatus.FORBIDDEN, "text/plain", b"Ask by the address that was printed."
            )
            return
        parts = urlsplit(self.path)
        if parts.path == "/":
            self._answer(HTTPStatus.OK, "text/html; charset=utf-8", self.server.page)
        elif parts.path == "/data":
            self._send_view(parts.query)
        else:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", b"There is no such page.")

    def _send_view(self, query: str) -> None:
        asked = parse_qs(query, keep_blank_values=True)
        names = (asked.get(name, [""])[0] for name in ("dashboard", "choice", "range"))
        try:
            view = self.server.views.view(*names)
        except NoSuchViewError as error:
            self._answer(HTTPStatus.NOT_FOUND, "text/plain", str(error).encode())
            return
        except SourceError as error:
            self._answer(HTTPStatus.BAD_GATEWAY, "text/plain", str(error).encode())
            return
        self._answer(HTTPStatus.OK, "application/json", json.dumps(view).encode())

    def _answer(self, status: HTTPStatus, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Log no requests."""
