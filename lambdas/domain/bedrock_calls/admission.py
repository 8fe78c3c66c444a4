"""Ports of the gateway: who may call, and Amazon Bedrock itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls.headers import LimitState
from lambdas.domain.bedrock_calls.needs import CallNeed
from lambdas.domain.bedrock_calls.paths import BedrockPath
from lambdas.domain.bedrock_calls.refusals import Refusal
from lambdas.domain.invocations import ServedCall, TokenCounts


class GatewayCall(NamedTuple):
    """A call that asks to be admitted.

    Attributes:
        key: The key of the caller.
        path: The operation and the model: behind an application inference profile, the model that
            the profile calls, if it is known.
        need: The most that it can use.
        attempt_id: The id that AWS's SDKs send with all attempts of a call, if it has one.
            Callers choose it.
        service_tier: The service tier that it asks for, which decides on its price; `None` for
            the standard one.
        invoked_model_id: The id or ARN that the caller named, where the path may have another one.
    """

    key: ApiKey
    path: BedrockPath
    need: CallNeed
    attempt_id: str | None = None
    service_tier: str | None = None
    invoked_model_id: str | None = None


class Admission(NamedTuple):
    """The decision on a call.

    Attributes:
        reservation_id: The id of what is reserved; `None` for a refused call, or where no limit
            applies.
        refusal: The reason why it is refused.
        limits: The limits that apply, those in shadow mode included.
    """

    reservation_id: str | None = None
    refusal: Refusal | None = None
    limits: Sequence[LimitState] = ()


class CallAdmission(Protocol):
    """Admits calls within their limits."""

    def admit(self, call: GatewayCall, at: datetime) -> Admission:
        """Reserve what a call can use, or refuse it."""

    def settle(
        self,
        reservation_id: str,
        used: TokenCounts,
        at: datetime,
        served: ServedCall | None = None,
    ) -> None:
        """Put what a call has used in place of what was reserved.

        Args:
            reservation_id: The reservation.
            used: The counts. If one is absent, the call has ended, and its reservation stays until
                the invocation log says what it has used.
            at: The time.
            served: How it was served, which decides on its price; `None` for as it was asked.
        """

    def give_back(self, reservation_id: str, at: datetime) -> None:
        """Release what was reserved for a call that has used nothing."""


class BedrockNotReachedError(Exception):
    """Amazon Bedrock did not get the request; it has used nothing."""


class BedrockAnswerLostError(Exception):
    """Amazon Bedrock got the request, and its answer ended early. It may have used tokens."""


class BedrockRequest(NamedTuple):
    """A request to Amazon Bedrock.

    Attributes:
        path: The path, encoded.
        headers: The caller's headers that Bedrock reads.
        body: The body.
        session_name: The name of the role session that makes the call.
    """

    path: str
    headers: Mapping[str, str]
    body: bytes
    session_name: str


class BedrockAnswer(NamedTuple):
    """An answer, whose body is read once.

    Attributes:
        status: The HTTP status.
        headers: The headers, in their order.
        pieces: The body as it arrives, unchanged. Raises `BedrockAnswerLostError`.
        signing_ns: Nanoseconds until the request was sent: for its session and its signature.
    """

    status: int
    headers: Sequence[tuple[str, str]]
    pieces: Iterator[bytes]
    signing_ns: int = 0


class BedrockRelay(Protocol):
    """Sends requests to Amazon Bedrock."""

    def send(self, request: BedrockRequest) -> BedrockAnswer:
        """Send a request, and return as soon as the headers of the answer are there.

        Raises:
            BedrockNotReachedError: It was not sent.
            BedrockAnswerLostError: It was sent, and no answer came.
        """
