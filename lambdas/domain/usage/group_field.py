"""The fields by which usage can be grouped."""

from __future__ import annotations

from enum import StrEnum

from lambdas.domain.invocations import UsageRecord


class GroupField(StrEnum):
    """A field of a call that usage can be grouped by."""

    DAY = "day"
    """The day of the call, UTC."""
    MONTH = "month"
    """The month of the call, UTC."""
    PROJECT = "project"
    """The project that the call is attributed to."""
    ACCOUNT = "account"
    """The account that was called; empty where the log names none."""
    REGION = "region"
    """The Region that was called; empty where the log names none."""
    IDENTITY = "identity"
    """The ARN of the caller."""
    MODEL = "model"
    """The foundation model."""

    @property
    def is_time(self) -> bool:
        """Say if its values are periods."""
        return self in (GroupField.DAY, GroupField.MONTH)

    def read(self, record: UsageRecord, model_id: str, project: str) -> str:
        """Read its value.

        Args:
            record: The call.
            model_id: The foundation model that was priced.
            project: The project of the call.
        """
        day = record.timestamp.date().isoformat()
        values = {
            GroupField.DAY: day,
            GroupField.MONTH: day[: len("2026-01")],
            GroupField.PROJECT: project,
            GroupField.ACCOUNT: record.account_id,
            GroupField.REGION: record.region,
            GroupField.IDENTITY: record.identity_arn,
            GroupField.MODEL: model_id,
        }
        return values[self]
