"""The doctor's check of the weekly summary."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.deployment_checks import CheckResult, DeploymentChecks, Status
from cdk.operations.summary_state import SummaryState, read_summary_state
from dashboards.command_line.commands.deny import open_brake
from lambdas.adapters.dynamodb.summary_deliveries import DynamoDbSummaryDeliveries
from lambdas.domain.reports.weekly import ReportedWeek
from tests.aws import STATE
from tests.operations.deployed import deploy

MONDAY = datetime(2026, 11, 30, 5, tzinfo=UTC)
WEEK = ReportedWeek.last_closed(MONDAY)
LONG_AGO = MONDAY - timedelta(days=60)
UNSENT = SummaryState(WEEK)


def check(session: boto3.Session, *, is_on: bool = True) -> CheckResult:
    deployment = Deployment(session.client("cloudformation"))
    checks = DeploymentChecks(session, deployment, has_weekly_summary=is_on, open_brake=open_brake)
    return next(result for result in checks.examine() if result.check == "weekly summary")


def test_a_summary_that_was_sent_is_named_with_its_time(aws: None) -> None:
    client = boto3.client("dynamodb")
    deliveries = DynamoDbSummaryDeliveries(client, STATE)
    assert deliveries.begin(WEEK.name, MONDAY)
    assert read_summary_state(client, STATE, MONDAY) == UNSENT
    deliveries.complete(WEEK.name, MONDAY)
    state = read_summary_state(client, STATE, MONDAY + timedelta(days=3))
    assert not state.is_late(MONDAY + timedelta(days=3), LONG_AGO)
    assert state.describe(MONDAY, LONG_AGO) == (
        "The summary of 2026-W48 was sent at 2026-11-30T05:00:00+00:00."
    )


@pytest.mark.parametrize(
    ("now", "deployed_at", "is_late"),
    [
        (MONDAY - timedelta(minutes=30), LONG_AGO, False),  # the week has settled at 04:00
        (MONDAY + timedelta(hours=2), LONG_AGO, False),
        (MONDAY + timedelta(hours=25), LONG_AGO, True),
        (MONDAY + timedelta(days=5), LONG_AGO, True),
        (MONDAY + timedelta(days=5), MONDAY + timedelta(days=4, hours=1), False),
    ],
)
def test_a_summary_is_late_once_a_daily_run_has_not_sent_it(
    now: datetime, deployed_at: datetime, *, is_late: bool
) -> None:
    assert UNSENT.is_late(now, deployed_at) is is_late
    said = UNSENT.describe(now, deployed_at)
    assert ("was not sent" in said) is is_late
    assert ("next run" in said) is not is_late


def test_the_check_is_off_with_the_setting_and_waits_for_a_deployment(aws: None) -> None:
    session = boto3.Session()
    off = check(session, is_on=False)
    assert (off.status, off.text[:4]) == (Status.OK, "Off:")
    assert check(session).text == "Not deployed yet."


def test_the_check_reads_the_deployed_table(aws: None) -> None:
    session = boto3.Session()
    deploy(stack_names.STORAGE, StateTableName=STATE)
    deploy(stack_names.MONITORING)
    assert "next run" in check(session).text
    week = ReportedWeek.last_closed(datetime.now(UTC))
    DynamoDbSummaryDeliveries(boto3.client("dynamodb"), STATE).complete(week.name, MONDAY)
    found = check(session)
    assert (found.status, week.name in found.text) == (Status.OK, True)
