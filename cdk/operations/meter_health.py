"""The health of the deployed meter, from its alarms and the checks of LoggingWatcher."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cdk.config.resource_names import NAME_PREFIX
from lambdas.domain.alarms.names import HEALTH_ALARM_PREFIX
from lambdas.domain.metrics.catalog import DEPLOYMENT_DRIFT, HEALTH_NAMESPACE
from lambdas.domain.words import list_names, plural

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_MINUTES = 45  # three checks of LoggingWatcher
_RUNBOOK = "docs/runbooks/DeploymentDrift.md"


@dataclass(frozen=True, slots=True)
class MeterHealth:
    """The state of the meter's own checks.

    Attributes:
        drifts: The number of drifts in the newest check; `None` where
            LoggingWatcher has not reported for 45 minutes.
        breaching: Health alarms that are in ALARM.
        silenced: Alarms whose actions are switched off.
    """

    drifts: int | None
    breaching: tuple[str, ...] = ()
    silenced: tuple[str, ...] = ()

    def find_problems(self, age: timedelta) -> list[str]:
        """List the problems to fix first.

        Args:
            age: The time since the deployment: a new meter has not reported yet.
        """
        problems = []
        if self.drifts is None and age > timedelta(minutes=_MINUTES):
            problems.append(f"LoggingWatcher has not reported for {_MINUTES} minutes")
        if self.drifts:
            count = plural(self.drifts, "difference")
            problems.append(f"{count} from the deployment: see the log of LoggingWatcher")
        if self.silenced:
            problems.append(f"alarms with actions turned off: {list_names(self.silenced)}")
        return [f"{problem} ({_RUNBOOK})" for problem in problems]


def read_meter_health(cloudwatch: CloudWatchClient, now: datetime) -> MeterHealth:
    """Read alarms, and the newest number of drifts."""
    points = cloudwatch.get_metric_statistics(
        Namespace=HEALTH_NAMESPACE,
        MetricName=DEPLOYMENT_DRIFT.name,
        StartTime=now - timedelta(minutes=_MINUTES),
        EndTime=now,
        Period=60,
        Statistics=["Maximum"],
    )["Datapoints"]
    newest = max(points, key=lambda point: point["Timestamp"], default=None)
    pages = cloudwatch.get_paginator("describe_alarms").paginate(AlarmNamePrefix=NAME_PREFIX)
    alarms = [alarm for page in pages for alarm in page["MetricAlarms"]]
    return MeterHealth(
        None if newest is None else int(newest["Maximum"]),
        tuple(
            alarm["AlarmName"]
            for alarm in alarms
            if alarm["StateValue"] == "ALARM" and alarm["AlarmName"].startswith(HEALTH_ALARM_PREFIX)
        ),
        tuple(alarm["AlarmName"] for alarm in alarms if not alarm["ActionsEnabled"]),
    )
