"""The state of the weekly summary: whether the last one was sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lambdas.domain.ledger.state_table import SUMMARY_PREFIX, SUMMARY_SENT_AT
from lambdas.domain.ledger.table import PARTITION_KEY
from lambdas.domain.reports.weekly import SETTLING, ReportedWeek

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MAX_DELAY = timedelta(hours=25)  # the function runs every day, for some minutes


@dataclass(frozen=True, slots=True)
class SummaryState:
    """The state of the summary of the last settled week.

    Attributes:
        week: The week.
        sent_at: The time of its summary, ISO 8601; `None` where it was not sent.
    """

    week: ReportedWeek
    sent_at: str | None = None

    def is_late(self, now: datetime, deployed_at: datetime) -> bool:
        """Say if a run since the end of the week, or since the deployment, has not sent it."""
        waits_since = max(self.week.end + SETTLING, deployed_at)
        return self.sent_at is None and now - waits_since > _MAX_DELAY

    def describe(self, now: datetime, deployed_at: datetime) -> str:
        """Describe it, with what to do if the summary is late."""
        if self.sent_at is not None:
            return f"The summary of {self.week.name} was sent at {self.sent_at}."
        if not self.is_late(now, deployed_at):
            return f"The summary of {self.week.name} is sent by the next run, at 05:00 UTC."
        return (
            f"The summary of {self.week.name} was not sent: read the last error of"
            " WeeklySummarizer (docs/runbooks/FunctionErrors.md)."
        )


def read_summary_state(dynamodb: DynamoDBClient, state_table: str, now: datetime) -> SummaryState:
    """Read the state from the state table."""
    week = ReportedWeek.last_closed(now)
    item = dynamodb.get_item(
        TableName=state_table, Key={PARTITION_KEY: {"S": SUMMARY_PREFIX + week.name}}
    ).get("Item", {})
    return SummaryState(week, item.get(SUMMARY_SENT_AT, {}).get("S"))
