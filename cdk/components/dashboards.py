"""Deploys the dashboards as they stand in `dashboards/`, with Region, thresholds and links."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, get_args

from cdk.config import Config, Window
from cdk.setting_types import ExtraDashboard
from cdk.thresholds import TokenThreshold
from lambdas.domain.metering import Severity
from lambdas.domain.metering.metric_catalog import DimensionSet

FOLDER = Path(__file__).parents[2] / "dashboards"
NAMES = {
    "usage_overview": "BedrockMeter-UsageOverview",
    "identity_detail": "BedrockMeter-IdentityDetail",
    "model_comparison": "BedrockMeter-ModelComparison",
    "cost_and_budgets": "BedrockMeter-CostAndBudgets",
    "quota_and_throttling": "BedrockMeter-QuotaAndThrottling",
    "pipeline_health": "BedrockMeter-PipelineHealth",
}
"""The name of each file's dashboard; the Region follows, since names are of the whole account."""

WRITTEN_FOR = "us-east-1"
WRITTEN_ALARMS = f"arn:aws:cloudwatch:{WRITTEN_FOR}:111122223333:alarm:"
_LINKS_BETWEEN = " · "
_CONSOLES = {"us-gov-": "console.amazonaws-us-gov.com", "cn-": "console.amazonaws.cn"}
"""The consoles of other partitions, by how their Regions begin."""

_COLORS = {Severity.WARNING: "#ff9900", Severity.CRITICAL: "#d13212"}
_SUBJECTS = {
    DimensionSet.ACCOUNT: "Account",
    DimensionSet.MODEL: "Models",
    DimensionSet.IDENTITY: "Identities",
}
_KINDS = {"QuotaTokens": "quota tokens", "TotalTokens": "total tokens"}
_WINDOWS = {Window.HOUR: "an hour", Window.DAY: "a day", Window.WEEK: "a week"}


def dashboard_name(file: str, region: str) -> str:
    """The name of a deployed dashboard."""
    return f"{NAMES[file]}-{region}"


def dashboard_url(file: str, region: str) -> str:
    """Where a deployed dashboard is found."""
    return (
        f"{_console(region)}/cloudwatch/home?region={region}"
        f"#dashboards/dashboard/{dashboard_name(file, region)}"
    )


def _console(region: str) -> str:
    for partition, domain in _CONSOLES.items():
        if region.startswith(partition):
            return f"https://{region}.{domain}"
    return f"https://{region}.console.aws.amazon.com"


def deployed_dashboards(config: Config) -> list[str]:
    """The files that are deployed: three that CloudWatch has for nothing, and what is asked for."""
    extra = get_args(ExtraDashboard)
    return [it for it in NAMES if it not in extra or it in config.extra_dashboards]


def dashboard_body(
    file: str,
    *,
    region: str,
    alarms: str,
    deployed: Sequence[str],
    thresholds: Sequence[TokenThreshold],
    metric_name: str,
) -> dict[str, Any]:
    """The body of a dashboard, for a Region and a configuration.

    Args:
        file: The name of its file, without the ending.
        region: The Region it shows.
        alarms: What the ARNs of alarms begin with there.
        deployed: The dashboards that there are: links to others are left out.
        thresholds: What is drawn into the graphs that they fit.
        metric_name: The metric that thresholds are about.
    """
    body: dict[str, Any] = json.loads((FOLDER / f"{file}.json").read_text())
    lines = {
        title: [_line(it) for it in thresholds if title in _titles(it, metric_name)]
        for title in _all_titles()
    }
    for widget in body["widgets"]:
        properties = widget["properties"]
        if "region" in properties:
            properties["region"] = region
        if "markdown" in properties:
            text = _without_links(properties["markdown"], set(NAMES) - set(deployed))
            text = text.replace(_console(WRITTEN_FOR), _console(region))
            properties["markdown"] = text.replace(WRITTEN_FOR, region)
        if "alarms" in properties:
            arns = properties["alarms"]
            properties["alarms"] = [it.replace(WRITTEN_ALARMS, alarms) for it in arns]
        if (title := properties.get("title")) in lines:
            properties.pop("annotations", None)
            if lines[title]:
                properties["annotations"] = {"horizontal": lines[title]}
    return body


def _without_links(text: str, others: Iterable[str]) -> str:
    *lines, links = text.split("\n")
    gone = tuple(f"({dashboard_url(it, WRITTEN_FOR)})" for it in others)
    kept = [it for it in links.split(_LINKS_BETWEEN) if not it.endswith(gone)]
    return "\n".join([*lines, _LINKS_BETWEEN.join(kept)])


def _all_titles() -> Iterable[str]:
    for subject in (*_SUBJECTS.values(), "Identity"):
        for kind in _KINDS.values():
            for window in _WINDOWS.values():
                yield f"{subject}: {kind} {window}"


def _titles(threshold: TokenThreshold, metric_name: str) -> list[str]:
    """The graphs that a threshold fits: of what it watches, by the same window."""
    subjects = [_SUBJECTS[threshold.dimension_set]]
    if threshold.dimension_set is DimensionSet.IDENTITY:
        subjects.append("Identity")
    what = f"{_KINDS[metric_name]} {_WINDOWS[threshold.window]}"
    return [f"{subject}: {what}" for subject in subjects]


def _line(threshold: TokenThreshold) -> dict[str, Any]:
    severity = threshold.severity.capitalize()
    return {
        "label": severity if threshold.name is None else f"{severity} ({threshold.name})",
        "value": threshold.tokens,
        "color": _COLORS[threshold.severity],
    }
