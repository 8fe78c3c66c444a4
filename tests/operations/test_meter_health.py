"""`make doctor` reports what the meter's own checks found, and that they run."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.deployment_checks import CheckResult, DeploymentChecks, Status
from cdk.operations.meter_health import MeterHealth, read_meter_health
from dashboards.command_line.commands.deny import open_brake
from tests.operations.deployed import deploy

pytestmark = pytest.mark.usefixtures("aws")


def examine() -> CheckResult:
    session = boto3.Session()
    deployment = Deployment(session.client("cloudformation"))
    (found,) = (
        finding
        for finding in DeploymentChecks(session, deployment, open_brake=open_brake).examine()
        if finding.check == "meter"
    )
    return found


def report(differences: int, minutes_ago: int) -> None:
    datum: Any = {
        "MetricName": "DeploymentDrift",
        "Value": differences,
        "Timestamp": datetime.now(UTC) - timedelta(minutes=minutes_ago),
    }
    boto3.client("cloudwatch").put_metric_data(Namespace="BedrockMeter/Health", MetricData=[datum])


def make_alarm(name: str, *, is_silenced: bool = False, is_breaching: bool = False) -> None:
    client = boto3.client("cloudwatch")
    client.put_metric_alarm(
        AlarmName=name,
        ActionsEnabled=not is_silenced,
        Namespace="N",
        MetricName="M",
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    if is_breaching:
        client.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="test")


def test_nothing_is_expected_before_and_right_after_a_deployment() -> None:
    assert examine() == CheckResult("meter", Status.OK, "Not deployed yet.")
    deploy(stack_names.MONITORING)
    assert examine().status is Status.OK


def test_the_newest_check_counts() -> None:
    deploy(stack_names.MONITORING)
    report(3, minutes_ago=20)
    found = examine()
    assert found.status is Status.PROBLEM
    assert found.text.startswith("3 differences from the deployment: see the log of LoggingWatcher")
    report(0, minutes_ago=5)
    assert examine().status is Status.OK
    assert "found no drift" in examine().text


def test_a_check_that_no_longer_runs_is_a_problem() -> None:
    report(0, minutes_ago=50)
    health = read_meter_health(boto3.client("cloudwatch"), datetime.now(UTC))
    assert health == MeterHealth(None)
    assert health.find_problems(timedelta(minutes=10)) == []
    (problem,) = health.find_problems(timedelta(hours=1))
    assert problem.startswith("LoggingWatcher has not reported for 45 minutes")


def test_alarms_that_notify_no_one_are_named() -> None:
    deploy(stack_names.MONITORING)
    make_alarm("BedrockMeter-EveryModel-Hour-Warning", is_silenced=True)
    make_alarm("of-others", is_silenced=True)
    found = examine()
    assert found.status is Status.PROBLEM
    assert (
        "alarms with actions turned off: BedrockMeter-EveryModel-Hour-Warning (docs/runbooks"
        in found.text
    )


def test_active_health_alarms_are_named_and_usage_alarms_are_not() -> None:
    deploy(stack_names.MONITORING)
    report(0, minutes_ago=5)
    make_alarm("BedrockMeter-Account-Hour-Warning", is_breaching=True)
    assert examine().status is Status.OK
    make_alarm("BedrockMeter-Health-NoData", is_breaching=True)
    assert examine() == CheckResult(
        "meter", Status.WARNING, "In ALARM: BedrockMeter-Health-NoData (docs/runbooks)."
    )
