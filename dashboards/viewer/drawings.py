"""Drawings of widgets, computed from their bodies and a source of metrics.

The page only draws. This module applies CloudWatch's rules for periods, statistics, expressions,
labels and colors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from markdown_it import MarkdownIt

from dashboards.cloudwatch import (
    Evaluation,
    Evaluator,
    LocalEvaluator,
    MetricSource,
    Periods,
    Query,
    Series,
    SourceError,
    UnknownExpressionError,
    Value,
)
from dashboards.viewer.bodies import UnknownBodyError, find_namespaces
from dashboards.viewer.profile_labels import ProfileSource, find_no_profile
from dashboards.viewer.short_labels import shorten_labels
from dashboards.viewer.time_ranges import TimeRange, parse_length, until

Drawing: TypeAlias = dict[str, Any]
"""A widget as the page takes it: JSON."""

_VIEWS = {"timeSeries", "singleValue", "bar", "pie", "table"}
_PROPERTIES = {
    *("title", "region", "view", "stat", "period", "metrics", "stacked", "yAxis", "annotations"),
    *("start", "setPeriodToTimeRange", "sparkline", "singleValueFullPrecision", "legend", "table"),
    "liveData",
}
_ROW_OPTIONS = {"expression", "id", "label", "color", "stat", "period", "visible", "yAxis"}
_DASHBOARD_LINK = re.compile(
    r"https://[^\"]*#dashboards/dashboard/BedrockMeter-(\w+?)-[a-z]{2}-[^\"]*"
)
_MONEY = re.compile(r"\bUSD\b|US dollars|^Cost\b")
_AMOUNT = re.compile(r"\b(?:tokens|calls)\b", re.IGNORECASE)
_WORD_IN_NAME = re.compile(r"(?<!^)(?=[A-Z])")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_NO_INSIGHTS = "CloudWatch Logs Insights runs on AWS alone: this widget has its table there."
_NOTHING = "none"
_OWN_DAYS = re.compile(r", last \d+ days$")
_BAND = "ANOMALY_DETECTION_BAND("
_PERIOD_NAMES = {3600: "hour", 86_400: "day"}
_NO_BAND = "CloudWatch also draws the expected range, which it learns from earlier data."


class AlarmStates(Protocol):
    """A source of the states of alarms."""

    def __call__(self, names: Sequence[str]) -> Mapping[str, str]:
        """The states of alarms, by their names; those that are not there are left out."""


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a dashboard's figures.

    Attributes:
        name: The name that people see.
        metrics: Its metrics.
        namespaces: The namespaces that it knows; empty for all there are.
        now: Returns the time at which its figures end.
        alarm_states: The states of alarms, where there are alarms.
        since: The time at which its figures begin, if that is known.
        evaluator: Evaluates graphs; `None` to do so on this machine, over `metrics`.
        find_profile: Finds the model and project of an application inference profile.
        problems: The reasons why files and folders could not be read to their end.
    """

    name: str
    metrics: MetricSource
    now: Callable[[], datetime]
    namespaces: frozenset[str] = frozenset()
    alarm_states: AlarmStates | None = None
    since: datetime | None = None
    evaluator: Evaluator | None = None
    find_profile: ProfileSource = find_no_profile
    problems: Sequence[str] = ()

    def evaluate(self, queries: Sequence[Query], periods: Periods) -> Evaluation:
        """Evaluate the queries of a graph."""
        return (self.evaluator or LocalEvaluator(self.metrics)).evaluate(queries, periods)


def draw(widgets: Sequence[Mapping[str, Any]], source: Source, shown: TimeRange) -> list[Drawing]:
    """Compute every widget of a dashboard.

    Raises:
        UnknownBodyError: A widget has an unsupported part.
    """
    return [_draw(widget, source, shown) for widget in widgets]


def _draw(widget: Mapping[str, Any], source: Source, shown: TimeRange) -> Drawing:
    place = {name: widget[name] for name in ("x", "y", "width", "height")}
    properties = widget["properties"]
    kind = {"type": widget["type"], "title": properties.get("title", "")}
    match widget["type"]:
        case "text":
            return place | kind | {"html": _html(properties["markdown"])}
        case "log":
            return place | kind | {"message": _NO_INSIGHTS}
        case "alarm" | "metric" as type_:
            draw_widget = _alarms if type_ == "alarm" else _metric
            try:
                return place | kind | draw_widget(properties, source, shown)
            except UnknownExpressionError as error:
                return place | kind | {"message": f"This cannot be evaluated here: {error}"}
            except SourceError as error:
                return place | kind | {"message": f"{source.name} does not answer: {error}"}
    message = f"a widget of type {widget['type']}"
    raise UnknownBodyError(message)


def _html(markdown: str) -> str:
    """Markdown as HTML; links to other dashboards stay on the page."""
    return _DASHBOARD_LINK.sub(lambda link: f"#{_file_name(link[1])}", _MARKDOWN.render(markdown))


def _file_name(name: str) -> str:
    return _WORD_IN_NAME.sub("_", name).lower()


def _alarms(properties: Mapping[str, Any], source: Source, _shown: TimeRange) -> Drawing:
    names = [arn.rpartition(":alarm:")[2] for arn in properties["alarms"]]
    if source.alarm_states is None:
        return {"message": "Alarms are there where the meter is deployed.", "alarms": []}
    states = source.alarm_states(names)
    return {"alarms": [{"name": name, "state": states.get(name, "NOT DEPLOYED")} for name in names]}


def _metric(properties: Mapping[str, Any], source: Source, shown: TimeRange) -> Drawing:
    view = properties.get("view", "timeSeries")
    if view not in _VIEWS or (unknown := properties.keys() - _PROPERTIES):
        message = f"{properties.get('title')}: {view if view not in _VIEWS else unknown}"
        raise UnknownBodyError(message)
    is_whole = properties.get("setPeriodToTimeRange", False)
    is_over_time = view == "timeSeries" or properties.get("sparkline", False)
    can_lengthen = view == "timeSeries" or is_whole
    shown, period, remarks = _choose_time(properties, shown, source, can_lengthen=can_lengthen)
    rows = [row for row in _rows(properties["metrics"]) if not _is_band(row)]
    found, messages = _evaluate(
        rows, properties, source, shown.whole if is_whole else shown.periods(period)
    )
    over_time = found
    if is_whole and is_over_time:
        over_time, further = _evaluate(rows, properties, source, shown.periods(period))
        messages += further
    values = {(row.id, series.metric, series.label): series.values for row, series in over_time}
    title = properties.get("title", "")
    drawing: Drawing = {
        "view": view,
        "title": _OWN_DAYS.sub(f", {shown.label}", title) if shown.label else title,
        "stacked": properties.get("stacked", False),
        "unit": properties.get("yAxis", {}).get("left", {}).get("label", ""),
        "rightUnit": properties.get("yAxis", {}).get("right", {}).get("label", ""),
        "thresholds": properties.get("annotations", {}).get("horizontal", []),
        "start": int(shown.periods(period).start.timestamp() * 1000),
        "step": period * 1000,
        "series": [
            _series(
                row,
                series,
                values.get((row.id, series.metric, series.label), ()) if is_over_time else (),
            )
            for row, series in found
        ],
    }
    labels = shorten_labels([series["name"] for series in drawing["series"]], source.find_profile)
    for series, label in zip(drawing["series"], labels, strict=True):
        series["label"] = label
        series["format"] = _choose_format(drawing["unit"], label, title)
    if view == "timeSeries" and shown.periods(period).end > source.now():
        drawing["open"] = True
    messages += remarks
    if len(rows) < len(properties["metrics"]):
        messages = (_NO_BAND, *messages)
    if period != properties.get("period", period) and is_over_time:
        messages = (*messages, f"Viewer only: a point for every {_PERIOD_NAMES[period]}.")
    if messages:
        drawing["note"] = " ".join(dict.fromkeys(messages))
    if not any(series.present for _, series in found):
        drawing["message"] = _explain_no_data(properties["metrics"], source)
    return drawing


def _choose_time(
    properties: Mapping[str, Any], shown: TimeRange, source: Source, *, can_lengthen: bool
) -> tuple[TimeRange, int, tuple[str, ...]]:
    """Choose the time range and the period of a widget, with remarks on them.

    A widget with a time of its own keeps it, as in CloudWatch. In a range that only the viewer has,
    a ranking of its last days is of that range instead, and formulas end with that range.
    """
    period = properties.get("period", 300)
    is_ranking = properties.get("setPeriodToTimeRange", False) and _OWN_DAYS.search(
        properties.get("title", "")
    )
    if "start" not in properties or (shown.label and is_ranking):
        return shown, shown.lengthen(period) if can_lengthen else period, ()
    remarks: tuple[str, ...] = ()
    if shown.label and shown.end < source.now():
        remarks = (f"Viewer only: as of {shown.end:%Y-%m-%d %H:%M} UTC.",)
    return until(shown.end, parse_length(properties["start"])), period, remarks


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a widget's metrics.

    Attributes:
        id: Its name, for expressions.
        options: The options of the row.
        query: The query for CloudWatch's API, without the properties of the widget.
    """

    id: str
    options: Mapping[str, Any]
    query: Mapping[str, Any]


def _rows(metrics: Sequence[Sequence[Any]]) -> Iterator[_Row]:
    for number, row in enumerate(metrics):
        *words, options = row if isinstance(row[-1], dict) else [*row, {}]
        if unknown := options.keys() - _ROW_OPTIONS:
            message = f"a metric's {', '.join(sorted(unknown))}"
            raise UnknownBodyError(message)
        name = options.get("id", f"row{number}")
        if "expression" in options:
            yield _Row(name, options, {"Expression": options["expression"]})
            continue
        namespace, metric, *dimensions = words
        if {".", "..."} & {*words}:
            message = "a metric that repeats the one above it"
            raise UnknownBodyError(message)
        pairs = zip(dimensions[::2], dimensions[1::2], strict=True)
        yield _Row(
            name,
            options,
            {
                "Namespace": namespace,
                "MetricName": metric,
                "Dimensions": [{"Name": dimension, "Value": value} for dimension, value in pairs],
            },
        )


def _is_band(row: _Row) -> bool:
    return str(row.query.get("Expression", "")).startswith(_BAND)


def _evaluate(
    rows: Sequence[_Row], properties: Mapping[str, Any], source: Source, periods: Periods
) -> tuple[list[tuple[_Row, Series]], tuple[str, ...]]:
    """The series of each row that is shown, and remarks on them."""
    queries = [_query(row, properties, periods.seconds) for row in rows]
    found = source.evaluate(queries, periods)
    shown = [(row, series) for row in rows for series in found.series.get(row.id, [])]
    return shown, found.messages


def _query(row: _Row, properties: Mapping[str, Any], seconds: int) -> dict[str, Any]:
    query = {"Id": row.id, "ReturnData": row.options.get("visible", True)}
    if "label" in row.options:
        query["Label"] = row.options["label"]
    if "Expression" in row.query:
        return query | {"Expression": row.query["Expression"], "Period": seconds}
    statistic = row.options.get("stat", properties.get("stat", "Average"))
    return query | {"MetricStat": {"Metric": row.query, "Period": seconds, "Stat": statistic}}


def _series(row: _Row, series: Series, values: tuple[Value, ...]) -> Drawing:
    drawing = {
        "name": series.label,
        "label": series.label,
        "value": series.present[-1] if series.present else None,
        "values": values,
        "axis": row.options.get("yAxis", "left"),
    }
    if "color" in row.options:
        drawing["color"] = row.options["color"]
    return drawing


def _choose_format(*texts: str) -> str:
    """Choose the format of values by their axis, else by their label, else by their title."""
    for text in texts:
        if "%" in text or text == "Percent":
            return "percent"
        if _MONEY.search(text):
            return "money"
        if _AMOUNT.search(text):
            return "number"
    return "number"


def _explain_no_data(metrics: Sequence[Sequence[Any]], source: Source) -> str:
    """Say that nothing happened, unless the source cannot know."""
    wanted = find_namespaces(metrics)
    if source.namespaces and wanted and source.namespaces.isdisjoint(wanted):
        return f"{', '.join(sorted(wanted))} is not in {source.name}: a deployment shows it."
    return _NOTHING
