"""The dashboards over one source: their names, choices and views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, TypedDict

from dashboards.viewer.bodies import Body, read_bodies
from dashboards.viewer.drawings import Drawing, Source, draw
from dashboards.viewer.hidden_widgets import (
    find_missing_namespaces,
    has_enough,
    hide_empty_sections,
    hide_missing,
)
from dashboards.viewer.memoized_metrics import MemoizedEvaluator, MemoizedMetrics
from dashboards.viewer.short_labels import shorten_labels
from dashboards.viewer.time_ranges import DayRange, TimeRange, list_months, until

RANGES = {
    "1h": ("1 hour", timedelta(hours=1)),
    "3h": ("3 hours", timedelta(hours=3)),
    "1d": ("1 day", timedelta(days=1)),
    "1w": ("1 week", timedelta(weeks=1)),
    "2w": ("2 weeks", timedelta(weeks=2)),
}
DEFAULT_RANGE = "1w"
"""Shown first where the start of the data is not known."""
_SHORTEST_FIRST = "1d"
ALL_DATA = "all"
CHOSEN = "chosen"
ALL_DAYS = DayRange()
_ORDER = (
    *("usage_overview", "identity_detail", "model_comparison"),
    *("cost", "throttling", "gateway", "credits", "pipeline_health"),
)


class View(TypedDict):
    """A dashboard as the page takes it.

    Attributes:
        widgets: Its widgets.
        hidden: The titles of the widgets that the source has nothing for, at all or in this time.
    """

    widgets: list[Drawing]
    hidden: list[str]


class NoSuchViewError(Exception):
    """There is no such dashboard, choice or range. The text names it."""


@dataclass(frozen=True, slots=True)
class DashboardSession:
    """Views of all dashboards.

    Attributes:
        source: The source of the figures.
        bodies: The dashboards, by the names of their files.
        chosen: The time that the user chose; `None` without a choice.
    """

    source: Source
    bodies: Mapping[str, Body]
    chosen: TimeRange | None = None

    @classmethod
    def from_source(cls, source: Source, days: DayRange = ALL_DAYS) -> DashboardSession:
        """Views of the dashboards as its settings deploy them, without those it cannot have.

        Raises:
            NoDataError: The source has no data in the days.
        """
        bodies = read_bodies(source.config)
        shown = [name for name in sorted(bodies, key=_place) if has_enough(bodies[name], source)]
        end = until(source.now(), timedelta(weeks=1)).end
        chosen = days.within(source.since, end)
        return cls(source, read_bodies(source.config, shown), chosen)

    def memoize(self) -> DashboardSession:
        """The same views over memoized metrics that end at one time."""
        now = self.source.now()
        evaluator = self.source.evaluator
        source = replace(
            self.source,
            metrics=MemoizedMetrics(self.source.metrics),
            evaluator=None if evaluator is None else MemoizedEvaluator(evaluator),
            now=lambda: now,
        )
        return DashboardSession(source, self.bodies, self.chosen)

    def outline(self) -> dict[str, Any]:
        """The choices of the page, as JSON for its script."""
        return {
            "source": f"Source: {self.source.name}, until {self.source.now():%Y-%m-%d %H:%M} UTC.",
            "dashboards": [
                {
                    "name": name,
                    "title": _name_dashboard(name),
                    "label": body.variable.label if body.variable else "",
                    **self._outline_choices(name),
                }
                for name, body in self.bodies.items()
            ],
            "hidden": self._explain_hidden(),
            "range": self.first_range,
            "ranges": [{"value": key, "label": label} for key, (label, _) in self.ranges().items()],
        }

    def ranges(self) -> dict[str, tuple[str, TimeRange]]:
        """The time ranges to choose from, by their keys: each with its label.

        A source that knows when its data begins has months and all data as well. The time that the
        user chose is the first one.
        """
        now, since = self.source.now(), self.source.since
        ranges = {key: (label, until(now, length)) for key, (label, length) in RANGES.items()}
        if since is not None:
            end = until(now, timedelta(weeks=1)).end
            for key, month in list_months(since, end).items():
                ranges[key] = month.label, month
            start = since.replace(hour=0, minute=0, second=0, microsecond=0)
            label = f"All data: {start:%Y-%m-%d} to {end - timedelta(seconds=1):%Y-%m-%d}"
            ranges[ALL_DATA] = label, TimeRange(start, end, "all data")
        if self.chosen is not None:
            last = self.chosen.end - timedelta(seconds=1)
            label = f"{self.chosen.start:%Y-%m-%d} to {last:%Y-%m-%d}"
            chosen = TimeRange(self.chosen.start, self.chosen.end, label)
            ranges = {CHOSEN: (label, chosen), **ranges}
        return ranges

    def _explain_hidden(self) -> list[str]:
        """Name each dashboard that is left out, with the metrics that the source lacks for it."""
        hidden = [name for name in _ORDER if name not in self.bodies]
        bodies = read_bodies(self.source.config, hidden)
        lacking = {
            name: ", ".join(find_missing_namespaces(bodies[name], self.source)) for name in hidden
        }
        return [
            _name_dashboard(name) + (f" ({lacking[name]})" if lacking[name] else "")
            for name in hidden
        ]

    def _outline_choices(self, dashboard: str) -> dict[str, Any]:
        choices = self.choices(dashboard)
        labels = shorten_labels(choices, self.source.find_profile)
        return {
            "choices": [
                {"value": choice, "label": label}
                for choice, label in zip(choices, labels, strict=True)
            ],
            "names": choices,
            "first": next(iter(self.largest(dashboard, 1)), ""),
        }

    @property
    def first_range(self) -> str:
        """The range that is shown first: the chosen one, the shortest with all data, or a week."""
        if self.chosen is not None:
            return CHOSEN
        if self.source.since is None:
            return DEFAULT_RANGE
        for name in list(RANGES)[list(RANGES).index(_SHORTEST_FIRST) :]:
            if until(self.source.now(), RANGES[name][1]).start <= self.source.since:
                return name
        return ALL_DATA

    def choices(self, dashboard: str) -> list[str]:
        """The values of a dashboard's variable; empty where it has none."""
        variable = self.bodies[dashboard].variable
        return variable.choices(self.source.metrics) if variable else []

    def largest(self, dashboard: str, count: int) -> list[str]:
        """The choices of a dashboard's variable that cost most; without costs, the most used.

        What counts are the days that the user chose, else all data.
        """
        variable = self.bodies[dashboard].variable
        if variable is None:
            return []
        ranges = self.ranges()
        whole = ranges.get(CHOSEN, ranges.get(ALL_DATA, ranges["2w"]))[1].whole
        return variable.largest(self.source.metrics, whole, count)

    def view(self, dashboard: str, choice: str, chosen_range: str) -> View:
        """The widgets of a dashboard, as the page takes them, and the titles of hidden ones.

        Raises:
            NoSuchViewError: There is no such dashboard, choice or range.
        """
        if dashboard not in self.bodies:
            message = f"there is no dashboard {dashboard}"
            raise NoSuchViewError(message)
        ranges = self.ranges()
        if chosen_range not in ranges:
            message = f"there is no time range {chosen_range}"
            raise NoSuchViewError(message)
        if choice and choice not in self.choices(dashboard):
            message = f"{dashboard} has no {choice} to choose"
            raise NoSuchViewError(message)
        widgets = self.bodies[dashboard].widgets(choice or None)
        shown, hidden = hide_missing(widgets, self.source)
        drawn, empty = hide_empty_sections(draw(shown, self.source, ranges[chosen_range][1]))
        return View(widgets=drawn, hidden=[*hidden, *empty])


def _name_dashboard(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)
