"""Relays a call to Amazon Bedrock: authenticated, admitted, unchanged, settled and reported."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import perf_counter_ns
from typing import NamedTuple, Protocol

from lambdas.domain.api_keys import ApiKey, KeyState, Scope, digest_secret, is_well_formed
from lambdas.domain.bedrock_calls import (
    ANSWER_LOST,
    MAX_REQUEST_BYTES,
    TOO_LARGE,
    UNAVAILABLE,
    UNKNOWN_KEY,
    UNKNOWN_OPERATION,
    Admission,
    AnswerEnd,
    BedrockAnswer,
    BedrockAnswerLostError,
    BedrockNotReachedError,
    BedrockPath,
    BedrockRelay,
    BedrockRequest,
    CallAdmission,
    CalledModels,
    CallObserver,
    CallReport,
    GatewayCall,
    Headers,
    InvalidRequestError,
    LimitState,
    NamedModels,
    NeedBounds,
    Refusal,
    RunningCall,
    find_requested_output,
    make_usage_reader,
    measure_need,
    read_caller_request,
    read_path,
    refuse_invalid,
    refuse_scope,
    write_ietf_headers,
    write_kong_headers,
)
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.invocations.model import foundation_model_id
from lambdas.domain.invocations.request_metadata import RESERVATION_NAME, RESERVED_NAMES
from lambdas.logs import logger

_BEARER = re.compile(r"Bearer +(\S+) *", re.IGNORECASE)
# https://www.rfc-editor.org/rfc/rfc9110#section-7.6.1; the server dates and frames its own answer.
_HOP_BY_HOP = frozenset(
    {
        *("connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te"),
        *("trailer", "transfer-encoding", "upgrade", "date", "server"),
    }
)
_OK = range(200, 300)
_TRACEPARENT = "traceparent"
_REQUEST_ID, _ERROR_TYPE = "x-amzn-requestid", "x-amzn-errortype"


class KeyFinder(Protocol):
    """Finds keys, from memory where it can."""

    def find(self, digest: str, now: datetime) -> ApiKey | None:
        """Find a key by the hash of its text, whatever its state."""

    def note_use(self, key: ApiKey, now: datetime) -> None:
        """Note that a key is used."""


class RelayRules(NamedTuple):
    """The rules of a gateway.

    Attributes:
        bounds: The bounds of what no request says.
        project_name: The name in request metadata that has the project of a key. Callers cannot
            set it.
        has_ietf_headers: True if responses show limits in the IETF's headers.
        has_kong_headers: True if they show them in those of Kong's plugin.
    """

    bounds: NeedBounds = NeedBounds()
    project_name: str | None = None
    has_ietf_headers: bool = True
    has_kong_headers: bool = False

    @property
    def owned_names(self) -> frozenset[str]:
        """The names in request metadata that callers cannot set."""
        return RESERVED_NAMES | ({self.project_name} if self.project_name else frozenset())

    def write_limits(
        self, limits: Sequence[LimitState], retry_after_ms: int | None = None
    ) -> Headers:
        """Write the headers that show limits."""
        ietf = write_ietf_headers(limits) if self.has_ietf_headers else ()
        kong = write_kong_headers(limits, retry_after_ms) if self.has_kong_headers else ()
        return ietf + kong


class GatewayRequest(NamedTuple):
    """A request of an authenticated caller.

    Attributes:
        key: The caller's key.
        raw_path: The path as it was sent, without the query.
        headers: The headers, with lower-case names.
        body: The body.
        call: The call since it arrived; `None` for one that begins here.
    """

    key: ApiKey
    raw_path: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    call: RunningCall | None = None


def _do_nothing() -> None:
    pass


class GatewayAnswer(NamedTuple):
    """An answer to the caller. `settle` has to be called once the body was read.

    Attributes:
        status: The HTTP status.
        headers: The headers.
        pieces: The body. Raises `BedrockAnswerLostError` where Bedrock's answer ends early.
        settle: Settles the call and reports it. It may take some time; the caller need not wait
            for it.
    """

    status: int
    headers: Headers
    pieces: Iterator[bytes]
    settle: Callable[[], None] = _do_nothing


@dataclass(frozen=True, slots=True)
class CallRelay:
    """Relays calls.

    Attributes:
        keys: The keys of callers.
        admission: Admits calls and settles them.
        bedrock: Amazon Bedrock.
        clock: The time in UTC.
        rules: The rules of the gateway.
        models: Finds the models behind application inference profiles.
        observers: Take the report of each call. The failure of one fails neither a call nor
            another one.
        read_ns: A clock that never goes back, in nanoseconds.
    """

    keys: KeyFinder
    admission: CallAdmission
    bedrock: BedrockRelay
    clock: Callable[[], datetime]
    rules: RelayRules = field(default_factory=RelayRules)
    models: CalledModels = field(default_factory=NamedModels)
    observers: Sequence[CallObserver] = ()
    read_ns: Callable[[], int] = perf_counter_ns

    def begin(self, headers: Sequence[tuple[str, str]]) -> RunningCall:
        """Note that a call has arrived, and begin to measure its time.

        Args:
            headers: The headers, with lower-case names.
        """
        traceparent = _find_header(headers, _TRACEPARENT)
        return RunningCall(self.clock(), self.read_ns, traceparent=traceparent)

    def authenticate(self, headers: Sequence[tuple[str, str]], scope: Scope) -> ApiKey | Refusal:
        """Find the valid key of a request. Texts that cannot be a key are not looked up.

        Args:
            headers: The headers, with lower-case names.
            scope: The permission that the key needs.
        """
        bearers = [value for name, value in headers if name == "authorization"]
        bearer = _BEARER.fullmatch(bearers[0]) if len(bearers) == 1 else None
        if bearer is None or not is_well_formed(bearer[1]):
            return UNKNOWN_KEY
        now = self.clock()
        key = self.keys.find(digest_secret(bearer[1]), now)
        if key is None or key.get_state(now) is not KeyState.VALID:
            return UNKNOWN_KEY
        if scope not in key.scopes:
            return refuse_scope(scope)
        self.keys.note_use(key, now)
        return key

    def relay(self, request: GatewayRequest) -> GatewayAnswer:
        """Relay a call, or refuse it."""
        call = request.call or self.begin(request.headers)
        rules = self.rules
        key = call.key = request.key
        path = call.path = read_path(request.raw_path)
        if path is None:
            return self.refuse_call(call, UNKNOWN_OPERATION)
        if len(request.body) > MAX_REQUEST_BYTES:
            return self.refuse_call(call, TOO_LARGE)
        try:
            sent = read_caller_request(path, request.headers, request.body)
            sent.check_metadata(self._make_metadata(key, ""), rules.owned_names)
        except InvalidRequestError as error:
            return self.refuse_call(call, refuse_invalid(str(error)))
        admission = Admission()
        if path.operation.uses_tokens:
            now = self.clock()
            counted = path._replace(model_id=self.models.find(path.model_id, now))
            model_id = foundation_model_id(counted.model_id)
            call.max_output_tokens = find_requested_output(counted, model_id, sent.body.fields)
            need = measure_need(counted, sent.body, rules.bounds)
            asked = GatewayCall(
                key, counted, need, sent.attempt_id, sent.service_tier, path.model_id
            )
            admission = self.admission.admit(asked, now)
            if admission.refusal is not None:
                return self.refuse_call(call, admission.refusal, admission.limits)
        call.reservation_id = admission.reservation_id
        metadata = self._make_metadata(key, admission.reservation_id)
        try:
            written = sent.write(metadata, rules.owned_names, key.session_name)
        except InvalidRequestError as error:
            self._give_back(call)
            return self.refuse_call(call, refuse_invalid(str(error)), admission.limits)
        return self._send(written, call, path, admission.limits)

    def refuse(self, refusal: Refusal, limits: Sequence[LimitState] = ()) -> GatewayAnswer:
        """Answer a request that is not relayed."""
        shown = self.rules.write_limits(limits, refusal.retry_after_ms)
        return GatewayAnswer(
            refusal.status, refusal.write_headers() + shown, iter((refusal.write_body(),))
        )

    def refuse_call(
        self, call: RunningCall, refusal: Refusal, limits: Sequence[LimitState] = ()
    ) -> GatewayAnswer:
        """Answer a call that is not relayed, and report it afterwards."""

        def report() -> None:
            self.report(call.end(refusal.status, refusal.reason))

        return self.refuse(refusal, limits)._replace(settle=report)

    def report(self, report: CallReport) -> None:
        """Report a call that has ended to all observers."""
        for observer in self.observers:
            try:
                observer.observe(report)
            except Exception as error:  # noqa: BLE001  # what only observes a call never fails it
                logger.warning("A call was not reported", error=type(error).__name__)

    def _send(
        self,
        request: BedrockRequest,
        call: RunningCall,
        path: BedrockPath,
        limits: Sequence[LimitState],
    ) -> GatewayAnswer:
        call.pause()
        asked_ns = self.read_ns()
        try:
            answer = self.bedrock.send(request)
        except BedrockNotReachedError:
            logger.warning("Bedrock was not reached", exc_info=True)
            call.resume()
            self._give_back(call)
            return self.refuse_call(call, UNAVAILABLE, limits)
        except BedrockAnswerLostError:  # it may have used tokens: what is reserved stays so
            logger.warning("Bedrock did not answer", exc_info=True)
            call.note_sent(0, asked_ns)
            call.resume()
            return self._refuse_lost(call, limits)
        call.note_sent(answer.signing_ns, asked_ns)
        call.resume()
        relayed = _RelayedCall(self, request, answer, call, path)
        headers = tuple(pair for pair in answer.headers if pair[0].lower() not in _HOP_BY_HOP)
        shown = self.rules.write_limits(limits)
        return GatewayAnswer(answer.status, headers + shown, relayed.read(), relayed.settle)

    def _give_back(self, call: RunningCall) -> None:
        if call.reservation_id is not None:
            self.admission.give_back(call.reservation_id, self.clock())

    def _refuse_lost(self, call: RunningCall, limits: Sequence[LimitState]) -> GatewayAnswer:
        """Answer a call that Bedrock has not answered; the ledger says later what it has used."""
        answer = self.refuse_call(call, UNAVAILABLE, limits)

        def settle() -> None:
            answer.settle()
            if call.reservation_id is not None:
                self.admission.settle(call.reservation_id, TokenCounts(), self.clock())

        return answer._replace(settle=settle)

    def _make_metadata(self, key: ApiKey, reservation: str | None) -> Mapping[str, str]:
        name, project = self.rules.project_name, key.project
        metadata = {name: project} if name and project else {}
        if reservation is not None:  # the last one, so that nothing takes its place
            metadata[RESERVATION_NAME] = reservation
        return metadata


class _RelayedCall:
    """A call whose answer is on its way."""

    def __init__(
        self,
        relay: CallRelay,
        request: BedrockRequest,
        answer: BedrockAnswer,
        call: RunningCall,
        path: BedrockPath,
    ) -> None:
        self._relay = relay
        self._answer = answer
        self._call = call
        self._has_usage = answer.status in _OK and path.operation.uses_tokens
        self._headers = {name.lower(): value for name, value in answer.headers}
        self._usage = make_usage_reader(path, self._headers, request.headers)
        self._is_cut_off = False

    def read(self) -> Iterator[bytes]:
        """Read the pieces of the answer, and the usage beside them."""
        call, usage = self._call, self._usage
        call.pause()
        try:
            for piece in self._answer.pieces:
                call.resume()
                usage.read(piece)
                call.hand_on()
                yield piece
        except BedrockAnswerLostError:
            self._is_cut_off = True
            raise

    def settle(self) -> None:
        """Put what the call has used in place of what is reserved, and report the call.

        Where a count is missing, the reservation stays: the invocation log has it, or it ends.
        """
        report = self._call.end(self._answer.status)
        used = self._usage.count() if self._has_usage else TokenCounts()
        try:
            self._settle(used)
        finally:
            self._relay.report(self._complete(report, used))

    def _settle(self, used: TokenCounts) -> None:
        reservation = self._call.reservation_id
        if reservation is None:
            return
        admission, now = self._relay.admission, self._relay.clock()
        if self._answer.status not in _OK:
            admission.give_back(reservation, now)
        else:
            if used.is_missing:
                logger.warning("An answer reported no usage", reservation=reservation)
            admission.settle(reservation, used, now, self._usage.read_service())

    def _complete(self, report: CallReport, used: TokenCounts) -> CallReport:
        """Add what Bedrock has answered."""
        end = self._usage.read_end() if self._has_usage else AnswerEnd()
        return report._replace(
            used=used,
            request_id=self._headers.get(_REQUEST_ID),
            end=end._replace(error=ANSWER_LOST) if self._is_cut_off else end,
            error_code=self._headers.get(_ERROR_TYPE),
        )


def _find_header(headers: Sequence[tuple[str, str]], name: str) -> str | None:
    """Find the value of a header that is sent once."""
    values = [value for each, value in headers if each == name]
    return values[0] if len(values) == 1 else None
