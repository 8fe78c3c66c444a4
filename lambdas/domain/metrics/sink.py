"""The port that data points are sent to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.metrics.aggregation import DataPoint

# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
OLDEST = timedelta(days=14)
NEWEST = timedelta(hours=2)
MAX_CLOCK_DIFFERENCE = timedelta(hours=1)
"""The time ahead of now up to which the ledger takes a call. It is less than CloudWatch accepts, so
that no call in the ledger is too far ahead to be published."""


def is_taken(called_at: datetime, now: datetime) -> bool:
    """Return true when CloudWatch accepts a time: up to two weeks ago and two hours ahead."""
    return now - OLDEST < called_at < now + NEWEST


def get_metric_time(record: UsageRecord, now: datetime) -> datetime | None:
    """Get the earliest time of a call, by any of its readings, that CloudWatch takes."""
    conflicts = record.conflicts
    times = (conflicts.timestamps if conflicts else ()) or (record.timestamp,)
    return next((time for time in times if is_taken(time, now)), None)


class MetricsUnavailableError(Exception):
    """Data points could not be sent. The text says why.

    If it was the answer that got lost they were taken, and sending them again counts them twice:
    metrics err on that side, since alarms guard budgets. The ledger never does.
    """


class MetricSink(Protocol):
    """Takes data points."""

    def send(self, data_points: Sequence[DataPoint]) -> None:
        """Send data points with one call.

        Raises:
            MetricsUnavailableError: They are to be sent again.
        """
