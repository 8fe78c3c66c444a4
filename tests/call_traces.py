"""Reports of calls, and readers of their traces."""

from __future__ import annotations

import json
import threading
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from google.protobuf.json_format import ParseDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from lambdas.domain.bedrock_calls import (
    NS_OF_A_MS,
    AnswerEnd,
    BedrockOperation,
    BedrockPath,
    CallReport,
    CallTimes,
)
from lambdas.domain.call_traces import JsonDocument, TraceIds, TraceNotSentError
from lambdas.domain.invocations import TokenCounts
from tests.builders import NOON
from tests.gateway import MODEL

IDS = TraceIds(bytes(range(1, 17)), bytes(range(1, 9)), bytes(range(11, 19)))
RESOURCE = {"service.name": "gateway", "cloud.region": "us-east-1"}
MS = NS_OF_A_MS
ANSWERED = CallReport(
    times=CallTimes(NOON, ended=900 * MS, own=12 * MS, sent=10 * MS, first_piece=400 * MS),
    status=200,
    caller="ana@example.com",
    tier="gold",
    project="search",
    path=BedrockPath(BedrockOperation.CONVERSE, MODEL),
    max_output_tokens=100,
    used=TokenCounts(5, 25, 300, 4000),
    reservation_id="r-1",
    request_id="request-1",
    end=AnswerEnd(("end_turn",)),
)
REFUSED = ANSWERED._replace(
    times=CallTimes(NOON, ended=3 * MS, own=3 * MS),
    status=429,
    used=TokenCounts(),
    reservation_id=None,
    request_id=None,
    refusal="limit",
    end=AnswerEnd(),
)
_IDS = ("traceId", "spanId", "parentSpanId")


def read_spans(document: JsonDocument) -> Sequence[Span]:
    """Read the spans of a document as OpenTelemetry's own definition has them.

    Ids are hexadecimal in OTLP's JSON, and base64 in that of protobuf.
    """
    content: dict[str, Any] = json.loads(json.dumps(document))
    for resource in content["resourceSpans"]:
        for scope in resource["scopeSpans"]:
            for span in scope["spans"]:
                for name in _IDS:
                    if name in span:
                        span[name] = b64encode(bytes.fromhex(span[name])).decode()
    read = ParseDict(content, ExportTraceServiceRequest())
    return list(read.resource_spans[0].scope_spans[0].spans)


def read_attributes(attributes: Sequence[KeyValue]) -> dict[str, Any]:
    """Read attributes by their names."""
    found: dict[str, Any] = {}
    for each in attributes:
        kind = each.value.WhichOneof("value") or ""
        value = getattr(each.value, kind)
        if kind == "array_value":
            value = [element.string_value for element in value.values]
        found[each.key] = value
    assert len(found) == len(attributes)
    return found


@dataclass
class InMemoryTraces:
    """Keeps traces, unless it fails.

    Attributes:
        documents: The traces, in order.
        error: The reason why it takes none.
        attempts: The number of traces that were sent to it.
    """

    documents: list[JsonDocument] = field(default_factory=list)
    error: str | None = None
    attempts: int = 0

    def send(self, document: Mapping[str, Any]) -> None:
        self.attempts += 1
        if self.error is not None:
            raise TraceNotSentError(self.error)
        self.documents.append(document)


class FakeXRay:
    """An endpoint that keeps what it gets.

    Attributes:
        received: Paths, headers and bodies.
        status: The status of its answers.
        is_answering: Its answers wait until it is set.
        url: Its URL.
    """

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 200
        self.is_answering = threading.Event()
        self.is_answering.set()
        self.url = ""

    @contextmanager
    def serve(self) -> Iterator[FakeXRay]:
        """Serve until the block ends."""
        xray = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *_: object) -> None:
                pass

            def do_POST(self) -> None:  # as the library names it
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                xray.received.append((self.path, headers, body))
                xray.is_answering.wait(10)
                self.send_response(xray.status)
                self.send_header("x-amzn-ErrorType", "AccessDeniedException:http://a/")
                self.send_header("Content-Length", "0")
                self.end_headers()

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        self.url = f"http://127.0.0.1:{server.server_port}"
        try:
            yield self
        finally:
            self.is_answering.set()
            server.shutdown()
            thread.join()
            server.server_close()
