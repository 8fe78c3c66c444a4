"""The tracer: a share of calls, callers with a key alone, and few attempts while X-Ray fails."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count

import pytest

from lambdas.domain.call_traces import Sampler
from lambdas.services.trace_calls import LOG_PAUSE, PAUSE, CallTracer
from tests.builders import NOON
from tests.call_traces import ANSWERED, REFUSED, RESOURCE, InMemoryTraces, read_spans

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


class Tracing:
    """A tracer, and everything behind it."""

    def __init__(self, share: str = "1") -> None:
        self.traces, self.lost, self.now = InMemoryTraces(), 0, NOON
        numbers: Iterator[int] = count(1)
        self.tracer = CallTracer(
            Sampler(Decimal(share)),
            self.traces,
            RESOURCE,
            lambda length: next(numbers).to_bytes(length),
            lambda: self.now,
            self.count_loss,
        )

    def count_loss(self) -> None:
        self.lost += 1

    def fail(self, at: datetime, reason: str | None = "timeout") -> None:
        self.now, self.traces.error = at, reason
        self.tracer.observe(ANSWERED)


def test_each_call_has_a_trace_of_its_own() -> None:
    tracing = Tracing()
    for report in (ANSWERED, REFUSED):
        tracing.tracer.observe(report)
    first, second = map(read_spans, tracing.traces.documents)
    assert [len(first), len(second)] == [2, 1]
    ids = [span.span_id for span in (*first, *second)]
    assert len({*ids}) == 3
    assert first[0].trace_id != second[0].trace_id


def test_a_share_of_zero_traces_nothing_whatever_a_caller_asks() -> None:
    tracing = Tracing("0")
    tracing.tracer.observe(ANSWERED._replace(traceparent=f"00-{TRACE}-{SPAN}-01"))
    assert tracing.traces.attempts == 0


def test_requests_without_a_valid_key_have_no_trace() -> None:
    tracing = Tracing()
    tracing.tracer.observe(REFUSED._replace(caller=None, traceparent=f"00-{TRACE}-{SPAN}-01"))
    assert tracing.traces.attempts == 0


def test_a_call_is_a_child_of_its_caller_s_span() -> None:
    tracing = Tracing("0.000001")
    tracing.tracer.observe(ANSWERED._replace(traceparent=f"00-{TRACE}-{SPAN}-01"))
    (document,) = tracing.traces.documents
    gateway, model = read_spans(document)
    assert gateway.trace_id == model.trace_id == bytes.fromhex(TRACE)
    assert gateway.parent_span_id == bytes.fromhex(SPAN)


def test_a_caller_that_records_no_trace_gets_none() -> None:
    tracing = Tracing()
    tracing.tracer.observe(ANSWERED._replace(traceparent=f"00-{TRACE}-{SPAN}-00"))
    assert tracing.traces.attempts == 0


def test_a_malformed_header_starts_a_trace() -> None:
    tracing = Tracing()
    tracing.tracer.observe(ANSWERED._replace(traceparent="00-zero"))
    (document,) = tracing.traces.documents
    assert read_spans(document)[0].parent_span_id == b""


def test_ids_are_never_zero() -> None:
    tracing = Tracing()
    tracing.tracer.make_id = bytes
    tracing.tracer.observe(ANSWERED)
    (document,) = tracing.traces.documents
    for span in read_spans(document):
        assert any(span.trace_id)
        assert any(span.span_id)


def test_after_a_failure_none_is_sent_for_a_while_and_all_that_are_lost_are_counted() -> None:
    tracing = Tracing()
    tracing.fail(NOON)
    tracing.fail(NOON + PAUSE - timedelta(milliseconds=1))
    assert (tracing.traces.attempts, tracing.lost) == (1, 2)
    tracing.fail(NOON + PAUSE, None)
    tracing.fail(NOON + PAUSE, None)
    assert (tracing.traces.attempts, tracing.lost) == (3, 2)


def test_failures_are_logged_once_a_minute(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    tracing = Tracing()
    for number in range(13):
        tracing.fail(NOON + number * PAUSE)
    logged = [record for record in caplog.records if record.getMessage() == "A trace was not sent"]
    assert len(logged) == 1 + 12 * PAUSE // LOG_PAUSE
    assert tracing.lost == 13
