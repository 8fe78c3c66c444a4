"""Drawings of widgets, computed from their bodies and a source of metrics.

The page only draws. This module applies CloudWatch's rules for periods, statistics, expressions,
labels and colors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any, Protocol, TypeAlias

from markdown_it import MarkdownIt

from cdk.config import Config
from cdk.config.resource_names import NAME_PREFIX
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
from dashboards.viewer.bodies import UnknownBodyError, find_metric_names, find_namespaces
from dashboards.viewer.profile_labels import ProfileSource, find_no_profile
from dashboards.viewer.short_labels import name_subject, shorten_labels
from dashboards.viewer.time_ranges import TimeRange, parse_length, until
from dashboards.viewer.value_formats import ValueFormat, choose_formats
from lambdas.domain.metrics.bedrock_metrics import BEDROCK_NAMESPACE, BedrockMetric

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
    rf"https://[^\"]*#dashboards/dashboard/{re.escape(NAME_PREFIX)}(\w+?)-[a-z]{{2}}-[^\"]*"
)
_WORD_IN_NAME = re.compile(r"(?<!^)(?=[A-Z])")
_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_NO_INSIGHTS = "CloudWatch Logs Insights runs on AWS alone: this widget has its table there."
NOTHING = "none"
"""The message of a widget for which nothing happened."""
_ORDER_OF_STATES = {"ALARM": 0, "INSUFFICIENT_DATA": 1, "OK": 2}
_PERCENT_SIGN = ", %"
_BAND = "ANOMALY_DETECTION_BAND("
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
_WEEK = 7 * _DAY
_FIXED = {"start", "annotations"}
"""Properties of graphs whose periods stay: those with a time or with lines of their own."""
_MIN_RUN = 3
"""The values side by side that the page draws as a line."""
_RANKINGS = {"bar", "pie"}
"""The views of rankings."""
_LENGTHS = {_HOUR: "hour", _DAY: "day"}
"""The names of the periods that only the viewer gives to graphs."""
# Wording of titles. A title without it has the same drawing, with a note where there is one.
_OWN_DAYS = re.compile(r", last \d+ days$")
_PER_HOUR = re.compile(r"\bper hour\b")
_SO_FAR = re.compile(r",? \(?last (?:(?:\d+ )?\w+) so far\)?")
_OPEN_PERIOD = re.compile(r"last (?:hour|\d+ minutes) so far")
# Ids of rows.
_TODAY, _YESTERDAY = "day0", "day1"
_DAYS_AGO = re.compile(r"day(\d+)")
_MONTH_SO_FAR = "month"
_RUN_RATE = "run_rate"
_WHOLE_HOURS = "whole"
_OTHERS = "others"
_SEARCH_PERIOD = re.compile(r"(SEARCH\('[^']*', '\w+'), \d+\)")
_IS_WHOLE = re.compile(r"< MAX\(EPOCH\(")
"""In the formula of a line that ends before its last period, which CloudWatch has not finished."""
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
        missing_metrics: The names of metrics of these namespaces that it cannot have.
        now: Returns the time at which its figures end.
        alarm_states: The states of alarms, where there are alarms.
        since: The time at which its figures begin, if that is known.
        evaluator: Evaluates graphs; `None` to do so on this machine, over `metrics`.
        find_profile: Finds the model and project of an application inference profile.
        problems: The reasons why files and folders could not be read to their end.
        is_large: Whether it is in the memory of this process, and so large that several forks draw
            a page of it sooner.
        config: The settings of the deployment whose dashboards are shown.
    """

    name: str
    metrics: MetricSource
    now: Callable[[], datetime]
    namespaces: frozenset[str] = frozenset()
    alarm_states: AlarmStates | None = None
    missing_metrics: frozenset[str] = frozenset()
    since: datetime | None = None
    evaluator: Evaluator | None = None
    find_profile: ProfileSource = find_no_profile
    problems: Sequence[str] = ()
    is_large: bool = False
    config: Config = field(default_factory=Config)

    def can_have(self, namespace: str, name: str) -> bool:
        """Say if the source can have a metric; what it cannot have is not known to be zero."""
        is_of_namespace = not self.namespaces or namespace in self.namespaces
        return is_of_namespace and name not in self.missing_metrics

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
    alarms = [{"name": name, "state": states.get(name, "NOT DEPLOYED")} for name in names]
    if properties.get("sortBy") == "stateUpdatedTimestamp":
        alarms.sort(key=lambda alarm: _ORDER_OF_STATES.get(alarm["state"], len(_ORDER_OF_STATES)))
    return {"alarms": alarms}


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
    if view == "timeSeries":
        period, found, messages = _evaluate_lines(rows, period, properties, source, shown)
        periods = shown.periods(period)
    else:
        periods = shown.periods(period)
        asked = shown.whole if is_whole else periods
        if periods.end <= source.now():
            rows = [_include_last_period(row) if row.id == _WHOLE_HOURS else row for row in rows]
        found, messages = _evaluate(rows, properties, source, asked)
    over_time = found
    if is_whole and is_over_time:
        over_time, further = _evaluate(rows, properties, source, periods)
        messages += further
    values = {(row.id, series.metric, series.label): series.values for row, series in over_time}
    unit = properties.get("yAxis", {}).get("left", {}).get("label", "")
    formats = _choose_formats(properties["metrics"], unit)
    of_rows = [
        (
            row,
            _series(
                row,
                series,
                values.get((row.id, series.metric, series.label), ()) if is_over_time else (),
                formats[row.id],
            ),
        )
        for row, series in found
        if not _is_needless(row, series)
    ]
    if source.since is not None:
        of_rows = _date(of_rows, shown, source)
    drawn = [series for _, series in of_rows]
    title = properties.get("title", "")
    drawing: Drawing = {
        "view": view,
        "title": _name_time(
            title,
            shown,
            period,
            properties,
            is_over=bool(shown.label) and shown.end <= source.now(),
        ),
        "stacked": properties.get("stacked", False),
        "shares": _has_shares(properties),
        "unit": unit,
        "rightUnit": properties.get("yAxis", {}).get("right", {}).get("label", ""),
        "thresholds": properties.get("annotations", {}).get("horizontal", []),
        "start": int(periods.start.timestamp() * 1000),
        "step": period * 1000,
        "series": drawn,
    }
    labels = shorten_labels([each["name"] for each in drawn], source.find_profile)
    for each, label in zip(drawn, labels, strict=True):
        has_sign = each["format"] is ValueFormat.PERCENT  # its value has
        each["label"] = label.removesuffix(_PERCENT_SIGN) if has_sign else label
    if view == "timeSeries" and periods.end > source.now():
        drawing["open"] = True
    has_band = len(rows) < len(properties["metrics"])
    is_longer = is_over_time and period != properties.get("period", period)
    notes = (
        *((_NO_BAND,) if has_band else ()),
        *messages,
        *remarks,
        *((f"Viewer only: a point for every {_LENGTHS[period]}.",) if is_longer else ()),
    )
    if notes:
        drawing["note"] = " ".join(dict.fromkeys(notes))
    if not any(series.present for _, series in found):
        drawing["message"] = _explain_no_data(properties["metrics"], source)
    return drawing


def _has_shares(properties: Mapping[str, Any]) -> bool:
    """Say if values are sums that add up to everything: means do not, nor do the largest few."""
    if properties.get("stat") != "Sum" or not properties.get("setPeriodToTimeRange"):
        return False
    rows = properties["metrics"]
    return "SLICE" not in str(rows) or any(row.id == _OTHERS for row in _rows(rows))


def _is_ranking(properties: Mapping[str, Any]) -> bool:
    """Say if a widget ranks the sums of days of its own."""
    has_own_days = "start" in properties and properties.get("setPeriodToTimeRange", False)
    return has_own_days and properties.get("view") in _RANKINGS


def _is_of_one_period(properties: Mapping[str, Any]) -> bool:
    """Say if a graph compares each period with an amount, and so cannot have longer ones.

    These are sums in percent of an hourly threshold, and tokens per minute beside a quota.
    """
    axis = properties.get("yAxis", {}).get("left", {}).get("label")
    is_percentage = axis == "Percent" and properties.get("stat") == "Sum"
    quota_usage = BEDROCK_NAMESPACE, BedrockMetric.QUOTA_USAGE
    return is_percentage or quota_usage in find_metric_names(properties["metrics"])


def _choose_time(
    properties: Mapping[str, Any], shown: TimeRange, source: Source, *, can_lengthen: bool
) -> tuple[TimeRange, int, tuple[str, ...]]:
    """Choose the time range and the period of a widget, with remarks on them.

    A widget with a time of its own keeps it, as in CloudWatch. In a range that only the viewer has,
    a ranking of its last days is of that range instead, and formulas end with that range.
    """
    period = properties.get("period", 300)
    is_of_range = bool(shown.label) and _is_ranking(properties)
    if "start" not in properties or is_of_range:
        if can_lengthen and shown.is_long and _is_of_one_period(properties):
            last = shown.keep_last(period)
            part = (
                f"{last.seconds // _DAY} days"
                if period > _MINUTE
                else f"{last.seconds // _HOUR} hours"
            )
            return last, period, (f"Viewer only: the last {part} of this time.",)
        is_named = not is_of_range or _OWN_DAYS.search(properties.get("title", ""))
        remarks = () if is_named else (f"Viewer only: {shown.label}.",)
        return shown, shown.lengthen(period) if can_lengthen else period, remarks
    is_earlier = bool(shown.label) and shown.end < source.now()
    remarks = (f"Viewer only: as of {shown.end:%Y-%m-%d %H:%M} UTC.",) if is_earlier else ()
    return until(shown.end, parse_length(properties["start"])), period, remarks


def _date(
    drawn: Sequence[tuple[_Row, Drawing]], shown: TimeRange, source: Source
) -> list[tuple[_Row, Drawing]]:
    """Name days and months by their dates instead of their distance from today: logs may be old.

    Nothing of a time that is over is so far: its last day has the color of the others. A month that
    is over has no run rate, which would be its cost once more.
    """
    is_open = shown.end > source.now()
    is_month_over = not is_open and (shown.end.day, shown.end.hour, shown.end.minute) == (1, 0, 0)
    colors = {row.id: series.get("color") for row, series in drawn}
    dated = []
    for row, series in drawn:
        if row.id == _RUN_RATE and is_month_over:
            continue
        changes: Drawing = {}
        if name := _name_date(row.id, shown, is_open=is_open, is_month_over=is_month_over):
            changes = {"name": name, "label": name}
        if row.id == _TODAY and not is_open:
            changes["color"] = colors[_YESTERDAY]
        dated.append((row, series | changes))
    return dated


def _name_date(row_id: str, shown: TimeRange, *, is_open: bool, is_month_over: bool) -> str | None:
    """Name the row of a day or a month by its date; `None` for other rows."""
    last = shown.end - timedelta(microseconds=1)
    so_far = " so far" if is_open else ""
    if row_id == _MONTH_SO_FAR:
        if is_open or is_month_over:
            return f"{last:%B %Y}{so_far}"
        days = "1" if last.day == 1 else f"1 to {last.day}"
        return f"{last:%B} {days}, {last:%Y}"
    if found := _DAYS_AGO.fullmatch(row_id):
        is_today = row_id == _TODAY
        return f"{last - timedelta(days=int(found[1])):%Y-%m-%d}{so_far if is_today else ''}"
    return None


def _is_needless(row: _Row, series: Series) -> bool:
    """Say if a row is the rest of a ranking, and there is no rest."""
    return row.id == _OTHERS and not series.present


def _name_time(
    title: str, shown: TimeRange, period: int, properties: Mapping[str, Any], *, is_over: bool
) -> str:
    """Name in a title the days of a ranking, and the periods of a graph whose periods are days."""
    if is_over:
        title = _SO_FAR.sub("", title)
    if shown.label and properties.get("setPeriodToTimeRange"):
        title = _OWN_DAYS.sub(f", {shown.label}", title)
    if period == properties.get("period") or period not in _LENGTHS:
        return title
    if period == _DAY:
        title = _PER_HOUR.sub("per day", title)
    return _OPEN_PERIOD.sub(f"last {_LENGTHS[period]} so far", title)


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


def _evaluate_lines(
    rows: Sequence[_Row],
    period: int,
    properties: Mapping[str, Any],
    source: Source,
    shown: TimeRange,
) -> tuple[int, list[tuple[_Row, Series]], tuple[str, ...]]:
    """Evaluate the rows of a graph, with the first of its periods whose values are not scattered.

    Returns:
        The period, the series of each row that is shown, and remarks on them.
    """
    rows = [*map(_include_last_period, rows)]
    found, messages = _evaluate(rows, properties, source, shown.periods(period))
    for longer in _list_longer(period, properties, source, shown):
        if not _is_scattered(found):
            break
        period = longer
        found, messages = _evaluate(rows, properties, source, shown.periods(period))
    return period, found, messages


def _list_longer(
    period: int, properties: Mapping[str, Any], source: Source, shown: TimeRange
) -> Iterator[int]:
    """List the longer periods that a graph may have.

    CloudWatch's own answers are billed, so they are asked for once.
    """
    is_free = not properties.keys() & _FIXED and source.evaluator is None
    if is_free and not _is_of_one_period(properties) and shown.seconds >= _WEEK:
        yield from (longer for longer in _LENGTHS if longer > period)


def _is_scattered(found: Sequence[tuple[_Row, Series]]) -> bool:
    """Say if most values of a graph are dots, with too few side by side for a line."""
    runs = [
        sum(1 for _ in run)
        for _, series in found
        for is_there, run in groupby(series.values, lambda value: value is not None)
        if is_there
    ]
    return sum(run for run in runs if run < _MIN_RUN) > sum(runs) / 2


def _include_last_period(row: _Row) -> _Row:
    """Include the last period of a line that ends before it: the page draws it dashed if open."""
    if "Expression" not in row.query:
        return row
    expression = _IS_WHOLE.sub("<= MAX(EPOCH(", row.query["Expression"])
    return replace(row, query={**row.query, "Expression": expression})


def _query(row: _Row, properties: Mapping[str, Any], seconds: int) -> dict[str, Any]:
    query = {"Id": row.id, "ReturnData": row.options.get("visible", True)}
    if row.options.get("label"):  # an empty one leaves several series the labels that they have
        query["Label"] = row.options["label"]
    if "Expression" in row.query:
        expression = _SEARCH_PERIOD.sub(rf"\1, {seconds})", row.query["Expression"])
        return query | {"Expression": expression, "Period": seconds}
    statistic = row.options.get("stat", properties.get("stat", "Average"))
    return query | {"MetricStat": {"Metric": row.query, "Period": seconds, "Stat": statistic}}


def _choose_formats(metrics: Sequence[Sequence[Any]], axis: str) -> dict[str, ValueFormat]:
    """Choose the format of each row, by its id."""
    formats = choose_formats(metrics, axis)
    return {row.id: chosen for row, chosen in zip(_rows(metrics), formats, strict=True)}


def _series(
    row: _Row, series: Series, values: tuple[Value, ...], value_format: ValueFormat
) -> Drawing:
    drawing = {
        "name": series.label,
        "label": series.label,
        "value": series.present[-1] if series.present else None,
        "values": values,
        "axis": row.options.get("yAxis", "left"),
        "format": value_format,
    }
    if (subject := name_subject(series.label)) != series.label:
        drawing["subject"] = subject
    if "color" in row.options:
        drawing["color"] = row.options["color"]
    return drawing


def _explain_no_data(metrics: Sequence[Sequence[Any]], source: Source) -> str:
    """Say that nothing happened, unless the source cannot know."""
    wanted = find_namespaces(metrics)
    if source.namespaces and wanted and source.namespaces.isdisjoint(wanted):
        return f"{', '.join(sorted(wanted))} is not in {source.name}: a deployment shows it."
    return NOTHING
