"""Settings of dashboards, saved queries and contributor rules."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator

from cdk.config.setting_types import EachOnce, Words
from lambdas.wiring.allowed_values import SettingsModel

ExtraDashboard: TypeAlias = Literal["model_comparison", "cost", "throttling"]
"""A dashboard that CloudWatch bills, in addition to the three free ones."""

_NEW_NAMES = {"cost_and_budgets": "cost", "quota_and_throttling": "throttling"}
"""The dashboards that had another name in version 0.2.0."""


def _refuse_old_names(names: object) -> object:
    """Refuse names of earlier versions, and say what they are called now."""
    if isinstance(names, list | tuple) and (old := [name for name in _NEW_NAMES if name in names]):
        message = "; ".join(f"{name} is now called {_NEW_NAMES[name]}" for name in old)
        raise ValueError(message)
    return names


class DashboardSettings(SettingsModel):
    """Settings of dashboards, queries and rules beside the free dashboards.

    Attributes:
        extra_dashboards: Dashboards beside the three free ones.
        saved_queries: Save queries over the invocation logs in CloudWatch Logs Insights.
        contributor_insights: Rank identities by rules on the logs; each rule is billed.
    """

    extra_dashboards: Annotated[
        tuple[ExtraDashboard, ...], BeforeValidator(_refuse_old_names), Words, EachOnce
    ] = ()
    saved_queries: bool = True
    contributor_insights: bool = False
