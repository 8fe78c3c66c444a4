"""Where dashboards get their figures from: log files, a local cloud, or an account."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from dashboards.preview.cloudwatch_metrics import CloudWatchMetrics
from dashboards.preview.local_meter import open_local_meter
from dashboards.preview.log_files import find_log_files
from dashboards.preview.log_metrics import LogMetrics
from dashboards.preview.meter import meter_files
from dashboards.preview.viewer.drawings import Source
from lambdas.domain.metering.metric_catalog import NAMESPACE

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_MOST_NAMES = 100  # of one DescribeAlarms


def source_of_logs(paths: Sequence[Path]) -> Source:
    """Files and folders of invocation logs, metered as a deployment would. Time ends with them.

    Raises:
        UnreadableLogsError: A file cannot be read.
    """
    metrics = LogMetrics()
    with open_local_meter(metrics.apply) as meter:
        meter_files(meter, find_log_files(paths))
    return Source(
        name="your log files",
        metrics=metrics,
        now=lambda: metrics.end or datetime.now(UTC),
        namespaces=frozenset({NAMESPACE}),
    )


def source_of_cloudwatch(name: str, cloudwatch: CloudWatchClient) -> Source:
    """An account, or a local cloud; nothing is changed there.

    Args:
        name: What people call it.
        cloudwatch: A client of it.
    """

    def alarm_states(names: Sequence[str]) -> Mapping[str, str]:
        states: dict[str, str] = {}
        for first in range(0, len(names), _MOST_NAMES):
            asked = list(names[first : first + _MOST_NAMES])
            for page in cloudwatch.get_paginator("describe_alarms").paginate(AlarmNames=asked):
                states |= {it["AlarmName"]: it["StateValue"] for it in page["MetricAlarms"]}
        return states

    return Source(
        name=name,
        metrics=CloudWatchMetrics(cloudwatch),
        now=lambda: datetime.now(UTC),
        alarm_states=alarm_states,
    )
