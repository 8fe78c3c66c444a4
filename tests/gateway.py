"""A gateway without AWS: keys and limits in memory, a Bedrock that records what it gets."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socket import socket
from typing import Any, NamedTuple
from zlib import crc32

import uvicorn
from botocore.credentials import Credentials
from starlette.applications import Starlette

from cdk.local_cloud.tls import Certificates
from lambdas.adapters.bedrock.runtime_relay import BedrockRuntimeRelay
from lambdas.adapters.cached_api_keys import CachedApiKeys
from lambdas.domain.api_keys import ApiKey, KeyExistsError, create_key
from lambdas.domain.bedrock_calls import (
    EVENT_STREAM,
    Admission,
    CallAdmission,
    CallObserver,
    CallReport,
    GatewayCall,
)
from lambdas.domain.invocations import ServedCall, TokenCounts
from lambdas.functions.gateway.app import make_app
from lambdas.services.limit_calls import LimitView
from lambdas.services.relay_call import CallRelay, RelayRules
from tests.builders import NOON

REGION = "us-east-1"
SECRET, KEY = create_key(bytes(range(32)), "ana@example.com", NOON, project="search")
MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0"
USED = TokenCounts(5, 25)


class InMemoryApiKeys:
    """Keys in a dictionary.

    Attributes:
        keys: The keys by their hashes.
        reads: The hashes that were asked for, in order.
    """

    def __init__(self, *keys: ApiKey) -> None:
        self.keys = {key.digest: key for key in keys}
        self.reads: list[str] = []

    def create(self, key: ApiKey) -> None:
        if key.digest in self.keys:
            raise KeyExistsError(key.prefix)
        self.keys[key.digest] = key

    def get(self, digest: str) -> ApiKey | None:
        self.reads.append(digest)
        return self.keys.get(digest)

    def list_keys(self) -> Sequence[ApiKey]:
        return list(self.keys.values())

    def rotate(self, successor: ApiKey, ending: ApiKey) -> bool:
        key = self.keys.get(ending.digest)
        end = ending.expires_at
        if key is None or end is None or key.revoked_at is not None:
            return False
        if key.expires_at is not None and key.expires_at < end:
            return False
        self.keys[ending.digest] = replace(key, expires_at=end)
        self.create(successor)
        return True

    def revoke(self, key: ApiKey, at: datetime) -> bool:
        stored = self.keys.get(key.digest)
        if stored is None or stored.revoked_at is not None:
            return False
        self.keys[key.digest] = replace(stored, revoked_at=at)
        return True

    def mark_used(self, digest: str, at: datetime) -> None:
        key = self.keys.get(digest)
        if key is not None and (key.last_used_at is None or key.last_used_at < at):
            self.keys[digest] = replace(key, last_used_at=at)


@dataclass
class InMemoryAdmission:
    """Admits every call, unless it has other decisions to make.

    Attributes:
        decision: Decides on a call; a reservation of its own by default.
        calls: The calls, in order.
        settled: The counts by reservation.
        served: How calls were served, by reservation.
        given_back: The reservations that were given back.
        times: The times of all of that.
        was_settled: Set with the first of either.
    """

    decision: Callable[[GatewayCall], Admission] | None = None
    calls: list[GatewayCall] = field(default_factory=list)
    settled: dict[str, TokenCounts] = field(default_factory=dict)
    served: dict[str, ServedCall | None] = field(default_factory=dict)
    given_back: list[str] = field(default_factory=list)
    times: list[datetime] = field(default_factory=list)
    was_settled: threading.Event = field(default_factory=threading.Event)

    def admit(self, call: GatewayCall, at: datetime) -> Admission:
        self.calls.append(call)
        self.times.append(at)
        if self.decision is not None:
            return self.decision(call)
        return Admission(f"r-{len(self.calls)}")

    def settle(
        self,
        reservation_id: str,
        used: TokenCounts,
        at: datetime,
        served: ServedCall | None = None,
    ) -> None:
        self.settled[reservation_id] = used
        self.served[reservation_id] = served
        self.times.append(at)
        self.was_settled.set()

    def give_back(self, reservation_id: str, at: datetime) -> None:
        self.given_back.append(reservation_id)
        self.times.append(at)
        self.was_settled.set()


@dataclass
class InMemoryReports:
    """Keeps the reports of calls.

    Attributes:
        reports: The reports, in order.
        was_observed: Set with the first of them.
    """

    reports: list[CallReport] = field(default_factory=list)
    was_observed: threading.Event = field(default_factory=threading.Event)

    def observe(self, report: CallReport) -> None:
        self.reports.append(report)
        self.was_observed.set()

    def wait(self) -> CallReport:
        """Wait for a report."""
        assert self.was_observed.wait(10)
        return self.reports[-1]


class Received(NamedTuple):
    """A request that Bedrock got."""

    path: str
    headers: Mapping[str, str]
    body: bytes


def write_frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Write a frame of an event stream."""
    written = b"".join(
        bytes([len(name)]) + name.encode() + b"\x07" + _prefix_length(value.encode())
        for name, value in headers.items()
    )
    prelude = (16 + len(written) + len(payload)).to_bytes(4) + len(written).to_bytes(4)
    frame = prelude + crc32(prelude).to_bytes(4) + written + payload
    return frame + crc32(frame).to_bytes(4)


def _prefix_length(value: bytes) -> bytes:
    return len(value).to_bytes(2) + value


def write_event(kind: str, content: Mapping[str, Any]) -> bytes:
    """Write an event."""
    headers = {
        ":event-type": kind,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return write_frame(headers, json.dumps(content).encode())


def write_chunk(content: Mapping[str, Any]) -> bytes:
    """Write an event of InvokeModel's stream."""
    return write_event("chunk", {"bytes": b64encode(json.dumps(content).encode()).decode()})


CONVERSE_EVENTS = (
    write_event("messageStart", {"role": "assistant"}),
    *(
        write_event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": f"w{n} "}})
        for n in range(5)
    ),
    write_event("messageStop", {"stopReason": "end_turn"}),
    write_event(
        "metadata",
        {
            "usage": {"inputTokens": 5, "outputTokens": 25, "totalTokens": 30},
            "metrics": {"latencyMs": 500},
        },
    ),
)
INVOKE_EVENTS = (
    write_chunk({"type": "message_start", "message": {"usage": {"input_tokens": 5}}}),
    *(
        write_chunk({"type": "content_block_delta", "delta": {"type": "text_delta", "text": "w"}})
        for _ in range(5)
    ),
    write_chunk({"type": "message_delta", "usage": {"output_tokens": 25}}),
    write_chunk(
        {
            "type": "message_stop",
            "amazon-bedrock-invocationMetrics": {"inputTokenCount": 5, "outputTokenCount": 25},
        }
    ),
)
# Spaces and order as no serializer would write them: they have to arrive as they are.
CONVERSE_BODY = (
    b'{ "usage": {"totalTokens":30, "inputTokens":5,"outputTokens":25} ,"stopReason":"end_turn",\n'
    b' "output":{"message":{"role":"assistant","content":[{"text":"h\\u00e9llo"}]}},'
    b'"metrics":{"latencyMs":1}}'
)
INVOKE_BODY = (
    b'{"content":[{"type":"text","text":"hi"}],"usage":{"input_tokens":5,"output_tokens":25}}'
)
COUNT_BODY = b'{"inputTokens":7}'


class FakeBedrock:
    """A server with the operations of bedrock-runtime.

    Attributes:
        received: The requests, in order.
        bodies: The answers by the last segment of the path: a whole body, or pieces of a stream.
        status: The status of all answers.
        is_silent: True if it never answers.
        extra_headers: More headers of all answers.
        before_piece: Runs before each piece of a stream, with its number.
        cuts_off_after: The number of pieces after which the connection ends.
    """

    def __init__(self) -> None:
        self.received: list[Received] = []
        self.bodies: dict[str, bytes | Sequence[bytes]] = {
            "converse": CONVERSE_BODY,
            "converse-stream": CONVERSE_EVENTS,
            "invoke": INVOKE_BODY,
            "invoke-with-response-stream": INVOKE_EVENTS,
            "count-tokens": COUNT_BODY,
        }
        self.status = 200
        self.is_silent = False
        self.extra_headers: dict[str, str] = {}
        self.before_piece: Callable[[int], object] = lambda _: None
        self.cuts_off_after: int | None = None
        self.url = ""

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer a request."""
        body = handler.rfile.read(int(handler.headers["content-length"]))
        headers = {name.lower(): value for name, value in handler.headers.items()}
        self.received.append(Received(handler.path, headers, body))
        if self.is_silent:
            return
        content = self.bodies[handler.path.rpartition("/")[2]]
        handler.send_response(self.status)
        for name, value in self.extra_headers.items():
            handler.send_header(name, value)
        handler.send_header("x-amzn-RequestId", "request-1")
        if isinstance(content, bytes):
            handler.send_header("Content-Type", "application/json")
            handler.send_header("Content-Length", str(len(content)))
            handler.end_headers()
            handler.wfile.write(content)
            return
        handler.send_header("Content-Type", EVENT_STREAM)
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for number, piece in enumerate(content):
            if number == self.cuts_off_after:
                handler.close_connection = True
                return
            self.before_piece(number)
            handler.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            handler.wfile.flush()
        handler.wfile.write(b"0\r\n\r\n")

    @contextmanager
    def serve(self) -> Iterator[FakeBedrock]:
        """Serve until the block ends."""
        bedrock = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:  # as the library names it
                bedrock.answer(self)

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            server.shutdown()
            thread.join()
            server.server_close()


def make_relay(
    bedrock: FakeBedrock,
    admission: CallAdmission,
    rules: RelayRules = RelayRules(),  # noqa: B008  # a frozen value
    keys: InMemoryApiKeys | None = None,
    observers: Sequence[CallObserver] = (),
) -> CallRelay:
    """Make a relay to a fake Bedrock."""

    def get_credentials(session_name: str) -> Credentials:
        return Credentials("AKIDEXAMPLE", "secret", f"session of {session_name}")

    return CallRelay(
        keys=CachedApiKeys(keys or InMemoryApiKeys(KEY)),
        admission=admission,
        bedrock=BedrockRuntimeRelay(bedrock.url, REGION, get_credentials, read_seconds=10),
        clock=lambda: NOON,
        rules=rules,
        observers=observers,
    )


class _Server(uvicorn.Server):
    """A server that ends at once, whatever connections its clients keep open."""

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            transport: Any = connection.transport
            if transport is not None:
                transport.abort()
        await super().shutdown(sockets)


@contextmanager
def serve_https(app: Starlette, certificates: Certificates) -> Iterator[str]:
    """Serve an app over HTTPS until the block ends, and give its URL."""
    config = uvicorn.Config(app, port=0, log_config=None, lifespan="off", access_log=False)
    config.load()
    config.ssl = certificates.server
    server = _Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            threading.Event().wait(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"https://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join()


class Limits(NamedTuple):
    """The admission of calls within limits, and the view of these."""

    admission: CallAdmission
    view: LimitView


@dataclass
class Gateway:
    """A gateway that is served, and everything behind it."""

    url: str
    bedrock: FakeBedrock
    admission: InMemoryAdmission
    keys: InMemoryApiKeys
    certificates: Certificates


@contextmanager
def serve_gateway(
    certificates: Certificates,
    rules: RelayRules = RelayRules(),  # noqa: B008  # a frozen value
    limits: Limits | None = None,
    observers: Sequence[CallObserver] = (),
) -> Iterator[Gateway]:
    """Serve a gateway and its Bedrock until the block ends."""
    admission, keys = InMemoryAdmission(), InMemoryApiKeys(KEY)
    with FakeBedrock().serve() as bedrock:
        admitted_by = admission if limits is None else limits.admission
        relay = make_relay(bedrock, admitted_by, rules, keys, observers)
        app = make_app(relay, None if limits is None else limits.view)
        with serve_https(app, certificates) as url:
            yield Gateway(url, bedrock, admission, keys, certificates)
