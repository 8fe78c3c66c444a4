"""Settings of the scheduled reports."""

from __future__ import annotations

from typing import Annotated

from lambdas.wiring.allowed_values import SettingsModel, like


class ReportSettings(SettingsModel):
    """Which reports are written, and for whom.

    Attributes:
        focus_export: Whether costs are written in FOCUS columns, every day.
        billing_account_id: The account that pays, in these; empty for the one that is called.
        comparison_report: Whether models are compared on the calls of each week.
    """

    focus_export: bool = True
    billing_account_id: Annotated[
        str, like(r"(\d{12})?", "the 12 digits of an account, or nothing")
    ] = ""
    comparison_report: bool = True
