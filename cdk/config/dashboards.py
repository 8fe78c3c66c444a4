"""Settings of dashboards, saved queries and contributor rules."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from cdk.config.setting_types import EachOnce, Words
from lambdas.wiring.allowed_values import SettingsModel

ExtraDashboard: TypeAlias = Literal["model_comparison", "cost_and_budgets", "quota_and_throttling"]
"""A dashboard that CloudWatch bills, in addition to the three free ones."""


class DashboardSettings(SettingsModel):
    """Settings of dashboards, queries and rules beside the free dashboards.

    Attributes:
        extra_dashboards: Dashboards beside the three free ones.
        saved_queries: Save queries over the invocation logs in CloudWatch Logs Insights.
        contributor_insights: Rank identities by rules on the logs; each rule is billed.
    """

    extra_dashboards: Annotated[tuple[ExtraDashboard, ...], Words, EachOnce] = ()
    saved_queries: bool = True
    contributor_insights: bool = False
