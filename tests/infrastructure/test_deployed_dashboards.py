"""The deployed dashboards equal the files in `dashboards/`, but for names, thresholds and links."""

import json
import re
from dataclasses import replace
from typing import Any

import pytest

from cdk.alarms.health_checks import checks
from cdk.alarms.price_checks import price_list_checks
from cdk.alarms.scheduled_functions import DURATIONS_GRAPH, STARTS_GRAPH
from cdk.alarms.thresholds import alarm_thresholds
from cdk.components.dashboards import (
    FOLDER,
    NAMES,
    WRITTEN_ALARMS,
    WRITTEN_FOR,
    WRITTEN_LOG_GROUP,
    WRITTEN_STREAM_MAPPING,
    DeployedNames,
    dashboard_body,
    dashboard_url,
    deployed_dashboards,
)
from cdk.config import Config
from tests.infrastructure.synthesis import CONFIGURATIONS, deployment, resources

REGION = "eu-west-1"
NAMES_THERE = DeployedNames(
    region=REGION,
    alarms="arn:aws:cloudwatch:eu-west-1:999988887777:alarm:",
    log_group="/audit/us-east-1/bedrock",  # in which no Region is to be replaced
    stream_mapping="99999999-8888-7777-6666-555555555555",
)
NAMES_AS_WRITTEN = DeployedNames(
    region=WRITTEN_FOR,
    alarms=WRITTEN_ALARMS,
    log_group=WRITTEN_LOG_GROUP,
    stream_mapping=WRITTEN_STREAM_MAPPING,
)
ALL = {"extra_dashboards": ["model_comparison", "cost_and_budgets", "quota_and_throttling"]}
each_dashboard = pytest.mark.parametrize("file", NAMES)


def written(file: str, names: DeployedNames = NAMES_AS_WRITTEN) -> dict[str, Any]:
    """The file with the names of a deployment, without ids unknown to CloudWatch."""
    text = names.written_in((FOLDER / f"{file}.json").read_text())
    body: dict[str, Any] = json.loads(text)
    for widget in body["widgets"]:
        widget.pop("id", None)
    return body


def deployed(file: str, names: DeployedNames = NAMES_THERE, **context: Any) -> dict[str, Any]:
    config = Config.from_context(context)
    return dashboard_body(
        file,
        names=names,
        deployed=deployed_dashboards(config),
        thresholds=alarm_thresholds(config),
        metric_name=config.alarm_metric,
        anomaly_band=config.anomaly_band,
    )


def bands_in(body: dict[str, Any]) -> dict[str, str]:
    """The anomaly band of each graph that has one, by its title."""
    return {
        widget["properties"]["title"]: row[0]["expression"]
        for widget in body["widgets"]
        for row in widget["properties"].get("metrics", [])
        if "ANOMALY" in str(row[0])
    }


def thresholds_in(body: dict[str, Any]) -> dict[str, list[tuple[str, int]]]:
    return {
        widget["properties"]["title"]: [
            (line["label"], line["value"])
            for line in widget["properties"]["annotations"]["horizontal"]
        ]
        for widget in body["widgets"]
        if "annotations" in widget["properties"]
    }


@each_dashboard
def test_a_file_is_deployed_unchanged_with_default_settings_and_names(file: str) -> None:
    assert deployed(file, NAMES_AS_WRITTEN, **ALL) == written(file)


@each_dashboard
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_only_names_thresholds_and_the_band_differ(file: str, configuration: str) -> None:
    text = NAMES_THERE.written_in((FOLDER / f"{file}.json").read_text())
    assert REGION in text
    assert WRITTEN_FOR not in text.replace(NAMES_THERE.log_group, "")
    left, right = (
        written(file, NAMES_THERE),
        deployed(file, **{**CONFIGURATIONS[configuration], **ALL}),
    )
    for widget in (*left["widgets"], *right["widgets"]):
        widget["properties"].pop("annotations", None)
        if "metrics" in (graph := widget["properties"]):
            graph["metrics"] = [row for row in graph["metrics"] if "ANOMALY" not in str(row[0])]
    assert left == right


@pytest.mark.parametrize(
    ("context", "bands"),
    [
        (
            {},
            dict.fromkeys(
                ["Account: quota tokens per hour", "Account: cost per hour"],
                "ANOMALY_DETECTION_BAND(m1, 3)",
            ),
        ),
        (
            {"alarm_metric": "TotalTokens", "anomaly_band": 2.5},
            dict.fromkeys(
                ["Account: total tokens per hour", "Account: cost per hour"],
                "ANOMALY_DETECTION_BAND(m1, 2.5)",
            ),
        ),
        ({"anomaly_band": 0}, {}),
    ],
)
def test_the_anomaly_band_is_drawn_around_its_metric(
    context: dict[str, Any], bands: dict[str, str]
) -> None:
    body = deployed("usage_overview", **context)
    assert bands_in(body) == bands
    for widget in body["widgets"]:
        if widget["properties"].get("title") in bands:
            (watched,) = (row for row in widget["properties"]["metrics"] if row[-1]["id"] == "m1")
            tokens = context.get("alarm_metric", "QuotaTokens")
            is_cost = "cost" in widget["properties"]["title"]
            assert watched[:2] == ["BedrockMeter", "EstimatedCostUSD" if is_cost else tokens]
            assert widget["properties"]["period"] == 3600


def _names(graph: dict[str, Any], metric: str) -> bool:
    words = re.compile(rf"(?<!\w){re.escape(metric)}(?!\w)")
    return any(words.search(str(part)) for row in graph["metrics"] for part in (*row[:2], row[0]))


def test_each_health_alarm_has_its_line_on_a_graph_of_its_metric() -> None:
    """The check uses the metrics of the template's alarms."""
    drawn = [
        (graph, line["value"])
        for widget in deployed("pipeline_health")["widgets"]
        for graph in [widget["properties"]]
        for line in graph.get("annotations", {}).get("horizontal", [])
    ]
    alarms = resources(deployment().monitoring, "AWS::CloudWatch::Alarm").values()
    health = [
        candidate
        for candidate in alarms
        if candidate["AlarmName"].startswith("BedrockMeter-Health-")
    ]
    assert len(health) > 10
    for alarm in health:
        named = [alarm["Namespace"], alarm["MetricName"]] if "MetricName" in alarm else []
        named += [
            query["Expression"] for query in alarm.get("Metrics", []) if "Expression" in query
        ]
        fitting = [
            graph
            for graph, value in drawn
            if value == alarm["Threshold"]
            and all(_names(graph, expression) for expression in named)
            and graph["stat"] == alarm.get("Statistic", "Sum")
        ]
        assert len(fitting) == 1, alarm["AlarmName"]


def test_thresholds_are_drawn_in_the_graphs_of_their_metric_and_window() -> None:
    overview = thresholds_in(deployed("usage_overview", **CONFIGURATIONS["everything"]))
    assert overview == {
        "Account: total tokens per hour": [("Critical", 3)],
        "Account: total tokens per day": [("Warning", 1), ("Critical", 3)],
        "Models: total tokens per hour": [("Warning", 10_000_000), ("Critical", 50_000_000)],
        "Models: total tokens per day": [("Critical (amazon.nova-lite-v1:0)", 7)],
        "Identities: total tokens per hour": [("Critical", 2_000_000)],
        "Account: cost per day": [("Critical", 12.5)],
    }
    identity = thresholds_in(deployed("identity_detail", **CONFIGURATIONS["everything"]))
    assert identity == {
        "Identity: total tokens per hour": [("Critical", 2_000_000)],
        "Identity: total tokens per week": [
            ("Warning (arn:aws:iam::111122223333:role/app)", 5),
            ("Critical (arn:aws:iam::111122223333:role/app)", 9),
        ],
    }


@each_dashboard
def test_cloudwatch_knows_every_key(file: str) -> None:
    for widget in deployed(file)["widgets"]:
        assert widget.keys() == {"type", "x", "y", "width", "height", "properties"}


def test_every_alarm_names_a_graph_of_the_dashboards() -> None:
    def ids(file: str) -> set[str]:
        body = json.loads((FOLDER / f"{file}.json").read_text())
        return {widget["id"] for widget in body["widgets"] if "id" in widget}

    alarmed = [*checks(), *price_list_checks()]
    of_scheduled = {STARTS_GRAPH, DURATIONS_GRAPH}
    assert {check.graph for check in alarmed} | of_scheduled == ids("pipeline_health")
    for context in CONFIGURATIONS.values():
        for threshold in alarm_thresholds(Config.from_context(context)):
            assert threshold.graph in ids("usage_overview") | ids("identity_detail")


def test_every_threshold_is_drawn() -> None:
    for context in CONFIGURATIONS.values():
        drawn = [
            line
            for file in ("usage_overview", "identity_detail")
            for lines in thresholds_in(deployed(file, **context)).values()
            for line in lines
        ]
        for threshold in alarm_thresholds(Config.from_context(context)):
            assert threshold.value in [value for _, value in drawn]


@pytest.mark.parametrize(
    ("configuration", "files"),
    [
        ("default", {"usage_overview", "identity_detail", "pipeline_health"}),
        ("everything", set(NAMES)),
    ],
)
def test_charged_dashboards_are_opt_in_and_names_end_with_the_region(
    configuration: str, files: set[str]
) -> None:
    template = deployment(configuration).monitoring
    found = resources(template, "AWS::CloudWatch::Dashboard").values()
    names = [dashboard["DashboardName"]["Fn::Join"][1] for dashboard in found]
    assert sorted(names, key=str) == sorted(
        ([f"{NAMES[file]}-", {"Ref": "AWS::Region"}] for file in files), key=str
    )


@each_dashboard
@pytest.mark.parametrize("context", [{}, ALL])
def test_links_lead_to_deployed_dashboards_of_the_same_region(
    file: str, context: dict[str, Any]
) -> None:
    text = deployed(file, **context)["widgets"][0]["properties"]["markdown"]
    there = deployed_dashboards(Config.from_context(context))
    others = [dashboard_url(name, REGION) for name in there if name != file]
    assert re.findall(r"\((https://[^)]+)\)", text) == others


def test_alarms_on_a_dashboard_are_deployed() -> None:
    """Checks them with every optional function; alarms of absent ones are left out."""
    found = resources(deployment("everything").monitoring, "AWS::CloudWatch::Alarm").values()
    (widget,) = (
        candidate
        for candidate in written("pipeline_health")["widgets"]
        if candidate["type"] == "alarm"
    )
    names = [arn.removeprefix(WRITTEN_ALARMS) for arn in widget["properties"]["alarms"]]
    assert sorted(names) == sorted(
        alarm["AlarmName"]
        for alarm in found
        if alarm["AlarmName"].startswith("BedrockMeter-Health-")
    )


@pytest.mark.parametrize(
    ("region", "console"),
    [
        ("eu-west-1", "https://eu-west-1.console.aws.amazon.com/"),
        ("us-gov-west-1", "https://us-gov-west-1.console.amazonaws-us-gov.com/"),
        ("cn-north-1", "https://cn-north-1.console.amazonaws.cn/"),
    ],
)
def test_links_lead_to_the_console_of_the_partition(region: str, console: str) -> None:
    assert dashboard_url("usage_overview", region).startswith(console)
    body = deployed("usage_overview", replace(NAMES_THERE, region=region))
    links = re.findall(r"https://[^/]*/", body["widgets"][0]["properties"]["markdown"])
    assert {link for link in links if "console" in link} == {console}
