"""Sends webhooks over HTTPS, to checked public addresses alone, within limits of time and size."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, HTTPSConnection
from io import BufferedReader, RawIOBase
from ipaddress import ip_address
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, TypeAlias

from lambdas.domain.webhooks import ReceiverAnswer, ReceiverError, SlowReceiverError
from lambdas.domain.webhooks.address import (
    InvalidAddressError,
    IpAddress,
    ReceiverAddress,
    is_public,
    parse_address,
)

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

Resolver: TypeAlias = Callable[[str, int], Sequence[str]]
"""Finds the IP addresses of a name and a port."""
Connector: TypeAlias = Callable[[tuple[str, int], float], socket.socket]
"""Connects to an IP address and a port within some seconds."""

TIMEOUT = timedelta(seconds=15)
"""The time for everything, from the name to the last byte that is read."""
MAX_BODY_BYTES = 1024
_MAX_ANSWER_BYTES = 64 * 1024  # headers, which a receiver may repeat without end
_MAX_SECONDS_LENGTH = 9
_DEFAULT_HEADERS = {
    "Accept": "*/*",
    "Connection": "close",
    "Content-Type": "application/json",
    "User-Agent": "bedrock-meter-webhooks",
}


def resolve_host(host: str, port: int) -> Sequence[str]:
    """Find the IP addresses of a name, as the system does."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


class HttpsReceiver:
    """Sends to receivers. One request is one connection: to an address that was checked.

    A name is resolved once, and the connection goes to the address that the check has seen, so
    that a name that changes meanwhile leads nowhere else. The certificate still has to be that of
    the name. Redirects are not followed, no proxy is used, and answers are not decompressed.
    """

    def __init__(
        self,
        *,
        resolve: Resolver = resolve_host,
        is_allowed: Callable[[IpAddress], bool] = is_public,
        connect: Connector = socket.create_connection,
        context: ssl.SSLContext | None = None,
        timeout: timedelta = TIMEOUT,
    ) -> None:
        """Send with these ways to the network; the defaults are those of production.

        Args:
            resolve: Finds the addresses of a name.
            is_allowed: Says if an address may be called.
            connect: Connects to an address.
            context: The trusted certificates; `None` for those of the system.
            timeout: The time for everything.
        """
        self._resolve = resolve
        self._is_allowed = is_allowed
        self._connect = connect
        self._context = context or ssl.create_default_context()
        self._timeout = timeout

    def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> ReceiverAnswer:
        """Send a body to an address.

        Raises:
            SlowReceiverError: There was no answer in time.
            ReceiverError: There was none, or the address may not be called.
        """
        kind = ReceiverError
        deadline = _Deadline(self._timeout)
        try:
            address = parse_address(url)
            with self._open(address, deadline) as tls:
                return self._exchange(address, tls, deadline, body, headers)
        except (InvalidAddressError, ReceiverError) as error:
            failure = str(error)
        except (OSError, HTTPException, ValueError) as error:
            failure = _explain(error, self._timeout)
            if isinstance(error, TimeoutError):
                kind = SlowReceiverError
        # Outside of the block, so that no error with parts of the URL hangs on this one.
        raise kind(failure)

    def _open(self, address: ReceiverAddress, deadline: _Deadline) -> ssl.SSLSocket:
        """Connect to the first checked address that answers, and verify its certificate."""
        connection = self._connect_to_first(self._find_addresses(address, deadline), deadline)
        try:
            tls = self._context.wrap_socket(
                connection, server_hostname=address.host, do_handshake_on_connect=False
            )
        except (OSError, ValueError):
            connection.close()
            raise
        try:
            tls.settimeout(deadline.remaining)
            tls.do_handshake()
        except (OSError, ValueError):
            tls.close()
            raise
        return tls

    def _find_addresses(
        self, address: ReceiverAddress, deadline: _Deadline
    ) -> Sequence[tuple[str, int]]:
        """Resolve a name once. All its addresses have to be allowed.

        Raises:
            ReceiverError: One is not allowed, or the name has none.
        """
        if address.ip_address is None:
            found = _resolve_within(deadline, self._resolve, address)
        else:
            found = [address.host]
        if not found:
            message = "its name has no address"
            raise ReceiverError(message)
        if not all(self._is_allowed(ip_address(each)) for each in found):
            message = "its name leads to an address that is not public: it was not called"
            raise ReceiverError(message)
        return [(each, address.port) for each in dict.fromkeys(found)]

    def _connect_to_first(
        self, addresses: Sequence[tuple[str, int]], deadline: _Deadline
    ) -> socket.socket:
        """Connect to one address after the other; each gets its share of the time."""
        *first, last = addresses
        for done, each in enumerate(first):
            with suppress(OSError):
                return self._connect(each, deadline.remaining / (len(addresses) - done))
        return self._connect(last, deadline.remaining)

    def _exchange(
        self,
        address: ReceiverAddress,
        tls: ssl.SSLSocket,
        deadline: _Deadline,
        body: bytes,
        headers: Mapping[str, str],
    ) -> ReceiverAnswer:
        connection = HTTPSConnection(address.host, address.port, context=self._context)
        connection.auto_open = 0  # it would resolve the name again
        connection.response_class = _FinalAnswer
        connection.sock = _BoundedSocket(tls, deadline)
        connection.request("POST", address.target, body, {**_DEFAULT_HEADERS, **headers})
        with connection.getresponse() as answer:
            # Of several headers the first one. `getheader` would join them.
            retry_after = answer.headers.get("Retry-After")
            is_success = HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES
            body = b"" if is_success else _read_beginning(answer)
            return ReceiverAnswer(
                answer.status,
                read_retry_after(retry_after, datetime.now(UTC)),
                body.decode("utf-8", "replace"),
            )


def read_retry_after(text: str | None, now: datetime) -> timedelta | None:
    """Read the time to wait: seconds, or a date of HTTP; `None` for anything else."""
    stripped = "" if text is None else text.strip()
    if stripped.isascii() and stripped.isdigit():
        return timedelta(seconds=int(stripped.lstrip("0")[:_MAX_SECONDS_LENGTH] or "0"))
    try:
        moment = parsedate_to_datetime(stripped)
        at = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(at - now, timedelta(0))
    except (ArithmeticError, IndexError, TypeError, ValueError):
        return None


class _Deadline:
    """The end of the time for a request."""

    def __init__(self, timeout: timedelta) -> None:
        self._end = monotonic() + timeout.total_seconds()

    @property
    def remaining(self) -> float:
        """The seconds that are left.

        Raises:
            TimeoutError: There are none.
        """
        seconds = self._end - monotonic()
        if seconds <= 0:
            raise TimeoutError
        return seconds


class _FinalAnswer(HTTPResponse):
    """An answer after which no other one follows.

    The standard library skips interim answers of status 100 alone. A client has to take others too:
    https://www.rfc-editor.org/rfc/rfc9110#section-15.2
    """

    def _read_status(self) -> tuple[str, int, str]:
        read: Callable[[], tuple[str, int, str]] = super()._read_status  # type: ignore[misc]
        version, status, reason = read()
        is_interim = HTTPStatus.SWITCHING_PROTOCOLS < status < HTTPStatus.OK
        return version, HTTPStatus.CONTINUE if is_interim else status, reason


class _BoundedSocket:
    """A connection as `http.client` uses it. Each step ends with the time for the whole."""

    def __init__(self, tls: ssl.SSLSocket, deadline: _Deadline) -> None:
        self._tls = tls
        self._deadline = deadline

    def sendall(self, content: bytes) -> None:
        rest = memoryview(content)
        while rest:
            self._tls.settimeout(self._deadline.remaining)
            rest = rest[self._tls.send(rest) :]

    def makefile(self, _mode: str) -> BufferedReader:
        return BufferedReader(_BoundedReader(self._tls, self._deadline))

    def close(self) -> None:
        """Leave the connection open: the answer is still read from it, and `post` closes it."""


class _BoundedReader(RawIOBase):
    """Reads an answer, up to some size."""

    def __init__(self, tls: ssl.SSLSocket, deadline: _Deadline) -> None:
        self._tls = tls
        self._deadline = deadline
        self._rest = _MAX_ANSWER_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        if self._rest <= 0:
            message = "its answer has too large headers"
            raise ReceiverError(message)
        self._tls.settimeout(self._deadline.remaining)
        count = self._tls.recv_into(buffer)
        self._rest -= count
        return count


def _read_beginning(answer: HTTPResponse) -> bytes:
    """Read the beginning of a body. What is missing changes nothing: the status has arrived."""
    beginning = b""
    with suppress(OSError, HTTPException, ReceiverError, ValueError):
        while (rest := MAX_BODY_BYTES - len(beginning)) and (part := answer.read1(rest)):
            beginning += part
    return beginning


def _resolve_within(
    deadline: _Deadline, resolve: Resolver, address: ReceiverAddress
) -> Sequence[str]:
    """Resolve a name in a thread, since the system's resolver has no timeout."""
    results: SimpleQueue[Sequence[str] | Exception] = SimpleQueue()

    def run() -> None:
        try:
            results.put(resolve(address.host, address.port))
        except (OSError, ValueError) as error:
            results.put(error)

    Thread(target=run, daemon=True).start()
    try:
        result = results.get(timeout=deadline.remaining)
    except Empty:
        raise TimeoutError from None
    if isinstance(result, Exception):
        message = "its name cannot be resolved"
        raise ReceiverError(message)
    return result


def _explain(error: OSError | HTTPException | ValueError, timeout: timedelta) -> str:
    """Explain a failure by its kind: texts of errors may have parts of the URL."""
    match error:
        case ssl.SSLCertVerificationError():
            text = f"its certificate was refused: {error.verify_message}"
        case TimeoutError():
            text = f"it did not answer within {timeout.total_seconds():g} s"
        case ssl.SSLError():
            text = f"it does not speak TLS as expected: {error.reason or type(error).__name__}"
        case ConnectionRefusedError():
            text = "it refused the connection"
        case ConnectionError():
            text = "it closed the connection without an answer"
        case HTTPException():
            text = f"its answer is not HTTP: {type(error).__name__}"
        case _:
            text = f"it could not be called: {type(error).__name__}"
    return text
