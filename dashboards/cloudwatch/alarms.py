"""The state of an alarm, computed from its definition.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from dashboards.cloudwatch.queries import Query, evaluate, get_period
from dashboards.cloudwatch.series import MetricSource, Periods, Series, UnknownExpressionError

_MINUTE = 60
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


class AlarmState(StrEnum):
    """The states of an alarm."""

    OK = "OK"
    ALARM = "ALARM"
    INSUFFICIENT_DATA = "INSUFFICIENT_DATA"


@dataclass(frozen=True, slots=True)
class Contributor:
    """One series of an alarm, and the state that it is in."""

    series: Series
    state: AlarmState


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm's definition.

    Attributes:
        name: Its name.
        queries: The queries that it evaluates.
        compare: Compares a value with the threshold.
        threshold: The value to compare with.
        periods: The number of periods that are evaluated (N).
        breaching: The number of them that have to breach (M).
        missing: The treatment of a period without data: `breaching`, `notBreaching`, `ignore` or
            `missing`.
        warm_up: The time after its creation in which it may wait before it is evaluated.
        is_warm_up_whole: True if it waits all that time, data or not.
    """

    name: str
    queries: tuple[Query, ...]
    compare: Callable[[float, float], bool]
    threshold: float
    periods: int
    breaching: int
    missing: str
    warm_up: timedelta = timedelta(0)
    is_warm_up_whole: bool = False

    @classmethod
    def from_definition(cls, definition: Mapping[str, Any]) -> Self:
        """Read it as `DescribeAlarms` has it.

        Raises:
            UnknownExpressionError: It is of a kind that is not evaluated here.
        """
        comparison = definition["ComparisonOperator"]
        warm_up = definition.get("WarmUpConfiguration") or {}
        if comparison not in _COMPARISONS:
            message = f"{definition['AlarmName']}: {comparison}"
            raise UnknownExpressionError(message)
        return cls(
            name=definition["AlarmName"],
            queries=tuple(definition.get("Metrics") or [_build_query(definition)]),
            compare=_COMPARISONS[comparison],
            threshold=float(definition["Threshold"]),
            periods=int(definition["EvaluationPeriods"]),
            breaching=int(definition.get("DatapointsToAlarm") or definition["EvaluationPeriods"]),
            missing=definition.get("TreatMissingData") or "missing",
            warm_up=timedelta(minutes=warm_up.get("WarmUpPeriodDurationInMinutes", 0)),
            is_warm_up_whole=bool(warm_up.get("OnlyStartEvaluatingAfterWarmUpPeriodEnds")),
        )

    def evaluate(self, source: MetricSource, now: datetime) -> list[Contributor]:
        """The contributors, a series each. Windows end with the minute that has begun.

        Raises:
            UnknownExpressionError: An expression is not one that we use.
        """
        begun = datetime.fromtimestamp(now.timestamp() // _MINUTE * _MINUTE, now.tzinfo)
        periods = Periods(
            begun + timedelta(seconds=_MINUTE), get_period(self.queries), self.periods
        )
        return [
            Contributor(series, self._judge_series(series))
            for series in evaluate(self.queries, source, periods)
        ]

    def is_warming_up(self, age: timedelta, contributors: list[Contributor]) -> bool:
        """Say if it is not evaluated yet: till the warm-up ends, or data fill its periods.

        Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-warm-up.html
        """
        is_filled = any(None not in contributor.series.values for contributor in contributors)
        return age < self.warm_up and (self.is_warm_up_whole or not is_filled)

    def get_state(self, contributors: list[Contributor]) -> AlarmState:
        """Get the state of the alarm: ALARM as soon as one contributor is in ALARM."""
        states = {contributor.state for contributor in contributors}
        if not states:
            return self._judge_series(Series(self.name, (None,) * self.periods))
        for state in (AlarmState.ALARM, AlarmState.OK):
            if state in states:
                return state
        return AlarmState.INSUFFICIENT_DATA

    def _judge_series(self, series: Series) -> AlarmState:
        if not series.present and self.missing in ("missing", "ignore"):
            return AlarmState.INSUFFICIENT_DATA
        is_missing_breaching = self.missing == "breaching"
        breaching = sum(
            is_missing_breaching if value is None else self.compare(value, self.threshold)
            for value in series.values
        )
        return AlarmState.ALARM if breaching >= self.breaching else AlarmState.OK


def _build_query(definition: Mapping[str, Any]) -> Query:
    names = ("Namespace", "MetricName", "Dimensions")
    metric = {name: definition[name] for name in names if name in definition}
    return {
        "Id": "m",
        "MetricStat": {
            "Metric": metric,
            "Period": definition["Period"],
            "Stat": definition["Statistic"],
        },
    }
