"""Metrics of the weeks before the demo, which CloudWatch would have kept.

The local cloud keeps metrics for two weeks, CloudWatch for 15 months: dashboards compare months.
The metrics of earlier calls are those that a preview of their logs has.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from cdk.config import Config
from dashboards.cloudwatch import Metric, MetricSource, Periods, Statistic, Value
from dashboards.demo.company import CALLERS, PROFILE, PROFILE_MODEL, earlier_logs
from dashboards.reports.log_metrics import LogMetrics
from dashboards.viewer.drawings import Source
from lambdas.domain.invocations import UsageRecord, read_line
from lambdas.domain.invocations.identity import CallerIdentity
from lambdas.domain.ledger import LedgerChange
from lambdas.domain.metrics.catalog import (
    ACCEPTED_RECORDS,
    HEALTH_NAMESPACE,
    INVOCATIONS,
    METERING_DELAY,
    NAMESPACE,
    UNPUBLISHED_RECORDS,
)

HISTORY_DAYS = 52
"""The days before the two weeks: dashboards show at most 62 days."""
_DAYS_AT_A_TIME = 13
_LONG_AGO = "2020-01-01T00:00:00Z"
_CALLS = Metric(NAMESPACE, INVOCATIONS.name)
_REPORTS = frozenset(
    Metric(HEALTH_NAMESPACE, definition.name)
    for definition in (ACCEPTED_RECORDS, UNPUBLISHED_RECORDS)
)
"""Each delivery, and each batch, reports one value."""
_DELAY = Metric(HEALTH_NAMESPACE, METERING_DELAY.name)
_LATE_SECONDS = 7200  # of the alarm LateCalls
_ADDED_UP = (Statistic.SUM, Statistic.SAMPLE_COUNT)


def make_history(before: datetime, settings: Mapping[str, Any]) -> LogMetrics:
    """Meter the company's calls of the days before a time.

    Args:
        before: The time.
        settings: The settings of the deployment. Tags of callers name their projects there; here,
            patterns do.
    """
    patterns = [
        {
            "account_id": (identity := CallerIdentity.from_arn(caller.arn)).account_id,
            "principal": identity.principal,
            "project": caller.project,
            "effective_from": _LONG_AGO,
        }
        for caller in CALLERS
        if caller.project
    ]
    config = Config.from_context({**settings, "attribution": {"patterns": patterns}})
    metrics = LogMetrics(before, config)
    for number, days in enumerate(range(0, HISTORY_DAYS, _DAYS_AT_A_TIME)):
        logs = earlier_logs(before - timedelta(days=days), _DAYS_AT_A_TIME, seed=10 + number)
        metrics.apply([LedgerChange(record) for record in _read(logs)])
    return metrics


def _read(logs: Iterable[dict[str, Any]]) -> Iterable[UsageRecord]:
    for log in logs:
        if log["modelId"] == PROFILE:
            log["modelId"] = f"us.{PROFILE_MODEL}"
        for reading in read_line(json.dumps(log)):
            if isinstance(reading, UsageRecord):
                yield reading


def add_history(source: Source, history: MetricSource) -> Source:
    """Show earlier metrics before those of a source, and say so in its name.

    Health reports stand at the time of the calls.
    """
    name = f"{source.name} and {HISTORY_DAYS} made-up days before it"
    metrics = _ReportedInTime(_WithHistory(source.metrics, history))
    return replace(source, name=name, metrics=metrics)


class _WithHistory:
    """Two sources of the same metrics: the history ends where the recent one begins."""

    def __init__(self, recent: MetricSource, history: MetricSource) -> None:
        self._recent = recent
        self._history = history

    def metrics(self, namespace: str, name: str) -> Sequence[Metric]:
        found = (*self._recent.metrics(namespace, name), *self._history.metrics(namespace, name))
        return list(dict.fromkeys(found))

    def values(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> Mapping[Metric, tuple[Value, ...]]:
        recent = self._recent.values(metrics, statistic, periods)
        history = self._history.values(metrics, statistic, periods)
        return {
            metric: tuple(
                _join(statistic, *pair)
                for pair in zip(recent[metric], history[metric], strict=True)
            )
            for metric in metrics
        }


def _join(statistic: Statistic, recent: Value, earlier: Value) -> Value:
    """Join the values of a period; of one with both, other statistics than sums are the recent."""
    if recent is None or earlier is None:
        return earlier if recent is None else recent
    return recent + earlier if statistic in _ADDED_UP else recent


class _ReportedInTime:
    """Health metrics as if each call had been logged when it was made.

    Functions report when they run, and the demo logs weeks of calls within minutes. A deployment
    has reports in each period with calls, and no delays of days.
    """

    def __init__(self, source: MetricSource) -> None:
        self._source = source

    def metrics(self, namespace: str, name: str) -> Sequence[Metric]:
        return self._source.metrics(namespace, name)

    def values(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> Mapping[Metric, tuple[Value, ...]]:
        values = {**self._source.values(metrics, statistic, periods)}
        for metric in metrics:
            if metric == _DELAY:
                values[metric] = tuple(map(_leave_out_late, values[metric]))
            if metric in _REPORTS and statistic is Statistic.SAMPLE_COUNT:
                calls = self._source.values([_CALLS], Statistic.SUM, periods)[_CALLS]
                pairs = zip(values[metric], calls, strict=True)
                values[metric] = tuple(count or (1 if called else None) for count, called in pairs)
        return values


def _leave_out_late(delay: Value) -> Value:
    return None if delay is None or delay >= _LATE_SECONDS else delay
