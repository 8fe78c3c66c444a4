"""What `log_processor` is told by its environment."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import Field

from lambdas.functions.environment import EnvironmentSettings

# CloudWatch takes data points of two weeks: a call that was forgotten within them and is replayed
# would be published twice.
LedgerRetentionDays: TypeAlias = Annotated[int, Field(ge=15, le=400)]


class Settings(EnvironmentSettings):
    """Where records are taken from, and where calls and rejected records go.

    Attributes:
        log_group: The log group that is metered.
        account_id: The account of the deployment; records of others are rejected.
        region: Its Region; records of others are rejected.
        ledger_table: The DynamoDB table of the usage ledger.
        ledger_retention_days: How long a call stays there; how far back replays are safe.
        quarantine_bucket: The S3 bucket of rejected records.
    """

    log_group: str = Field(min_length=1)
    account_id: str = Field(min_length=1)
    region: str = Field(min_length=1)
    ledger_table: str = Field(min_length=3)
    ledger_retention_days: LedgerRetentionDays = 90
    quarantine_bucket: str = Field(min_length=3)
