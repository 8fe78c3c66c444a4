"""Settings of dashboards, saved queries and contributor rules."""

from __future__ import annotations

from cdk.config.section import Section
from cdk.config.setting_types import ExtraDashboards


class DashboardSettings(Section):
    """What is shown beside the dashboards that cost nothing.

    Attributes:
        extra_dashboards: Dashboards beside the three that cost nothing.
        saved_queries: Whether CloudWatch Logs Insights offers queries over the invocation logs.
        contributor_insights: Whether rules rank identities by the logs; each rule is billed.
    """

    extra_dashboards: ExtraDashboards = ()
    saved_queries: bool = True
    contributor_insights: bool = False
