"""A new deployment does not notify: its health alarms, minute by minute from their creation."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from dashboards.cloudwatch import Alarm, AlarmState, Metric, Periods, Statistic
from lambdas.services.audit_coverage import CoverageAuditor
from tests.fakes import InMemoryMetrics
from tests.infrastructure.synthesis import deployment, resources
from tests.infrastructure.test_alarm_behavior import find_alarm

CREATED = datetime(2026, 9, 8, 12, 2, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
RULES_MADE = CREATED + 10 * MINUTE
"""Late: CloudFormation makes alarms and schedules of a stack in any order."""
SCHEDULED = {
    "CoverageAuditor": 5 * MINUTE,
    "LoggingWatcher": 15 * MINUTE,
    "TrafficAuditor": HOUR,
    "PriceRefresher": HOUR,
    "PriceUpdater": DAY,
    "FocusExporter": DAY,
}
WRITTEN_BY = {
    "LoggingWatcher": ["DeploymentDrift"],
    "TrafficAuditor": ["UnreadableRegions"],
    "PriceRefresher": ["WaitingModels", "RepricedCalls"],
    "PriceUpdater": ["HeldPrices", "PriceListAge"],
}
MODEL = "some-model"
Values = dict[datetime, float]


class TimedMetrics:
    """Values of metrics at times; a function's metrics are identified by the function's name."""

    def __init__(self, values: Mapping[str, Values]) -> None:
        self._values = {name: sorted(of_metric.items()) for name, of_metric in values.items()}

    def metrics(self, namespace: str, name: str) -> list[Metric]:
        return [
            Metric(namespace, name, ((dimension, "of-someone"),))
            for dimension in ("IdentityArn", "ModelId")
        ]

    def values(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> dict[Metric, tuple[float | None, ...]]:
        return {
            metric: tuple(
                _aggregate(statistic, self._between(metric, start, end)) for start, end in periods
            )
            for metric in metrics
        }

    def _between(self, metric: Metric, start: datetime, end: datetime) -> list[float]:
        found = self._values.get(_name(metric), [])
        first, last = (bisect_left(found, (moment, float("-inf"))) for moment in (start, end))
        return [value for _, value in found[first:last]]


def _name(metric: Metric) -> str:
    function = next(
        (name for name in SCHEDULED for _, value in metric.dimensions if name in value), ""
    )
    return f"{metric.namespace} {metric.name} {function}".strip()


def _aggregate(statistic: Statistic, values: list[float]) -> float | None:
    if not values:
        return None
    match statistic:
        case Statistic.SUM:
            return sum(values)
        case Statistic.MAXIMUM:
            return max(values)
        case Statistic.MINIMUM:
            return min(values)
        case Statistic.SAMPLE_COUNT:
            return len(values)
    message = f"no alarm uses {statistic}"
    raise AssertionError(message)


def starts(function: str, until: datetime) -> Iterator[datetime]:
    """Yield the times at which a schedule starts a function, the first after one interval."""
    every = SCHEDULED[function]
    moment = RULES_MADE + every
    while moment < until:
        yield moment
        moment += every


def busy_account(until: datetime) -> InMemoryMetrics:
    """Calls of every minute since a day before; the meter has those since its deployment."""
    metrics = InMemoryMetrics()
    minute = CREATED - 4 * HOUR
    while minute < until:
        metrics.add("AWS/Bedrock", "Invocations", minute, 90, MODEL)
        if minute >= CREATED:
            metrics.add("BedrockMeter", "Invocations", minute, 90, MODEL)
        minute += MINUTE
    return metrics


def first_days(length: timedelta, *, is_busy: bool) -> dict[str, Values]:
    """Return the metrics that Bedrock and the functions of a deployment publish."""
    until = CREATED + length
    values: dict[str, Values] = {}
    minutes = [CREATED + number * MINUTE for number in range(1, length // MINUTE)]
    account = busy_account(until) if is_busy else InMemoryMetrics()
    for namespace, name, _, minute, count in account.values:
        values.setdefault(f"{namespace} {name}", {})[minute] = count
    if is_busy:
        for name in ("AcceptedRecords", "RejectedRecords", "UnpublishedRecords"):
            values[f"BedrockMeter/Health {name}"] = dict.fromkeys(minutes, 0.0)
    for function in SCHEDULED:
        moments = list(starts(function, until))
        values[f"AWS/Lambda Invocations {function}"] = dict.fromkeys(moments, 1.0)
        for name in WRITTEN_BY.get(function, []):
            values[f"BedrockMeter/Health {name}"] = dict.fromkeys(moments, 0.0)
    auditor = CoverageAuditor(account, metered_since=CREATED)
    shortfalls, mismatches = Values(), Values()
    for moment in starts("CoverageAuditor", until):
        report = auditor.audit(moment)
        shortfalls[moment] = float(report.is_short)
        if report.window.is_hour_of_the_clock:
            mismatches[moment] = float(bool(auditor.audit_settled_hours(moment).mismatches))
    return values | {
        "BedrockMeter/Health CoverageShortfall": shortfalls,
        "BedrockMeter/Health UsageMismatch": mismatches,
        "BedrockMeter/Health ForgedSeries": dict.fromkeys(mismatches, 0.0),
    }


def health_alarms(configuration: str) -> list[Alarm]:
    names = (
        alarm["AlarmName"].removeprefix("BedrockMeter-")
        for alarm in resources(
            deployment(configuration).monitoring, "AWS::CloudWatch::Alarm"
        ).values()
    )
    return [find_alarm(name, configuration) for name in names if name.startswith("Health-")]


def notified(
    alarms: Iterable[Alarm], values: Mapping[str, Values], length: timedelta, step: timedelta
) -> set[str]:
    """The alarms that are in ALARM at some time."""
    figures, found = TimedMetrics(values), set[str]()
    for alarm in alarms:
        age = timedelta(0)
        is_warm = False
        while age < length and alarm.name not in found:
            contributors = alarm.evaluate(figures, CREATED + age)
            is_warm = is_warm or not alarm.is_warming_up(age, contributors)
            if is_warm and alarm.get_state(contributors) is AlarmState.ALARM:
                found.add(alarm.name)
            age += step
    return found


@pytest.mark.parametrize("is_busy", [False, True])
def test_a_new_deployment_does_not_notify_within_its_first_hours(is_busy: bool) -> None:
    length = 6 * HOUR
    values = first_days(length, is_busy=is_busy)
    assert notified(health_alarms("default"), values, length, MINUTE) == set()


def test_a_new_deployment_does_not_notify_within_its_first_days() -> None:
    """Covers functions that run daily, in an idle account."""
    length = 4 * DAY
    values = first_days(length, is_busy=False)
    slow = [alarm for alarm in health_alarms("default") if alarm.warm_up > 6 * HOUR]
    assert len(slow) == 3  # PriceListAge, PriceUpdater and FocusExporter
    assert notified(slow, values, length, 15 * MINUTE) == set()


def test_a_new_deployment_without_warm_up_would_notify() -> None:
    length = 2 * HOUR
    cold = [replace(alarm, warm_up=timedelta(0)) for alarm in health_alarms("default")]
    found = notified(cold, first_days(length, is_busy=True), length, MINUTE)
    assert found >= {
        f"BedrockMeter-Health-{name}"
        for name in ("Coverage", "CoverageAuditorNotStarted", "NoData", "UsageMismatch")
    }


def test_a_function_that_never_starts_notifies_when_the_warm_up_ends() -> None:
    length = 2 * HOUR
    values = first_days(length, is_busy=False)
    del values["AWS/Lambda Invocations CoverageAuditor"]
    assert notified(health_alarms("default"), values, length, MINUTE) == {
        "BedrockMeter-Health-CoverageAuditorNotStarted"
    }
