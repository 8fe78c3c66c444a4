"""Relays a call to Amazon Bedrock: authenticated, admitted, unchanged, and settled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

from lambdas.domain.api_keys import ApiKey, KeyState, Scope, digest_secret, is_well_formed
from lambdas.domain.bedrock_calls import (
    MAX_REQUEST_BYTES,
    TOO_LARGE,
    UNAVAILABLE,
    UNKNOWN_KEY,
    UNKNOWN_OPERATION,
    Admission,
    BedrockAnswer,
    BedrockAnswerLostError,
    BedrockNotReachedError,
    BedrockPath,
    BedrockRelay,
    BedrockRequest,
    CallAdmission,
    CalledModels,
    GatewayCall,
    Headers,
    InvalidRequestError,
    LimitState,
    NamedModels,
    NeedBounds,
    Refusal,
    UsageReader,
    make_usage_reader,
    measure_need,
    read_caller_request,
    read_path,
    refuse_invalid,
    refuse_scope,
    write_ietf_headers,
    write_kong_headers,
)
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
    """

    key: ApiKey
    raw_path: str
    headers: Sequence[tuple[str, str]]
    body: bytes


def _do_nothing() -> None:
    pass


class GatewayAnswer(NamedTuple):
    """An answer to the caller. `settle` has to be called once the body was read.

    Attributes:
        status: The HTTP status.
        headers: The headers.
        pieces: The body. Raises `BedrockAnswerLostError` where Bedrock's answer ends early.
        settle: Settles the call. It may take some time; the caller need not wait for it.
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
    """

    keys: KeyFinder
    admission: CallAdmission
    bedrock: BedrockRelay
    clock: Callable[[], datetime]
    rules: RelayRules = field(default_factory=RelayRules)
    models: CalledModels = field(default_factory=NamedModels)

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
        path = read_path(request.raw_path)
        if path is None:
            return self.refuse(UNKNOWN_OPERATION)
        if len(request.body) > MAX_REQUEST_BYTES:
            return self.refuse(TOO_LARGE)
        key, rules = request.key, self.rules
        try:
            sent = read_caller_request(path, request.headers, request.body)
            sent.check_metadata(self._make_metadata(key, ""), rules.owned_names)
        except InvalidRequestError as error:
            return self.refuse(refuse_invalid(str(error)))
        admission = Admission()
        if path.operation.uses_tokens:
            now = self.clock()
            counted = path._replace(model_id=self.models.find(path.model_id, now))
            need = measure_need(counted, sent.body, rules.bounds)
            call = GatewayCall(
                key, counted, need, sent.attempt_id, sent.service_tier, path.model_id
            )
            admission = self.admission.admit(call, now)
            if admission.refusal is not None:
                return self.refuse(admission.refusal, admission.limits)
        metadata = self._make_metadata(key, admission.reservation_id)
        return self._send(
            sent.write(metadata, rules.owned_names, key.session_name), path, admission
        )

    def refuse(self, refusal: Refusal, limits: Sequence[LimitState] = ()) -> GatewayAnswer:
        """Answer a call that is not relayed."""
        shown = self.rules.write_limits(limits, refusal.retry_after_ms)
        return GatewayAnswer(
            refusal.status, refusal.write_headers() + shown, iter((refusal.write_body(),))
        )

    def _send(
        self, request: BedrockRequest, path: BedrockPath, admission: Admission
    ) -> GatewayAnswer:
        reservation = admission.reservation_id
        try:
            answer = self.bedrock.send(request)
        except BedrockNotReachedError:
            logger.warning("Bedrock was not reached", exc_info=True)
            if reservation is not None:
                self.admission.give_back(reservation, self.clock())
            return self.refuse(UNAVAILABLE, admission.limits)
        except BedrockAnswerLostError:  # it may have used tokens: what is reserved stays so
            logger.warning("Bedrock did not answer", exc_info=True)
            return self.refuse(UNAVAILABLE, admission.limits)
        named = {name.lower(): value for name, value in answer.headers}
        call = _RelayedCall(
            self, answer, make_usage_reader(path, named, request.headers), reservation
        )
        headers = tuple(pair for pair in answer.headers if pair[0].lower() not in _HOP_BY_HOP)
        shown = self.rules.write_limits(admission.limits)
        return GatewayAnswer(answer.status, headers + shown, call.read(), call.settle)

    def _make_metadata(self, key: ApiKey, reservation: str | None) -> Mapping[str, str]:
        metadata = {} if reservation is None else {RESERVATION_NAME: reservation}
        if self.rules.project_name and key.project:
            metadata[self.rules.project_name] = key.project
        return metadata


@dataclass(slots=True)
class _RelayedCall:
    """A call whose answer is on its way."""

    relay: CallRelay
    answer: BedrockAnswer
    usage: UsageReader
    reservation_id: str | None

    def read(self) -> Iterator[bytes]:
        """Read the pieces of the answer, and the usage beside them."""
        for piece in self.answer.pieces:
            self.usage.read(piece)
            yield piece

    def settle(self) -> None:
        """Put what the call has used in place of what is reserved.

        Without a count, the reservation stays: the invocation log has the count, or it ends.
        """
        if self.reservation_id is None:
            return
        admission, now = self.relay.admission, self.relay.clock()
        if self.answer.status not in _OK:
            admission.give_back(self.reservation_id, now)
            return
        used = self.usage.count()
        if used.is_missing:
            logger.warning("An answer reported no usage", reservation=self.reservation_id)
        else:
            admission.settle(self.reservation_id, used, now, self.usage.read_service())
