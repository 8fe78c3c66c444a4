"""The dashboards are valid without changes, and show every metric of the catalog and no other."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import combinations
from typing import Any

import pytest

from cdk.components.dashboards import FOLDER, NAMES, WRITTEN_FOR, dashboard_url
from cdk.config import Window
from cdk.operations.billed_metrics import GOVERNANCE_METRICS
from cdk.operations.cost_items import GB_OF_A_FUNCTION, UnitPrices
from dashboards.viewer.value_formats import ValueFormat, choose_formats
from lambdas.domain.metrics.bedrock_metrics import (
    BEDROCK_MODEL_ID,
    BEDROCK_NAMESPACE,
    MANTLE_MODEL,
    MANTLE_NAMESPACE,
    MANTLE_PROJECT,
    BedrockMetric,
    MantleMetric,
)
from lambdas.domain.metrics.catalog import (
    BUDGET,
    BUDGET_METRICS,
    CREDIT_METRICS,
    CREDIT_SCOPE,
    GATEWAY_CALL_METRICS,
    GATEWAY_NAMESPACE,
    HEALTH_METRICS,
    HEALTH_NAMESPACE,
    LIMIT_METRICS,
    MODEL_ID,
    NAMESPACE,
    OPERATION,
    UNLOGGED_METRICS,
    USAGE_METRICS,
    Detail,
    DimensionSet,
    Frequency,
)

Shown = tuple[str, str, tuple[str, ...]]
each_dashboard = pytest.mark.parametrize("file", NAMES)
SEARCH = re.compile(
    r"SEARCH\('\{(?P<schema>[^}]+)\} MetricName=\"(?P<metric>\w+)\"[^']*',"
    r" '(?P<stat>\w+)'(?:, (?P<period>\d+))?\)"
)
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
METRIC_MATH = {
    *("ABS", "ANOMALY_DETECTION_BAND", "AVG", "CEIL", "DATAPOINT_COUNT", "DATE", "DAY", "DB_PERF"),
    *("DIFF", "DIFF_TIME", "EPOCH", "FILL", "FIRST", "FLOOR", "HOUR", "IF", "INSIGHT_RULE_METRIC"),
    *("LAMBDA", "LAST", "LOG", "LOG10", "MAX", "METRIC_COUNT", "METRICS", "MIN", "MINUTE", "MONTH"),
    *("PERIOD", "RATE", "REMOVE_EMPTY", "RUNNING_SUM", "SEARCH", "SERVICE_QUOTA", "SLICE", "SORT"),
    *("STDDEV", "SUM", "TIME_SERIES", "YEAR"),
}
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html
METRIC_PROPERTIES = {
    *("accountId", "annotations", "end", "labels", "legend", "liveData", "metrics", "period"),
    *("region", "setPeriodToTimeRange", "singleValueFullPrecision", "sparkline", "stacked"),
    *("start", "stat", "table", "timezone", "title", "view", "yAxis"),
}
ROW_PROPERTIES = {
    *("accountId", "color", "expression", "hidden", "id", "label", "period", "region", "stat"),
    *("visible", "yAxis"),
}
OPERATORS = {"AND", "OR"}
AMOUNTS = {"Tokens", "Tokens per minute", "Calls", "US dollars"}
CLOSED = re.compile(
    r"(?:100 \* )?(m\d+) / IF\(EPOCH\(\1\) < MAX\(EPOCH\(\1\)\) AND \1 >= 0, [\d.]+, 0\)$"
)
CLOSED_FAILURES = (
    "FILL(m2, 0) / IF(EPOCH(m2) < MAX(EPOCH(m2)) AND FILL(m1, 0) + FILL(m2, 0) > 0, 1, 0)"
)
"""Failed calls, which are 0 where there are calls and none of them failed."""
FULL = "(full detail)"
# A search finds what had data within two weeks: in the first half of a month, that of two months.
MAX_IDENTITIES = 2 * 248 + 1
MAX_MODELS = 20
GRID_COLUMNS = 24
RUNBOOKS = FOLDER.parent / "docs" / "runbooks"
MAX_SIZES = {
    "usage_overview": (20, 55),
    "identity_detail": (14, 34),
    "model_comparison": (18, 34),
    "cost": (16, 45),
    "throttling": (7, 18),
    "gateway": (13, 33),
    "credits": (6, 19),
    "pipeline_health": (14, 39),
}
"""The most widgets, and rows of the grid, of each dashboard: who adds one leaves one out."""


def body(file: str) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((FOLDER / f"{file}.json").read_text())
    return read


def graphs(file: str) -> list[dict[str, Any]]:
    return [widget["properties"] for widget in body(file)["widgets"] if widget["type"] == "metric"]


def shown(graph: dict[str, Any]) -> Iterator[Shown]:
    """Namespace, name and dimension names of what a graph shows."""
    for row in graph["metrics"]:
        if isinstance(row[0], dict):
            for match in SEARCH.finditer(row[0]["expression"]):
                namespace, *dimensions = match["schema"].split(",")
                yield namespace, match["metric"], tuple(dimensions)
        else:
            namespace, name, *rest = (part for part in row if isinstance(part, str))
            yield namespace, name, tuple(rest[::2])


def curves(graph: dict[str, Any]) -> Iterator[Shown | str]:
    """List what each line or bar is computed from, with metrics in the place of their ids.

    A line of one metric is that metric, also in percent of an amount.
    """
    texts: dict[str, str] = {}
    for row in graph["metrics"]:
        options = row[-1]
        if "expression" in options:
            text = re.sub(
                r"\b[a-z]\w*\b", lambda id_: texts.get(id_[0], id_[0]), options["expression"]
            )
        else:
            text = f"«{' '.join(map(str, row[:-1]))} {options.get('stat', graph['stat'])}»"
        if "id" in options:
            texts[options["id"]] = text
        if options.get("visible", True) and options.get("id") not in {"limit", "usual"}:
            metrics = set(re.findall(r"«[^»]*»", text))
            is_metric = len(metrics) == 1 and "SEARCH" not in text and graph["view"] == "timeSeries"
            yield metrics.pop() if is_metric else text


def find_repeated_curves(graphs: Iterable[dict[str, Any]]) -> list[str]:
    """Find what is drawn a second time, as a line, bar or slice of the same periods."""
    parts = ("period", "start", "setPeriodToTimeRange")
    drawn = Counter(
        f"{curve} {[graph.get(part) for part in parts]}"
        for graph in graphs
        if graph["view"] != "singleValue"
        for curve in curves(graph)
    )
    return [curve for curve, count in drawn.items() if count > 1]


def catalog(detail: Detail) -> set[Shown]:
    usage = {
        (NAMESPACE, metric.name, dimension_set.dimension_names)
        for metric in USAGE_METRICS
        for dimension_set, least in metric.detail_of.items()
        if least <= detail
    }
    unlogged = {
        (NAMESPACE, metric.name, dimensions)
        for metric in UNLOGGED_METRICS
        for dimensions in ((), (MODEL_ID,))
    }
    health = {(HEALTH_NAMESPACE, metric.name, ()) for metric in HEALTH_METRICS}
    budgets = {(NAMESPACE, metric.name, (BUDGET,)) for metric in BUDGET_METRICS}
    credits_ = {(NAMESPACE, metric.name, (CREDIT_SCOPE,)) for metric in CREDIT_METRICS}
    gateway = {(GATEWAY_NAMESPACE, metric.name, metric.dimension_names) for metric in LIMIT_METRICS}
    calls = {(NAMESPACE, metric.name, (OPERATION,)) for metric in GATEWAY_CALL_METRICS}
    return usage | unlogged | budgets | credits_ | health | gateway | calls


@each_dashboard
def test_every_meter_metric_on_a_dashboard_is_in_the_catalog(file: str) -> None:
    for graph in graphs(file):
        detail = Detail.FULL if graph["title"].endswith(FULL) else Detail.STANDARD
        for metric in shown(graph):
            if metric[0].startswith(NAMESPACE):
                assert metric in catalog(detail), graph["title"]


@each_dashboard
def test_every_bedrock_metric_on_a_dashboard_exists(file: str) -> None:
    dimensions_of = {
        BEDROCK_NAMESPACE: {(), (BEDROCK_MODEL_ID,)},
        MANTLE_NAMESPACE: {(), (MANTLE_MODEL,), (MANTLE_PROJECT,)},
    }
    names = {BEDROCK_NAMESPACE: {*BedrockMetric}, MANTLE_NAMESPACE: {*MantleMetric}}
    for graph in graphs(file):
        for namespace, name, dimensions in shown(graph):
            if namespace in names:
                assert name in names[namespace], graph["title"]
                assert dimensions in dimensions_of[namespace], graph["title"]


def test_every_metric_of_the_catalog_is_on_a_dashboard_or_in_a_runbook() -> None:
    on_them = {
        (metric[0], metric[1])
        for file in NAMES
        for graph in graphs(file)
        for metric in shown(graph)
    }
    pages = "".join(page.read_text(encoding="utf-8") for page in RUNBOOKS.glob("*.md"))
    left_out = {metric[:2] for metric in catalog(Detail.FULL)} - on_them
    assert all(f"`{name}`" in pages for _, name in left_out)
    assert {namespace for namespace, _ in left_out} <= {HEALTH_NAMESPACE}


@each_dashboard
def test_full_detail_is_mentioned_only_if_standard_detail_shows_nothing(file: str) -> None:
    for graph in graphs(file):
        if graph["title"].endswith(FULL):
            assert not set(shown(graph)) & catalog(Detail.STANDARD), graph["title"]


@each_dashboard
def test_a_body_has_the_required_cloudwatch_keys(file: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CloudWatch-Dashboard-Body-Structure.html"""
    dashboard = body(file)
    assert dashboard.keys() <= {"widgets", "variables", "periodOverride", "start"}
    assert dashboard["start"] == "-P1D"
    assert (
        dashboard["periodOverride"] == "inherit"
    )  # else a longer time range changes what a point sums
    assert 0 < len(dashboard["widgets"]) <= 500
    for widget in dashboard["widgets"]:
        assert widget.keys() - {"id"} == {"type", "x", "y", "width", "height", "properties"}
        assert 0 <= widget["x"] < widget["x"] + widget["width"] <= GRID_COLUMNS
        assert 1 <= widget["height"] <= 1000
        if widget["type"] == "text":
            assert widget["properties"].keys() == {"markdown"}
            continue
        if widget["type"] == "alarm":
            assert widget["properties"].keys() == {"title", "sortBy", "alarms"}
            assert widget["properties"]["sortBy"] == "stateUpdatedTimestamp"  # ALARM comes first
            assert 1 <= len(widget["properties"]["alarms"]) <= 100
            continue
        if widget["type"] == "log":
            assert widget["properties"].keys() == {"title", "region", "view", "query"}
            continue
        assert widget["type"] == "metric"
        graph = widget["properties"]
        assert graph.keys() <= METRIC_PROPERTIES
        for row in graph["metrics"]:
            assert row[-1].keys() <= ROW_PROPERTIES
        assert graph["region"] == WRITTEN_FOR
        assert graph["view"] in {"timeSeries", "singleValue", "bar", "pie"}
        assert graph["period"] % 60 == 0
        assert graph["stat"] in {"Sum", "Average", "Maximum", "SampleCount", "p50", "p99"}
        assert len(graph["metrics"]) <= 500
        if graph["view"] == "timeSeries":
            can_be_negative = "burn-down" in graph["title"]
            assert graph["yAxis"]["left"].get("min") == (None if can_be_negative else 0)
            assert graph["yAxis"]["left"]["label"]


@each_dashboard
def test_expressions_call_only_functions_that_cloudwatch_documents(file: str) -> None:
    for graph in graphs(file):
        for row in graph["metrics"]:
            expression = row[-1].get("expression", "")
            called = re.findall(r"([A-Z_0-9]+) *\(", re.sub(r"'[^']*'", "", expression))
            assert {*called} - OPERATORS <= METRIC_MATH, expression


@each_dashboard
def test_no_graph_has_periods_of_a_week(file: str) -> None:
    """CloudWatch's weeks begin on Thursday."""
    assert all(graph["period"] <= Window.DAY.seconds for graph in graphs(file))


@each_dashboard
def test_a_graph_of_sums_leaves_out_the_open_period_or_names_it(file: str) -> None:
    for graph in graphs(file):
        is_amount = graph.get("yAxis", {}).get("left", {}).get("label") in AMOUNTS
        is_percent = "% of threshold" in graph["title"]
        is_sum = graph["view"] == "timeSeries" and graph["stat"] == "Sum"
        if not (is_sum and (is_amount or is_percent)) or file == "pipeline_health":
            continue
        for row in graph["metrics"]:
            if row[-1].get("visible", True) and row[-1].get("id") not in {"limit", "usual"}:
                expression = row[-1].get("expression", "")
                is_closed = CLOSED.match(expression) or expression == CLOSED_FAILURES
                assert is_closed or "so far" in graph["title"], graph["title"]


@each_dashboard
def test_an_axis_is_of_dollars_if_its_lines_are_money(file: str) -> None:
    for graph in graphs(file):
        axis = graph.get("yAxis", {}).get("left", {}).get("label")
        if axis is not None and axis != "Count":  # of events; some read amounts
            by_metrics = zip(graph["metrics"], choose_formats(graph["metrics"], ""), strict=True)
            formats = {chosen for row, chosen in by_metrics if row[-1].get("visible", True)}
            assert (ValueFormat.MONEY in formats) is (axis == "US dollars"), graph["title"]


@each_dashboard
def test_no_threshold_is_drawn_on_a_graph_of_amounts(file: str) -> None:
    """On a count of faults, a line at the first one flattens nothing."""
    lines = [
        line
        for graph in graphs(file)
        if "annotations" in graph
        for line in graph["annotations"]["horizontal"]
    ]
    assert {line["value"] for line in lines} <= {1}
    assert bool(lines) is (file == "pipeline_health")


@each_dashboard
def test_a_line_in_percent_of_an_amount_has_it_in_its_label(file: str) -> None:
    """Labels name minutes or hours; expressions divide by the unit of the metric."""
    units = {"2 hours": 7_200, "12 hours": 43_200, "15 minutes": 900_000}
    named = set()
    for graph in graphs(file):
        for row in graph["metrics"]:
            amount = row[-1].get("label", "").rpartition(": % of ")[2]
            if amount in units:
                assert f"/ {units[amount]}" in row[0]["expression"]
                assert graph["yAxis"]["left"]["label"] == "Percent"
                named.add(amount)
    assert named == (set(units) if file == "pipeline_health" else set())


def test_rankings_have_the_rest_of_the_account_s_total() -> None:
    ranked = [graph for graph in graphs("usage_overview") if "last 28 days" in graph["title"]]
    assert len(ranked) == 6
    for graph in ranked:
        (account, found, others) = graph["metrics"]
        assert account[:2] == ["BedrockMeter", next(iter(shown(graph)))[1]]
        assert found[0]["id"] in others[0]["expression"]
        assert others[0]["label"] == "All others"


def test_no_graph_is_shown_twice() -> None:
    def content(graph: dict[str, Any]) -> str:
        parts = ("view", "stat", "period", "start", "setPeriodToTimeRange")
        rows = [
            [part for part in row if isinstance(part, str)] or row[0]["expression"]
            for row in graph["metrics"]
        ]
        return json.dumps([rows, *map(graph.get, parts)])

    seen: dict[str, str] = {}
    for file in NAMES:
        for graph in graphs(file):
            assert content(graph) not in seen, f"{graph['title']}: {seen[content(graph)]}"
            seen[content(graph)] = f"{file}, {graph['title']}"


@each_dashboard
def test_no_curve_is_drawn_twice_on_a_dashboard(file: str) -> None:
    assert find_repeated_curves(graphs(file)) == []


@pytest.mark.parametrize(
    "expression",
    ["m1", "100 * m1 / 5", "m1 / IF(EPOCH(m1) < MAX(EPOCH(m1)) AND m1 >= 0, 1, 0)"],
)
def test_a_curve_and_its_percentage_are_one_curve(expression: str) -> None:
    line = {"view": "timeSeries", "stat": "Sum", "period": 3600}
    amount = line | {"metrics": [["N", "Tokens", {"label": "Tokens"}]]}
    hidden = ["N", "Tokens", {"id": "m1", "visible": False}]
    derived = line | {"metrics": [hidden, [{"expression": expression, "id": "e1"}]]}
    assert len(find_repeated_curves([amount, derived])) == 1
    of_days = derived | {"period": 86_400}
    other = amount | {"metrics": [["N", "Calls", {"label": "Calls"}]]}
    assert find_repeated_curves([amount, of_days, other]) == []


@each_dashboard
def test_a_dashboard_stays_short(file: str) -> None:
    widgets = body(file)["widgets"]
    rows = max(widget["y"] + widget["height"] for widget in widgets)
    max_widgets, max_rows = MAX_SIZES[file]
    assert len(widgets) <= max_widgets
    assert rows <= max_rows


def test_a_named_series_has_a_color() -> None:
    for file in NAMES:
        for graph in graphs(file):
            for row in graph["metrics"]:
                options = row[-1]
                label = options.get("label", "one")
                is_one = bool(label) and "${" not in label  # an empty one is that of each series
                if is_one and options.get("visible", True):
                    assert "color" in options, (graph["title"], options)


@each_dashboard
def test_a_body_stays_within_the_limits_of_cloudwatch(file: str) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
    """
    found = {
        graph["title"]: sum(_max_series(row) for row in graph["metrics"]) for graph in graphs(file)
    }
    assert max(found.values()) <= 500
    assert sum(found.values()) <= 2500
    for graph in graphs(file):
        for row in graph["metrics"]:
            assert not isinstance(row[0], dict) or len(row[0]["expression"]) <= 1024


def _max_series(row: list[Any]) -> int:
    """Return the number of series that a row reads: all that a search finds, shown or not."""
    if not isinstance(row[0], dict):
        return 1
    schemas = [match["schema"] for match in SEARCH.finditer(row[0]["expression"])]
    return sum(MAX_IDENTITIES if "IdentityArn" in schema else MAX_MODELS for schema in schemas) or 1


@each_dashboard
def test_a_dashboard_starts_with_its_question_and_its_totals(file: str) -> None:
    first, *others = body(file)["widgets"]
    assert first["type"] == "text"
    assert first["properties"]["markdown"].startswith("# ")
    numbers = [widget for widget in others if widget["properties"].get("view") == "singleValue"]
    assert numbers
    if file == "pipeline_health":
        assert others[0]["type"] == "alarm"
        assert others[1] in numbers
    elif file != "model_comparison":  # which compares before it reports one
        assert others[0] in numbers


@each_dashboard
def test_widgets_do_not_overlap(file: str) -> None:
    def cells(widget: dict[str, Any]) -> set[tuple[int, int]]:
        columns = range(widget["x"], widget["x"] + widget["width"])
        return {(x, y) for x in columns for y in range(widget["y"], widget["y"] + widget["height"])}

    for one, other in combinations(body(file)["widgets"], 2):
        assert not cells(one) & cells(other)


@each_dashboard
def test_titles_are_unique(file: str) -> None:
    titles = [graph["title"] for graph in graphs(file)]
    assert len(set(titles)) == len(titles)


@each_dashboard
def test_graph_ids_are_unique(file: str) -> None:
    ids = [widget["id"] for widget in body(file)["widgets"] if "id" in widget]
    assert len(set(ids)) == len(ids)


@each_dashboard
def test_titles_fit_beside_the_button_at_1280_pixels(file: str) -> None:
    for widget in body(file)["widgets"]:
        title = widget["properties"].get("title", "")
        assert len(title) <= 5 * widget["width"], title


@each_dashboard
def test_expressions_have_ids_and_searches_use_the_period_of_their_graph(file: str) -> None:
    for graph in graphs(file):
        ids = [row[-1]["id"] for row in graph["metrics"] if "id" in row[-1]]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[a-z]\w*", id_) for id_ in ids)
        for row in graph["metrics"]:
            if isinstance(row[0], dict):
                assert "id" in row[0]
                for found in SEARCH.finditer(row[0]["expression"]):
                    is_whole = graph.get("setPeriodToTimeRange", False)
                    period = None if is_whole else str(graph["period"])
                    assert (found["stat"], found["period"]) == (graph["stat"], period)


@pytest.mark.parametrize(
    ("id_", "metric_name"),
    [("account-cost-hour", "EstimatedCostUSD"), ("account-tokens-hour", "QuotaTokens")],
)
def test_a_graph_with_an_anomaly_band_shows_closed_hours(id_: str, metric_name: str) -> None:
    (graph,) = (
        widget["properties"]
        for widget in body("usage_overview")["widgets"]
        if widget.get("id") == id_
    )
    assert list(shown(graph)) == [(NAMESPACE, metric_name, ())]
    assert (graph["stat"], graph["period"]) == ("Sum", Window.HOUR.seconds)


def test_the_meter_s_cost_uses_the_prices_of_make_cost() -> None:
    """The catalog gives the number of metrics; the dated table gives the price of each unit."""
    prices = UnitPrices()
    rest, of_identities = (
        graph for graph in graphs("pipeline_health") if "meter costs" in graph["title"]
    )
    assert rest["title"].endswith(f"list prices of {prices.date}")
    (identities,) = (row[0]["expression"] for row in of_identities["metrics"])
    models, logs, functions, writes = (row[0]["expression"] for row in rest["metrics"])

    def names(dimension_set: DimensionSet) -> int:
        return sum(
            metric.detail_of.get(dimension_set) == Detail.STANDARD
            for metric in USAGE_METRICS
            if metric.frequency is Frequency.CONTINUOUS
        )

    usd = prices["metric_month_first_10000"]
    everywhere = names(DimensionSet.ACCOUNT) + sum(
        metric.frequency is Frequency.CONTINUOUS
        for metric in HEALTH_METRICS
        if metric not in GOVERNANCE_METRICS
    )
    assert f"({names(DimensionSet.IDENTITY)} * {usd} * METRIC_COUNT" in identities
    assert f"({usd} * ({everywhere} + {names(DimensionSet.MODEL)} * METRIC_COUNT" in models
    assert f"30 * {prices['logs_ingested_gb']} * SUM(" in logs
    assert f"{GB_OF_A_FUNCTION} * {prices['lambda_arm_gb_second']} * SUM(" in functions
    assert f"{prices['lambda_requests_million']} * SUM(" in functions
    assert f"30 * {prices['dynamodb_write_units_million']} * SUM(" in writes


def test_the_chosen_identity_applies_to_every_graph() -> None:
    (variable,) = body("identity_detail")["variables"]
    assert variable["populateFrom"] == "IdentityArn"
    for graph in graphs("identity_detail"):
        for row in graph["metrics"]:
            is_metric = isinstance(row[0], str) or "SEARCH" in row[0]["expression"]
            assert (variable["pattern"] in json.dumps(row)) is is_metric, graph["title"]


def test_the_chosen_model_applies_to_the_graphs_that_name_it() -> None:
    (variable,) = body("model_comparison")["variables"]
    assert variable["populateFrom"] == "ModelId"
    for graph in graphs("model_comparison"):
        is_of_one = variable["pattern"] in json.dumps(graph["metrics"])
        assert is_of_one is graph["title"].startswith("Model: ")


def test_a_graph_that_a_document_names_is_on_a_dashboard() -> None:
    titles = {graph["title"] for file in NAMES for graph in graphs(file)}
    named = {
        title
        for page in (RUNBOOKS.parent).rglob("*.md")
        for title in re.findall(r"[Gg]raph \"([^\"]+)\"", page.read_text(encoding="utf-8"))
    }
    assert named
    assert named <= titles


@each_dashboard
def test_links_lead_to_existing_dashboards(file: str) -> None:
    links = re.findall(r"\((https://[^)]+)\)", json.dumps(body(file)))
    assert links
    assert set(links) <= {dashboard_url(other, WRITTEN_FOR) for other in NAMES if other != file}
