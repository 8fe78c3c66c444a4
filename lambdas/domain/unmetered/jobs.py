"""Batch jobs and asynchronous invocations: Bedrock does not log their calls."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Self

from lambdas.domain.alerts import Notice
from lambdas.domain.metrics.catalog import UNLOGGED_JOBS

# https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring-eventbridge-how-it-works.html
BATCH_EVENT: Final = "Batch Inference Job State Change"
# A data event: https://docs.aws.amazon.com/bedrock/latest/userguide/logging-using-cloudtrail.html
ASYNC_ACTION: Final = "StartAsyncInvoke"

_JOB_ARN = re.compile(r"arn:[a-z-]+:bedrock:[a-z0-9-]+:\d{12}:model-invocation-job/[a-z0-9]+")
_INVOCATION_ARN = re.compile(r"arn:[a-z-]+:bedrock:[a-z0-9-]+:\d{12}:async-invoke/[a-z0-9]+")
_MODEL = re.compile(r"[A-Za-z0-9_.:/-]{1,300}")
_STATUS = re.compile(r"[A-Za-z]{1,40}")
_CALLER = re.compile(r"arn:[!-~]{1,600}")
_UNKNOWN = "unknown"
_ONCE: Final = (
    "This is the only notification about these models today; the metric"
    f" {UNLOGGED_JOBS.name} counts every invocation."
)
_ADVICE: Final = (
    "Bedrock does not log these calls, so no call metric includes them and no identity is known."
    " The bill includes them (make reconcile). To deny them, see docs/security.md."
)
_TOKENS_OF_JOBS: Final = (
    "Reports list the job once it has ended, with its tokens if the setting batch_output_buckets"
    " names its output bucket."
)


@dataclass(frozen=True, slots=True)
class BatchJob:
    """A batch inference job, as Bedrock's own event reports it.

    Attributes:
        arn: Its ARN.
        model: The model that it calls.
        status: Its state at the time of the event.
    """

    arn: str
    model: str
    status: str

    @classmethod
    def from_detail(cls, detail: Mapping[str, Any]) -> Self | None:
        """Read an event's detail; `None` where it names no job."""
        arn = _read(_JOB_ARN, detail.get("batchJobArn"))
        if arn is None:
            return None
        model = _read(_MODEL, detail.get("batchModelId"))
        return cls(arn, _model_id(model), _read(_STATUS, detail.get("status")) or _UNKNOWN)

    @property
    def key(self) -> str:
        """The key of its notice: one a job, at the first event that arrives."""
        return f"batch/{self.arn}"


@dataclass(frozen=True, slots=True)
class AsyncInvocation:
    """An asynchronous invocation of a model.

    Attributes:
        arn: Its ARN.
        model: The model that it calls.
        submitted_at: Its time.
        caller: The ARN of the caller's user or role, where a trail reports it.
    """

    arn: str
    model: str
    submitted_at: datetime
    caller: str | None = None

    @classmethod
    def from_record(cls, detail: Mapping[str, Any], submitted_at: datetime) -> Self | None:
        """Read a CloudTrail record; `None` where it names no invocation that was started."""
        answer = detail.get("responseElements") or {}
        arn = _read(_INVOCATION_ARN, answer.get("invocationArn"))
        if arn is None:
            return None
        model = _read(_MODEL, (detail.get("requestParameters") or {}).get("modelId"))
        return cls(arn, _model_id(model), submitted_at, _caller(detail.get("userIdentity") or {}))

    @classmethod
    def listed(cls, arn: str, model: str, submitted_at: datetime) -> Self:
        """Read an entry of Bedrock's list."""
        return cls(arn, _model_id(model), submitted_at)

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that its notice leaves, its own first.

        One for each model and day, so that many invocations make one notice; if the caller is
        known, one for each caller as well.
        """
        of_model = f"async/{self.model}/{self.submitted_at:%Y-%m-%d}"
        return (of_model,) if self.caller is None else (f"{of_model}/{self.caller}", of_model)


def count_by_model(invocations: Iterable[AsyncInvocation]) -> Mapping[str, int]:
    """Count invocations by model, the most frequent first."""
    counted = Counter(invocation.model for invocation in invocations)
    return dict(counted.most_common())


def batch_notice(job: BatchJob) -> Notice:
    """Name a batch job and its model."""
    return Notice(
        "Bedrock Meter: a batch job is not logged",
        f"Batch inference job {job.arn} calls {job.model} (state: {job.status}).\n{_ADVICE}\n"
        f"{_TOKENS_OF_JOBS}",
    )


def async_notice(invocations: Sequence[AsyncInvocation]) -> Notice:
    """Name the models of asynchronous invocations, and their callers where they are known."""
    callers = sorted({call.caller for call in invocations if call.caller is not None})
    lines = [
        "Models were invoked asynchronously:",
        *(f"- {model}: {calls:,}" for model, calls in count_by_model(invocations).items()),
        *(f"Caller: {caller}" for caller in callers),
        _ADVICE,
        _ONCE,
    ]
    return Notice("Bedrock Meter: asynchronous invocations are not logged", "\n".join(lines))


def _read(pattern: re.Pattern[str], value: object) -> str | None:
    return value if isinstance(value, str) and pattern.fullmatch(value) else None


def _caller(identity: Mapping[str, Any]) -> str | None:
    """Get the user or role of an identity: sessions of a role may be as many as its calls."""
    issuer = (identity.get("sessionContext") or {}).get("sessionIssuer") or {}
    return _read(_CALLER, issuer.get("arn")) or _read(_CALLER, identity.get("arn"))


def _model_id(model: str | None) -> str:
    """Shorten the ARN of a foundation model or a profile to its id."""
    return _UNKNOWN if model is None else model.rpartition("/")[2] or model
