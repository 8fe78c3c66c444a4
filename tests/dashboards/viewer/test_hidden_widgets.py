"""A source shows the widgets that it has something for."""

from dataclasses import replace
from typing import Any

from cdk.config import Config
from dashboards.viewer.bodies import read_bodies
from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.hidden_widgets import hide_missing
from tests.dashboards.viewer.test_drawings import CALLS, make_source


def graph(title: str, row: list[Any], x: int = 0, y: int = 0, width: int = 12) -> dict[str, Any]:
    place = {"x": x, "y": y, "width": width, "height": 6}
    return {"type": "metric", **place, "properties": {"title": title, "metrics": [row]}}


def search(namespace: str) -> list[Any]:
    return [{"expression": f"SEARCH('{{{namespace},ModelId}} MetricName=\"X\"', 'Sum')"}]


def test_widgets_of_other_namespaces_are_hidden_and_those_below_move_up() -> None:
    insights = [{"expression": 'SELECT MIN(X) FROM SCHEMA("AWS/Lambda", F) GROUP BY F'}]
    widgets = [
        graph("Hidden", ["AWS/Bedrock", "Invocations"]),
        graph("Right", ["BedrockMeter", "Invocations"], x=12),
        graph("Searched", search("AWS/Bedrock"), y=6),
        graph("Queried", insights, x=12, y=6),
        graph("Below", search("BedrockMeter"), y=12),
        graph("Computed", [{"expression": "TIME_SERIES(1)"}], x=12, y=12),
        {"type": "log", **dict.fromkeys(("x", "y", "width", "height"), 6)}
        | {"properties": {"title": "Query"}},
        {"type": "alarm", **dict.fromkeys(("x", "y", "width", "height"), 6)}
        | {"properties": {"title": "Alarms", "alarms": []}},
    ]
    shown, hidden = hide_missing(widgets, CALLS)
    assert hidden == ["Hidden", "Searched", "Queried", "Query", "Alarms"]
    places = {widget["properties"]["title"]: (widget["x"], widget["y"]) for widget in shown}
    assert places == {"Right": (0, 0), "Below": (0, 6), "Computed": (12, 6)}


def test_a_heading_without_widgets_is_hidden_with_them() -> None:
    batch = graph("Batch", ["BedrockMeter", "BatchInputTokens"], y=1)
    headings = [
        {
            "type": "text",
            "x": 0,
            "y": y,
            "width": 24,
            "height": 1,
            "properties": {"markdown": text},
        }
        for y, text in ((0, "## Batch"), (7, "## Calls"))
    ]
    calls = graph("Calls", ["BedrockMeter", "Invocations"], y=8)
    source = replace(CALLS, missing_metrics=frozenset({"BatchInputTokens"}))
    shown, hidden = hide_missing([headings[0], batch, headings[1], calls], source)
    assert hidden == ["Batch"]
    assert [widget["properties"] for widget in shown] == [
        headings[1]["properties"],
        calls["properties"],
    ]


def test_a_section_in_which_nothing_happened_is_hidden_and_those_below_move_up() -> None:
    """The page of log files without embedding models; without calls, all sections stay."""
    session = DashboardSession.from_source(CALLS)
    view = session.view("model_comparison", session.choices("model_comparison")[0], "1d")
    titles = [widget["title"] for widget in view["widgets"]]
    assert "Calls by model" in titles
    assert not [title for title in titles if title.startswith("Embedding")]
    assert not [widget for widget in view["widgets"] if "Embedding models" in str(widget)]
    assert "Embedding: calls" in view["hidden"]
    bottoms = {widget["y"] + widget["height"] for widget in view["widgets"]}
    assert all(widget["y"] in bottoms | {0} for widget in view["widgets"])
    empty = DashboardSession.from_source(make_source())
    assert "Embedding: calls" not in empty.view("model_comparison", "", "1d")["hidden"]


def test_a_source_of_any_namespace_hides_nothing() -> None:
    deployed = replace(CALLS, namespaces=frozenset(), alarm_states=lambda _: {})
    for name, body in read_bodies(Config()).items():
        assert hide_missing(body.widgets(), deployed) == (body.widgets(), []), name
    assert {*DashboardSession.from_source(deployed).bodies} == {*read_bodies(Config())}


def test_a_dashboard_of_what_log_files_do_not_have_is_left_out() -> None:
    shown = DashboardSession.from_source(CALLS).bodies
    assert "pipeline_health" not in shown
    assert {"usage_overview", "identity_detail", "cost"} <= shown.keys()


def test_a_local_cloud_hides_graphs_of_services_that_publish_no_metrics_there() -> None:
    """Empty, they would say that nothing happened."""
    there = frozenset({"BedrockMeter", "BedrockMeter/Health", "AWS/Bedrock"})
    local = replace(CALLS, namespaces=there, alarm_states=lambda _: {})
    view = DashboardSession.from_source(local).view("pipeline_health", "", "1d")
    assert "Which functions fail or are throttled?" in view["hidden"]
    titles = {widget["title"] for widget in view["widgets"]}
    assert {"Health alarms", "Is it late? % of the alarm's threshold"} <= titles
