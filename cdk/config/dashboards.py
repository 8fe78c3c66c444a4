"""Settings of dashboards, saved queries and contributor rules."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from cdk.config.setting_types import EachOnce, Words
from lambdas.wiring.allowed_values import SettingsModel

ExtraDashboard: TypeAlias = Literal["model_comparison", "cost_and_budgets", "quota_and_throttling"]
"""A dashboard that CloudWatch bills, after the three that it has for nothing."""


class DashboardSettings(SettingsModel):
    """Dashboards, queries and rules beside the dashboards that cost nothing.

    Attributes:
        extra_dashboards: Dashboards beside the three that cost nothing.
        saved_queries: Whether CloudWatch Logs Insights offers queries over the invocation logs.
        contributor_insights: Whether rules rank identities by the logs; each rule is billed.
    """

    extra_dashboards: Annotated[tuple[ExtraDashboard, ...], Words, EachOnce] = ()
    saved_queries: bool = True
    contributor_insights: bool = False
