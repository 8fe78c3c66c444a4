"""Deploys the dashboards of `dashboards/` with the names, thresholds and links of a deployment.

The key `id` of a widget names it for this module alone: CloudWatch knows no such key.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from cdk.alarms.thresholds import AlarmThreshold, alarm_thresholds
from cdk.components.threshold_graphs import (
    GRAPHS,
    TOKEN_NAMES,
    build_further_graphs,
    build_hourly_rows,
    quote_name,
)
from cdk.config import Config, ExtraDashboard, stack_names
from cdk.config.resource_names import NAME_PREFIX
from lambdas.domain.alarms.names import ANOMALY_ALARMS, HEALTH_ALARM_PREFIX, name_anomaly_alarm
from lambdas.domain.metrics.catalog import GATEWAY_NAMESPACE, NAMESPACE, QUOTA_TOKENS
from lambdas.meter_name import DEFAULT_NAME

BUDGET_EVALUATOR = "BudgetEvaluator"
"""The name of the function that publishes metrics of budgets, as its alarms call it."""
FOLDER = Path(__file__).parents[2] / "dashboards"
NAMES = {
    "usage_overview": f"{NAME_PREFIX}UsageOverview",
    "identity_detail": f"{NAME_PREFIX}IdentityDetail",
    "model_comparison": f"{NAME_PREFIX}ModelComparison",
    "cost": f"{NAME_PREFIX}Cost",
    "throttling": f"{NAME_PREFIX}Throttling",
    "gateway": f"{NAME_PREFIX}Gateway",
    "credits": f"{NAME_PREFIX}Credits",
    "pipeline_health": f"{NAME_PREFIX}PipelineHealth",
}
"""The name of each file's dashboard; the Region follows, since names are of the whole account."""

WRITTEN_FOR = "us-east-1"
WRITTEN_ALARMS = f"arn:aws:cloudwatch:{WRITTEN_FOR}:111122223333:alarm:"
WRITTEN_LOG_GROUP = f"{DEFAULT_NAME}-InvocationLogs"
WRITTEN_STREAM_MAPPING = "11111111-2222-3333-4444-555555555555"
WRITTEN_LIMITS_TABLE = f"{DEFAULT_NAME}-Storage-Limits"
"""Names in a file for which a deployment has its own."""

_LINKS_BETWEEN = " · "
_CONSOLES = {"us-gov-": "console.amazonaws-us-gov.com", "cn-": "console.amazonaws.cn"}
"""The consoles of other partitions, by how their Regions begin."""

_BAND = "ANOMALY_DETECTION_BAND"
_GATEWAY = "gateway"
_CREDITS = "credits"
_OF_GATEWAY = GATEWAY_NAMESPACE.removeprefix(NAMESPACE)
_USAGE_ALARMS = "usage-alarms"
_TOKENS_GRAPH = "account-tokens-hour"
_BUDGET_GRAPHS = "budgets-"
"""The beginning of the ids of graphs that need `budget_evaluator`."""
_GRAPHS_WITH_BAND = (_TOKENS_GRAPH, "account-cost-hour")
_WRITTEN_TOKENS = QUOTA_TOKENS.name
"""The kind of tokens on the file's graph of tokens per hour."""
_MAX_ALARMS = 100
"""Of one widget.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
"""


def dashboard_name(file: str, region: str) -> str:
    """The name of a deployed dashboard."""
    return f"{NAMES[file]}-{region}"


def dashboard_url(file: str, region: str) -> str:
    """The address of a deployed dashboard."""
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
    """List the files to deploy.

    Three dashboards are free in CloudWatch. Those of the gateway and of credits, and the extra
    ones, are deployed if they are switched on.
    """
    optional = {*get_args(ExtraDashboard), _GATEWAY, _CREDITS}
    wanted = {
        *config.extra_dashboards,
        *([_GATEWAY] if config.gateway else []),
        *([_CREDITS] if config.credits else []),
    }
    return [file for file in NAMES if file not in optional or file in wanted]


def choose_budget_dashboard(config: Config) -> str:
    """Choose the file of the dashboard that messages of budgets link: with budgets, if deployed."""
    return "cost" if "cost" in config.extra_dashboards else "usage_overview"


@dataclass(frozen=True, slots=True)
class DeployedNames:
    """Names that differ in each deployment.

    Attributes:
        region: The Region that is shown.
        alarms: The beginning of the alarms' ARNs.
        log_group: The metered log group.
        stream_mapping: The id of the event source mapping that starts `metric_publisher`.
        limits_table: The table of limits, where the gateway is on.
    """

    region: str
    alarms: str
    log_group: str
    stream_mapping: str
    limits_table: str = WRITTEN_LIMITS_TABLE

    def written_in(self, text: str) -> str:
        """Write these names into a file's text. Inserted names are not searched again."""
        quoted, of_gateway = (
            json.dumps(quote_name(name))[1:-1]
            for name in (stack_names.PREFIX, f"{stack_names.PREFIX}{_OF_GATEWAY}")
        )
        names = {
            WRITTEN_ALARMS: self.alarms,
            WRITTEN_LOG_GROUP: self.log_group,
            WRITTEN_STREAM_MAPPING: self.stream_mapping,
            WRITTEN_LIMITS_TABLE: self.limits_table,
            _console(WRITTEN_FOR): _console(self.region),
            WRITTEN_FOR: self.region,
            f"{{{DEFAULT_NAME},": f"{{{quoted},",
            f"{{{DEFAULT_NAME}{_OF_GATEWAY},": f"{{{of_gateway},",
            f" {DEFAULT_NAME}'": f" {quoted}'",
            DEFAULT_NAME: stack_names.PREFIX,  # last, since other names contain these
        }
        written = re.compile("|".join(map(re.escape, names)))
        return written.sub(lambda found: names[found[0]], text)


NAMES_AS_WRITTEN = DeployedNames(
    region=WRITTEN_FOR,
    alarms=WRITTEN_ALARMS,
    log_group=WRITTEN_LOG_GROUP,
    stream_mapping=WRITTEN_STREAM_MAPPING,
)
"""The names in the files themselves."""


def dashboard_body(
    file: str,
    *,
    names: DeployedNames,
    deployed: Sequence[str],
    config: Config,
    missing: Sequence[str] = (),
    health_lines: Mapping[str, list[dict[str, Any]]] | None = None,
) -> dict[str, Any]:
    """The body of a dashboard, for a deployment.

    Args:
        file: The name of its file, without the ending.
        names: The names that replace those in the file.
        deployed: The deployed dashboards; links to others are left out.
        config: The settings. Graphs show usage in percent of their thresholds, the alarms of these
            are listed, and the kind of tokens that they watch has a graph with an anomaly band.
        missing: Functions that are not deployed, as their alarms call them: these are left out,
            and so are the graphs of budgets without the function that evaluates them.
        health_lines: The lines of health alarms on graphs of counts, by their ids; those of the
            file by default, which are the same.
    """
    thresholds = alarm_thresholds(config)
    text = names.written_in((FOLDER / f"{file}.json").read_text())
    body: dict[str, Any] = json.loads(text)
    gone = [dashboard_url(name, names.region) for name in NAMES if name not in deployed]
    unknown = tuple(f"{names.alarms}{HEALTH_ALARM_PREFIX}{name}" for name in missing)
    if BUDGET_EVALUATOR in missing:
        body["widgets"] = [
            widget
            for widget in body["widgets"]
            if not widget.get("id", "").startswith(_BUDGET_GRAPHS)
        ]
    for widget in body["widgets"]:
        widget_id = widget.pop("id", "")
        properties = widget["properties"]
        if "alarms" in properties:
            properties["alarms"] = (
                _usage_alarms(names, thresholds, config.anomaly_band)
                if widget_id == _USAGE_ALARMS
                else [alarm for alarm in properties["alarms"] if not alarm.startswith(unknown)]
            )
        if "markdown" in properties:
            properties["markdown"] = _without_links(properties["markdown"], gone)
        if "metrics" in properties:
            width = config.anomaly_band if widget_id in _GRAPHS_WITH_BAND else 0
            properties["metrics"] = (
                build_hourly_rows(widget_id, thresholds)
                if widget_id in GRAPHS
                else _with_band(properties["metrics"], width)
            )
        if widget_id == _TOKENS_GRAPH:
            widget["properties"] = properties = _show_tokens(properties, config.alarm_metric)
        if health_lines is not None:
            properties.pop("annotations", None)
            if fitting := health_lines.get(widget_id):
                properties["annotations"] = {"horizontal": fitting}
    if file == "usage_overview":
        end = max(widget["y"] + widget["height"] for widget in body["widgets"])
        body["widgets"] += build_further_graphs(thresholds, region=names.region, y=end)
    return body


def _show_tokens(graph: Mapping[str, Any], metric_name: str) -> dict[str, Any]:
    """Show a kind of tokens on the graph that the file has for another kind."""
    changes = {
        _WRITTEN_TOKENS: metric_name,
        TOKEN_NAMES[_WRITTEN_TOKENS]: TOKEN_NAMES[metric_name],
        TOKEN_NAMES[_WRITTEN_TOKENS].capitalize(): TOKEN_NAMES[metric_name].capitalize(),
    }
    text = json.dumps(graph)
    for written, shown in changes.items():
        text = text.replace(written, shown)
    shown_graph: dict[str, Any] = json.loads(text)
    return shown_graph


def _usage_alarms(
    names: DeployedNames, thresholds: Sequence[AlarmThreshold], anomaly_band: float
) -> list[str]:
    alarms = [threshold.alarm_name for threshold in thresholds]
    if anomaly_band:
        alarms += map(name_anomaly_alarm, ANOMALY_ALARMS)
    return [f"{names.alarms}{alarm}" for alarm in alarms[:_MAX_ALARMS]]


def _without_links(text: str, gone: Iterable[str]) -> str:
    *lines, links = text.split("\n")
    endings = tuple(f"({url})" for url in gone)
    kept = [link for link in links.split(_LINKS_BETWEEN) if not link.endswith(endings)]
    return "\n".join([*lines, _LINKS_BETWEEN.join(kept)])


def _is_band(row: Sequence[Any]) -> bool:
    return isinstance(row[0], dict) and row[0]["expression"].startswith(_BAND)


def _with_band(rows: Iterable[Sequence[Any]], width: float) -> list[Sequence[Any]]:
    """Draw the anomaly band of a width around `m1`; none for 0."""
    drawn = [row for row in rows if not _is_band(row)]
    if width:
        expression = f"{_BAND}(m1, {width:g})"
        band = {"expression": expression, "id": "usual", "label": "Expected", "color": "#4d5866"}
        drawn.append([band])
    return drawn
