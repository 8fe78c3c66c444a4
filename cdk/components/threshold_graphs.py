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

MAX_SHOWN: Final = 100
"""The named thresholds, and those of days and weeks, that a dashboard shows.

A dashboard reads 2,500 metrics at most, and the searches for identities read most of them.
Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_limits.html
"""
LIMIT: Final = "Threshold (drawn from 50%)"
"""The label of the line of 100%."""
_LIMIT_COLOR: Final = "#d13212"
_MAX_LINES: Final = 20  # that readers can distinguish
_HEIGHT: Final = 8
_NUMBERS_IN_A_ROW: Final = 6

_COLORS = ("#b37400", "#0072b2", "#009e73", "#a2487f", "#2a5b00", "#7f6bf5", "#7f3b08", "#4d5866")
TOKEN_NAMES: Final = {QUOTA_TOKENS.name: "quota tokens", TOTAL_TOKENS.name: "total tokens"}


def build_hourly_rows(graph: str, thresholds: Iterable[AlarmThreshold]) -> list[Row]:
    """Build the numbers of a widget: the highest hour in percent of the lowest threshold."""
    is_chosen = graph == CHOSEN_GRAPH
    rows: list[Row] = []
    for number, threshold in enumerate(_select(graph, _keep_lowest(thresholds)), 1):
        subject, usage = _name_usage(threshold, number, chosen=is_chosen)
        expression = f"TIME_SERIES(100 * MAX(m{number}) / {threshold.value})"
        rows += [usage, _percent(threshold, number, expression, subject)]
    return rows


def build_further_graphs(
    thresholds: Iterable[AlarmThreshold], *, region: str, y: int
) -> Iterator[dict[str, Any]]:
    """Build the widgets of percentages that not every deployment has.

    These are of named identities and models, and of days and weeks. They are apart from the number
    of the highest identity, whose search reads nearly all series that CloudWatch allows for a
    widget.
    """
    lowest = _keep_lowest(thresholds)
    named = [found for found in lowest if _is_hourly(found) and found.name is not None]
    for widget in _build_named_graphs(named, region=region, y=y):
        yield widget
        y = widget["y"] + widget["height"]
    if longer := [found for found in lowest if not _is_hourly(found)]:
        yield _build_longer_graph(longer, region=region, y=y)


def _build_named_graphs(
    named: Sequence[AlarmThreshold], *, region: str, y: int
) -> Iterator[dict[str, Any]]:
    title = f"Named identities and models{_name_part(named)}: % of threshold, by hour"
    shown = named[:MAX_SHOWN]
    parts = [shown[first : first + _MAX_LINES] for first in range(0, len(shown), _MAX_LINES)]
    for number, part in enumerate(parts, 1):
        suffix = f" ({number} of {len(parts)})" if len(parts) > 1 else ""
        properties = {
            "title": title + suffix,
            "region": region,
            "view": "timeSeries",
            "stacked": False,
            "stat": "Sum",
            "period": Window.HOUR.seconds,
            "metrics": _build_lines(part),
            "yAxis": {"left": {"min": 0, "label": "Percent", "showUnits": False}},
        }
        place = {"x": 0, "y": y + (number - 1) * _HEIGHT, "width": 24, "height": _HEIGHT}
        yield {"type": "metric", **place, "properties": properties}


def _build_longer_graph(longer: Sequence[AlarmThreshold], *, region: str, y: int) -> dict[str, Any]:
    rows: list[Row] = []
    for number, threshold in enumerate(longer[:MAX_SHOWN], 1):
        last = f"IF(EPOCH(f{number}) > MAX(EPOCH(f{number})) - {threshold.window.seconds}"
        expression = f"TIME_SERIES(100 * SUM({last}, f{number}, 0)) / {threshold.value})"
        filled = {"expression": f"FILL(m{number}, 0)", "id": f"f{number}", "visible": False}
        rows += [_name_metric(threshold, number), [filled], _percent(threshold, number, expression)]
    return {
        "type": "metric",
        "x": 0,
        "y": y,
        "width": 24,
        "height": 3 * -(-len(longer[:MAX_SHOWN]) // _NUMBERS_IN_A_ROW),
        "properties": {
            "title": f"Percent of threshold, last 24 hours and last 7 days{_name_part(longer)}",
            "region": region,
            "view": "singleValue",
            "stacked": False,
            "stat": "Sum",
            "period": Window.HOUR.seconds,
            "start": "-P7D",
            "metrics": rows,
        },
    }


def _name_part(thresholds: Sequence[AlarmThreshold]) -> str:
    """Name the part of many thresholds that is shown; nothing where all are."""
    if len(thresholds) <= MAX_SHOWN:
        return ""
    return f", first {MAX_SHOWN} of {len(thresholds)}"


def _is_hourly(threshold: AlarmThreshold) -> bool:
    return threshold.window is Window.HOUR


def _keep_lowest(thresholds: Iterable[AlarmThreshold]) -> list[AlarmThreshold]:
    """Keep the threshold that is reached first, of each subject, metric and window."""
    lowest: dict[tuple[str, DimensionSet, Window, str | None], AlarmThreshold] = {}
    for threshold in thresholds:
        key = (threshold.metric_name, threshold.dimension_set, threshold.window, threshold.name)
        if key not in lowest or threshold.value < lowest[key].value:
            lowest[key] = threshold
    return list(lowest.values())


def _select(graph: str, thresholds: Sequence[AlarmThreshold]) -> Iterator[AlarmThreshold]:
    """Select the hourly thresholds of a graph: of the account, every model or every identity."""
    for threshold in thresholds:
        is_identity = threshold.dimension_set is DimensionSet.IDENTITY
        is_fitting = is_identity == (graph != ACCOUNT_GRAPH) and threshold.name is None
        if is_fitting and _is_hourly(threshold):
            yield threshold


def quote_name(name: str) -> str:
    """Quote a name for a search, unless it has letters, digits and slashes only.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/search-expression-syntax.html
    """
    return name if name.replace("/", "").isalnum() else f'"{name}"'


def _build_lines(thresholds: Sequence[AlarmThreshold]) -> list[Row]:
    """Build a line for each threshold, and the line of 100%."""
    rows: list[Row] = []
    for number, threshold in enumerate(thresholds, 1):
        rows.extend(_build_line(threshold, number))
    return [*rows, _build_limit(len(thresholds))]


def _build_limit(lines: int) -> Row:
    """Build the line of 100%, which is absent where it would flatten all lines of the graph."""
    near = (f"TIME_SERIES(MAX(FILL(e{number}, 0))) >= 50" for number in range(1, lines + 1))
    is_whole = "EPOCH(e1) < MAX(EPOCH(e1))"  # as the other lines
    expression = f"TIME_SERIES(100) / IF({is_whole} AND ({' OR '.join(near)}), 1, 0)"
    return [{"expression": expression, "id": "limit", "label": LIMIT, "color": _LIMIT_COLOR}]


def _name_usage(threshold: AlarmThreshold, number: int, *, chosen: bool) -> tuple[str, Row]:
    """Name who uses the most in each hour, and the row of that usage."""
    if not threshold.is_grouped or chosen:
        return "", _name_metric(threshold, number)
    (dimension,) = threshold.dimension_set.dimension_names
    schema = f'{{{quote_name(NAMESPACE)},{dimension}}} MetricName="{threshold.metric_name}"'
    highest = f"MAX(SEARCH('{schema}', 'Sum', {Window.HOUR.seconds}))"
    row = [{"expression": highest, "id": f"m{number}", "visible": False}]
    return f"Highest {threshold.dimension_set}", row


def _build_line(threshold: AlarmThreshold, number: int) -> Iterator[Row]:
    """Build the rows of one line. It ends with the last whole hour, else it seems to fall there."""
    yield _name_metric(threshold, number)
    is_whole = f"EPOCH(m{number}) < MAX(EPOCH(m{number})) AND m{number} >= 0"
    expression = f"100 * m{number} / IF({is_whole}, {threshold.value}, 0)"
    yield _percent(threshold, number, expression)


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
    return f"{threshold.value:,} {TOKEN_NAMES[threshold.metric_name]}{window}"
