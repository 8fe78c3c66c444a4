"""Metric math, SEARCH and Metrics Insights do what CloudWatch's do, or refuse."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.cloudwatch import Metric, Periods, Series, UnknownExpressionError, evaluate
from tests.dashboards.cloudwatch.figures import NOON, InMemoryMetrics, metric
from tests.infrastructure.synthesis import deployment, resources

TWO_HOURS = Periods(NOON, 3600, 2)
SCHEMA = 'FROM SCHEMA("BedrockMeter", IdentityArn)'


def results(expression: str, source: InMemoryMetrics, **named: Metric) -> list[Series]:
    queries: list[Any] = [
        {"Id": "result", "Expression": expression, "Period": 3600},
        *(
            {
                "Id": name,
                "ReturnData": False,
                "MetricStat": {
                    "Metric": {
                        "Namespace": series.namespace,
                        "MetricName": series.name,
                        "Dimensions": [{"Name": n, "Value": v} for n, v in series.dimensions],
                    },
                    "Period": 3600,
                    "Stat": "Sum",
                },
            }
            for name, series in named.items()
        ),
    ]
    return evaluate(queries, source, TWO_HOURS)


def math(expression: str, **figures: list[float | None]) -> tuple[float | None, ...]:
    source = InMemoryMetrics({metric(name): values for name, values in figures.items()})
    (series,) = results(expression, source, **{name: metric(name) for name in figures})
    return series.values


FOUND = "SEARCH('{BedrockMeter,ModelId} MetricName=\"Tokens\"', 'Sum', 3600)"


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        (f"SUM({FOUND})", (4, None)),  # what has no data in a period adds nothing to it
        (f"MAX({FOUND})", (3, None)),
        (f"TIME_SERIES(0.5 * METRIC_COUNT({FOUND}))", (1, 1)),
        (f"10 * SUM({FOUND}) / 4", (10, None)),
    ],
)
def test_several_series_are_reduced_to_one_or_counted(
    expression: str, values: tuple[float | None, ...]
) -> None:
    source = InMemoryMetrics(
        {
            metric("Tokens", ModelId="a"): [3, None],
            metric("Tokens", ModelId="b"): [1, None],
            metric("Tokens", ModelId="silent"): [None, None],
            metric("Tokens", IdentityArn="ana"): [7, 7],
        }
    )
    (series,) = results(expression, source)
    assert series.values == values


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        (f"100 - {FOUND}", {"a": (97, None), "b": (-20, 99)}),
        (f"{FOUND} / 2", {"a": (1.5, None), "b": (60, 0.5)}),
        (f"{FOUND} / 0", {"a": (None, None), "b": (None, None)}),
    ],
)
def test_a_number_and_several_series_are_computed_for_each_of_these(
    expression: str, values: dict[str, tuple[float | None, ...]]
) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-metrics-insights-math.html"""
    series: dict[Metric, list[float | None]] = {
        metric("Tokens", ModelId="a"): [3, None],
        metric("Tokens", ModelId="b"): [120, 1],
    }
    found = results(expression, InMemoryMetrics(series))
    assert {each.label: each.values for each in found} == values
    assert [each.metric for each in found] == list(series)


def test_an_empty_search_has_no_sum_and_a_count_of_zero() -> None:
    (total,) = results(f"SUM({FOUND})", InMemoryMetrics({}))
    assert total.values == (None, None)
    (count,) = results(f"TIME_SERIES(METRIC_COUNT({FOUND}))", InMemoryMetrics({}))
    assert count.values == (0, 0)


@pytest.mark.parametrize(
    ("expression", "values"),
    [
        ("a + b", (3, 5)),  # beside another series, no data is 0
        ("b - a", (1, -5)),
        ("b * 2", (4, None)),  # beside a number it stays missing
        ("1 + b", (3, None)),
        ("b > 1 AND a > 1", (0, 0)),
        ("a > 1 AND b > 1", (0, 0)),
        ("b + b", (4, None)),
        ("a / b", (0.5, None)),  # what is divided by zero is dropped
        ("a + FILL(b, 0)", (3, 5)),
        ("a - 1 - 1", (-1, 3)),
        ("a * 2 + 1", (3, 11)),
        ("1 + a * 2", (3, 11)),
        ("(1 + a) * 2", (4, 12)),
        ("a / 2", (0.5, 2.5)),
        ("a >= 5", (0, 1)),
        ("DIFF(a)", (None, 4)),
        ("DIFF(b)", (None, None)),
        ("a == 1", (1, 0)),
        ("a != 1", (0, 1)),
        ("a < 5 AND a > 0", (1, 0)),
        ("a > 1 OR FILL(b, 9) > 2", (0, 1)),
        ("a > 1 OR a < 2 AND a < 0", (0, 1)),
        ("IF(a > 1, 7, 8)", (8, 7)),
        ("IF(a > 1, a, 0)", (0, 5)),
        ("IF(b > 0, 1, 0)", (1, None)),
        ("IF(a > 1, a, b)", (2, 5)),
        ("IF(a > 0, b, 7)", (2, 0)),  # what is chosen and has no data is 0,
        ("IF(a < 0, 7, b)", (2, None)),  # the other one has no data
        ("IF(b, a, 3)", (1, None)),
        ("IF(a < 9, a, b)", (1, 5)),
        ("a / (a - 1)", (None, 1.25)),
        ("a * SUM(b)", (2, 10)),
        ("a - MAX(a)", (-4, 0)),
        ("TIME_SERIES(SUM(a) / 3)", (2, 2)),
        ("TIME_SERIES(SUM(a) / 0)", (None, None)),
        ("IF(EPOCH(a) <= MAX(EPOCH(a)) - 3600 OR a > 9, a, 0)", (1, 0)),
        ("EPOCH(b) - EPOCH(a)", (0, 0)),  # time passes without data as well
        ("EPOCH(a) - MAX(EPOCH(a))", (-3600, 0)),
        ("IF(EPOCH(a) > MAX(EPOCH(a)) - 3600, a, 0)", (0, 5)),
        ("a / IF(EPOCH(a) < MAX(EPOCH(a)) AND a >= 0, 1, 0)", (1, None)),  # without the open period
        ("c / IF(EPOCH(c) < MAX(EPOCH(c)) AND c >= 0, 1, 0)", (None, None)),  # no data stays absent
        ("HOUR(b)", (10, 11)),  # the series end at noon, UTC
        ("DATE(a)", (8, 8)),
        ("MONTH(a)", (9, 9)),
        ("YEAR(a)", (2026, 2026)),
        ("FLOOR(a / 2)", (0, 2)),
        ("FLOOR(b / 4)", (0, None)),
    ],
)
def test_math_is_evaluated_per_period(expression: str, values: tuple[float | None, ...]) -> None:
    assert math(expression, a=[1, 5], b=[2, None], c=[None, 4]) == values


@given(st.lists(st.none() | st.integers(0, 9), min_size=2, max_size=2), st.integers(1, 9))
def test_fill_replaces_gaps_and_nothing_else(values: list[float | None], filling: int) -> None:
    filled = math(f"FILL(a, {filling})", a=values)
    assert all(
        now == (filling if before is None else before)
        for before, now in zip(values, filled, strict=True)
    )


CALLERS = InMemoryMetrics(
    {
        metric("TotalTokens", IdentityArn="ana"): [1, 2],
        metric("TotalTokens", IdentityArn="ben"): [None, 7],
        metric("TotalTokens", IdentityArn="gone"): [None, None],
        metric("TotalTokens", IdentityArn="ana", ModelId="haiku"): [1, None],
        metric("TotalTokens", IdentityArn="ana", ModelId="nova-lite"): [3, 2],
        metric("TotalTokens"): [100, 100],
        metric("TotalTokens", Order="peak"): [9, None],
        metric("TotalTokens", Order="steady"): [5, 5],
        metric("OtherTokens", IdentityArn="cem"): [9, 9],
    }
)


def labels(expression: str) -> list[str]:
    return [series.label for series in results(expression, CALLERS)]


SEARCH = "SEARCH('{BedrockMeter,IdentityArn} MetricName=\"TotalTokens\"', 'Sum', 3600)"
BY_MODEL = SEARCH.replace("IdentityArn}", "IdentityArn,ModelId}")


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        (SEARCH, "ana ben"),
        (f"SORT({SEARCH}, SUM, DESC)", "ben ana"),
        (f"SLICE(SORT({SEARCH}, SUM, DESC), 0, 1)", "ben"),
        (BY_MODEL, "ana,haiku ana,nova-lite"),
        (BY_MODEL.replace("', 'Sum'", " IdentityArn=\"ana\" nova', 'Sum'"), "ana,nova-lite"),
        (BY_MODEL.replace("', 'Sum'", " Nova', 'Sum'"), "ana,nova-lite"),
        (BY_MODEL.replace("', 'Sum'", " NOT nova', 'Sum'"), "ana,haiku"),
        (BY_MODEL.replace("', 'Sum'", " lite NOT nova', 'Sum'"), ""),
        (BY_MODEL.replace("', 'Sum'", " IdentityArn=\"an\"', 'Sum'"), ""),
        (BY_MODEL.replace("', 'Sum'", " nov', 'Sum'"), ""),  # whole words alone
        (BY_MODEL.replace("', 'Sum'", " (haiku OR lite)', 'Sum'"), "ana,haiku ana,nova-lite"),
        (BY_MODEL.replace("', 'Sum'", " NOT (haiku OR other)', 'Sum'"), "ana,nova-lite"),
        (BY_MODEL.replace("', 'Sum'", " ana (other)', 'Sum'"), ""),
        (f"REMOVE_EMPTY({SEARCH})", "ana ben"),
        # By their sums, 10 and 9, not by their largest values or names.
        (f"SORT({SEARCH.replace('IdentityArn}', 'Order}')}, SUM, DESC)", "steady peak"),
    ],
)
def test_a_search_finds_metrics_with_exactly_its_dimensions(expression: str, found: str) -> None:
    assert [label.replace(", ", ",") for label in labels(expression)] == found.split()


def test_a_query_returns_one_series_per_group_largest_first() -> None:
    query = f"SELECT SUM(TotalTokens) {SCHEMA} GROUP BY IdentityArn ORDER BY SUM() DESC"
    assert results(query, CALLERS) == [Series("ben", (None, 7)), Series("ana", (1, 2))]
    assert labels(f"{query} LIMIT 1") == ["ben"]


def test_a_query_adds_up_dimensions_that_it_does_not_group_by() -> None:
    query = (
        'SELECT SUM(TotalTokens) FROM SCHEMA("BedrockMeter", IdentityArn, ModelId)'
        " GROUP BY IdentityArn ORDER BY SUM() DESC"
    )
    assert results(query, CALLERS) == [Series("ana", (4, 2))]


def test_an_ascending_query_returns_the_lowest_values_first() -> None:
    values: dict[str, list[float | None]] = {"a": [5, None], "b": [-7, 3], "c": [None, None]}
    source = InMemoryMetrics(
        {metric("TotalTokens", IdentityArn=name): of_one for name, of_one in values.items()}
    )
    query = f"SELECT MIN(TotalTokens) {SCHEMA} GROUP BY IdentityArn ORDER BY MIN() ASC"
    assert results(query, source) == [Series("b", (-7, 3)), Series("a", (5, None))]


def test_a_minimum_query_returns_the_minimum_of_each_group() -> None:
    query = (
        'SELECT MIN(TotalTokens) FROM SCHEMA("BedrockMeter", IdentityArn, ModelId)'
        " GROUP BY IdentityArn ORDER BY MIN() ASC"
    )
    source = InMemoryMetrics(
        {
            metric("TotalTokens", IdentityArn="a", ModelId=model): [value, None]
            for model, value in (("x", 9), ("y", -2))
        }
    )
    assert results(query, source) == [Series("a", (-2, None))]


@pytest.mark.parametrize(
    "expression",
    [
        "ANOMALY_DETECTION_BAND(a, 3)",
        "RATE(a)",
        "unknown + 1",
        "a +",
        "a; b",
        "FILL(a)",
        "SORT(a, SUM, DESC)",
        f"EPOCH({SEARCH})",
        f"a - {FOUND}",
        f"{FOUND} - {FOUND}",
        "TIME_SERIES(a)",
        "SEARCH('{BedrockMeter,IdentityArn} TotalTokens', 'Sum', 3600)",
        "SEARCH('{BedrockMeter,IdentityArn} MetricName=\"TotalTokens\"', 'Sum', 60)",
        'SELECT AVG(TotalTokens) FROM SCHEMA("BedrockMeter", IdentityArn) GROUP BY IdentityArn',
        f"SELECT SUM(TotalTokens) {SCHEMA} GROUP BY ModelId",
        f"SELECT SUM(TotalTokens) {SCHEMA}",
        f"SELECT MIN(TotalTokens) {SCHEMA} GROUP BY IdentityArn ORDER BY SUM() DESC",
    ],
)
def test_unsupported_expressions_are_refused_by_name(expression: str) -> None:
    source = InMemoryMetrics({metric("a"): [1, 2]})
    with pytest.raises(UnknownExpressionError, match=re.escape(expression)):
        results(expression, source, a=metric("a"))


def test_an_unsupported_statistic_is_named() -> None:
    with pytest.raises(UnknownExpressionError, match="IQM"):
        results(SEARCH.replace("'Sum'", "'IQM'"), CALLERS)


def test_a_search_without_a_period_uses_the_period_of_its_graph() -> None:
    assert labels(SEARCH.replace(", 3600)", ")")) == ["ana", "ben"]


@pytest.mark.parametrize("configuration", ["default", "everything"])
def test_every_alarm_except_the_anomaly_alarm_is_supported(configuration: str) -> None:
    unknown = []
    alarms = resources(deployment(configuration).monitoring, "AWS::CloudWatch::Alarm").values()
    for alarm in alarms:
        queries = alarm.get("Metrics", [])
        try:
            if queries:
                evaluate(queries, CALLERS, Periods(NOON, 3600, 1))
        except UnknownExpressionError:
            unknown.append(alarm["AlarmName"])
    assert unknown == ["BedrockMeter-Account-Anomaly", "BedrockMeter-Account-CostAnomaly"]
