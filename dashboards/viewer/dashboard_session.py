"""The dashboards over one source: their names, choices and views."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from dashboards.viewer.bodies import Body, read_bodies
from dashboards.viewer.drawings import Drawing, Source, draw
from dashboards.viewer.memoized_metrics import MemoizedEvaluator, MemoizedMetrics
from dashboards.viewer.time_ranges import until
from lambdas.domain.invocations.short_names import shorten_identity

RANGES = {
    "1h": ("1 hour", timedelta(hours=1)),
    "3h": ("3 hours", timedelta(hours=3)),
    "1d": ("1 day", timedelta(days=1)),
    "1w": ("1 week", timedelta(weeks=1)),
    "2w": ("2 weeks", timedelta(weeks=2)),
}
DEFAULT_RANGE = "1d"
_ORDER = (
    *("usage_overview", "identity_detail", "model_comparison"),
    *("cost_and_budgets", "quota_and_throttling", "pipeline_health"),
)


class NoSuchViewError(Exception):
    """There is no such dashboard, choice or range. The text names it."""


@dataclass(frozen=True, slots=True)
class DashboardSession:
    """Views of all dashboards.

    Attributes:
        source: The source of the figures.
        bodies: The dashboards, by the names of their files.
    """

    source: Source
    bodies: Mapping[str, Body]

    @classmethod
    def from_source(cls, source: Source) -> DashboardSession:
        """Views of the dashboards as they stand in their folder."""
        bodies = read_bodies()
        return cls(source, {name: bodies[name] for name in sorted(bodies, key=_place)})

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
        return DashboardSession(source, self.bodies)

    def outline(self) -> dict[str, Any]:
        """The choices of the page, as JSON for its script."""
        return {
            "source": f"Source: {self.source.name}, until {self.source.now():%Y-%m-%d %H:%M} UTC.",
            "dashboards": [
                {
                    "name": name,
                    "title": name.replace("_", " ").capitalize(),
                    "label": body.variable.label if body.variable else "",
                    "choices": [
                        {"value": choice, "label": shorten_identity(choice)}
                        for choice in self.choices(name)
                    ],
                }
                for name, body in self.bodies.items()
            ],
            "range": self.first_range,
            "ranges": [{"value": key, "label": label} for key, (label, _) in RANGES.items()],
        }

    @property
    def first_range(self) -> str:
        """The range that is shown first: a day, or the shortest longer one that shows all data."""
        ranges = list(RANGES)[list(RANGES).index(DEFAULT_RANGE) :]
        if self.source.since is None:
            return DEFAULT_RANGE
        for name in ranges:
            if until(self.source.now(), RANGES[name][1]).start <= self.source.since:
                return name
        return ranges[-1]

    def choices(self, dashboard: str) -> list[str]:
        """The values of a dashboard's variable; empty where it has none."""
        variable = self.bodies[dashboard].variable
        return variable.choices(self.source.metrics) if variable else []

    def most_used(self, dashboard: str, count: int) -> list[str]:
        """The choices of a dashboard's variable with the most tokens."""
        variable = self.bodies[dashboard].variable
        if variable is None:
            return []
        longest = max(length for _, length in RANGES.values())
        whole = until(self.source.now(), longest).whole
        return variable.most_used(self.source.metrics, whole, count)

    def view(self, dashboard: str, choice: str, chosen_range: str) -> dict[str, list[Drawing]]:
        """The widgets of a dashboard, as the page takes them.

        Raises:
            NoSuchViewError: There is no such dashboard, choice or range.
        """
        if dashboard not in self.bodies:
            message = f"there is no dashboard {dashboard}"
            raise NoSuchViewError(message)
        if chosen_range not in RANGES:
            message = f"there is no time range {chosen_range}"
            raise NoSuchViewError(message)
        if choice and choice not in self.choices(dashboard):
            message = f"{dashboard} has no {choice} to choose"
            raise NoSuchViewError(message)
        shown = until(self.source.now(), RANGES[chosen_range][1])
        widgets = self.bodies[dashboard].widgets(choice or None)
        return {"widgets": draw(widgets, self.source, shown)}


def _place(name: str) -> tuple[int, str]:
    return (_ORDER.index(name) if name in _ORDER else len(_ORDER), name)
