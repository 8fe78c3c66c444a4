"""Deleted, silenced and changed alarms are found."""

from typing import Any

import pytest

from lambdas.domain.safeguards.alarms import MuteRule, compare_alarms, find_muted_alarms
from tests.unit.safeguards.deployed import ALARM, COVERAGE, LIVE_ALARM, TOPIC, get_text, resource


def found(**changes: Any) -> list[str]:
    """The drifts of one alarm with these changes; `None` removes a value."""
    live = {name: value for name, value in (LIVE_ALARM | changes).items() if value is not None}
    return [drift.text for drift in compare_alarms([ALARM], {COVERAGE: live})]


def test_an_unchanged_alarm_is_not_drift() -> None:
    assert found() == found(StateValue="ALARM", DatapointsToAlarm=3) == []


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"Threshold": 9e9}, "Threshold is 9000000000.0, was 1"),
        ({"MetricName": "Other"}, "MetricName is 'Other', was 'Errors'"),
        ({"Period": 86_400}, "Period is 86400, was 300"),
        ({"TreatMissingData": "ignore"}, "TreatMissingData is 'ignore', was 'notBreaching'"),
        ({"AlarmActions": []}, f"AlarmActions is [], was ['{TOPIC}']"),
        ({"AlarmActions": [TOPIC, "arn:other"]}, f"AlarmActions is ['{TOPIC}', 'arn:other'], was"),
        ({"Dimensions": None}, "Dimensions is [], was"),
        ({"ExtendedStatistic": "p1"}, "ExtendedStatistic is 'p1', was not set"),
        ({"DatapointsToAlarm": 1}, "DatapointsToAlarm is 1, was 3"),
        ({"WarmUpConfiguration": {"a": 1}}, "WarmUpConfiguration is {'a': 1}, was not set"),
    ],
)
def test_a_changed_setting_is_shown_with_its_deployed_value(
    changes: dict[str, Any], text: str
) -> None:
    (drift,) = found(**changes)
    assert drift.startswith(f"alarm {COVERAGE}: {text}")


def test_disabled_actions_are_drift() -> None:
    assert found(ActionsEnabled=False) == [f"actions were turned off or on for alarms: {COVERAGE}"]


def test_many_deleted_alarms_are_reported_once() -> None:
    alarms = [resource(ALARM.kind, f"alarm-{number}", {}) for number in range(7)]
    (drift,) = compare_alarms(alarms, {})
    assert get_text(drift) == (
        "alarms are gone: alarm-0, alarm-1, alarm-2, alarm-3, alarm-4 and 2 more"
    )


QUERY = {"Id": "e", "Expression": "a + b", "Label": "Sum"}
STATISTIC = {"MetricStat": {"Metric": {"MetricName": "a"}, "Period": 60, "Stat": "Sum"}, "Id": "a"}


@pytest.mark.parametrize(
    ("live", "count"),
    [
        ([QUERY, STATISTIC], 0),
        ([STATISTIC | {"ReturnData": True}, QUERY | {"Label": "other", "ReturnData": True}], 0),
        ([{**STATISTIC, "MetricStat": {"Metric": {"MetricName": "b"}}}, QUERY], 1),
        ([STATISTIC, QUERY | {"Expression": "0"}], 1),
        ([STATISTIC, QUERY | {"AccountId": "444455556666"}], 1),
        ([STATISTIC], 1),
    ],
)
def test_queries_are_compared_ignoring_labels_and_order(
    live: list[dict[str, Any]], count: int
) -> None:
    alarm = resource(ALARM.kind, "sum", {"Metrics": [QUERY, STATISTIC]})
    assert len([*compare_alarms([alarm], {"sum": {"Metrics": live}})]) == count


def test_an_empty_list_of_dimensions_equals_no_dimensions() -> None:
    metric = {"MetricName": "a", "Dimensions": []}
    live = [{"Id": "a", "MetricStat": {**STATISTIC["MetricStat"], "Metric": metric}}]  # type: ignore[dict-item]
    alarm = resource(ALARM.kind, "sum", {"Metrics": [STATISTIC]})
    assert not [*compare_alarms([alarm], {"sum": {"Metrics": live}})]


def test_a_warm_up_is_compared_ignoring_defaults() -> None:
    warm_up = {"WarmUpPeriodDurationInMinutes": 30}
    whole = {**warm_up, "OnlyStartEvaluatingAfterWarmUpPeriodEnds": False}
    alarm = resource(ALARM.kind, "warm", {"WarmUpConfiguration": whole})
    assert not [*compare_alarms([alarm], {"warm": {"WarmUpConfiguration": warm_up}})]
    longer = {"warm": {"WarmUpConfiguration": {"WarmUpPeriodDurationInMinutes": 100_000}}}
    assert len([*compare_alarms([alarm], longer)]) == 1
    assert len([*compare_alarms([alarm], {"warm": {}})]) == 1


def test_an_anomaly_alarm_is_compared_by_its_band() -> None:
    alarm = resource(ALARM.kind, "anomaly", {"ThresholdMetricId": "band"})
    same = {"anomaly": {"ThresholdMetricId": "band", "Threshold": 0.0}}
    assert not [*compare_alarms([alarm], same)]
    (drift,) = compare_alarms([alarm], {"anomaly": {"ThresholdMetricId": "other"}})
    assert "ThresholdMetricId is 'other', was 'band'" in drift.text


def test_only_a_rule_that_mutes_the_meter_s_alarms_is_reported() -> None:
    rules = [
        MuteRule("quiet", frozenset({COVERAGE, "other"})),
        MuteRule("night", frozenset({"other"})),
    ]
    (drift,) = find_muted_alarms([ALARM], rules)
    assert drift.text == f"mute rule 'quiet' silences alarms: {COVERAGE}"


def test_a_listed_mute_rule_that_is_not_found_is_drift() -> None:
    (drift,) = find_muted_alarms([ALARM], [MuteRule("lost", None)])
    assert drift.text == "mute rule 'lost' is listed but cannot be found"
