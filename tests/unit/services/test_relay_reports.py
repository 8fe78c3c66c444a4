"""Reports of calls: what they have, when they come, and that they fail nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from lambdas.adapters.cached_api_keys import CachedApiKeys
from lambdas.domain.bedrock_calls import (
    EVENT_STREAM,
    NS_OF_A_MS,
    Admission,
    AnswerEnd,
    BedrockAnswer,
    BedrockAnswerLostError,
    BedrockNotReachedError,
    BedrockOperation,
    BedrockPath,
    CallReport,
    CallTimes,
    GatewayCall,
    refuse_limit,
)
from lambdas.domain.invocations import ServedCall, TokenCounts
from lambdas.services.relay_call import CallRelay, GatewayAnswer, GatewayRequest
from tests.builders import NOON
from tests.gateway import (
    CONVERSE_BODY,
    CONVERSE_EVENTS,
    COUNT_BODY,
    KEY,
    MODEL,
    USED,
    InMemoryAdmission,
    InMemoryApiKeys,
    InMemoryReports,
)

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
BODY = json.dumps({"messages": [], "inferenceConfig": {"maxTokens": 70}}).encode()


@dataclass
class FakeClock:
    """A clock that stands still but for what spends its time.

    Attributes:
        ns: Its time.
    """

    ns: int = 1_000

    def read(self) -> int:
        return self.ns

    def spend(self, milliseconds: int) -> None:
        self.ns += milliseconds * NS_OF_A_MS


@dataclass
class SlowBedrock:
    """A Bedrock that takes 100 ms to answer, after 7 ms for the signature, and 10 ms a piece.

    Attributes:
        clock: The clock on which it takes that.
        pieces: Its answer.
        headers: The headers of its answer.
        status: The status of its answer.
        error: Raised in place of an answer.
        is_cut_off: True if its answer ends early.
    """

    clock: FakeClock
    pieces: Sequence[bytes] = (CONVERSE_BODY,)
    headers: Sequence[tuple[str, str]] = (("x-amzn-RequestId", "request-1"),)
    status: int = 200
    error: Exception | None = None
    is_cut_off: bool = False

    def send(self, _request: object) -> BedrockAnswer:
        self.clock.spend(107)
        if self.error is not None:
            raise self.error
        return BedrockAnswer(self.status, self.headers, self._read(), 7 * NS_OF_A_MS)

    def _read(self) -> Iterator[bytes]:
        for piece in self.pieces:
            self.clock.spend(10)
            yield piece
        if self.is_cut_off:
            raise BedrockAnswerLostError


@dataclass
class SlowAdmission(InMemoryAdmission):
    """An admission that takes 5 ms, and can fail to settle."""

    clock: FakeClock = field(default_factory=FakeClock)
    is_failing: bool = False

    def admit(self, call: GatewayCall, at: datetime) -> Admission:
        self.clock.spend(5)
        return super().admit(call, at)

    def settle(
        self,
        reservation_id: str,
        used: TokenCounts,
        at: datetime,
        served: ServedCall | None = None,
    ) -> None:
        self.clock.spend(1000)
        if self.is_failing:
            raise LookupError
        super().settle(reservation_id, used, at, served)


class Relay:
    """A relay with a clock of its own, and everything behind it."""

    def __init__(self) -> None:
        self.clock, self.observed = FakeClock(), InMemoryReports()
        self.bedrock = SlowBedrock(self.clock)
        self.admission = SlowAdmission(clock=self.clock)
        self.relay = CallRelay(
            CachedApiKeys(InMemoryApiKeys(KEY)),
            self.admission,
            self.bedrock,
            lambda: NOON,
            observers=(self.observed,),
            read_ns=self.clock.read,
        )

    def answer(self, operation: str = "converse", body: bytes = BODY) -> GatewayAnswer:
        """Answer a call, for whose key the gateway takes 3 ms."""
        headers = [("traceparent", TRACEPARENT)]
        call = self.relay.begin(headers)
        self.clock.spend(3)
        path = f"/model/{MODEL}/{operation}"
        return self.relay.relay(GatewayRequest(KEY, path, headers, body, call))

    def report(self, answer: GatewayAnswer, caller_ms: int = 0) -> CallReport:
        """Read an answer to its end as a caller that takes its time, and settle it."""
        for _ in answer.pieces:
            self.clock.spend(caller_ms)
        answer.settle()
        (report,) = self.observed.reports
        return report


def ms(milliseconds: int) -> int:
    return milliseconds * NS_OF_A_MS


def test_a_call_is_reported_with_who_what_and_when() -> None:
    relay = Relay()
    assert relay.report(relay.answer()) == CallReport(
        times=CallTimes(NOON, ended=ms(125), own=ms(15), sent=ms(15), first_piece=ms(125)),
        status=200,
        caller="ana@example.com",
        project="search",
        path=BedrockPath(BedrockOperation.CONVERSE, MODEL),
        traceparent=TRACEPARENT,
        max_output_tokens=70,
        used=USED,
        reservation_id="r-1",
        request_id="request-1",
        end=AnswerEnd(("end_turn",)),
    )


def test_the_added_latency_is_neither_bedrock_s_nor_that_of_a_slow_caller() -> None:
    relay = Relay()
    relay.bedrock.headers = (("content-type", EVENT_STREAM),)
    relay.bedrock.pieces = CONVERSE_EVENTS
    report = relay.report(relay.answer("converse-stream"), caller_ms=50)
    pieces = len(CONVERSE_EVENTS)
    assert report.times.own == ms(3 + 5 + 7)
    assert report.times.first_piece == ms(3 + 5 + 107 + 10)
    assert report.times.ended == ms(3 + 5 + 107 + 60 * pieces)
    assert report.end == AnswerEnd(("end_turn",))
    assert report.used == USED


def test_the_report_comes_after_the_settlement_and_nothing_before_the_last_byte() -> None:
    relay = Relay()
    answer = relay.answer()
    assert list(answer.pieces)
    assert relay.observed.reports == []
    relay.admission.is_failing = True
    with pytest.raises(LookupError):
        answer.settle()
    assert len(relay.observed.reports) == 1


def test_a_refused_call_is_reported_with_its_reason() -> None:
    relay = Relay()
    refusal = refuse_limit("full", 500, ["team"])
    relay.admission.decision = lambda _: Admission(refusal=refusal)
    answer = relay.answer()
    assert relay.observed.reports == []
    report = relay.report(answer)
    assert (report.status, report.refusal, report.error) == (429, "limit", "limit")
    assert report.times == CallTimes(NOON, ended=ms(8), own=ms(8))
    assert report.caller == "ana@example.com"
    assert report.used == TokenCounts()


@pytest.mark.parametrize(
    ("operation", "body", "reason"),
    [("converse", b"{", "invalid_request"), ("unknown", BODY, "unknown_operation")],
)
def test_an_invalid_request_is_reported(operation: str, body: bytes, reason: str) -> None:
    relay = Relay()
    report = relay.report(relay.answer(operation, body))
    assert report.refusal == reason
    assert (report.path is None) is (reason == "unknown_operation")


def test_an_error_of_bedrock_is_reported_by_its_code() -> None:
    relay = Relay()
    relay.bedrock.status = 429
    relay.bedrock.headers = (("x-amzn-ErrorType", "ThrottlingException:http://a/"),)
    report = relay.report(relay.answer())
    assert (report.status, report.error) == (429, "ThrottlingException")
    assert report.used == TokenCounts()
    assert relay.admission.given_back == ["r-1"]


@pytest.mark.parametrize(
    ("error", "sent"), [(BedrockNotReachedError(), None), (BedrockAnswerLostError(), ms(8))]
)
def test_a_bedrock_that_is_not_there_is_reported(error: Exception, sent: int | None) -> None:
    relay = Relay()
    relay.bedrock.error = error
    report = relay.report(relay.answer())
    assert (report.status, report.refusal) == (503, "bedrock_unavailable")
    assert report.times.sent == sent
    assert report.times.own == ms(8)


def test_an_answer_that_ends_early_is_reported() -> None:
    relay = Relay()
    relay.bedrock.is_cut_off = True
    answer = relay.answer()
    with pytest.raises(BedrockAnswerLostError):
        list(answer.pieces)
    answer.settle()
    assert relay.observed.reports[0].error == "answer_lost"


def test_counting_tokens_uses_none() -> None:
    relay = Relay()
    relay.bedrock.pieces = (COUNT_BODY,)
    report = relay.report(relay.answer("count-tokens", b'{"input": {}}'))
    assert report.used == TokenCounts()
    assert report.reservation_id is None
    assert report.error is None


def test_the_failure_of_an_observer_fails_neither_the_call_nor_another_observer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.WARNING)

    class FailingObserver:
        def observe(self, report: CallReport) -> None:
            raise ValueError(report)

    relay = Relay()
    service = relay.relay
    relay.relay = CallRelay(
        service.keys,
        service.admission,
        service.bedrock,
        service.clock,
        observers=(FailingObserver(), relay.observed),
        read_ns=service.read_ns,
    )
    assert relay.report(relay.answer()).used == USED
    assert relay.admission.settled == {"r-1": USED}
    (logged,) = caplog.records
    assert logged.getMessage() == "A call was not reported"
    assert "ana@example.com" not in str(logged.__dict__)
