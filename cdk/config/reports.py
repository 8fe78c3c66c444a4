"""Settings of the scheduled reports."""

from __future__ import annotations

from typing import Annotated

from lambdas.wiring.allowed_values import SettingsModel, like


class ReportSettings(SettingsModel):
    """Settings that switch reports on.

    Attributes:
        focus_export: Write costs in FOCUS columns, every day.
        billing_account_id: The paying account in these; empty for the account of the calls.
        comparison_report: Compare models on the calls of each week.
        weekly_summary: Send a summary of each week to the topic of notifications; `None` to send it
            where `notify_emails` has an address.
    """

    focus_export: bool = True
    billing_account_id: Annotated[
        str, like(r"(\d{12})?", "the 12 digits of an account, or an empty text")
    ] = ""
    comparison_report: bool = True
    weekly_summary: bool | None = None
