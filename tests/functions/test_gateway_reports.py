"""Reports of calls at the app: no caller waits for them, and no prompt is in a trace."""

from __future__ import annotations

import asyncio
import http.client
import json
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

import pytest

from cdk.local_cloud.tls import Certificates, make_certificates
from lambdas.domain.bedrock_calls import (
    MAX_REQUEST_BYTES,
    Admission,
    CallObserver,
    CallReport,
    GatewayCall,
)
from lambdas.domain.call_traces import JsonDocument, Sampler
from lambdas.functions.gateway.app import log_failure, make_app
from lambdas.functions.gateway.runtime import RuntimeApi, run
from lambdas.services.trace_calls import CallTracer
from tests.builders import NOON
from tests.call_traces import RESOURCE, InMemoryTraces, read_attributes, read_spans
from tests.functions.test_gateway_runtime import FakeRuntimeApi, make_event
from tests.gateway import (
    CONVERSE_BODY,
    MODEL,
    SECRET,
    USED,
    FakeBedrock,
    Gateway,
    InMemoryAdmission,
    InMemoryReports,
    make_relay,
    serve_gateway,
    write_event,
)

MARK = "XyzzyPrompt"
BODY = json.dumps({"messages": [{"role": "user", "content": [{"text": MARK}]}]}).encode()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


class Served:
    """A gateway with observers."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway

    def send(
        self,
        operation: str = "converse",
        body: bytes = BODY,
        headers: dict[str, str] | None = None,
        folder: str = f"/model/{MODEL}",
    ) -> tuple[int, bytes]:
        """Call a model, and read the whole answer."""
        context = ssl.create_default_context(cafile=str(self.gateway.certificates.authority))
        host = urlsplit(self.gateway.url).netloc
        sent = {"authorization": f"Bearer {SECRET.text}", "content-type": "application/json"}
        path = f"{folder}/{operation}"
        with closing(http.client.HTTPSConnection(host, context=context, timeout=10)) as connection:
            connection.request("POST", path, body, sent | (headers or {}))
            with connection.getresponse() as response:
                return response.status, response.read()


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def serve(stack: ExitStack, certificates: Certificates, *observers: CallObserver) -> Served:
    return Served(stack.enter_context(serve_gateway(certificates, observers=observers)))


class HeldTraces(InMemoryTraces):
    """An exporter that takes a trace only after it was released, and may then fail."""

    def __init__(self) -> None:
        super().__init__()
        self.was_reached, self.is_released = threading.Event(), threading.Event()

    def send(self, document: JsonDocument) -> None:
        self.was_reached.set()
        assert self.is_released.wait(10)
        super().send(document)


def make_tracer(traces: InMemoryTraces) -> CallTracer:
    return CallTracer(
        Sampler(Decimal(1)), traces, RESOURCE, lambda n: b"i" * n, lambda: NOON, lambda: None
    )


@pytest.mark.parametrize("error", [None, "timeout"])
def test_a_slow_or_failing_exporter_delays_no_caller(
    certificates: Certificates, stack: ExitStack, error: str | None
) -> None:
    traces, observed = HeldTraces(), InMemoryReports()
    traces.error = error
    served = serve(stack, certificates, make_tracer(traces), observed)
    # The exporter holds on to the trace until the caller has its whole answer.
    status, answer = served.send()
    assert (status, answer) == (200, CONVERSE_BODY)
    assert traces.was_reached.wait(10)
    assert observed.reports == []
    assert served.gateway.admission.settled == {"r-1": USED}
    traces.is_released.set()
    assert observed.wait().used == USED
    assert served.send()[0] == 200


def test_the_answer_is_complete_for_lambda_before_a_call_is_reported() -> None:
    reached, released = threading.Event(), threading.Event()

    class HeldObserver:
        def observe(self, _report: CallReport) -> None:
            reached.set()
            assert released.wait(10)

    async def scenario(bedrock: FakeBedrock) -> None:
        relay = make_relay(bedrock, InMemoryAdmission(), observers=(HeldObserver(),))
        api = FakeRuntimeApi([make_event()])
        server = await asyncio.start_server(api.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        at = RuntimeApi.at(f"127.0.0.1:{port}")
        serving = asyncio.create_task(run(lambda: make_app(relay), at, log_failure))
        assert await asyncio.to_thread(reached.wait, 10)
        (posted,) = api.posted
        assert posted.prelude["statusCode"] == 200
        assert posted.trailers is not None  # the body has ended
        assert not api.is_idle.is_set()
        released.set()
        await asyncio.wait_for(api.is_idle.wait(), 10)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        server.close()

    with FakeBedrock().serve() as bedrock:
        asyncio.run(scenario(bedrock))


def fail(_call: GatewayCall) -> Admission:
    raise ValueError(MARK)


def test_no_trace_has_anything_of_a_prompt_or_of_an_answer(
    certificates: Certificates, stack: ExitStack
) -> None:
    traces, observed = InMemoryTraces(), InMemoryReports()
    served = serve(stack, certificates, make_tracer(traces), observed)
    bedrock, admission = served.gateway.bedrock, served.gateway.admission
    marked = {"stopReason": f"{MARK} end", "text": MARK, "usage": {"inputTokens": 1}}
    bedrock.bodies["converse"] = json.dumps(marked).encode()
    bedrock.bodies["converse-stream"] = (
        write_event("contentBlockDelta", {"delta": {"text": MARK}}),
        write_event("messageStop", {"stopReason": f"{MARK}."}),
    )
    expected = 0
    for operation in ("converse", "converse-stream", "invoke", "invoke-with-response-stream"):
        headers = {
            "x-amzn-bedrock-request-metadata": json.dumps({"a": MARK}),
            "traceparent": f"00-{MARK}",
            "tracestate": f"a={MARK}",
            "amz-sdk-invocation-id": MARK,
        }
        served.send(operation, headers=headers if operation.startswith("invoke") else {})
        served.send(operation, body=f'{{"{MARK}'.encode())
        expected += 2
    bedrock.status, bedrock.extra_headers = 400, {"x-amzn-ErrorType": f"{MARK} is wrong"}
    served.send()
    admission.decision = fail
    served.send()
    expected += 2
    wait_for_reports(observed, expected)
    assert len(traces.documents) == expected
    assert MARK not in json.dumps(traces.documents)
    assert MARK not in repr([report.error for report in observed.reports])


def wait_for_reports(observed: InMemoryReports, number: int) -> None:
    """Wait until so many calls are reported."""
    for _ in range(1000):
        if len(observed.reports) >= number:
            return
        observed.was_observed.clear()
        observed.was_observed.wait(0.01)
    assert len(observed.reports) == number


def test_a_call_that_the_gateway_fails_is_reported(
    certificates: Certificates, stack: ExitStack
) -> None:
    observed = InMemoryReports()
    served = serve(stack, certificates, observed)
    served.gateway.admission.decision = fail
    assert served.send()[0] == 500
    report = observed.wait()
    assert (report.status, report.error) == (500, "internal_error")
    assert report.caller == "ana@example.com"


@pytest.mark.parametrize(
    ("headers", "body", "status", "caller"),
    [
        ({"authorization": "Bearer unknown"}, BODY, 403, None),
        ({}, b" " * (MAX_REQUEST_BYTES + 1), 413, "ana@example.com"),
    ],
)
def test_a_request_that_is_not_read_is_reported(
    certificates: Certificates,
    stack: ExitStack,
    headers: dict[str, str],
    body: bytes,
    status: int,
    caller: str | None,
) -> None:
    observed = InMemoryReports()
    served = serve(stack, certificates, observed)
    assert served.send(body=body, headers=headers)[0] == status
    report = observed.wait()
    assert (report.status, report.caller) == (status, caller)
    assert report.times.sent is None


def test_what_is_no_call_is_not_reported(certificates: Certificates, stack: ExitStack) -> None:
    observed = InMemoryReports()
    served = serve(stack, certificates, observed)
    assert served.send("apply", folder="/guardrail/a")[0] == 404
    assert served.send()[0] == 200
    observed.wait()
    assert [report.status for report in observed.reports] == [200]


def test_a_trace_of_a_real_call_has_its_usage(certificates: Certificates, stack: ExitStack) -> None:
    traces, observed = InMemoryTraces(), InMemoryReports()
    served = serve(stack, certificates, make_tracer(traces), observed)
    served.send("converse-stream")
    observed.wait()
    spans: Sequence[Any] = read_spans(traces.documents[0])
    found = read_attributes(spans[1].attributes)
    assert found["gen_ai.usage.input_tokens"] == USED.input
    assert found["gen_ai.usage.output_tokens"] == USED.output
    assert found["gen_ai.response.finish_reasons"] == ["end_turn"]
    assert found["aws.request_id"] == "request-1"
