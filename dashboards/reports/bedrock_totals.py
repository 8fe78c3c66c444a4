"""The metrics that Bedrock itself would publish in AWS/Bedrock for a made-up company's calls.

https://docs.aws.amazon.com/bedrock/latest/userguide/monitoring.html
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from lambdas.domain.invocations import UsageRecord, read_line
from lambdas.domain.invocations.quota import quota_tokens
from lambdas.domain.metrics import MAX_DISTRIBUTION_SIZE
from lambdas.domain.metrics.bedrock_metrics import BEDROCK_MODEL_ID, BedrockMetric

_ERRORS = {
    "ThrottlingException": BedrockMetric.THROTTLES,
    "ValidationException": BedrockMetric.CLIENT_ERRORS,
    "ModelTimeoutException": BedrockMetric.SERVER_ERRORS,
}
_MS_TO_FIRST_TOKEN, _MS_A_KILOTOKEN, _MS_A_TOKEN = 350, 60, 18  # of no model in particular
_Key = tuple[str, str | None, datetime]


def bedrock_totals(logs: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The data points of calls, as PutMetricData takes them: by minute, by model and of all."""
    found: defaultdict[_Key, Counter[float]] = defaultdict(Counter)
    for log in logs:
        for record in read_line(json.dumps(log)):
            if isinstance(record, UsageRecord):
                for name, value in _list_values(record, log.get("errorCode")):
                    for model in (record.invoked_model_id, None):
                        found[name, model, record.minute][value] += 1
    return [
        {
            "MetricName": name,
            "Dimensions": [] if model is None else [{"Name": BEDROCK_MODEL_ID, "Value": model}],
            "Timestamp": minute,
            "Values": [value for value, _ in part],
            "Counts": [count for _, count in part],
        }
        for (name, model, minute), occurrences in found.items()
        for part in _parts(list(occurrences.items()))
    ]


def _parts(pairs: list[tuple[float, int]]) -> Iterator[list[tuple[float, int]]]:
    for first in range(0, len(pairs), MAX_DISTRIBUTION_SIZE):
        yield pairs[first : first + MAX_DISTRIBUTION_SIZE]


def _list_values(record: UsageRecord, error: str | None) -> Iterator[tuple[str, float]]:
    yield BedrockMetric.LOGS_DELIVERED, 1
    if error is not None:
        yield _ERRORS[error], 1
        return
    output = record.tokens.output or 0
    first = _MS_TO_FIRST_TOKEN + _MS_A_KILOTOKEN * (record.tokens.total or 0) // 1000
    yield BedrockMetric.INVOCATIONS, 1
    yield BedrockMetric.LATENCY, first + _MS_A_TOKEN * output
    if output:
        yield BedrockMetric.TIME_TO_FIRST_TOKEN, first
    yield BedrockMetric.QUOTA_USAGE, quota_tokens(record.tokens, record.model_id) or 0
