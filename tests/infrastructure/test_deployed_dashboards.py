"""The deployed dashboards equal the files in `dashboards/`, but for names, thresholds and links."""

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from cdk.alarms.health_checks import checks
from cdk.alarms.price_checks import price_list_checks
from cdk.alarms.scheduled_functions import SLOW_RUN_MILLISECONDS, STARTS_GRAPH
from cdk.alarms.thresholds import alarm_thresholds
from cdk.components.dashboards import (
    BUDGET_EVALUATOR,
    FOLDER,
    NAMES,
    NAMES_AS_WRITTEN,
    WRITTEN_ALARMS,
    WRITTEN_FOR,
    DeployedNames,
    choose_budget_dashboard,
    dashboard_body,
    dashboard_url,
    deployed_dashboards,
)
from cdk.components.health_lines import list_health_lines
from cdk.components.threshold_graphs import LIMIT, MAX_SHOWN
from cdk.config import Config, stack_names
from dashboards.cloudwatch import Metric
from dashboards.viewer.bodies import read_bodies
from dashboards.viewer.drawings import Source, draw
from dashboards.viewer.time_ranges import until
from tests.dashboards.cloudwatch.figures import NOON, InMemoryMetrics, metric
from tests.dashboards.test_dashboards import (
    MAX_IDENTITIES,
    MAX_MODELS,
    SEARCH,
    find_repeated_curves,
)
from tests.infrastructure.synthesis import CONFIGURATIONS, deployment, resources

REGION = "eu-west-1"
DAY = timedelta(days=1)
NAMES_THERE = DeployedNames(
    region=REGION,
    alarms="arn:aws:cloudwatch:eu-west-1:999988887777:alarm:",
    log_group="/audit/us-east-1/bedrock",  # in which no Region is to be replaced
    stream_mapping="99999999-8888-7777-6666-555555555555",
    limits_table="Storage-Limits1A2B",
)
ALL = {
    "extra_dashboards": ["model_comparison", "cost", "throttling"],
    "governance": True,
    "gateway": True,
    "credits": True,
}
TOKENS_GRAPHS = {"Account: quota tokens per hour", "Account: total tokens per hour"}
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
        config=config,
        health_lines=list_health_lines(),
    )


def bands_in(body: dict[str, Any]) -> dict[str, str]:
    """The anomaly band of each graph that has one, by its title."""
    return {
        widget["properties"]["title"]: row[0]["expression"]
        for widget in body["widgets"]
        for row in widget["properties"].get("metrics", [])
        if "ANOMALY" in str(row[0])
    }


def percentages_in(body: dict[str, Any]) -> dict[str, list[str]]:
    """The labels of each graph of percentages but for the line of 100%, by its title."""
    return {
        widget["properties"]["title"]: [
            row[-1]["label"]
            for row in widget["properties"]["metrics"]
            if row[-1].get("label", LIMIT) != LIMIT
        ]
        for widget in body["widgets"]
        if "threshold" in widget["properties"].get("title", "")
    }


@each_dashboard
def test_a_file_is_deployed_unchanged_with_default_settings_and_names(file: str) -> None:
    assert deployed(file, NAMES_AS_WRITTEN, **ALL) == written(file)


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_the_preview_draws_the_bodies_of_the_deployment(configuration: str) -> None:
    """The lines of health alarms, which a deployment takes from the alarms, are those it draws."""
    config = Config.from_context(CONFIGURATIONS[configuration])
    for name, body in read_bodies(config).items():
        assert json.loads(body.text) == dashboard_body(
            name,
            names=NAMES_AS_WRITTEN,
            deployed=[*NAMES],
            config=config,
            health_lines=list_health_lines(),
        )


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
    assert [kept for kept in left["widgets"] if not is_of_thresholds(kept)] == [
        kept for kept in right["widgets"] if not is_of_thresholds(kept)
    ]


def is_of_thresholds(widget: dict[str, Any]) -> bool:
    title = widget["properties"].get("title", "")
    return title == "Usage alarms" or "threshold" in title or title in TOKENS_GRAPHS


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


def _list_drawn(graph: dict[str, Any]) -> set[tuple[str, ...]]:
    """The expressions of a graph, and the namespace, name and statistic of its metrics."""
    drawn: set[tuple[str, ...]] = set()
    for row in graph["metrics"]:
        if isinstance(row[0], str):
            drawn.add((row[0], row[1], row[-1].get("stat", graph["stat"])))
            continue
        drawn.add((row[0]["expression"],))
        for found in SEARCH.finditer(row[0]["expression"]):
            drawn.add((found["schema"].partition(",")[0], found["metric"], found["stat"]))
    return drawn


def _list_watched(alarm: dict[str, Any]) -> set[tuple[str, ...]]:
    """The same of an alarm: its expressions and the metrics that they compute with."""
    if "MetricName" in alarm:
        return {(alarm["Namespace"], alarm["MetricName"], alarm["Statistic"])}
    expressions = {(query["Expression"],) for query in alarm["Metrics"] if "Expression" in query}
    stats = [query["MetricStat"] for query in alarm["Metrics"] if "MetricStat" in query]
    return expressions | {
        (stat["Metric"]["Namespace"], stat["Metric"]["MetricName"], stat["Stat"]) for stat in stats
    }


def _list_thresholds(graph: dict[str, Any]) -> list[float]:
    """The lines of a graph, or the thresholds that it shows its metric in percent of."""
    if graph.get("yAxis", {}).get("left", {}).get("label") == "Percent":
        return sorted({float(found) for found in re.findall(r"/ (\d+)", str(graph["metrics"]))})
    return [line["value"] for line in graph.get("annotations", {}).get("horizontal", [])]


def test_each_health_alarm_has_its_threshold_on_a_graph_of_its_metric() -> None:
    """The check uses the metrics of the template's alarms. A runbook has the query of slow runs."""
    drawn = [
        (widget["properties"], value)
        for widget in deployed("pipeline_health")["widgets"]
        for value in _list_thresholds(widget["properties"])
    ]
    alarms = resources(deployment().monitoring, "AWS::CloudWatch::Alarm").values()
    health = [
        candidate
        for candidate in alarms
        if candidate["AlarmName"].startswith("BedrockMeter-Health-")
    ]
    assert len(health) > 10
    for alarm in health:
        fitting = [
            graph
            for graph, value in drawn
            if value == alarm["Threshold"] and _list_watched(alarm) <= _list_drawn(graph)
        ]
        has_graph = alarm.get("MetricName") != "Duration"
        assert len(fitting) == has_graph, alarm["AlarmName"]


def test_the_query_of_a_runbook_is_a_widget_that_shows_slow_runs() -> None:
    text = (FOLDER.parent / "docs" / "runbooks" / "SlowReports.md").read_text(encoding="utf-8")
    (source,) = re.findall(r"```json\n(.*?)```", text, re.DOTALL)
    graph = json.loads(source)
    assert f"{SLOW_RUN_MILLISECONDS:,.0f} milliseconds" in text
    assert _list_drawn(graph) >= {("AWS/Lambda", "Duration", "Maximum")}
    (row,) = graph["metrics"]
    (found,) = SEARCH.finditer(row[0]["expression"])
    assert (found["stat"], int(found["period"])) == (graph["stat"], graph["period"])


def test_delays_are_shown_in_percent_of_the_alarm_and_history_does_not_flatten_them() -> None:
    """A batch of thirteen days ago, and then batches that take three minutes."""
    delay = Metric("BedrockMeter/Health", "MeteringDelay")
    figures = InMemoryMetrics({delay: [1_123_200.0, 180.0, 180.0]})
    source = Source("an account", figures, lambda: NOON)
    shown = draw(deployed("pipeline_health")["widgets"], source, until(NOON, timedelta(hours=3)))
    (graph,) = (drawing for drawing in shown if drawing["title"].startswith("Is it late?"))
    values = {tuple(filter(None, series["values"])) for series in graph["series"]}
    assert values == {(100, 2.5, 2.5), ()}  # the price list and the functions reported nothing
    assert graph["thresholds"] == []


def test_usage_is_shown_in_percent_of_each_threshold() -> None:
    overview = percentages_in(deployed("usage_overview", **CONFIGURATIONS["everything"]))
    assert overview == {
        "Account and models: highest hour, % of threshold": [
            "Highest model: % of 10,000,000 total tokens",
            "Account: % of 3 total tokens",
        ],
        "Identities: highest hour, % of threshold": [
            "Highest identity: % of 2,000,000 total tokens"
        ],
        "Percent of threshold, last 24 hours and last 7 days": [
            "Account: % of 1 total tokens per day",
            "arn:aws:iam::111122223333:role/app: % of 5 total tokens per week",
            "amazon.nova-lite-v1:0: % of 7 total tokens per day",
            "Account: % of $12.50 per day",
        ],
    }
    identity = percentages_in(deployed("identity_detail", **CONFIGURATIONS["everything"]))
    assert identity == {
        "Highest hour: % of threshold": [
            "Identity: % of 2,000,000 total tokens",
        ],
    }


@each_dashboard
@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_no_curve_is_drawn_twice_with_any_thresholds(file: str, configuration: str) -> None:
    widgets = deployed(file, **{**CONFIGURATIONS[configuration], **ALL})["widgets"]
    graphs = [widget["properties"] for widget in widgets if widget["type"] == "metric"]
    assert find_repeated_curves(graphs) == []


@each_dashboard
def test_cloudwatch_knows_every_key(file: str) -> None:
    for widget in deployed(file)["widgets"]:
        assert widget.keys() == {"type", "x", "y", "width", "height", "properties"}


def test_every_alarm_names_a_graph_of_the_dashboards() -> None:
    def ids(file: str) -> set[str]:
        body = json.loads((FOLDER / f"{file}.json").read_text())
        return {widget["id"] for widget in body["widgets"] if "id" in widget}

    alarmed = [*checks(), *price_list_checks()]
    assert {check.graph for check in alarmed} | {STARTS_GRAPH} == ids("pipeline_health")


@pytest.mark.parametrize("configuration", CONFIGURATIONS)
def test_each_subject_has_the_percentage_of_its_lowest_threshold(configuration: str) -> None:
    labels = [
        label
        for of_graph in percentages_in(
            deployed("usage_overview", **CONFIGURATIONS[configuration])
        ).values()
        for label in of_graph
    ]
    thresholds = alarm_thresholds(Config.from_context(CONFIGURATIONS[configuration]))
    lowest: dict[tuple[Any, ...], Any] = {}
    for threshold in thresholds:
        key = (threshold.metric_name, threshold.subject, threshold.window)
        lowest[key] = min(threshold.value, lowest.get(key, threshold.value))
    assert len(labels) == len(lowest)
    for value in lowest.values():
        assert any(f" {value:,} " in f"{label} ".replace("$", "") for label in labels)


def test_percentages_are_evaluated_from_amounts() -> None:
    """The highest hours of the account, of its highest model and of an identity."""
    figures = InMemoryMetrics(
        {
            metric("QuotaTokens"): [2_500_000, 9],
            metric("EstimatedCostUSD"): [5, 0.1],
            metric("QuotaTokens", ModelId="small"): [500_000, 9],
            metric("QuotaTokens", ModelId="large"): [2_000_000, 0],
            metric("QuotaTokens", IdentityArn="ana"): [250_000, 9],
        }
    )
    source = Source("an account", figures, lambda: NOON - timedelta(minutes=1))
    shown = draw(deployed("usage_overview")["widgets"], source, until(NOON, timedelta(hours=2)))
    values = {
        series["name"]: series["value"]
        for drawing in shown
        if "% of threshold" in drawing["title"]
        for series in drawing["series"]
    }
    assert values == {
        "Account: % of 10,000,000 quota tokens": 25,
        "Account: % of $50": 10,
        "Highest model: % of 10,000,000 quota tokens": 20,
        "Highest identity: % of 1,000,000 quota tokens": 25,
    }


@pytest.mark.parametrize(("tokens", "line"), [(499_999, None), (500_000, 100), (2_000_000, 100)])
def test_a_threshold_is_drawn_where_it_leaves_the_curve_readable(
    tokens: int, line: float | None
) -> None:
    ana = "arn:aws:iam::111122223333:user/ana"
    context: dict[str, Any] = {"named_identities": [{"identity": ana, "critical": 1_000_000}]}
    figures = InMemoryMetrics({metric("QuotaTokens", IdentityArn=ana): [tokens, 0]})
    source = Source("an account", figures, lambda: NOON - timedelta(minutes=1))
    widgets = deployed("usage_overview", **context)["widgets"]
    shown = draw(widgets, source, until(NOON, timedelta(hours=2)))
    (graph,) = (each for each in shown if each["title"].startswith("Named identities"))
    assert {series["name"]: series["value"] for series in graph["series"]}[LIMIT] == line


def test_thresholds_of_days_and_weeks_are_shown_for_sliding_windows() -> None:
    context: dict[str, Any] = {"account_thresholds": [{"window": "day", "critical": 1000}]}
    figures = InMemoryMetrics({metric("QuotaTokens"): [900, *[None] * 23, 300, 200]})
    source = Source("an account", figures, lambda: NOON)
    shown = draw(deployed("usage_overview", **context)["widgets"], source, until(NOON, DAY))
    (graph,) = (drawing for drawing in shown if "last 24 hours" in drawing["title"])
    assert [series["value"] for series in graph["series"]] == [50]


def _count_metrics(rows: list[list[Any]]) -> int:
    """Count the metrics that a widget reads; searches with the most series that can be found."""
    searched = re.findall(r"SEARCH\('\{[^,]+,(\w+)\}", str(rows).replace("\\", ""))
    most = [MAX_IDENTITIES if name == "IdentityArn" else MAX_MODELS for name in searched]
    return sum(most) + sum(isinstance(row[0], str) for row in rows)


@pytest.mark.parametrize("count", [3, 30, 300])
def test_many_named_thresholds_stay_within_the_limits_of_cloudwatch(count: int) -> None:
    context: dict[str, Any] = {
        "named_identities": [
            {
                "identity": f"arn:aws:iam::111122223333:user/u{number}",
                "window": window,
                "critical": 9,
            }
            for number in range(count)
            for window in ("hour", "day")
        ],
        "named_models": [
            {"model": f"amazon.model-{number}-v1:0", "critical": 9} for number in range(count)
        ],
    }
    widgets = deployed("usage_overview", **context)["widgets"]
    graphs = [widget["properties"] for widget in widgets if widget["type"] == "metric"]
    found = {graph["title"]: _count_metrics(graph["metrics"]) for graph in graphs}
    assert max(found.values()) <= 500
    assert sum(found.values()) <= 2500
    named = [graph for graph in graphs if graph["title"].startswith("Named")]
    lines = [row for graph in named for row in graph["metrics"] if "% of " in str(row[-1])]
    assert len(lines) == min(2 * count, MAX_SHOWN)
    assert all(("first 100 of 600" in graph["title"]) is (count == 300) for graph in named)
    bottoms = [widget["y"] + widget["height"] for widget in widgets]
    assert [widget["y"] for widget in widgets[-len(named) :]] == bottoms[-len(named) - 1 : -1]


@pytest.mark.parametrize("is_on", [False, True])
def test_graphs_of_budgets_are_deployed_only_where_governance_is_on(*, is_on: bool) -> None:
    body = dashboard_body(
        "cost",
        names=NAMES_THERE,
        deployed=["cost"],
        config=Config(),
        missing=() if is_on else (BUDGET_EVALUATOR,),
    )
    text = json.dumps(body)
    assert ("Budgets: used" in text) is ("BudgetForecastHigh" in text) is is_on
    assert ("100 - e1" in text) is is_on
    assert len(body["widgets"]) == len(written("cost")["widgets"]) - (0 if is_on else 2)


def test_a_deployment_with_governance_shows_budgets() -> None:
    names = {
        configuration: "BudgetForecastLow" in json.dumps(deployment(configuration).monitoring)
        for configuration in CONFIGURATIONS
    }
    assert names == {name: name == "everything" for name in CONFIGURATIONS}


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


@pytest.mark.parametrize(("context", "linked"), [({}, "usage_overview"), (ALL, "cost")])
def test_messages_of_budgets_link_the_dashboard_with_budgets_where_it_is_deployed(
    context: dict[str, Any], linked: str
) -> None:
    config = Config.from_context(context)
    assert choose_budget_dashboard(config) == linked
    assert linked in deployed_dashboards(config)


@each_dashboard
@pytest.mark.parametrize("context", [{}, ALL])
def test_links_lead_to_deployed_dashboards_of_the_same_region(
    file: str, context: dict[str, Any]
) -> None:
    text = deployed(file, **context)["widgets"][0]["properties"]["markdown"]
    there = deployed_dashboards(Config.from_context(context))
    others = [dashboard_url(name, REGION) for name in there if name != file]
    assert re.findall(r"\((https://[^)]+)\)", text) == others


@pytest.mark.parametrize("configuration", ["default", "everything", "adopting"])
def test_the_usage_alarms_of_the_overview_are_those_deployed(configuration: str) -> None:
    found = resources(deployment(configuration).monitoring, "AWS::CloudWatch::Alarm").values()
    (widget,) = (
        candidate
        for candidate in deployed("usage_overview", **CONFIGURATIONS[configuration])["widgets"]
        if candidate["type"] == "alarm"
    )
    names = [arn.removeprefix(NAMES_THERE.alarms) for arn in widget["properties"]["alarms"]]
    assert sorted(names) == sorted(
        alarm["AlarmName"] for alarm in found if "-Health-" not in alarm["AlarmName"]
    )


def test_the_health_alarms_of_a_dashboard_are_deployed() -> None:
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


@pytest.mark.parametrize(
    ("prefix", "of_policies", "of_operations"),
    [
        ("Team", "{Team/Gateway,Policy}", "{Team,Operation}"),
        ("Team-Meter", '{"Team-Meter/Gateway",Policy}', '{"Team-Meter",Operation}'),
    ],
)
def test_searches_of_the_gateway_have_the_name_of_the_deployment(
    prefix: str, of_policies: str, of_operations: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stack_names, "PREFIX", prefix)
    body = json.loads(NAMES_THERE.written_in((FOLDER / "gateway.json").read_text()))
    searches = [
        row[0]["expression"]
        for widget in body["widgets"]
        for row in widget["properties"].get("metrics", ())
        if "SEARCH" in str(row[0])
    ]
    found = {re.findall(r"SEARCH\('([^ ]+) ", search)[0] for search in searches}
    assert found == {of_policies, of_operations}
