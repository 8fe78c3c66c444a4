"""The cost of a call through the gateway: its own CPU and the time it adds.

Latencies come in pairs of one run, since the machine decides the rest.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from time import perf_counter, process_time, sleep
from typing import Any
from urllib.parse import urlsplit

from cdk.local_cloud.tls import make_certificates
from lambdas.domain.bedrock_calls import (
    EVENT_STREAM,
    BedrockAnswer,
    BedrockOperation,
    BedrockPath,
    make_usage_reader,
)
from lambdas.functions.gateway.app import make_app
from lambdas.services.relay_call import CallRelay
from tests.benchmarks.figure import Figure
from tests.builders import NOON
from tests.gateway import (
    CONVERSE_BODY,
    CONVERSE_EVENTS,
    INVOKE_EVENTS,
    KEY,
    MODEL,
    SECRET,
    FakeBedrock,
    InMemoryAdmission,
    InMemoryApiKeys,
    make_relay,
    serve_https,
)

_CALLS, _EVENTS, _ROUNDS = 300, 5000, 5
_US, _MS = 1e6, 1e3
_BODY = json.dumps({"messages": [{"role": "user", "content": [{"text": "x" * 2000}]}]}).encode()
_AUTHORIZED = {"authorization": f"Bearer {SECRET.text}", "content-type": "application/json"}


def figures() -> Iterator[Figure]:
    """Measure calls, events and latency."""
    yield _cpu_of_calls()
    yield from _cpu_of_events()
    yield from _latency()


class _InstantBedrock:
    """Answers at once, in this process, so that CPU is the gateway's own."""

    def __init__(self, pieces: Sequence[bytes], content_type: str) -> None:
        self._pieces = pieces
        self._headers = [("content-type", content_type)]

    def send(self, _request: object) -> BedrockAnswer:
        return BedrockAnswer(200, self._headers, iter(self._pieces))


def _make_app(pieces: Sequence[bytes], content_type: str) -> Any:
    with FakeBedrock().serve() as bedrock:
        relay = make_relay(bedrock, InMemoryAdmission())
    keys, admission = relay.keys, relay.admission
    instant = _InstantBedrock(pieces, content_type)
    return make_app(CallRelay(keys, admission, instant, lambda: NOON))


async def _call(app: Any, operation: str) -> None:
    path = f"/model/{MODEL}/{operation}"
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "method": "POST",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in _AUTHORIZED.items()],
    }

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": _BODY, "more_body": False}

    async def send(_message: object) -> None:
        pass

    await app(scope, receive, send)


def _time_calls(app: Any, operation: str, calls: int) -> float:
    async def run() -> float:
        await _call(app, operation)
        start = process_time()
        for _ in range(calls):
            await _call(app, operation)
        return process_time() - start

    return asyncio.run(run())


def _cpu_of_calls() -> Figure:
    app = _make_app([CONVERSE_BODY], "application/json")
    best = min(_time_calls(app, "converse", _CALLS) for _ in range(_ROUNDS)) / _CALLS
    note = f"ASGI to ASGI, without signing and sockets; best of {_ROUNDS} x {_CALLS} calls of 2 kB"
    return Figure("gateway_cpu_per_call", round(best * _MS, 2), "ms", note)


def _cpu_of_events() -> Iterator[Figure]:
    for operation, events in (
        (BedrockOperation.CONVERSE_STREAM, CONVERSE_EVENTS),
        (BedrockOperation.INVOKE_STREAM, INVOKE_EVENTS),
    ):
        body, end = events[1], events[-1]
        name = operation.value.replace("-", "_")
        pieces = [body] * _EVENTS + [end]
        reading = min(_time_reading(operation, pieces) for _ in range(_ROUNDS)) / _EVENTS
        yield Figure(
            f"gateway_usage_cpu_per_event_{name}",
            round(reading * _US, 1),
            "us",
            f"reading usage beside the bytes; best of {_ROUNDS} x {_EVENTS} events",
        )
        app = _make_app(pieces, EVENT_STREAM)
        relaying = min(_time_calls(app, operation.value, 1) for _ in range(_ROUNDS)) / _EVENTS
        yield Figure(
            f"gateway_cpu_per_event_{name}",
            round(relaying * _US, 1),
            "us",
            f"ASGI to ASGI, an event a piece; best of {_ROUNDS} x {_EVENTS} events",
        )


def _time_reading(operation: BedrockOperation, pieces: Sequence[bytes]) -> float:
    reader = make_usage_reader(BedrockPath(operation, MODEL), {"content-type": EVENT_STREAM})
    start = process_time()
    for piece in pieces:
        reader.read(piece)
    reader.count()
    return process_time() - start


@contextmanager
def _serve() -> Iterator[tuple[str, str, ssl.SSLContext]]:
    with tempfile.TemporaryDirectory() as folder, FakeBedrock().serve() as bedrock:
        certificates = make_certificates(Path(folder))
        bedrock.before_piece = lambda number: sleep(0.01) if number else None
        app = make_app(make_relay(bedrock, InMemoryAdmission(), keys=InMemoryApiKeys(KEY)))
        with serve_https(app, certificates) as url:
            trusted = ssl.create_default_context(cafile=str(certificates.authority))
            yield url, bedrock.url, trusted


def _latency() -> Iterator[Figure]:
    """Measure calls through the gateway and past it, alternately, over open connections."""
    with _serve() as (url, upstream, trusted):
        through = http.client.HTTPSConnection(urlsplit(url).netloc, context=trusted)
        past = http.client.HTTPConnection(urlsplit(upstream).netloc)
        try:
            pairs = _alternate(through, past, "converse", _CALLS)
            first_events = _alternate(through, past, "converse-stream", _CALLS // 6)
        finally:
            through.close()
            past.close()
    added = [ours - direct for ours, direct in pairs]
    ratio = median(ours for ours, _ in pairs) / median(direct for _, direct in pairs)
    note = (
        f"{_CALLS} pairs over TLS and loopback, limits in memory; {ratio:.1f} times a direct call"
    )
    yield Figure("gateway_added_latency_p50", round(median(added) * _MS, 2), "ms", note)
    worst = quantiles(added, n=100)[-1]
    yield Figure("gateway_added_latency_p99", round(worst * _MS, 2), "ms", note)
    late = median(ours - direct for ours, direct in first_events)
    note = f"{len(first_events)} pairs of streams with an event every 10 ms"
    yield Figure("gateway_first_event_after_upstream", round(late * _MS, 2), "ms", note)


def _alternate(
    through: http.client.HTTPConnection,
    past: http.client.HTTPConnection,
    operation: str,
    rounds: int,
) -> list[tuple[float, float]]:
    """Time pairs of calls; the first pair opens the connections, and is left out."""
    return [
        (_time_first_byte(through, operation), _time_first_byte(past, operation))
        for _ in range(rounds + 1)
    ][1:]


def _time_first_byte(connection: http.client.HTTPConnection, operation: str) -> float:
    start = perf_counter()
    connection.request("POST", f"/model/{MODEL}/{operation}", _BODY, _AUTHORIZED)
    response = connection.getresponse()
    response.read1(1)
    taken = perf_counter() - start
    response.read()
    return taken
