"""Webhooks against real servers that do everything a hostile receiver can do."""

import gzip
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any, NamedTuple

import pytest
import trustme

from lambdas.adapters.https_receiver import HttpsReceiver, read_retry_after, resolve_host
from lambdas.domain.webhooks import ReceiverAnswer, ReceiverError, SlowReceiverError
from lambdas.domain.webhooks.address import is_public

HOST = "hooks.example.com"
PUBLIC, OTHER = "93.184.216.34", "2600:1f00::1"
MARK = "marked-token"
URL = f"https://{HOST}/services/{MARK}?key={MARK}"
HEADERS = {"webhook-id": "evt_1", "webhook-signature": f"v1,{MARK}"}
BODY = b'{"type":"webhook.test"}'
NOON = datetime(2026, 9, 8, 12, 0, tzinfo=UTC)
OK = b"HTTP/1.1 200 OK\r\n"
ERROR = b"HTTP/1.1 500 Error\r\n"
NEVER = timedelta(seconds=30)
"""A time that no test lasts for: what waits for it is ended by its server."""

Script = Callable[["Peer"], None]


class Peer(NamedTuple):
    """The server's side of a connection.

    Attributes:
        tls: The connection; without TLS before a handshake.
        is_over: Set when the test ends.
    """

    tls: Any
    is_over: threading.Event

    def read_request(self) -> bytes:
        """Read a whole request, which has a length."""
        request = b""
        while BODY not in request:
            part = self.tls.recv(65_536)
            if not part:
                raise ConnectionError
            request += part
        return request

    def trickle(self, content: bytes, pause_seconds: float = 0.02) -> None:
        """Send one byte after the other until the client or the test is gone."""
        for byte in content:
            self.tls.sendall(bytes([byte]))
            if self.is_over.wait(pause_seconds):
                return


class Server:
    """A server on loopback that follows a script for each connection."""

    def __init__(self, script: Script, context: ssl.SSLContext | None) -> None:
        self.requests: list[bytes] = []
        self._script = script
        self._context = context
        self._is_over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = self._listener.getsockname()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def close(self) -> None:
        self._is_over.set()
        with suppress(OSError):
            socket.create_connection(self.address).close()
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._is_over.is_set():
                connection.close()
                return
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection:
            if self._context is None:
                self._script(Peer(connection, self._is_over))
                return
            with self._context.wrap_socket(connection, server_side=True) as tls:
                self._script(Peer(tls, self._is_over))


class Network:
    """The names and addresses that a receiver sees. Public ones lead to a server on loopback."""

    def __init__(self, authority: trustme.CA) -> None:
        self.authority = authority
        self.answers: list[list[str]] = [[PUBLIC]]
        self.resolved: list[tuple[str, int]] = []
        self.dialed: list[tuple[str, int]] = []
        self.down: set[str] = set()
        self.server: Server | None = None

    def resolve(self, host: str, port: int) -> list[str]:
        self.resolved.append((host, port))
        return self.answers.pop(0)

    def connect(self, address: tuple[str, int], timeout: float) -> socket.socket:
        self.dialed.append(address)
        if address[0] in self.down or self.server is None:
            raise ConnectionRefusedError
        return socket.create_connection(self.server.address, timeout)

    def make_receiver(self, **changes: Any) -> HttpsReceiver:
        trusted = ssl.create_default_context()
        self.authority.configure_trust(trusted)
        defaults: dict[str, Any] = {
            "resolve": self.resolve,
            "connect": self.connect,
            "context": trusted,
            "timeout": timedelta(seconds=5),
        }
        return HttpsReceiver(**(defaults | changes))


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def network(authority: trustme.CA) -> Network:
    return Network(authority)


@contextmanager
def serving(
    network: Network,
    script: Script,
    *,
    names: tuple[str, ...] = (HOST,),
    issuer: trustme.CA | None = None,
    not_after: datetime | None = None,
    has_tls: bool = True,
) -> Iterator[Server]:
    context = None
    if has_tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate = (issuer or network.authority).issue_cert(*names, not_after=not_after)
        certificate.configure_cert(context)
    server = network.server = Server(script, context)
    try:
        yield server
    finally:
        server.close()


def answering(answer: bytes) -> Script:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.tls.sendall(answer)

    return script


def post(network: Network, url: str = URL, **changes: Any) -> ReceiverAnswer:
    return network.make_receiver(**changes).post(url, BODY, HEADERS)


def read_failure(network: Network, url: str = URL, **changes: Any) -> str:
    """Read the text of the failure, which shows neither the path nor a header, however printed."""
    with pytest.raises(ReceiverError) as failure:
        post(network, url, **changes)
    error = failure.value
    assert MARK not in f"{error!r} {error} {error.__cause__!r} {error.__context__!r}"
    return str(error)


def test_a_request_reaches_the_checked_address_under_its_name(network: Network) -> None:
    requests = []

    def script(peer: Peer) -> None:
        requests.append(peer.read_request())
        peer.tls.sendall(OK + b"Content-Length: 4\r\n\r\nfine")

    with serving(network, script):
        assert post(network) == ReceiverAnswer(200)
    lines = requests[0].decode().split("\r\n")
    assert lines[0] == f"POST /services/{MARK}?key={MARK} HTTP/1.1"
    assert {
        f"Host: {HOST}",
        "Accept-Encoding: identity",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(BODY)}",
        "webhook-id: evt_1",
    } <= set(lines)
    assert (network.resolved, network.dialed) == ([(HOST, 443)], [(PUBLIC, 443)])


def test_headers_replace_those_of_the_receiver_and_another_port_is_named(network: Network) -> None:
    requests = []

    def script(peer: Peer) -> None:
        requests.append(peer.read_request())
        peer.tls.sendall(OK + b"\r\n")

    with serving(network, script):
        receiver = network.make_receiver()
        receiver.post(f"https://{HOST}:8443/", BODY, {"Content-Type": "text/plain"})
    lines = requests[0].decode().split("\r\n")
    assert f"Host: {HOST}:8443" in lines
    assert "Content-Type: text/plain" in lines
    assert "Content-Type: application/json" not in lines


@pytest.mark.parametrize("status", [201, 204, 400, 404, 410, 429, 500, 503])
def test_each_status_is_an_answer(network: Network, status: int) -> None:
    with serving(network, answering(b"HTTP/1.1 %d Some\r\nContent-Length: 0\r\n\r\n" % status)):
        assert post(network).status == status


def test_a_redirect_is_not_followed(network: Network) -> None:
    redirect = (
        b"HTTP/1.1 302 Found\r\nLocation: https://169.254.169.254/latest/meta-data\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    with serving(network, answering(redirect)):
        assert post(network).status == 302
    assert network.dialed == [(PUBLIC, 443)]


def test_a_proxy_of_the_environment_is_not_used(
    network: Network, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(network, answering(OK + b"\r\n")):
        assert post(network).status == 200


def test_a_name_that_changes_after_the_check_leads_nowhere_else(network: Network) -> None:
    network.answers = [[PUBLIC], ["127.0.0.1"]]
    with serving(network, answering(OK + b"\r\n")):
        assert post(network).status == 200
        assert (len(network.resolved), network.dialed) == (1, [(PUBLIC, 443)])
        assert "not public" in read_failure(network)
    assert network.dialed == [(PUBLIC, 443)]


@pytest.mark.parametrize(
    "addresses",
    [
        ["127.0.0.1"],
        ["169.254.169.254"],
        ["10.0.0.1", PUBLIC],
        [PUBLIC, "10.0.0.1"],
        [OTHER, "::ffff:169.254.169.254"],
        ["64:ff9b::a9fe:a9fe"],
        ["fe80::1%eth0"],
        ["fd00:ec2::254"],
    ],
)
def test_a_name_with_one_private_address_is_not_called(
    network: Network, addresses: list[str]
) -> None:
    network.answers = [addresses]
    assert "not public" in read_failure(network)
    assert network.dialed == []


@pytest.mark.parametrize(
    "url",
    [
        f"http://{HOST}/{MARK}",
        f"https://ana:{MARK}@{HOST}/",
        f"https://{HOST}:22/{MARK}",
        f"https://127.0.0.1/{MARK}",
        f"https://[64:ff9b::a9fe:a9fe]/{MARK}",
        f"https://{HOST}/{MARK}\r\nX: y",
    ],
)
def test_an_address_that_is_not_allowed_is_neither_resolved_nor_called(
    network: Network, url: str
) -> None:
    assert read_failure(network, url).startswith(("it does not begin", "it has", "its "))
    assert (network.resolved, network.dialed) == ([], [])


def test_a_public_ip_address_is_called_without_a_resolver(network: Network) -> None:
    with serving(network, answering(OK + b"\r\n"), names=(PUBLIC,)):
        assert post(network, f"https://{PUBLIC}/").status == 200
    assert (network.resolved, network.dialed) == ([], [(PUBLIC, 443)])


def test_the_next_address_is_called_if_one_is_down(network: Network) -> None:
    network.answers, network.down = [[OTHER, OTHER, PUBLIC]], {OTHER}
    with serving(network, answering(OK + b"\r\n")):
        assert post(network).status == 200
    assert network.dialed == [(OTHER, 443), (PUBLIC, 443)]


def test_a_receiver_that_is_down_is_a_failure(network: Network) -> None:
    network.answers = [[OTHER, PUBLIC]]
    assert read_failure(network) == "it refused the connection"
    assert network.dialed == [(OTHER, 443), (PUBLIC, 443)]


@pytest.mark.parametrize("error", [socket.gaierror(-2, f"no {MARK}"), UnicodeError("label")])
def test_a_name_that_cannot_be_resolved_is_a_failure(network: Network, error: Exception) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise error

    assert read_failure(network, resolve=resolve) == "its name cannot be resolved"


def test_a_name_without_addresses_is_a_failure(network: Network) -> None:
    network.answers = [[]]
    assert read_failure(network) == "its name has no address"


def test_a_slow_resolver_ends_with_the_time(network: Network) -> None:
    is_over = threading.Event()

    def resolve(host: str, port: int) -> list[str]:
        is_over.wait(NEVER.total_seconds())
        return [PUBLIC]

    failure = read_failure(network, resolve=resolve, timeout=timedelta(seconds=0.1))
    is_over.set()
    assert failure == "it did not answer within 0.1 s"
    assert network.dialed == []


def test_the_resolver_of_the_system_gives_addresses_that_the_check_reads() -> None:
    found = resolve_host("localhost", 443)
    assert found
    assert not any(is_public(ip_address(address)) for address in found)


def wait_in_silence(peer: Peer) -> None:
    peer.is_over.wait(NEVER.total_seconds())


def trickle_the_status(peer: Peer) -> None:
    peer.read_request()
    peer.trickle(b"HTTP/1.1 200 " + b"O" * 10_000)


def trickle_headers(peer: Peer) -> None:
    peer.read_request()
    peer.tls.sendall(OK)
    peer.trickle(b"X-Header: y\r\n" * 10_000)


def repeat_early_hints(peer: Peer) -> None:
    peer.read_request()
    peer.trickle(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 10_000, 0.001)


def repeat_continue(peer: Peer) -> None:
    peer.read_request()
    peer.trickle(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000, 0.001)


@pytest.mark.parametrize(
    ("script", "has_tls"),
    [
        (wait_in_silence, True),
        (wait_in_silence, False),
        (trickle_the_status, True),
        (trickle_headers, True),
        (repeat_continue, True),
        (repeat_early_hints, True),
    ],
)
def test_a_receiver_that_is_silent_or_slow_ends_with_the_time(
    network: Network, script: Script, has_tls: bool
) -> None:
    with serving(network, script, has_tls=has_tls):
        failure = read_failure(network, timeout=timedelta(seconds=0.3))
    assert failure == "it did not answer within 0.3 s"


def test_a_receiver_that_reads_nothing_ends_with_the_time(network: Network) -> None:
    with serving(network, wait_in_silence):
        receiver = network.make_receiver(timeout=timedelta(seconds=0.3))
        with pytest.raises(SlowReceiverError, match=r"within 0\.3 s"):
            receiver.post(URL, b"x" * 50_000_000, {})


def test_the_body_of_a_success_is_not_waited_for(network: Network) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.tls.sendall(OK + b"Content-Length: 1000\r\n\r\nfine")
        peer.is_over.wait()

    with serving(network, script):
        assert post(network, timeout=timedelta(hours=1)) == ReceiverAnswer(200)


def test_a_body_that_trickles_does_not_change_the_answer(network: Network) -> None:
    def script(peer: Peer) -> None:
        peer.read_request()
        peer.tls.sendall(ERROR + b"Content-Length: 1000\r\n\r\n")
        peer.trickle(b"x" * 1000)

    with serving(network, script):
        answer = post(network, timeout=timedelta(seconds=1.5))
    assert answer.status == 500
    assert 0 < len(answer.body) < 1000


def send_without_end(peer: Peer) -> None:
    peer.read_request()
    peer.tls.sendall(ERROR + b"Content-Length: 9999999999\r\n\r\n")
    while not peer.is_over.is_set():
        peer.tls.sendall(b"x" * 65_536)


def send_chunks_without_end(peer: Peer) -> None:
    peer.read_request()
    peer.tls.sendall(ERROR + b"Transfer-Encoding: chunked\r\n\r\n")
    while not peer.is_over.is_set():
        peer.tls.sendall(b"1\r\nx\r\n" * 10_000)


@pytest.mark.parametrize("script", [send_without_end, send_chunks_without_end])
def test_one_kilobyte_of_gigabytes_is_read(network: Network, script: Script) -> None:
    with serving(network, script):
        assert post(network) == ReceiverAnswer(500, None, "x" * 1024)


def test_a_compressed_answer_is_not_decompressed(network: Network) -> None:
    bomb = gzip.compress(b"x" * 10_000_000)
    headers = b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    with serving(network, answering(ERROR + headers + bomb)):
        answer = post(network)
    assert answer.body == bomb[:1024].decode("utf-8", "replace")


@pytest.mark.parametrize(
    "answer",
    [
        b"Content-Length: 1000\r\n\r\npart",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\npart\r\nzz\r\n",
        b"\r\npart",
    ],
)
def test_a_body_that_breaks_off_does_not_change_the_answer(network: Network, answer: bytes) -> None:
    with serving(network, answering(ERROR + answer)):
        assert post(network) == ReceiverAnswer(500, None, "part")


@pytest.mark.parametrize(
    "headers",
    [
        b"X-Header: " + b"y" * 10_000_000 + b"\r\n",
        b"X-Header: y\r\n" * 1_000_000,
        b"".join(b"X-%d: %s\r\n" % (number, b"y" * 1000) for number in range(90)),
    ],
)
def test_huge_headers_are_a_failure(network: Network, headers: bytes) -> None:
    with serving(network, answering(OK + headers + b"\r\n")):
        failure = read_failure(network)
    assert failure.startswith(("its answer is not HTTP", "its answer has too large headers"))


@pytest.mark.parametrize("answer", [b"SSH-2.0-OpenSSH\r\n", b"\x00\xff" * 100, b"HTTP/1.1 x\r\n"])
def test_an_answer_that_is_not_http_is_a_failure(network: Network, answer: bytes) -> None:
    with serving(network, answering(answer)):
        assert read_failure(network) == "its answer is not HTTP: BadStatusLine"


def test_a_certificate_of_another_name_is_refused(network: Network) -> None:
    with serving(network, answering(OK), names=("other.example.com",)):
        failure = read_failure(network)
    assert failure.startswith("its certificate was refused: Hostname mismatch")


def test_an_expired_certificate_is_refused(network: Network) -> None:
    with serving(network, answering(OK), not_after=datetime(2020, 1, 1, tzinfo=UTC)):
        assert "expired" in read_failure(network)


def test_a_certificate_of_an_unknown_authority_is_refused(network: Network) -> None:
    with serving(network, answering(OK), issuer=trustme.CA()):
        assert read_failure(network).startswith("its certificate was refused")


def test_a_server_without_tls_is_a_failure(network: Network) -> None:
    def script(peer: Peer) -> None:
        peer.tls.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        peer.is_over.wait(NEVER.total_seconds())

    with serving(network, script, has_tls=False):
        assert "does not speak TLS" in read_failure(network)


@pytest.mark.parametrize("has_tls", [True, False])
def test_a_reset_connection_is_a_failure(network: Network, has_tls: bool) -> None:
    def script(peer: Peer) -> None:
        reset = b"\x01\x00\x00\x00\x00\x00\x00\x00"
        peer.tls.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
        if has_tls:
            peer.read_request()
        else:
            peer.tls.recv(10)
        peer.tls.close()

    with serving(network, script, has_tls=has_tls):
        assert read_failure(network) == "it closed the connection without an answer"


def test_a_header_with_a_line_break_is_not_sent(network: Network) -> None:
    with serving(network, answering(OK)):
        receiver = network.make_receiver()
        with pytest.raises(ReceiverError, match="could not be called: ValueError"):
            receiver.post(URL, BODY, {"webhook-id": f"{MARK}\r\nX: y"})


@pytest.mark.parametrize("interim", ["100 Continue", "102 Processing", "103 Early Hints"])
def test_interim_answers_are_followed_by_the_one_that_counts(
    network: Network, interim: str
) -> None:
    answer = f"HTTP/1.1 {interim}\r\nLink: </x>; rel=preload\r\n\r\n".encode() * 3
    answer += OK + b"Content-Length: 0\r\n\r\n"
    with serving(network, answering(answer)):
        assert post(network).status == 200


def test_another_protocol_is_no_interim_answer(network: Network) -> None:
    with serving(network, answering(b"HTTP/1.1 101 Switching Protocols\r\n\r\n")):
        assert post(network).status == 101


def test_retry_after_is_read_from_the_answer(network: Network) -> None:
    answer = b"HTTP/1.1 429 Slow\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n"
    with serving(network, answering(answer)):
        assert post(network) == ReceiverAnswer(429, timedelta(seconds=120))


def test_of_several_waits_the_first_one_is_read(network: Network) -> None:
    answer = b"HTTP/1.1 429 Slow\r\nRetry-After: 10\r\nRetry-After: 99999\r\n\r\n"
    with serving(network, answering(answer)):
        assert post(network).retry_after == timedelta(seconds=10)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, None),
        ("", None),
        ("0", timedelta(0)),
        (" 120 ", timedelta(seconds=120)),
        ("9" * 5000, timedelta(seconds=999_999_999)),
        ("0000000000060", timedelta(seconds=60)),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("١٢", None),
        ("Tue, 08 Sep 2026 12:05:00 GMT", timedelta(minutes=5)),
        ("Tue, 08 Sep 2026 14:05:00 +0200", timedelta(minutes=5)),
        ("Tue, 08 Sep 2026 12:05:00 -0000", timedelta(minutes=5)),
        ("Tue, 08 Sep 2026 11:00:00 GMT", timedelta(0)),
        ("Tue, 99 Sep 2026 12:05:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", timedelta(days=2_912_193, seconds=43_139)),
        ("Tue, 08 Sep 99999999 12:05:00 GMT", None),
        ("Tue, 08 Sep 2026 12:05:00 +99999999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(text: str | None, expected: timedelta | None) -> None:
    assert read_retry_after(text, NOON) == expected
