"""Reports of calls that have ended: who, what and when, and nothing of what was said."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls.answers import AnswerEnd
from lambdas.domain.bedrock_calls.paths import BedrockPath
from lambdas.domain.invocations import TokenCounts

ANSWER_LOST = "answer_lost"
"""The error of an answer that ended early."""
NS_OF_A_MS = 1_000_000
_ERROR_CODE = re.compile(r"[A-Za-z_]{1,80}")
_OTHER_ERROR = "_OTHER"
"""OpenTelemetry's name: https://opentelemetry.io/docs/specs/semconv/registry/attributes/error/"""
_MIN_ERROR_STATUS = 400


class CallTimes(NamedTuple):
    """The times of a call, in nanoseconds since it was received.

    Attributes:
        received_at: The time at which the request arrived, in UTC.
        ended: The time after the last byte of the answer.
        own: The part of it in which the call waited for the gateway: its stores and its code, and
            neither Bedrock nor a caller that reads slowly.
        sent: The time at which the request was sent to Bedrock; `None` if it was not.
        first_piece: The time at which the first piece of Bedrock's answer was handed on.
    """

    received_at: datetime
    ended: int
    own: int
    sent: int | None = None
    first_piece: int | None = None


class CallReport(NamedTuple):
    """A call that has ended. It has nothing of its prompt or of its answer's text.

    Attributes:
        times: Its times.
        status: The HTTP status of the answer.
        caller: The session name of the caller; `None` without a valid key.
        tier: The tier of its key.
        project: The project of its key.
        path: The operation and the model; `None` where the path names none.
        traceparent: The header of that name, as the caller sent it.
        max_output_tokens: The limit of the answer that the request sets, if it sets one.
        used: What it has used; absent where that is not known.
        reservation_id: The id of what was reserved.
        request_id: The id that Bedrock has given it.
        refusal: The reason why the gateway answered in Bedrock's place.
        end: The end of Bedrock's answer.
        error_code: The header with the code of the error that Bedrock answered with.
    """

    times: CallTimes
    status: int
    caller: str | None = None
    tier: str | None = None
    project: str | None = None
    path: BedrockPath | None = None
    traceparent: str | None = None
    max_output_tokens: int | None = None
    used: TokenCounts = TokenCounts()
    reservation_id: str | None = None
    request_id: str | None = None
    refusal: str | None = None
    end: AnswerEnd = AnswerEnd()
    error_code: str | None = None

    @property
    def error(self) -> str | None:
        """A short name of why it failed; `None` for a success."""
        if self.refusal is not None:
            return self.refusal
        if self.status >= _MIN_ERROR_STATUS:
            return _name_error(self.error_code) if self.error_code else str(self.status)
        return None if self.end.error is None else _name_error(self.end.error)


class CallObserver(Protocol):
    """Takes reports of calls. It runs after the answer, so that no caller waits for it."""

    def observe(self, report: CallReport) -> None:
        """Take the report of a call that has ended, also of one that was refused."""


@dataclass(slots=True)
class RunningCall:
    """A call while it runs: what is known of it, and where its time goes.

    Attributes:
        received_at: The time at which it arrived.
        read_ns: A clock that never goes back, in nanoseconds.
        key: The caller's key.
        path: The operation and the model.
        traceparent: The caller's header.
        max_output_tokens: The limit that the request sets.
        reservation_id: The id of what was reserved.
    """

    received_at: datetime
    read_ns: Callable[[], int]
    key: ApiKey | None = None
    path: BedrockPath | None = None
    traceparent: str | None = None
    max_output_tokens: int | None = None
    reservation_id: str | None = None
    _started: int = 0
    _own: int = 0
    _own_since: int | None = 0
    _sent: int | None = None
    _first_piece: int | None = None

    def __post_init__(self) -> None:
        """Start the clock."""
        self._started = self._own_since = self.read_ns()

    def pause(self) -> None:
        """Note that the gateway has done its part for now, and waits for others."""
        if self._own_since is not None:
            self._own += self.read_ns() - self._own_since
            self._own_since = None

    def resume(self) -> None:
        """Note that it goes on."""
        self._own_since = self.read_ns()

    def note_sent(self, signing_ns: int, asked_ns: int) -> None:
        """Note that the request was sent, after the time that its signature took.

        Args:
            signing_ns: Nanoseconds for the session of the caller and the signature.
            asked_ns: The time at which that began, by `read_ns`.
        """
        self._own += signing_ns
        self._sent = asked_ns + signing_ns - self._started

    def hand_on(self) -> None:
        """Note that a piece of the answer is handed on, and that the next one is waited for."""
        now = self.read_ns()
        if self._own_since is not None:
            self._own += now - self._own_since
            self._own_since = None
        if self._first_piece is None:
            self._first_piece = now - self._started

    def end(self, status: int, refusal: str | None = None) -> CallReport:
        """Report the call, which ends now. Bedrock's part of it can be added."""
        self.pause()
        key = self.key
        return CallReport(
            CallTimes(
                self.received_at,
                self.read_ns() - self._started,
                self._own,
                self._sent,
                self._first_piece,
            ),
            status,
            None if key is None else key.session_name,
            None if key is None else key.tier,
            None if key is None else key.project,
            self.path,
            self.traceparent,
            self.max_output_tokens,
            reservation_id=self.reservation_id,
            refusal=refusal,
        )


def _name_error(raw: str) -> str:
    """Name an error by its code, without the URL that a header may have behind it."""
    code = raw.partition(":")[0]
    return code if _ERROR_CODE.fullmatch(code) else _OTHER_ERROR
