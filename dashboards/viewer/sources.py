"""Sources of the figures on dashboards: log files, a local cloud, or an account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from cdk.config import Config, read_config
from cdk.operations.terminal import CommandError
from dashboards.cloudwatch import (
    AccountEvaluator,
    CloudWatchMetrics,
    Metric,
    MetricSource,
    Periods,
    Statistic,
    Value,
    plain_errors,
)
from dashboards.reports.call_times import MIN_TIMESTAMP
from dashboards.reports.columned_logs import read_columned_logs
from dashboards.reports.commands import explained_failures
from dashboards.reports.log_metrics import LogMetrics
from dashboards.reports.logs.log_files import find_log_files
from dashboards.reports.logs.log_format import EXPECTED_FORMATS
from dashboards.viewer.drawings import Source
from dashboards.viewer.profile_labels import Profile, ProfileSource, find_no_profile
from lambdas.domain.metrics.catalog import (
    BUDGET_METRICS,
    CREDIT_METRICS,
    GATEWAY_CALL_METRICS,
    NAMESPACE,
    UNLOGGED_METRICS,
    USAGE_METRICS,
)
from lambdas.domain.words import plural

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_LARGE_CALLS = 20_000
_MAX_NAMES = 100  # of one DescribeAlarms


def source_of_logs(paths: Sequence[Path]) -> Source:
    """Files and folders of invocation logs, metered by the settings of `cdk.json`.

    Time ends with their last call.

    Raises:
        UnreadableLogsError: A file cannot be read.
        CommandError: There is no call in them, they cannot be read, or the configuration cannot be
            used.
    """
    with explained_failures():
        config = read_config()
    found = find_log_files(paths)
    logs = read_columned_logs(found, datetime.now(UTC), config)
    metrics, report, problems = logs.metrics, logs.report, logs.problems
    impossible = (
        f"{plural(logs.left_out, 'call')} dated before {MIN_TIMESTAMP.year} or in the future"
        if logs.left_out
        else ""
    )
    if problems and not report.read:
        raise CommandError(*problems)
    if metrics.end is None:
        message = (
            f"there is no call to show in these logs: {report.read:,} records read,"
            f" {report.rejected:,} of them rejected{impossible and f', {impossible}'}. make meter"
            f" says why. {EXPECTED_FORMATS}"
        )
        raise CommandError(message, *problems)
    unread = sum(group.files for group in found.skipped) + len(problems)
    return Source(
        name=(
            f"your log files ({logs.calls:,} calls since {metrics.start:%Y-%m-%d %H:%M},"
            f" {report.rejected:,} records rejected, {unread:,} files not read"
            f"{impossible and f', {impossible} left out'})"
        ),
        metrics=metrics,
        since=metrics.start,
        now=lambda: metrics.end or datetime.now(UTC),
        namespaces=frozenset({NAMESPACE}),
        missing_metrics=_find_missing(metrics),
        find_profile=lambda profile_id: Profile(project=metrics.find_project(profile_id)),
        problems=(*found.skipped.problems, *problems),
        is_large=logs.calls >= _LARGE_CALLS,
        config=config,
    )


def _find_missing(metrics: LogMetrics) -> frozenset[str]:
    """Find the metrics that log files cannot have, and latency of the model without content."""
    of_content = {metric.name for metric in USAGE_METRICS if metric.needs_content}
    of_others = (
        *(*UNLOGGED_METRICS, *BUDGET_METRICS),
        *(*CREDIT_METRICS, *GATEWAY_CALL_METRICS),
    )
    unlogged = {metric.name for metric in of_others}
    return frozenset(unlogged | {name for name in of_content if not metrics.has(name)})


class _Answering:
    """A source of metrics that says in one line why it does not answer."""

    def __init__(self, source: MetricSource) -> None:
        self._source = source

    def metrics(self, namespace: str, name: str) -> Sequence[Metric]:
        with plain_errors():
            return self._source.metrics(namespace, name)

    def values(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> Mapping[Metric, tuple[Value, ...]]:
        with plain_errors():
            return self._source.values(metrics, statistic, periods)


def source_of_cloudwatch(
    name: str,
    cloudwatch: CloudWatchClient,
    *,
    config: Config,
    find_profile: ProfileSource = find_no_profile,
    namespaces: frozenset[str] = frozenset(),
) -> Source:
    """A local cloud, whose graphs are evaluated here: it evaluates no expressions.

    Args:
        name: The name that people see.
        cloudwatch: A client of it.
        config: The settings of the deployment.
        find_profile: Finds the model and project of an application inference profile.
        namespaces: The namespaces that it has metrics of; empty for all there are.
    """

    def alarm_states(names: Sequence[str]) -> Mapping[str, str]:
        states: dict[str, str] = {}
        for first in range(0, len(names), _MAX_NAMES):
            asked = list(names[first : first + _MAX_NAMES])
            with plain_errors():
                for page in cloudwatch.get_paginator("describe_alarms").paginate(AlarmNames=asked):
                    states |= {
                        alarm["AlarmName"]: alarm["StateValue"] for alarm in page["MetricAlarms"]
                    }
        return states

    return Source(
        name=name,
        metrics=_Answering(CloudWatchMetrics(cloudwatch)),
        now=lambda: datetime.now(UTC),
        namespaces=namespaces,
        alarm_states=alarm_states,
        find_profile=find_profile,
        config=config,
    )


def source_of_account(
    name: str,
    cloudwatch: CloudWatchClient,
    *,
    config: Config,
    find_profile: ProfileSource = find_no_profile,
) -> Source:
    """An account, whose graphs CloudWatch evaluates; nothing is changed there.

    Args:
        name: The name that people see.
        cloudwatch: A client of it.
        config: The settings of the deployment.
        find_profile: Finds the model and project of an application inference profile.
    """
    source = source_of_cloudwatch(name, cloudwatch, config=config, find_profile=find_profile)
    return replace(source, evaluator=AccountEvaluator(cloudwatch))
