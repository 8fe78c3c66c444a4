"""Traces over HTTP: signed for X-Ray, sent once, and given up soon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from time import perf_counter

import pytest
from botocore.credentials import Credentials

from lambdas.adapters.xray_traces import CONNECT_SECONDS, READ_SECONDS, XRayTraces
from lambdas.domain.call_traces import TraceNotSentError, write_trace
from tests.call_traces import ANSWERED, IDS, RESOURCE, FakeXRay

DOCUMENT = write_trace(ANSWERED, IDS, None, RESOURCE)
CREDENTIALS = Credentials("AKIDEXAMPLE", "secret", "token")


@pytest.fixture
def xray() -> Iterator[FakeXRay]:
    with FakeXRay().serve() as xray:
        yield xray


def make_exporter(url: str, read_seconds: float = 10) -> XRayTraces:
    return XRayTraces(url, "us-east-1", lambda: CREDENTIALS, read_seconds)


def test_a_trace_is_sent_signed_for_x_ray(xray: FakeXRay) -> None:
    make_exporter(f"{xray.url}/").send(DOCUMENT)
    ((path, headers, body),) = xray.received
    assert path == "/v1/traces"
    assert headers["content-type"] == "application/json"
    assert "/us-east-1/xray/aws4_request" in headers["authorization"]
    assert "content-type" in headers["authorization"]
    assert headers["x-amz-security-token"] == "token"
    assert json.loads(body) == DOCUMENT


@pytest.mark.parametrize("status", [202, 400, 403, 429, 500])
def test_a_refusal_is_reported_by_its_code_and_not_tried_again(xray: FakeXRay, status: int) -> None:
    xray.status = status
    with pytest.raises(TraceNotSentError, match=f"^{status} AccessDeniedException$"):
        make_exporter(xray.url).send(DOCUMENT)
    assert len(xray.received) == 1


def test_a_slow_endpoint_is_given_up(xray: FakeXRay) -> None:
    xray.is_answering.clear()
    start = perf_counter()
    with pytest.raises(TraceNotSentError, match="ReadTimeoutError"):
        make_exporter(xray.url, read_seconds=0.05).send(DOCUMENT)
    assert perf_counter() - start < 5
    assert CONNECT_SECONDS + READ_SECONDS <= 1.5


def test_an_endpoint_that_is_not_there_is_reported() -> None:
    with pytest.raises(TraceNotSentError, match="NewConnectionError"):
        make_exporter("http://127.0.0.1:1").send(DOCUMENT)


def test_a_function_without_credentials_sends_nothing(xray: FakeXRay) -> None:
    with pytest.raises(TraceNotSentError, match="no credentials"):
        XRayTraces(xray.url, "us-east-1", lambda: None).send(DOCUMENT)
    assert xray.received == []
