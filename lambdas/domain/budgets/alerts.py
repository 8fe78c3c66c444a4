"""Alerts of budgets: thresholds that are newly reached, and the states of alerts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any, NamedTuple, Protocol

from lambdas.domain.budgets.budget import Budget
from lambdas.domain.budgets.status import BudgetStatus, UsageForecast
from lambdas.domain.periods import BudgetPeriod
from lambdas.domain.words import exact_text

_DIGEST_LENGTH = 32


class ThresholdKind(StrEnum):
    """The kind of a threshold."""

    ACTUAL = "actual"
    FORECAST = "forecast"


class AlertState(StrEnum):
    """The state of an alert. It is stored before anything is sent, so that none is lost."""

    DUE = "due"
    SENT = "sent"


class DeliveryWay(StrEnum):
    """A way in which alerts are delivered."""

    EVENT = "event"
    MESSAGE = "message"


class LastAlert(NamedTuple):
    """The last alert of a threshold.

    Attributes:
        ends_at: The end of its period.
        level: The usage that the threshold stood for, in the unit of the budget.
    """

    ends_at: datetime
    level: int


def digest_value(value: str) -> str:
    """Make the text that stands for the value of a default budget in keys of alerts."""
    return sha256(value.encode()).hexdigest()[:_DIGEST_LENGTH]


class AlertKey(NamedTuple):
    """The key of an alert.

    Attributes:
        budget: The name of the budget.
        generation: Its generation.
        value: The value that a default budget is for; else empty.
        kind: The kind of the threshold.
        percent: The threshold.
        period: The period.
        level: The usage that the threshold stands for, in the unit of the budget.
    """

    budget: str
    generation: int
    value: str
    kind: ThresholdKind
    percent: Decimal
    period: BudgetPeriod
    level: int

    @property
    def threshold_id(self) -> str:
        """A text that the alerts of one threshold share, and no others of the same generation.

        It has a digest of the value: sort keys of a table are bounded, and names are long.
        """
        digest = digest_value(self.value) if self.value else ""
        return "#".join([self.kind, exact_text(self.percent), digest])

    @property
    def id(self) -> str:
        """A text that no other alert has, by which receivers notice repeated messages."""
        return "#".join([self.budget, str(self.generation), self.sort_id])

    @property
    def sort_id(self) -> str:
        """A text that no other alert of the generation has, in the order of periods."""
        return "#".join([self.period.id, str(self.level), self.threshold_id])

    def is_above(self, last: LastAlert | None) -> bool:
        """Say if the threshold has not alerted in a period that overlaps, or at a lower level."""
        return last is None or last.ends_at <= self.period.start or last.level < self.level

    def is_new(self, alerted: Mapping[str, LastAlert]) -> bool:
        """Say if the threshold has not alerted in a period that overlaps.

        If the amount was raised since, it alerts again at its new level, unless another threshold
        has alerted at a level as high: that usage is known. It does not if the amount was lowered.

        Args:
            alerted: The last alerts, by `threshold_id`.
        """
        last = alerted.get(self.threshold_id)
        if last is None or last.ends_at <= self.period.start:
            return True
        if not self.is_above(last):
            return False
        kind, value = f"{self.kind}#", f"#{digest_value(self.value) if self.value else ''}"
        levels = [
            alert.level
            for threshold, alert in alerted.items()
            if threshold.startswith(kind) and threshold.endswith(value)
            if alert.ends_at > self.period.start
        ]
        return max(levels) < self.level


@dataclass(frozen=True, slots=True)
class BudgetAlert:
    """An alert.

    Attributes:
        key: The key.
        detail: What is known of the budget when the threshold is reached, as in the event.
        state: The state.
        delivered: The ways that have taken it, where another one has not.
    """

    key: AlertKey
    detail: dict[str, Any]
    state: AlertState = AlertState.DUE
    delivered: frozenset[DeliveryWay] = frozenset()


def make_alert_key(status: BudgetStatus, kind: ThresholdKind, percent: Decimal) -> AlertKey:
    """Make the key of the alert that a threshold would have now."""
    stored = status.stored
    level = stored.budget.amount.take_percentage(percent)
    return AlertKey(
        budget=stored.budget.name,
        generation=stored.generation,
        value=status.value,
        kind=kind,
        percent=percent,
        period=status.period,
        level=level,
    )


def find_crossings(
    status: BudgetStatus, now: datetime, kinds: Collection[ThresholdKind] = tuple(ThresholdKind)
) -> list[AlertKey]:
    """Find the thresholds that a budget has reached in its current period.

    A threshold of a forecast is left out once usage itself has reached it. Of a past period there
    are none: late records change its figures, and alert no more. A budget that is building has
    none either.

    Args:
        status: The state of the budget.
        now: The time.
        kinds: The kinds of thresholds that are looked at.
    """
    stored, period = status.stored, status.period
    budget = stored.budget
    if not stored.is_active or not period.includes(now):
        return []
    amount, thresholds = budget.amount, budget.thresholds
    reached: list[tuple[ThresholdKind, Decimal]] = []
    if ThresholdKind.ACTUAL in kinds:
        reached += (
            (ThresholdKind.ACTUAL, percent)
            for percent in thresholds.actual
            if amount.is_reached(status.used, percent)
        )
    if ThresholdKind.FORECAST in kinds:
        reached += (
            (ThresholdKind.FORECAST, percent)
            for percent, _ in list_probable(budget, status.used, status.forecast)
        )
    return [make_alert_key(status, kind, percent) for kind, percent in reached]


def list_probable(
    budget: Budget, used: int, forecast: UsageForecast | None
) -> Iterator[tuple[Decimal, float]]:
    """List the thresholds that a forecast reaches and usage has not, with their probabilities.

    Args:
        budget: The budget.
        used: The usage of the period so far, in its unit.
        forecast: The forecast for its end; `None` without one.
    """
    if forecast is None:
        return
    for percent in budget.thresholds.forecast:
        if budget.amount.is_reached(used, percent):
            continue
        left = budget.amount.take_percentage(percent) - used
        probability = forecast.probability_of_exceeding(left)
        if Decimal(probability) >= budget.thresholds.forecast_probability:
            yield percent, probability


CLAIM = timedelta(minutes=10)
"""The time for which a run may send an alert: longer than it can last."""
HOLD = timedelta(minutes=2)
"""The time for which a new alert waits for its details: longer than a run reads them. If the run
dies, the alert is sent without them."""


class AlertStore(Protocol):
    """Stores alerts and their states."""

    def add_due(self, alert: BudgetAlert, held_until: datetime | None = None) -> bool:
        """Store an alert as due, unless its threshold has one for a period that overlaps.

        So each threshold alerts once a period, and for a window that moves by the hour, once in
        the length of a window; again only at a higher level. Of writers at the same time, one
        succeeds.

        Args:
            alert: The alert.
            held_until: The time before which no run claims it, while its details are read.

        Returns:
            True if the alert is stored now.
        """

    def add_details(self, alert: BudgetAlert, held_until: datetime) -> None:
        """Replace the detail of an alert and let runs claim it, unless it is no longer held."""

    def read_alerted(self, budget: str, generation: int) -> Mapping[str, LastAlert]:
        """Read the last alert of each threshold that has alerted, by `threshold_id`."""

    def list_due(self) -> Iterator[BudgetAlert]:
        """List the alerts that are due, in the order of their ids; those that can be read."""

    def list_unreadable(self) -> Iterator[str]:
        """List the ids of alerts that are due and cannot be read, by this version at least."""

    def claim(self, key: AlertKey, now: datetime) -> bool:
        """Claim a due alert for sending, so that another run at the same time leaves it out.

        A claim ends after `CLAIM`, in case the run that made it has died.

        Returns:
            False if another run has claimed it, or it was sent meanwhile.
        """

    def postpone(self, key: AlertKey, until: datetime, delivered: Collection[DeliveryWay]) -> None:
        """Let no run claim an alert for a time, unless it was sent meanwhile.

        Args:
            key: The key of an alert that was not delivered in every way.
            until: The end of this time.
            delivered: The ways that have taken it.
        """

    def mark_sent(self, key: AlertKey, sent_at: datetime) -> None:
        """Mark an alert sent; to repeat it is safe."""

    def list_alerts(self, budget: str, generation: int) -> Iterator[BudgetAlert]:
        """List the alerts of a budget's generation, in order of periods."""
