"""A made-up company whose calls have the timing and the sizes of a real trace."""

from __future__ import annotations

import csv
import random
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

TRACE = Path(__file__).with_name("trace.csv")

_ACCOUNT = "111122223333"
_REGION = "us-east-1"
PROFILE = f"arn:aws:bedrock:{_REGION}:{_ACCOUNT}:application-inference-profile/p24qm5pye2qr"
"""The company's application inference profile."""
PROFILE_MODEL = "anthropic.claude-haiku-4-5-20251001-v1:0"
"""The model behind it, which no log names."""
NEW_MODEL = "amazon.nova-example-v1:0"
"""A model that no price list has: Ana tries it."""
_SINCE_THE_TRACE = timedelta(weeks=156)  # to when the models of today were there
_EMBEDDING = "amazon.titan-embed-text-v2:0"
_WEEKDAYS, _OFFICE_HOURS = range(5), range(7, 18)
_OFFICE = 8  # times as many calls as at night
_NEW_MODEL_CALLS = (2000, 2003)  # the first, and the one after the last
_EARLIER_SIZE = 12  # times as long: as much work in fewer calls, to be seen beside the last hour
_BROKEN_OFF = "ModelTimeoutException"
_FAILURES = ("ThrottlingException", "ValidationException", _BROKEN_OFF)
_Call: TypeAlias = tuple[datetime, int, int]
"""Time, input tokens and output tokens."""


@dataclass(frozen=True, slots=True)
class _Caller:
    """A role or user that calls models.

    Attributes:
        resource: The part of the ARN that differs.
        weight: The percentage of all calls that it makes.
        models: The models that it calls, each as likely.
        project: The tag of its role, user or profile; `None` without a tag.
        cached: The share of the prompt that is cached after the first call.
        failing: The percentage of its calls that fail.
    """

    resource: str
    weight: float
    models: tuple[str, ...]
    project: str | None = None
    cached: float = 0
    failing: float = 1

    @property
    def arn(self) -> str:
        service = "sts" if self.resource.startswith("assumed-role/") else "iam"
        return f"arn:aws:{service}::{_ACCOUNT}:{self.resource}"


def _developer(name: str, weight: float) -> _Caller:
    return _Caller(
        f"assumed-role/AWSReservedSSO_Developer_0123456789abcdef/{name}@example.com",
        weight,
        ("us.anthropic.claude-sonnet-4-5-20250929-v1:0",),
        "engineering",
        cached=0.9,
    )


CALLERS = (
    _Caller(  # a batch job that needs attention
        "assumed-role/invoice-extraction/invoice-extraction",
        62,
        ("us.anthropic.claude-sonnet-4-20250514-v1:0",),
        "invoicing",
        failing=4,
    ),
    _Caller(
        "assumed-role/document-search/document-search",
        16,
        (_EMBEDDING, _EMBEDDING, "amazon.nova-lite-v1:0"),
        "search",
    ),
    _Caller(
        "assumed-role/support-chat/support-chat",
        9,
        (PROFILE,),
        "support",
        cached=0.6,
    ),
    _developer("ana", 4),
    _developer("ben", 3),
    _developer("chloe", 1.5),
    _developer("dario", 0.5),
    _Caller("user/BedrockAPIKey-x7q2", 3, ("openai.gpt-oss-120b-1:0",), failing=10),
    _Caller("user/ci/release-notes", 1, (f"global.{PROFILE_MODEL}",), "engineering"),
)
_TRYING_CALLER = replace(CALLERS[3], models=(NEW_MODEL,), cached=0, failing=0)


class CompanyLogs(NamedTuple):
    """The company's invocation logs of some days.

    Attributes:
        earlier: Those of all but the last minutes, in order of time.
        minutes: Those of the last minutes, by minute.
    """

    earlier: list[dict[str, Any]]
    minutes: dict[datetime, list[dict[str, Any]]]


def logs_until(now: datetime, days: int) -> CompanyLogs:
    """Make the company's logs up to now: the calls of the trace, and `days` before them.

    Args:
        now: The time of the last call, UTC.
        days: The number of days before the trace.
    """
    logs = sorted([*invocation_logs(), *new_model_logs()], key=read_time)
    moved = now.replace(microsecond=0) - read_time(logs[-1])
    minutes: dict[datetime, list[dict[str, Any]]] = {}
    for log in logs:
        called_at = read_time(log) + moved
        log["timestamp"] = _write_time(called_at)
        minutes.setdefault(called_at.replace(second=0), []).append(log)
    return CompanyLogs(list(earlier_logs(next(iter(minutes)), days)), minutes)


def read_time(log: Mapping[str, Any]) -> datetime:
    """Read the time of a call, UTC."""
    return datetime.fromisoformat(log["timestamp"])


def invocation_logs(seed: int = 0) -> Iterator[dict[str, Any]]:
    """Yield the company's invocation logs, in order of time; the same ones for the same seed."""
    return _logs(_trace(), random.Random(seed))  # noqa: S311  # traffic, not secrets


def new_model_logs(seed: int = 2) -> Iterator[dict[str, Any]]:
    """Yield the logs of a few calls of `NEW_MODEL`, in the middle of the others."""
    chance = random.Random(seed)  # noqa: S311  # traffic, not secrets
    return _logs(islice(_trace(), *_NEW_MODEL_CALLS), chance, (_TRYING_CALLER,))


def earlier_logs(before: datetime, days: int, seed: int = 1) -> Iterator[dict[str, Any]]:
    """Yield logs of the days before a time, in order: longer calls, in office hours mostly."""
    chance = random.Random(seed)  # noqa: S311  # traffic, not secrets
    hours = [before - timedelta(hours=number + 1) for number in range(24 * days)]
    weights = [
        _OFFICE if hour.weekday() in _WEEKDAYS and hour.hour in _OFFICE_HOURS else 1
        for hour in hours
    ]
    calls = [
        (
            chance.choices(hours, weights)[0] + timedelta(seconds=chance.randrange(3600)),
            context_tokens * _EARLIER_SIZE,
            generated_tokens * _EARLIER_SIZE,
        )
        for _, context_tokens, generated_tokens in _trace()
    ]
    return _logs(sorted(calls), chance)


def _logs(
    calls: Iterable[_Call], chance: random.Random, callers: Sequence[_Caller] = CALLERS
) -> Iterator[dict[str, Any]]:
    weights = [caller.weight for caller in callers]
    for timestamp, context_tokens, generated_tokens in calls:
        (caller,) = chance.choices(callers, weights)
        log: dict[str, Any] = {
            "schemaType": "ModelInvocationLog",
            "schemaVersion": "1.0",
            "timestamp": _write_time(timestamp),
            "accountId": _ACCOUNT,
            "identity": {"arn": caller.arn},
            "region": _REGION,
            "requestId": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
            "modelId": (model_id := chance.choice(caller.models)),
            "operation": "InvokeModel" if model_id == _EMBEDDING else "ConverseStream",
            "input": {"inputContentType": "application/json"},
            "output": {"outputContentType": "application/json"},
        }
        if chance.random() * 100 < caller.failing:
            log["errorCode"] = chance.choice(_FAILURES)
        if log.get("errorCode", _BROKEN_OFF) == _BROKEN_OFF:
            log["input"] |= _input_counts(context_tokens, caller, chance)
            if model_id != _EMBEDDING and "errorCode" not in log:
                log["output"]["outputTokenCount"] = generated_tokens
        yield log


def _write_time(called_at: datetime) -> str:
    return called_at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _input_counts(context_tokens: int, caller: _Caller, chance: random.Random) -> dict[str, int]:
    cached = int(context_tokens * caller.cached)
    if not cached:
        return {"inputTokenCount": context_tokens}
    is_warm = chance.random() < caller.cached
    return {
        "inputTokenCount": context_tokens - cached,
        "cacheReadInputTokenCount": cached if is_warm else 0,
        "cacheWriteInputTokenCount": 0 if is_warm else cached,
    }


def _trace() -> Iterator[_Call]:
    """The calls of the trace: the time of each, its context tokens and its generated tokens."""
    with TRACE.open(encoding="utf-8", newline="") as text:
        for row in csv.DictReader(line for line in text if not line.startswith("#")):
            timestamp = datetime.fromisoformat(row["timestamp"]).replace(tzinfo=UTC)
            yield (
                timestamp + _SINCE_THE_TRACE,
                int(row["context_tokens"]),
                int(row["generated_tokens"]),
            )
