"""Formats of values: by the axis of a graph, else by the metrics that a row reads.

Titles and labels do not count: they are text for readers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any, TypeAlias

from dashboards.viewer.bodies import find_metric_names
from lambdas.domain.metrics.bedrock_metrics import BEDROCK_NAMESPACE, BedrockMetric
from lambdas.domain.metrics.catalog import (
    BUDGET_METRICS,
    CREDIT_METRICS,
    GATEWAY_CALL_METRICS,
    NAMESPACE,
    UNLOGGED_METRICS,
    USAGE_METRICS,
    Unit,
)


class ValueFormat(StrEnum):
    """The formats that the page has."""

    NUMBER = "number"
    MONEY = "money"
    PERCENT = "percent"
    DURATION = "duration"
    """Of milliseconds."""


_Row: TypeAlias = Sequence[Any]
"""A row of a widget's metrics, as CloudWatch takes it."""

_OF_AXES = {
    "US dollars": ValueFormat.MONEY,
    "Milliseconds": ValueFormat.DURATION,
    "Percent": ValueFormat.PERCENT,
    "Percent of the amount": ValueFormat.PERCENT,
}
_OF_UNITS = {
    Unit.NONE: ValueFormat.MONEY,
    Unit.MILLISECONDS: ValueFormat.DURATION,
    Unit.PERCENT: ValueFormat.PERCENT,
}
_UNITS = {
    **{metric.name: metric.unit for metric in USAGE_METRICS},
    **{metric.name: metric.unit for metric in UNLOGGED_METRICS},
    **{metric.name: metric.unit for metric in BUDGET_METRICS},
    **{metric.name: metric.unit for metric in CREDIT_METRICS},
    **{metric.name: metric.unit for metric in GATEWAY_CALL_METRICS},
}
_OF_METRICS = {
    (NAMESPACE, name): _OF_UNITS.get(unit, ValueFormat.NUMBER) for name, unit in _UNITS.items()
} | {
    (BEDROCK_NAMESPACE, name): ValueFormat.DURATION
    for name in (BedrockMetric.LATENCY, BedrockMetric.TIME_TO_FIRST_TOKEN)
}
_PERCENTAGE = re.compile(r"(?:TIME_SERIES\()?100 \*")
"""The start of the formula of a percentage."""
_DOLLARS = re.compile(r"usd\d*")
"""The id of a row in dollars that reads no metric in dollars: usage by a price."""
_NAME = re.compile(r"'[^']*'|\b[a-z]\w*")
"""Quoted text, or the id of another row."""


def choose_formats(metrics: Sequence[_Row], axis: str) -> list[ValueFormat]:
    """Choose the format of each row of a widget.

    Args:
        metrics: The rows.
        axis: The label of the left axis; empty without one.
    """
    if axis:
        return [_OF_AXES.get(axis, ValueFormat.NUMBER)] * len(metrics)
    rows = {row[-1]["id"]: row for row in metrics if isinstance(row[-1], dict) and "id" in row[-1]}
    return [_choose_format(row, rows) for row in metrics]


def _choose_format(row: _Row, rows: Mapping[str, _Row]) -> ValueFormat:
    options = row[-1] if isinstance(row[-1], dict) else {}
    if _DOLLARS.fullmatch(options.get("id", "")):
        return ValueFormat.MONEY
    if _PERCENTAGE.match(options.get("expression", "")):
        return ValueFormat.PERCENT
    found = {_OF_METRICS.get(name, ValueFormat.NUMBER) for name in _find_metrics(row, rows)}
    if ValueFormat.MONEY in found:  # by calls or tokens: it stays an amount of money
        return ValueFormat.MONEY
    return found.pop() if len(found) == 1 else ValueFormat.NUMBER


def _find_metrics(row: _Row, rows: Mapping[str, _Row]) -> Iterator[tuple[str, str]]:
    """Find the metrics that a row reads by itself and by the rows that it names."""
    waiting, seen = [row], set[str]()
    while waiting:
        read = waiting.pop()
        yield from find_metric_names([read])
        expression = read[0]["expression"] if isinstance(read[0], dict) else ""
        named = {*_NAME.findall(expression)} & rows.keys() - seen
        seen |= named
        waiting += [rows[name] for name in named]
