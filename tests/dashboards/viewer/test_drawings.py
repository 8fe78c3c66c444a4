"""Each widget is drawn from its JSON as CloudWatch would show it."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from cdk.components.dashboards import FOLDER
from cdk.config import Config
from dashboards.reports.log_metrics import LogMetrics
from dashboards.viewer.bodies import UnknownBodyError, read_bodies, read_body
from dashboards.viewer.dashboard_session import RANGES, DashboardSession, NoSuchViewError
from dashboards.viewer.drawings import Source, draw
from dashboards.viewer.time_ranges import TimeRange, list_months, parse_length, until
from dashboards.viewer.value_formats import ValueFormat, choose_formats
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.ledger import LedgerChange
from tests.builders import SONNET_4, usage_record
from tests.dashboards.cloudwatch.figures import InMemoryMetrics, metric

NOON = datetime(2026, 9, 8, 12, tzinfo=UTC)
LAST_DAY = until(NOON, timedelta(days=1))
ANA, BEN = (f"arn:aws:iam::111122223333:user/{name}" for name in ("ana", "ben"))
HOSTILE = 'arn:aws:iam::111122223333:user/<script>alert("1")</script>'


def make_source(*calls: tuple[timedelta, str, int]) -> Source:
    metrics = LogMetrics(NOON, Config())
    metrics.apply(
        [
            LedgerChange(
                usage_record(
                    request_id=str(number),
                    timestamp=NOON - ago,
                    identity_arn=arn,
                    tokens=TokenCounts(tokens, 0),
                )
            )
            for number, (ago, arn, tokens) in enumerate(calls)
        ]
    )
    return Source("some logs", metrics, lambda: NOON, frozenset({"BedrockMeter"}))


CALLS = make_source(
    (timedelta(minutes=30), ANA, 10),
    (timedelta(minutes=90), ANA, 5),
    (timedelta(minutes=30), BEN, 100),
    (timedelta(days=10), BEN, 40),
)


def widget(**properties: Any) -> dict[str, Any]:
    place = {"x": 0, "y": 0, "width": 6, "height": 6}
    return {"type": "metric", **place, "properties": {"stat": "Sum", "period": 3600} | properties}


def drawn(source: Source = CALLS, shown: TimeRange = LAST_DAY, **properties: Any) -> dict[str, Any]:
    (drawing,) = draw([widget(**properties)], source, shown)
    return drawing


def test_a_line_has_a_value_for_each_period_shown() -> None:
    graph = drawn(metrics=[["BedrockMeter", "InputTokens"]])
    (series,) = graph["series"]
    assert series["values"] == (*[None] * 22, 5, 110)
    assert graph["start"] == (NOON - timedelta(days=1)).timestamp() * 1000
    assert graph["step"] == 3_600_000


def test_what_is_left_of_a_budget_is_drawn_under_its_name_also_below_zero() -> None:
    (burn_down,) = (
        widget["properties"]
        for widget in json.loads((FOLDER / "cost.json").read_text())["widgets"]
        if widget.get("id") == "budgets-left"
    )
    used = {"chat": 30.0, "support": 120.0}
    metrics = InMemoryMetrics(
        {metric("BudgetUsed", Budget=name): [percent] for name, percent in used.items()}
    )
    graph = drawn(Source("a deployment", metrics, lambda: NOON), LAST_DAY, **burn_down)
    left = {series["label"]: series["values"][-1] for series in graph["series"]}
    assert left == {"chat": 70, "support": -20, "Nothing left": 0}
    assert {series["format"] for series in graph["series"]} == {ValueFormat.PERCENT}


def test_a_number_is_the_last_value_or_the_value_of_the_whole_range() -> None:
    metrics = [["BedrockMeter", "InputTokens", "IdentityArn", ANA, {"label": "Ana"}]]
    (last,) = drawn(view="singleValue", metrics=metrics)["series"]
    assert (last["label"], last["value"], last["values"]) == ("Ana", 10, ())
    whole = drawn(view="singleValue", setPeriodToTimeRange=True, sparkline=True, metrics=metrics)
    (series,) = whole["series"]
    assert series["value"] == 15
    assert series["values"] == (*[None] * 22, 5, 10)


def test_a_widget_can_have_its_time_range() -> None:
    metrics = [["BedrockMeter", "InputTokens"]]
    (series,) = drawn(
        view="singleValue", start="-P14D", setPeriodToTimeRange=True, metrics=metrics
    )["series"]
    assert series["value"] == 155


def test_each_series_of_a_search_is_labeled_by_its_dimension() -> None:
    search = "SEARCH('{BedrockMeter,IdentityArn} MetricName=\"InputTokens\"', 'Sum')"
    row = {
        "id": "e1",
        "expression": f"SORT({search}, SUM, DESC)",
        "label": "${PROP('Dim.IdentityArn')}",
    }
    found = drawn(view="bar", setPeriodToTimeRange=True, metrics=[[row]])["series"]
    assert [(series["name"], series["label"], series["value"]) for series in found] == [
        (BEN, "ben", 100),
        (ANA, "ana", 15),
    ]


def test_a_label_can_contain_the_label_of_each_series() -> None:
    query = (
        'SELECT SUM(InputTokens) FROM SCHEMA("BedrockMeter", IdentityArn)'
        " GROUP BY IdentityArn ORDER BY SUM() DESC"
    )
    row = {"id": "e1", "expression": query, "label": "Tokens: ${LABEL}"}
    found = drawn(metrics=[[row]])["series"]
    assert [series["name"] for series in found] == [f"Tokens: {BEN}", f"Tokens: {ANA}"]


def test_hidden_metrics_are_evaluated_and_not_drawn() -> None:
    found = drawn(
        view="singleValue",
        metrics=[
            ["BedrockMeter", "InputTokens", {"id": "m1", "visible": False}],
            [{"id": "e1", "expression": "m1 / 2", "label": "Half", "color": "#123456"}],
        ],
    )["series"]
    assert [(series["label"], series["value"], series["color"]) for series in found] == [
        ("Half", 55, "#123456")
    ]


@pytest.mark.parametrize(
    ("models", "labels"),
    [
        (["anthropic.claude-sonnet-4-20250514-v1:0"], ["claude-sonnet-4"]),
        (["openai.gpt-oss-120b-1:0", "cohere.embed-english-v3"], ["gpt-oss-120b", "embed-english"]),
        (["amazon.nova-lite-v1:0", "amazon.nova-lite-v2:0"], None),
        (["application-inference-profile/p24qm5pye2qr"], ["profile p24qm5pye2qr"]),
    ],
)
def test_a_model_is_shown_by_its_short_name_if_unambiguous(
    models: list[str], labels: list[str] | None
) -> None:
    rows = [["BedrockMeter", "InputTokens", {"label": model}] for model in models]
    found = drawn(metrics=rows)["series"]
    assert [series["label"] for series in found] == (labels or models)
    assert [series["name"] for series in found] == models


def test_thresholds_and_units_are_drawn_as_configured() -> None:
    lines = [{"label": "Warning", "value": 7, "color": "#ff9900"}]
    graph = drawn(
        metrics=[["BedrockMeter", "InputTokens"]],
        annotations={"horizontal": lines},
        yAxis={"left": {"label": "Tokens"}, "right": {"label": "Calls"}},
    )
    assert (graph["thresholds"], graph["unit"], graph["rightUnit"]) == (lines, "Tokens", "Calls")


@pytest.mark.parametrize(
    ("metric", "message"),
    [
        (["BedrockMeter", "OutputTokens", "IdentityArn", "unknown"], "none"),
        (["AWS/Bedrock", "Invocations"], "AWS/Bedrock is not in some logs: a deployment shows it."),
        (
            [{"id": "e1", "expression": "SEARCH('{AWS/Lambda,F} MetricName=\"X\"', 'Sum', 3600)"}],
            "AWS/Lambda is not in some logs: a deployment shows it.",
        ),
    ],
)
def test_an_empty_widget_shows_the_reason(metric: list[Any], message: str) -> None:
    assert drawn(metrics=[metric])["message"] == message


def test_an_unsupported_expression_is_reported_in_its_widget() -> None:
    graph = drawn(metrics=[[{"id": "e1", "expression": "RATE(m1)"}]])
    assert graph["message"] == "This cannot be evaluated here: RATE(m1)"


@pytest.mark.parametrize(
    "properties",
    [
        {"view": "gauge", "metrics": []},
        {"metrics": [], "color": "red"},
        {"metrics": [["BedrockMeter", "InputTokens", {"hue": "red"}]]},
        {"metrics": [["BedrockMeter", "InputTokens"], [".", "OutputTokens"]]},
        {"metrics": [], "start": "yesterday"},
    ],
)
def test_unsupported_widgets_are_refused(properties: dict[str, Any]) -> None:
    with pytest.raises(UnknownBodyError):
        drawn(**properties)


def test_text_is_markdown_without_html_and_links_stay_on_the_page() -> None:
    url = "https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#dashboards/dashboard"
    markdown = f"# Hello\n<script>\n\n[One]({url}/BedrockMeter-IdentityDetail-eu-west-1)"
    text = {**widget(), "type": "text", "properties": {"markdown": markdown}}
    (drawing,) = draw([text], CALLS, LAST_DAY)
    assert "<h1>Hello</h1>" in drawing["html"]
    assert "<script>" not in drawing["html"]
    assert 'href="#identity_detail"' in drawing["html"]


def test_an_alarm_widget_shows_the_states_of_its_alarms() -> None:
    arns = [f"arn:aws:cloudwatch:us-east-1:111122223333:alarm:{name}" for name in ("one", "two")]
    alarms = {**widget(), "type": "alarm", "properties": {"title": "Alarms", "alarms": arns}}
    deployed = Source("it", CALLS.metrics, lambda: NOON, alarm_states=lambda _: {"one": "OK"})
    (drawing,) = draw([alarms], deployed, LAST_DAY)
    assert drawing["alarms"] == [
        {"name": "one", "state": "OK"},
        {"name": "two", "state": "NOT DEPLOYED"},
    ]
    (without,) = draw([alarms], CALLS, LAST_DAY)
    assert without["message"] == "Alarms are there where the meter is deployed."


def test_alarms_that_are_on_come_first_where_the_widget_asks_for_it() -> None:
    states = {"a": "OK", "b": "INSUFFICIENT_DATA", "c": "ALARM", "d": "OK"}
    properties: dict[str, Any] = {
        "title": "Alarms",
        "sortBy": "stateUpdatedTimestamp",
        "alarms": [f"arn:aws:cloudwatch:us-east-1:111122223333:alarm:{name}" for name in "eabcd"],
    }
    source = Source("it", CALLS.metrics, lambda: NOON, alarm_states=lambda _: states)
    (drawing,) = draw([{**widget(), "type": "alarm", "properties": properties}], source, LAST_DAY)
    assert "".join(alarm["name"] for alarm in drawing["alarms"]) == "cbade"


def test_an_anomaly_band_is_reported_as_drawn_only_by_cloudwatch() -> None:
    band = {"expression": "ANOMALY_DETECTION_BAND(m1, 3)", "id": "band"}
    graph = drawn(metrics=[["BedrockMeter", "InputTokens", {"id": "m1"}], [band]])
    assert [series["name"] for series in graph["series"]] == ["InputTokens"]
    assert "CloudWatch also draws the expected range" in graph["note"]
    assert "note" not in drawn(metrics=[["BedrockMeter", "InputTokens"]])


def test_a_log_query_widget_says_where_it_runs_and_others_are_refused() -> None:
    (drawing,) = draw([{**widget(), "type": "log"}], CALLS, LAST_DAY)
    assert "runs on AWS alone" in drawing["message"]
    with pytest.raises(UnknownBodyError, match="explorer"):
        draw([{**widget(), "type": "explorer"}], CALLS, LAST_DAY)


@pytest.mark.parametrize(
    ("text", "length"),
    [("-PT3H", timedelta(hours=3)), ("-P7D", timedelta(days=7)), ("-PT90M", timedelta(minutes=90))],
)
def test_a_start_is_relative(text: str, length: timedelta) -> None:
    assert parse_length(text) == length
    assert until(NOON, length).seconds == length.total_seconds()


def test_a_range_ends_with_the_current_period() -> None:
    late = NOON + timedelta(minutes=3, seconds=20)
    assert until(late, timedelta(hours=1)).end == NOON + timedelta(minutes=4)
    assert until(late, timedelta(weeks=1)).end == NOON + timedelta(hours=1)


@pytest.mark.parametrize("chosen_range", RANGES)
@pytest.mark.parametrize("dashboard", read_bodies(Config()))
def test_every_widget_of_every_dashboard_can_be_drawn(dashboard: str, chosen_range: str) -> None:
    session = DashboardSession.from_source(replace(CALLS, namespaces=frozenset()))
    for choice in session.choices(dashboard) or [""]:
        widgets = session.view(dashboard, choice, chosen_range)["widgets"]
        assert not [
            drawing for drawing in widgets if "cannot be evaluated" in drawing.get("message", "")
        ]
        assert json.dumps(widgets)


@pytest.mark.parametrize(
    ("ago", "first"),
    [
        (None, "1w"),
        (timedelta(minutes=5), "1d"),
        (timedelta(days=3), "1w"),
        (timedelta(days=10), "2w"),
        (timedelta(days=99), "all"),
    ],
)
def test_the_default_range_shows_all_data(ago: timedelta | None, first: str) -> None:
    since = None if ago is None else NOON - ago
    assert DashboardSession.from_source(replace(CALLS, since=since)).outline()["range"] == first


def test_the_choices_of_a_dashboard_are_the_existing_identities() -> None:
    session = DashboardSession.from_source(CALLS)
    assert session.choices("identity_detail") == [ANA, BEN]
    assert session.choices("usage_overview") == []
    for choice, tokens in ((ANA, 15), (BEN, 100)):
        assert show_today(session, choice) == tokens


def show_today(session: DashboardSession, identity: str) -> float:
    """The quota tokens that the page of an identity shows for the current day."""
    widgets = session.view("identity_detail", identity, "1d")["widgets"]
    title = "Quota tokens per day, last 14 days"
    (graph,) = (drawing for drawing in widgets if drawing["title"] == title)
    value: float = graph["series"][0]["value"]
    return value


def test_a_hostile_name_does_not_break_a_body() -> None:
    session = DashboardSession.from_source(make_source((timedelta(minutes=5), HOSTILE, 7)))
    assert show_today(session, HOSTILE) == 7


@pytest.mark.parametrize(
    "asked",
    [("nothing", "", "1d"), ("usage_overview", "", "9y"), ("identity_detail", "unknown", "1d")],
)
def test_a_missing_view_is_named(asked: tuple[str, str, str]) -> None:
    with pytest.raises(NoSuchViewError):
        DashboardSession.from_source(CALLS).view(*asked)


@pytest.mark.parametrize(
    "body",
    [
        {"widgets": [], "end": "2026"},
        {"widgets": [], "variables": [{"type": "property"}]},
        {"widgets": [], "variables": [{}, {}]},
    ],
)
def test_an_unsupported_body_is_refused(body: dict[str, Any]) -> None:
    with pytest.raises(UnknownBodyError, match="mine"):
        read_body("mine", json.dumps(body))


def test_months_and_all_data_can_be_chosen_where_the_start_is_known() -> None:
    since = datetime(2026, 7, 31, 23, 30, tzinfo=UTC)
    session = DashboardSession.from_source(replace(CALLS, since=since))
    chosen = {key: label for key, (label, _) in session.ranges().items() if key not in RANGES}
    assert chosen == {
        "2026-09": "September 2026",
        "2026-08": "August 2026",
        "2026-07": "July 2026",
        "all": "All data: 2026-07-31 to 2026-09-08",
    }
    ranges = {key: shown for key, (_, shown) in session.ranges().items()}
    september = datetime(2026, 9, 1, tzinfo=UTC)
    assert ranges["2026-08"] == TimeRange(datetime(2026, 8, 1, tzinfo=UTC), september)
    assert ranges["2026-09"] == TimeRange(september, NOON)
    assert ranges["all"] == TimeRange(datetime(2026, 7, 31, tzinfo=UTC), NOON)
    title = "Totals for the selected time"
    for key, calls in (("2026-09", 3), ("2026-08", 1), ("all", 4), ("2026-07", None)):
        widgets = session.view("usage_overview", "", key)["widgets"]
        (totals,) = (drawing for drawing in widgets if drawing["title"] == title)
        assert {series["label"]: series["value"] for series in totals["series"]}["Calls"] == calls
    assert "all" not in DashboardSession.from_source(CALLS).ranges()


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        ("2024-02-01", "2024-03-01", ["2024-02"]),
        ("2024-02-29", "2024-03-02", ["2024-03", "2024-02"]),
        ("2025-12-31", "2026-01-01", ["2025-12"]),
        ("2025-11-30", "2026-01-02", ["2026-01", "2025-12", "2025-11"]),
    ],
)
def test_months_cover_the_time_without_gaps(first: str, last: str, months: list[str]) -> None:
    since, end = (datetime.fromisoformat(f"{day}T00:00:00Z") for day in (first, last))
    found = list_months(since, end)
    assert list(found) == months
    ranges = list(found.values())
    assert ranges[0].end == end
    assert ranges[-1].start <= since
    assert all(later.start == earlier.end for later, earlier in pairwise(ranges))


@pytest.mark.parametrize(
    ("days", "period", "lengthened"),
    [(6, 60, 60), (15, 300, 86_400), (31, 3600, 86_400), (92, 86_400, 86_400)],
)
def test_long_ranges_have_longer_periods(days: int, period: int, lengthened: int) -> None:
    shown = until(NOON, timedelta(days=days))
    assert shown.lengthen(period) == lengthened
    graph = drawn(shown=shown, metrics=[["BedrockMeter", "InputTokens"]], period=period)
    assert graph["step"] == lengthened * 1000
    assert ("Viewer only: a point for every" in graph.get("note", "")) is (lengthened != period)


def test_a_ranking_of_the_last_days_follows_a_month_and_says_so() -> None:
    august = list_months(NOON - timedelta(days=30), NOON)["2026-08"]
    ranking: dict[str, Any] = {
        "view": "bar",
        "title": "Tokens, last 28 days",
        "start": "-P28D",
        "setPeriodToTimeRange": True,
        "metrics": [["BedrockMeter", "InputTokens"]],
    }
    of_month = drawn(shown=august, **ranking)
    assert of_month["title"] == "Tokens, August 2026"
    assert [series["value"] for series in of_month["series"]] == [40]
    of_day = drawn(**ranking)
    assert of_day["title"] == "Tokens, last 28 days"
    assert [series["value"] for series in of_day["series"]] == [155]


def test_formulas_of_their_own_days_end_with_a_month_and_say_so() -> None:
    august = list_months(NOON - timedelta(days=30), NOON)["2026-08"]
    properties: dict[str, Any] = {
        "title": "By day",
        "start": "-P2D",
        "metrics": [["BedrockMeter", "InputTokens"]],
    }
    of_month = drawn(shown=august, **properties)
    assert (len(of_month["series"][0]["values"]), of_month["title"]) == (48, "By day")
    assert of_month["note"] == "Viewer only: as of 2026-09-01 00:00 UTC."
    assert "note" not in drawn(**properties)


def test_a_period_is_open_until_its_end_has_come() -> None:
    metrics = [["BedrockMeter", "InputTokens"]]
    assert "open" not in drawn(metrics=metrics)
    later = NOON + timedelta(minutes=1)
    source = replace(CALLS, now=lambda: later)
    assert drawn(source, until(later, timedelta(days=1)), metrics=metrics)["open"]


COST: list[Any] = ["BedrockMeter", "EstimatedCostUSD", {"id": "m1", "visible": False}]
TOKENS: list[Any] = ["BedrockMeter", "InputTokens", {"id": "m2", "visible": False}]


def formula(text: str, **options: str) -> list[dict[str, str]]:
    return [{"expression": text, "id": "e1", "label": "shown"} | options]


@pytest.mark.parametrize(
    ("rows", "axis", "kind"),
    [
        ([["BedrockMeter", "EstimatedCostUSD"]], "", "money"),
        ([["BedrockMeter", "InputTokens"]], "", "number"),
        ([["BedrockMeter", "InputTokens", {"label": "USD, %"}]], "", "number"),
        ([["BedrockMeter", "InvocationLatency"]], "", "duration"),
        ([["BedrockMeter", "InputTokens"]], "US dollars", "money"),
        ([["BedrockMeter", "EstimatedCostUSD"]], "Percent", "percent"),
        ([COST, TOKENS, formula("1000 * m1 / m2")], "", "money"),
        ([COST, TOKENS, formula("100 * m1 / m2")], "", "percent"),
        ([COST, TOKENS, formula("TIME_SERIES(100 * MAX(m1) / 50)")], "", "percent"),
        ([COST, TOKENS, formula("FILL(m2, 0) / m2")], "", "number"),
        ([COST, formula("FILL(m1, 0)", id="f1", label="USD"), formula("f1 / 2")], "", "money"),
        ([COST, TOKENS, formula("0.3 * m2", id="usd1")], "", "money"),
    ],
)
def test_money_and_percent_follow_from_the_axis_and_from_the_metrics_that_are_read(
    rows: list[Any], axis: str, kind: str
) -> None:
    assert choose_formats(rows, axis)[-1] == kind


def test_a_series_has_the_format_of_its_row() -> None:
    found = drawn(metrics=[["BedrockMeter", "InputTokens"], TOKENS, formula("100 * m2 / m2")])
    assert [series["format"] for series in found["series"]] == ["number", "percent"]


@pytest.mark.parametrize("chosen_range", ["1d", "2026-08", "all"])
@pytest.mark.parametrize("dashboard", read_bodies(Config()))
def test_other_titles_and_labels_change_no_drawing(dashboard: str, chosen_range: str) -> None:
    source = replace(CALLS, namespaces=frozenset(), since=NOON - timedelta(days=40))
    session = DashboardSession.from_source(source)
    shown = session.ranges()[chosen_range][1]
    widgets = session.bodies[dashboard].widgets(next(iter(session.choices(dashboard)), None))
    metrics = [each for each in widgets if each["type"] == "metric"]
    for one, other in zip(
        draw(metrics, source, shown), draw(list(map(rename, metrics)), source, shown), strict=True
    ):
        texts = {"title", "note"}
        assert without_names(one, texts) == without_names(other, texts), one["title"]


def rename(widget: dict[str, Any]) -> dict[str, Any]:
    """Give a widget another title, and its rows other labels."""
    properties = widget["properties"]
    metrics = [
        [*row[:-1], row[-1] | ({"label": f"Row {place}"} if "label" in row[-1] else {})]
        for place, row in enumerate(properties["metrics"])
    ]
    return {**widget, "properties": {**properties, "title": "Renamed", "metrics": metrics}}


def without_names(drawing: dict[str, Any], texts: set[str]) -> dict[str, Any]:
    """Leave out the texts of a drawing and the names of its series."""
    series = [
        {key: value for key, value in each.items() if key not in {"name", "label", "subject"}}
        for each in drawing["series"]
    ]
    others = {key: value for key, value in drawing.items() if key not in texts}
    return others | {"series": series}


def test_a_ranking_whose_title_names_no_days_has_a_note_of_its_month() -> None:
    august = list_months(NOON - timedelta(days=30), NOON)["2026-08"]
    ranking: dict[str, Any] = {
        "view": "bar",
        "title": "Tokens",
        "start": "-P28D",
        "setPeriodToTimeRange": True,
        "metrics": [["BedrockMeter", "InputTokens"]],
    }
    of_month = drawn(shown=august, **ranking)
    assert [series["value"] for series in of_month["series"]] == [40]
    assert (of_month["title"], of_month["note"]) == ("Tokens", "Viewer only: August 2026.")
    assert "note" not in drawn(**ranking)


def test_the_first_choice_costs_most_and_without_costs_is_used_most() -> None:
    session = DashboardSession.from_source(CALLS)
    assert session.largest("identity_detail", 2) == [BEN, ANA]
    metrics = LogMetrics(NOON, Config())
    calls = [
        ("cheap", "amazon.nova-lite-v1:0", 900),
        ("dear", SONNET_4, 500),
        ("free", "no.price", 9_000),
    ]
    metrics.apply(
        [
            LedgerChange(
                usage_record(
                    request_id=name,
                    timestamp=NOON - timedelta(hours=1),
                    identity_arn=name,
                    model_id=model,
                    tokens=TokenCounts(tokens, 0),
                )
            )
            for name, model, tokens in calls
        ]
    )
    priced = DashboardSession.from_source(replace(CALLS, metrics=metrics))
    assert priced.largest("identity_detail", 3) == ["dear", "cheap", "free"]
    assert priced.largest("usage_overview", 3) == []
