"""The settings of `comparison_reporter`."""

from __future__ import annotations

from pydantic import Field

from lambdas.wiring.call_settings import CallSettings


class Settings(CallSettings):
    """The calls to compare, their prices, and the destination of the report.

    Attributes:
        ledger_table: The DynamoDB table of calls.
        report_bucket: The bucket of reports.
        content_log_group: The log group that has requests; empty where content is not logged.
    """

    ledger_table: str = Field(min_length=3)
    report_bucket: str = Field(min_length=3)
    content_log_group: str = ""
