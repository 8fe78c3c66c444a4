"""Settings of the scheduled reports."""

from __future__ import annotations

from cdk.config.section import Section
from cdk.config.setting_types import BillingAccountId


class ReportSettings(Section):
    """Which reports are written, and for whom.

    Attributes:
        focus_export: Whether costs are written in FOCUS columns, every day.
        billing_account_id: The account that pays, in these; empty for the one that is called.
        comparison_report: Whether models are compared on the calls of each week.
    """

    focus_export: bool = True
    billing_account_id: BillingAccountId = ""
    comparison_report: bool = True
