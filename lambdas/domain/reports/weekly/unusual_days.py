"""Groups unusual days: one event is usually that of an identity, its project and its model."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.reports.weekly.summary import NamedAnomaly

_MAX_DIFFERENCE = Decimal("0.05")
"""The part of a cost by which costs of one event differ: a model's day has other calls as well."""


class UnusualDay(NamedTuple):
    """Unusual costs of one day that are about the same: one name of each kind at most.

    Attributes:
        anomalies: The costs, the largest excess first.
    """

    anomalies: tuple[NamedAnomaly, ...]

    @property
    def day(self) -> date:
        """The day, UTC."""
        return self.anomalies[0].anomaly.day

    def includes(self, entry: NamedAnomaly) -> bool:
        """Say if a cost is of the same day and about the same, and of another kind."""
        largest, other = self.anomalies[0].anomaly, entry.anomaly
        return (
            other.day == self.day
            and entry.kind not in {known.kind for known in self.anomalies}
            and abs(largest.usd - other.usd) <= _MAX_DIFFERENCE * largest.usd
            and abs(largest.excess_usd - other.excess_usd) <= _MAX_DIFFERENCE * largest.excess_usd
        )


def group_anomalies(anomalies: Iterable[NamedAnomaly]) -> list[UnusualDay]:
    """Group unusual costs, which come with the largest excess first."""
    days: list[UnusualDay] = []
    for entry in anomalies:
        for number, day in enumerate(days):
            if day.includes(entry):
                days[number] = UnusualDay((*day.anomalies, entry))
                break
        else:
            days.append(UnusualDay((entry,)))
    return days
