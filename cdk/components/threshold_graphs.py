"""Graphs of usage in percent of the thresholds of its alarms.

A threshold is no line on a graph of amounts: a high line would flatten the curve.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from cdk.alarms.thresholds import AlarmThreshold
from cdk.config import Window
from lambdas.domain.metrics.catalog import NAMESPACE, QUOTA_TOKENS, TOTAL_TOKENS, DimensionSet

Row: TypeAlias = list[Any]
"""A row of a widget's metrics, as CloudWatch takes it."""

CHOSEN: Final = "chosen-identity"
"""The text in `identity_detail` that the reader's choice replaces."""

ACCOUNT_GRAPH: Final = "percent-account-hour"
IDENTITY_GRAPH: Final = "percent-identity-hour"
CHOSEN_GRAPH: Final = "percent-chosen-hour"
GRAPHS: Final = (ACCOUNT_GRAPH, IDENTITY_GRAPH, CHOSEN_GRAPH)

_COLORS = ("#b37400", "#0072b2", "#009e73", "#a2487f", "#d55e00", "#3a8fc4", "#cc79a7", "#4d5866")
_TOKENS = {QUOTA_TOKENS.name: "quota tokens", TOTAL_TOKENS.name: "total tokens"}


def build_hourly_rows(graph: str, thresholds: Iterable[AlarmThreshold]) -> list[Row]:
    """Build the rows of a graph: usage of an hour in percent of the lowest threshold."""
    rows: list[Row] = []
    for number, threshold in enumerate(_select(graph, _keep_lowest(thresholds)), 1):
        rows.extend(_build_hourly(threshold, number, chosen=graph == CHOSEN_GRAPH))
    return rows


def build_longer_graphs(
    thresholds: Iterable[AlarmThreshold], *, region: str, y: int
) -> Iterator[dict[str, Any]]:
    """Build a widget with the percentages of days and weeks, if there are such thresholds."""
    longer = [
        threshold for threshold in _keep_lowest(thresholds) if threshold.window is not Window.HOUR
    ]
    if not longer:
        return
    rows: list[Row] = []
    for number, threshold in enumerate(longer, 1):
        last = f"IF(EPOCH(f{number}) > MAX(EPOCH(f{number})) - {threshold.window.seconds}"
        expression = f"TIME_SERIES(100 * SUM({last}, f{number}, 0)) / {threshold.value})"
        filled = {"expression": f"FILL(m{number}, 0)", "id": f"f{number}", "visible": False}
        rows += [_name_metric(threshold, number), [filled], _percent(threshold, number, expression)]
    yield {
        "type": "metric",
        "x": 0,
        "y": y,
        "width": 24,
        "height": 3,
        "properties": {
            "title": "Percent of threshold, last 24 hours and last 7 days",
            "region": region,
            "view": "singleValue",
            "stacked": False,
            "stat": "Sum",
            "period": Window.HOUR.seconds,
            "start": "-P7D",
            "metrics": rows,
        },
    }


def _keep_lowest(thresholds: Iterable[AlarmThreshold]) -> list[AlarmThreshold]:
    """Keep the threshold that is reached first, of each subject, metric and window."""
    lowest: dict[tuple[str, DimensionSet, Window, str | None], AlarmThreshold] = {}
    for threshold in thresholds:
        key = (threshold.metric_name, threshold.dimension_set, threshold.window, threshold.name)
        if key not in lowest or threshold.value < lowest[key].value:
            lowest[key] = threshold
    return list(lowest.values())


def _select(graph: str, thresholds: Sequence[AlarmThreshold]) -> Iterator[AlarmThreshold]:
    """Select the hourly thresholds of a graph; a chosen identity has those of every identity."""
    for threshold in thresholds:
        is_identity = threshold.dimension_set is DimensionSet.IDENTITY
        is_fitting = is_identity == (graph != ACCOUNT_GRAPH)
        if graph == CHOSEN_GRAPH:
            is_fitting &= threshold.is_grouped
        if is_fitting and threshold.window is Window.HOUR:
            yield threshold


def quote_name(name: str) -> str:
    """Quote a name for a search, unless it has letters and digits only.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
    """
    return name if name.isalnum() else f'"{name}"'


def _build_hourly(threshold: AlarmThreshold, number: int, *, chosen: bool) -> Iterator[Row]:
    if threshold.is_grouped and not chosen:
        (dimension,) = threshold.dimension_set.dimension_names
        schema = f'{{{quote_name(NAMESPACE)},{dimension}}} MetricName="{threshold.metric_name}"'
        highest = f"MAX(SEARCH('{schema}', 'Sum', {Window.HOUR.seconds}))"
        subject = f"Highest {threshold.dimension_set}"
        yield _percent(threshold, number, f"100 * {highest} / {threshold.value}", subject)
        return
    yield _name_metric(threshold, number)
    yield _percent(threshold, number, f"100 * m{number} / {threshold.value}")


def _name_metric(threshold: AlarmThreshold, number: int) -> Row:
    value = CHOSEN if threshold.is_grouped else threshold.name
    pairs = [part for name in threshold.dimension_set.dimension_names for part in (name, value)]
    hidden: Mapping[str, Any] = {"id": f"m{number}", "visible": False}
    return [NAMESPACE, threshold.metric_name, *pairs, hidden]


def _percent(threshold: AlarmThreshold, number: int, expression: str, subject: str = "") -> Row:
    color = _COLORS[(number - 1) % len(_COLORS)]
    subject = subject or threshold.name or threshold.dimension_set.capitalize()
    label = f"{subject}: % of {_name_amount(threshold)}"
    return [{"expression": expression, "id": f"e{number}", "label": label, "color": color}]


def _name_amount(threshold: AlarmThreshold) -> str:
    """Name the amount; titles of hourly graphs name the hour."""
    window = "" if threshold.window is Window.HOUR else f" per {threshold.window}"
    if threshold.is_of_cost:
        return f"${threshold.value:,f}{window}"
    return f"{threshold.value:,} {_TOKENS[threshold.metric_name]}{window}"
