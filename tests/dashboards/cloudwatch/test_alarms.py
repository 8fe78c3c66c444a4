"""An alarm's state follows from its own definition."""

from datetime import timedelta
from typing import Any

import pytest

from dashboards.cloudwatch import Alarm, AlarmState, UnknownExpressionError
from tests.dashboards.cloudwatch.figures import NOON, InMemoryMetrics, metric

ALARM, OK, INSUFFICIENT = (AlarmState.ALARM, AlarmState.OK, AlarmState.INSUFFICIENT_DATA)


def definition(**changes: Any) -> dict[str, Any]:
    return {
        "AlarmName": "the alarm",
        "Namespace": "BedrockMeter",
        "MetricName": "Errors",
        "Period": 60,
        "Statistic": "Sum",
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "Threshold": 5,
        "TreatMissingData": "notBreaching",
        **changes,
    }


def state(values: list[float | None], **changes: Any) -> AlarmState:
    alarm = Alarm.from_definition(definition(**changes))
    contributors = alarm.evaluate(InMemoryMetrics({metric("Errors"): values}), NOON)
    return alarm.get_state(contributors)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([5, 5, 0], ALARM),
        ([5, 0, 5], ALARM),
        ([5, 4, 4], OK),
        ([9, 9, 0, 0, 0], OK),
        ([None, 5, 5], ALARM),
        ([None, None, 5], OK),
        ([None, None, None], OK),
    ],
)
def test_an_alarm_needs_m_of_n_breaching_periods(
    values: list[float | None], expected: AlarmState
) -> None:
    assert state(values) is expected


@pytest.mark.parametrize(
    ("missing", "expected"),
    [
        ("notBreaching", OK),
        ("breaching", ALARM),
        ("missing", INSUFFICIENT),
        ("ignore", INSUFFICIENT),
        (None, INSUFFICIENT),
    ],
)
def test_missing_data_is_treated_as_the_alarm_configures(
    missing: str | None, expected: AlarmState
) -> None:
    assert state([None, None, None], TreatMissingData=missing) is expected
    assert state([5, 5, None], TreatMissingData=missing) is ALARM


@pytest.mark.parametrize(
    ("operator", "breaching"),
    [
        ("GreaterThanThreshold", [6]),
        ("GreaterThanOrEqualToThreshold", [5, 6]),
        ("LessThanThreshold", [4]),
        ("LessThanOrEqualToThreshold", [4, 5]),
    ],
)
def test_values_are_compared_with_the_configured_operator(
    operator: str, breaching: list[int]
) -> None:
    one = {"EvaluationPeriods": 1, "DatapointsToAlarm": None}
    found = [v for v in (4, 5, 6) if state([v], ComparisonOperator=operator, **one) is ALARM]
    assert found == breaching


def test_an_unknown_type_of_alarm_is_refused() -> None:
    with pytest.raises(UnknownExpressionError, match="the alarm: GreaterThanUpperThreshold"):
        Alarm.from_definition(definition(ComparisonOperator="GreaterThanUpperThreshold"))


def test_each_contributor_has_a_separate_state() -> None:
    query = (
        'SELECT SUM(Tokens) FROM SCHEMA("BedrockMeter", IdentityArn) GROUP BY IdentityArn'
        " ORDER BY SUM() DESC"
    )
    alarm = Alarm.from_definition(
        definition(
            Metrics=[{"Id": "q", "Expression": query, "Period": 3600, "ReturnData": True}],
            EvaluationPeriods=1,
            DatapointsToAlarm=None,
        )
    )
    tokens = {
        metric("Tokens", IdentityArn="ana"): [9.0],
        metric("Tokens", IdentityArn="ben"): [4.0],
        metric("Tokens"): [13.0],
    }
    contributors = alarm.evaluate(InMemoryMetrics(tokens), NOON)
    assert {contributor.series.label: contributor.state for contributor in contributors} == {
        "ana": ALARM,
        "ben": OK,
    }
    assert alarm.get_state(contributors) is ALARM


def test_windows_end_with_the_current_minute() -> None:
    seen = []

    class Watching(InMemoryMetrics):
        def values(self, metrics: Any, statistic: Any, periods: Any) -> Any:
            seen.extend(periods)
            return super().values(metrics, statistic, periods)

    alarm = Alarm.from_definition(definition())
    alarm.evaluate(Watching({}), NOON + timedelta(seconds=30))
    minute = timedelta(minutes=1)
    assert seen == [(NOON + n * minute, NOON + (n + 1) * minute) for n in (-2, -1, 0)]


@pytest.mark.parametrize(
    ("minutes", "values", "is_whole", "expected"),
    [
        (29, [None, 0, 0], False, True),
        (29, [0, 0, 0], False, False),  # its periods are filled
        (29, [0, 0, 0], True, True),
        (30, [None, None, None], False, False),
        (30, [None, None, None], True, False),
    ],
)
def test_warm_up_ends_when_its_periods_are_filled_or_time_is_up(
    minutes: int,
    values: list[float | None],
    is_whole: bool,
    expected: bool,
) -> None:
    warm_up = {
        "WarmUpPeriodDurationInMinutes": 30,
        "OnlyStartEvaluatingAfterWarmUpPeriodEnds": is_whole,
    }
    alarm = Alarm.from_definition(definition(WarmUpConfiguration=warm_up))
    contributors = alarm.evaluate(InMemoryMetrics({metric("Errors"): values}), NOON)
    assert alarm.is_warming_up(timedelta(minutes=minutes), contributors) is expected


def test_an_alarm_without_warm_up_is_evaluated_at_once() -> None:
    assert not Alarm.from_definition(definition()).is_warming_up(timedelta(0), [])
