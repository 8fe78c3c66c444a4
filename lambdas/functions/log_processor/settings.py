"""The settings of `log_processor`."""

from __future__ import annotations

from typing import Annotated, TypeAlias

from pydantic import BeforeValidator, Field

from lambdas.domain.attribution.label_names import LabelNames
from lambdas.wiring.environment import EnvironmentSettings, from_json_text

# CloudWatch takes data points of two weeks: a call that was forgotten within them and is replayed
# would be published twice.
LedgerRetentionDays: TypeAlias = Annotated[int, Field(ge=15, le=400)]


class Settings(EnvironmentSettings):
    """The source of records, and the destinations of calls and rejected records.

    Attributes:
        log_group: The log group that is metered.
        account_id: The account of the deployment; records of others are rejected.
        region: Its Region; records of others are rejected.
        ledger_table: The DynamoDB table of the usage ledger.
        ledger_retention_days: The days for which it keeps a call, and for which replays are safe.
        quarantine_bucket: The S3 bucket of rejected records.
        metadata_names: The names of `requestMetadata` that the ledger keeps, as a JSON list.
        caller_role: The name of the role of the gateway's calls; `None` where there is no gateway.
    """

    log_group: str = Field(min_length=1)
    account_id: str = Field(min_length=1)
    region: str = Field(min_length=1)
    ledger_table: str = Field(min_length=3)
    ledger_retention_days: LedgerRetentionDays = 90
    quarantine_bucket: str = Field(min_length=3)
    metadata_names: Annotated[tuple[str, ...], BeforeValidator(from_json_text)] = tuple(
        sorted(LabelNames().metadata_names)
    )
    caller_role: str | None = Field(default=None, min_length=1)
