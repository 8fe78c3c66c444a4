"""The deployed alarms' own definitions, evaluated over made-up metrics."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aws_cdk import Duration, Stack
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Template

from cdk.alarms.health_alarms import HealthAlarms
from cdk.alarms.health_check import Watched
from cdk.alarms.scheduled_functions import Scheduled
from dashboards.cloudwatch import Alarm, AlarmState, Metric, Periods, Statistic
from lambdas.domain.completeness import AuditWindow
from tests.infrastructure.synthesis import deployment, resources

NOON = datetime(2026, 9, 8, 12, tzinfo=UTC)
ALARM, OK = AlarmState.ALARM, AlarmState.OK
FIVE_MINUTES, QUARTER, HOUR, DAY = 300, 900, 3600, 86_400
MILLION = 1_000_000

Figures = Mapping[str, Sequence[float | None]]


class FiguresByName:
    """Values of metrics for any dimensions, and for only one statistic and period."""

    def __init__(self, figures: Figures, statistic: Statistic, seconds: int) -> None:
        self._figures = figures
        self._asked_for = (statistic, seconds)

    def metrics(self, namespace: str, name: str) -> list[Metric]:
        identity_metric = Metric(namespace, name, (("IdentityArn", "ana"),))
        return [identity_metric, Metric(namespace, name, (("ModelId", "some-model"),))]

    def values(
        self, metrics: Sequence[Metric], statistic: Statistic, periods: Periods
    ) -> dict[Metric, tuple[float | None, ...]]:
        assert (statistic, periods.seconds) == self._asked_for
        missing = (None,) * periods.count
        found = {
            metric: self._figures.get(f"{metric.namespace} {metric.name}", ()) for metric in metrics
        }
        return {metric: (*missing, *values)[-periods.count :] for metric, values in found.items()}


def find_alarm(name: str, configuration: str) -> Alarm:
    alarms = resources(deployment(configuration).monitoring, "AWS::CloudWatch::Alarm").values()
    (definition,) = (alarm for alarm in alarms if alarm["AlarmName"] == f"BedrockMeter-{name}")
    return Alarm.from_definition(_without_references(definition))


def _without_references(value: Any) -> Any:
    """A definition as DescribeAlarms has it: the names of other resources are text."""
    match value:
        case {"Ref": _} | {"Fn::GetAtt": _} | {"Fn::ImportValue": _}:
            return json.dumps(value)
        case dict():
            return {key: _without_references(item) for key, item in value.items()}
        case list():
            return [_without_references(item) for item in value]
    return value


def state(
    name: str,
    figures: Figures,
    *,
    statistic: Statistic = Statistic.SUM,
    seconds: int = FIVE_MINUTES,
    configuration: str = "default",
) -> AlarmState:
    alarm = find_alarm(name, configuration)
    return alarm.get_state(alarm.evaluate(FiguresByName(figures, statistic, seconds), NOON))


@pytest.mark.parametrize(
    ("alarm", "metric", "seconds", "threshold", "configuration"),
    [
        ("EveryIdentity-Hour-Warning", "QuotaTokens", HOUR, MILLION, "default"),
        ("EveryIdentity-Hour-Critical", "QuotaTokens", HOUR, 5 * MILLION, "default"),
        ("EveryModel-Hour-Warning", "QuotaTokens", HOUR, 10 * MILLION, "default"),
        ("EveryModel-Hour-Critical", "QuotaTokens", HOUR, 50 * MILLION, "default"),
        ("Account-Hour-Warning", "QuotaTokens", HOUR, 10 * MILLION, "default"),
        ("Account-Hour-Critical", "QuotaTokens", HOUR, 50 * MILLION, "default"),
        ("EveryIdentity-Hour-Critical", "TotalTokens", HOUR, 2 * MILLION, "everything"),
        ("Account-Day-Warning", "TotalTokens", 86_400, 1, "everything"),
    ],
)
def test_a_token_alarm_notifies_at_its_threshold(
    alarm: str, metric: str, seconds: int, threshold: int, configuration: str
) -> None:
    def at(tokens: float | None) -> AlarmState:
        figures = {f"BedrockMeter {metric}": [tokens]}
        return state(alarm, figures, seconds=seconds, configuration=configuration)

    assert [at(threshold), at(threshold - 1), at(None)] == [ALARM, OK, OK]


@pytest.mark.parametrize(
    ("alarm", "metric"),
    [
        ("LogDeliveryFailures", "AWS/Bedrock ModelInvocationLogsCloudWatchDeliveryFailure"),
        ("DroppedDeliveries", "AWS/Lambda AsyncEventsDropped"),
        ("UnpublishedBatches", "AWS/Lambda OnFailureDestinationDeliveredEventCount"),
        ("DroppedBatches", "AWS/Lambda DroppedEventCount"),
        ("LogProcessorDestinationFailures", "AWS/Lambda DestinationDeliveryFailures"),
        ("MetricPublisherDestinationFailures", "AWS/Lambda DestinationDeliveryFailures"),
    ],
)
def test_a_single_failure_raises_an_alarm(alarm: str, metric: str) -> None:
    assert state(f"Health-{alarm}", {metric: [1]}) is ALARM
    assert state(f"Health-{alarm}", {metric: [1, 0]}) is OK
    assert state(f"Health-{alarm}", {}) is OK


@pytest.mark.parametrize(
    "alarm", ["RejectedRecords", "ConflictingDuplicates", "TamperedCalls", "UnpublishedRecords"]
)
def test_a_health_count_above_zero_raises_an_alarm(alarm: str) -> None:
    def after(*counts: float) -> AlarmState:
        figures = {f"BedrockMeter/Health {alarm}": counts}
        return state(f"Health-{alarm}", figures, statistic=Statistic.MAXIMUM)

    assert [after(1), after(1, 0), after()] == [ALARM, OK, OK]


def test_calls_older_than_any_audit_raise_an_alarm() -> None:
    """Otherwise a record dated yesterday adds a call that no audit compares with Bedrock's."""

    def after(delay: timedelta) -> AlarmState:
        figures = {"BedrockMeter/Health MeteringDelay": [delay.total_seconds()]}
        return state("Health-LateCalls", figures, statistic=Statistic.MAXIMUM)

    assert [after(timedelta(hours=2)), after(timedelta(minutes=119))] == [ALARM, OK]
    for minutes in range(60):
        audited_next = AuditWindow.settled_at(NOON + timedelta(hours=1))
        delay = NOON + timedelta(minutes=minutes) - min(hour.start for hour in audited_next)
        assert delay >= timedelta(hours=2)


@pytest.mark.parametrize("function", ["LogProcessor", "MetricPublisher"])
@pytest.mark.parametrize("metric", ["Errors", "Throttles"])
def test_a_retried_failure_raises_an_alarm_if_it_persists(function: str, metric: str) -> None:
    def after(*values: float | None) -> AlarmState:
        return state(f"Health-{function}{metric}", {f"AWS/Lambda {metric}": values})

    assert [after(1), after(9, 0, 0), after(1, None, 1)] == [OK, OK, ALARM]


def test_missing_calls_raise_an_alarm_after_two_consecutive_audits() -> None:
    def after(*shortfalls: float | None) -> AlarmState:
        figures = {"BedrockMeter/Health CoverageShortfall": shortfalls}
        return state("Health-Coverage", figures, statistic=Statistic.MAXIMUM)

    assert [after(1, 1), after(1, 0), after(0, 1), after(None, 0)] == [ALARM, OK, OK, OK]


def test_denies_that_are_delayed_for_ten_minutes_raise_an_alarm() -> None:
    def after(*counts: float | None) -> AlarmState:
        figures = {"BedrockMeter/Health DelayedDenies": counts}
        return state(
            "Health-DelayedDenies",
            figures,
            statistic=Statistic.MAXIMUM,
            configuration="everything",
        )

    assert [after(1, 1), after(1, None), after(None, 1), after()] == [ALARM, OK, OK, OK]


@pytest.mark.parametrize(
    ("alarm", "after_one"),
    [("UncheckedCalls", ALARM), ("LimitsUnavailable", OK), ("BusySubjects", OK)],
)
def test_calls_that_limits_did_not_decide_raise_an_alarm(alarm: str, after_one: AlarmState) -> None:
    def after(*counts: float | None) -> AlarmState:
        figures = {f"BedrockMeter/Health {alarm}": counts}
        return state(
            f"Health-{alarm}", figures, statistic=Statistic.MAXIMUM, configuration="everything"
        )

    assert [after(1), after(1, 1), after(None, None, None), after()] == [after_one, ALARM, OK, OK]


def test_a_hundred_requests_without_a_key_raise_an_alarm() -> None:
    """Each has a report of its own."""

    def after(count: int) -> AlarmState:
        figures = {"BedrockMeter/Health UnknownKeys": [count]}
        return state(
            "Health-UnknownKeys",
            figures,
            statistic=Statistic.SAMPLE_COUNT,
            configuration="everything",
        )

    assert [after(99), after(100)] == [OK, ALARM]


def test_a_mismatch_of_two_settled_hours_raises_an_alarm_until_two_hours_match() -> None:
    def after(*mismatches: float | None) -> AlarmState:
        figures = {"BedrockMeter/Health UsageMismatch": mismatches}
        return state("Health-UsageMismatch", figures, statistic=Statistic.MAXIMUM, seconds=2 * HOUR)

    assert [after(1), after(1, 0), after(0)] == [ALARM, OK, OK]


@pytest.mark.parametrize(
    ("alarm", "metric", "seconds"),
    [
        ("Coverage", "CoverageShortfall", FIVE_MINUTES),
        ("UsageMismatch", "UsageMismatch", 2 * HOUR),
        ("PriceListAge", "PriceListAge", DAY),
    ],
)
def test_missing_metrics_raise_an_alarm(alarm: str, metric: str, seconds: int) -> None:
    """This happens when someone deletes the log group from which CloudWatch extracts them."""

    def after(*values: float | None) -> AlarmState:
        figures = {f"BedrockMeter/Health {metric}": values}
        return state(f"Health-{alarm}", figures, statistic=Statistic.MAXIMUM, seconds=seconds)

    assert after(0) is OK
    assert after(0, None, None, None) is ALARM
    assert after(None, None, None, 0) is OK


def test_alarms_on_missing_data_wait_for_a_first_value() -> None:
    """Thirty minutes, or the interval between values if that is longer."""
    alarms = resources(deployment().monitoring, "AWS::CloudWatch::Alarm").values()
    warm_ups = {
        alarm["AlarmName"].removeprefix("BedrockMeter-Health-"): configuration[
            "WarmUpPeriodDurationInMinutes"
        ]
        for alarm in alarms
        if (configuration := alarm.get("WarmUpConfiguration"))
        and not configuration["OnlyStartEvaluatingAfterWarmUpPeriodEnds"]
    }
    breaching = {
        alarm["AlarmName"].removeprefix("BedrockMeter-Health-")
        for alarm in alarms
        if alarm["TreatMissingData"] == "breaching"
    }
    assert warm_ups.keys() == breaching
    assert warm_ups["Coverage"] == warm_ups["LoggingWatcherNotStarted"] == 30
    assert warm_ups["PriceRefresherNotStarted"] == 75
    assert warm_ups["UsageMismatch"] == 135
    assert warm_ups["PriceListAge"] == warm_ups["FocusExporterNotStarted"] == 24 * 60 + 15


def test_calls_that_bedrock_does_not_log_raise_one_alarm_a_day() -> None:
    def after(*calls: float | None) -> AlarmState:
        figures = {"AWS/BedrockMantle Inferences": calls}
        return state("Health-UnloggedTraffic", figures, seconds=86_400)

    assert [after(1), after(1, 0), after(None)] == [ALARM, OK, OK]


SCHEDULED = [
    ("CoverageAuditor", FIVE_MINUTES, 3),
    ("LoggingWatcher", QUARTER, 2),
    ("PriceRefresher", HOUR, 2),
    ("TrafficAuditor", HOUR, 2),
]


@pytest.mark.parametrize(("function", "every", "_"), SCHEDULED)
def test_two_consecutive_failures_of_a_scheduled_function_raise_an_alarm(
    function: str, every: int, _: int
) -> None:
    def after(*errors: float | None) -> AlarmState:
        figures = {"AWS/Lambda Errors": errors}
        return state(f"Health-{function}Errors", figures, seconds=max(every, QUARTER))

    assert [after(9), after(9, 0), after(1, 1)] == [OK, OK, ALARM]


@pytest.mark.parametrize(("function", "every", "missed"), SCHEDULED)
def test_a_function_that_no_longer_starts_raises_an_alarm(
    function: str, every: int, missed: int
) -> None:
    """Lambda publishes no data, rather than 0, for a function that is not invoked."""

    def after(*starts: float | None) -> AlarmState:
        figures = {"AWS/Lambda Invocations": starts}
        return state(f"Health-{function}NotStarted", figures, seconds=every)

    assert after(*[1] * missed) is OK
    assert after(1, *[None] * (missed - 1)) is OK
    assert after(1, *[None] * missed) is ALARM
    assert after(*[None] * missed, 1) is OK


def test_each_schedule_of_the_deployment_is_watched() -> None:
    rules = [
        rule
        for template in deployment().templates.values()
        for rule in resources(template, "AWS::Events::Rule").values()
        if "ScheduleExpression" in rule
    ]
    daily_or_weekly = 3  # see below
    assert len(rules) == len(SCHEDULED) + daily_or_weekly


def scheduled(every: Duration) -> dict[str, dict[str, Any]]:
    """Return the alarms on a function with this schedule, by name."""
    stack = Stack()
    function = lambda_.Function.from_function_name(stack, "Function", "some-function")
    mapping = lambda_.CfnEventSourceMapping(stack, "Stream", function_name="some-function")
    HealthAlarms(
        stack,
        "Health",
        watched=Watched(function, function, mapping),
        scheduled=[Scheduled("Report", function, every, "reports")],
        dashboard_url="somewhere",
    )
    alarms = resources(Template.from_stack(stack).to_json(), "AWS::CloudWatch::Alarm").values()
    return {
        name: alarm
        for alarm in alarms
        if (name := alarm["AlarmName"].removeprefix("BedrockMeter-Health-")).startswith("Report")
    }


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        (1, {"ReportErrors": (DAY, 1), "ReportNotStarted": (DAY, 2)}),
        (3, {"ReportErrors": (DAY, 1)}),
        (7, {"ReportErrors": (DAY, 1)}),
    ],
)
def test_a_missed_daily_or_weekly_start_raises_an_alarm_within_a_week(
    days: int, expected: dict[str, tuple[int, int]]
) -> None:
    alarms = scheduled(Duration.days(days))
    assert {
        name: (alarm["Period"], alarm["EvaluationPeriods"]) for name, alarm in alarms.items()
    } == (expected)
    assert all(alarm["Period"] * alarm["EvaluationPeriods"] <= 7 * DAY for alarm in alarms.values())


@pytest.mark.parametrize("function", ["FocusExporter", "ComparisonReporter"])
def test_reports_notify_before_they_reach_the_timeout(function: str) -> None:
    def after(*minutes: float | None) -> AlarmState:
        durations = [value and value * 60_000 for value in minutes]
        figures = {"AWS/Lambda Duration": durations}
        return state(f"Health-{function}Slow", figures, statistic=Statistic.MAXIMUM, seconds=DAY)

    assert [after(10.4), after(10.5), after(15)] == [OK, ALARM, ALARM]
    assert after(15, None) is OK


def test_reports_end_at_the_timeout_assumed_by_their_alarms() -> None:
    functions = resources(deployment().reporting, "AWS::Lambda::Function").values()
    alarms = resources(deployment().monitoring, "AWS::CloudWatch::Alarm").values()
    thresholds = [alarm["Threshold"] for alarm in alarms if alarm["AlarmName"].endswith("Slow")]
    assert thresholds == [function["Timeout"] * 700 for function in functions]
    assert len(thresholds) == 2


@pytest.mark.parametrize(
    ("alarm", "metric"), [("DeliveryAge", "AsyncEventAge"), ("StreamAge", "IteratorAge")]
)
def test_fifteen_minutes_of_delay_raise_an_alarm(alarm: str, metric: str) -> None:
    def at(milliseconds: float) -> AlarmState:
        figures = {f"AWS/Lambda {metric}": [milliseconds]}
        return state(f"Health-{alarm}", figures, statistic=Statistic.MAXIMUM)

    assert [at(899_999), at(900_000)] == [OK, ALARM]


def test_prices_that_wait_for_a_decision_raise_an_alarm_at_once() -> None:
    def after(*held: float | None) -> AlarmState:
        figures = {"BedrockMeter/Health HeldPrices": held}
        return state("Health-HeldPrices", figures, statistic=Statistic.MAXIMUM)

    assert [after(3), after(3, 0)] == [ALARM, OK]
    assert find_alarm("Health-HeldPrices", "default").missing == "ignore"  # till the next check


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ([0, 0, 0], OK),
        ([0, 90_000, 180_000], OK),
        ([86_300, 172_700, 259_100], ALARM),
        ([0, None, None], OK),
        ([None, None, None], ALARM),
        ([None, 90_000, None], ALARM),
        ([90_000, 180_000, 0], OK),
    ],
)
def test_three_days_without_a_price_list_raise_an_alarm_whether_or_not_the_function_runs(
    days: list[float | None], expected: AlarmState
) -> None:
    figures = {"BedrockMeter/Health PriceListAge": days}
    found = state("Health-PriceListAge", figures, statistic=Statistic.MAXIMUM, seconds=DAY)
    assert found is expected


def unpriced(unpriced: Sequence[float | None], missing: Sequence[float | None] = ()) -> AlarmState:
    """Return the state after these numbers of calls an hour."""
    figures = {
        "BedrockMeter UnpricedInvocations": unpriced,
        "BedrockMeter MissingTokenCounts": missing,
    }
    return state("Health-UnpricedCalls", figures, seconds=HOUR)


def test_ongoing_calls_without_a_price_notify_once() -> None:
    """A weekend without such calls does not end the alarm."""
    weekend = [None] * 62
    week: list[float | None] = [*([*[3] * 10, *[None] * 14] * 4), *[3] * 10, *weekend, 3]
    assert {unpriced(week[:hour]) for hour in range(1, len(week) + 1)} == {ALARM}
    assert unpriced([3, *[None] * 71]) is ALARM
    assert unpriced([3, *[None] * 72]) is OK
    assert unpriced([]) is OK


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [
        ([0, 1], OK),  # UnpricedCalls notifies of these
        ([1, 2], ALARM),
        ([1, 2, 2], OK),
        ([1, 2, 2, 3], ALARM),
        ([2, 1], OK),
        ([2, 2, 3], ALARM),
        ([None, 2], OK),
        ([], OK),
    ],
)
def test_each_further_model_without_a_price_notifies(
    waiting: list[float | None], expected: AlarmState
) -> None:
    figures = {"BedrockMeter/Health WaitingModels": waiting}
    found = state("Health-UnpricedModels", figures, statistic=Statistic.MAXIMUM, seconds=HOUR)
    assert found is expected


def test_a_reached_limit_notifies_once() -> None:
    def after(*calls: float | None) -> AlarmState:
        figures = {"BedrockMeter/Health OverflowingCalls": calls}
        return state("Health-OverflowingCalls", figures, statistic=Statistic.MAXIMUM, seconds=HOUR)

    assert [after(1), after(0), after(None)] == [ALARM, OK, OK]
    assert [after(1, *[0] * 71), after(1, *[0] * 72)] == [ALARM, OK]


@pytest.mark.parametrize(
    "metric", ["QuotaTokens", "TotalTokens", "EstimatedCostUSD", "Invocations"]
)
def test_values_below_zero_notify_at_once(metric: str) -> None:
    def after(*values: float | None) -> AlarmState:
        figures = {f"BedrockMeter {metric}": values}
        return state("Health-NegativeMetrics", figures, statistic=Statistic.MINIMUM)

    assert [after(-1), after(0), after(5), after(None), after()] == [ALARM, OK, OK, OK, OK]


def test_forged_series_notify_until_no_audit_finds_any() -> None:
    def after(*values: float | None) -> AlarmState:
        figures = {"BedrockMeter/Health ForgedSeries": values}
        return state("Health-ForgedSeries", figures, statistic=Statistic.MAXIMUM, seconds=2 * HOUR)

    assert [after(1), after(3), after(0)] == [ALARM, ALARM, OK]
    assert after(None) is ALARM  # the audit does not run, or cannot report


def test_calls_without_counts_do_not_raise_the_alarm_on_prices() -> None:
    assert [unpriced([2], [2]), unpriced([3], [2])] == [OK, ALARM]


@pytest.mark.parametrize(
    ("metered", "failed", "expected"),
    [
        ([None] * 12, [None] * 12, ALARM),
        ([5] * 12, [None] * 12, OK),
        ([None] * 12, [5] * 12, OK),
        ([None, None, *[5] * 10], [None] * 12, OK),
        ([None, None, None, *[5] * 9], [None] * 12, ALARM),
    ],
)
def test_missing_data_raises_an_alarm_after_fifteen_minutes_of_calls(
    metered: list[float | None], failed: list[float | None], expected: AlarmState
) -> None:
    figures = {
        "BedrockMeter Invocations": metered,
        "BedrockMeter InvocationErrors": failed,
    }
    assert state("Health-NoData", {**figures, "AWS/Bedrock Invocations": [7] * 12}) is expected
    assert state("Health-NoData", {**figures, "AWS/Bedrock Invocations": [0] * 12}) is OK
    assert state("Health-NoData", figures) is OK


def test_the_end_of_a_health_alarm_notifies_and_a_first_ok_does_not() -> None:
    """An action on OK would also run when an alarm of a new deployment is first evaluated."""
    alarms = resources(deployment("default").monitoring, "AWS::CloudWatch::Alarm").values()
    assert not [alarm for alarm in alarms if alarm.get("OKActions")]
    rules = resources(deployment("default").monitoring, "AWS::Events::Rule")
    (rule,) = (rule for name, rule in rules.items() if name.startswith("Recovery"))
    pattern = rule["EventPattern"]
    assert pattern["detail"]["state"] == {"value": ["OK"]}
    assert pattern["detail"]["previousState"] == {"value": ["ALARM"]}
    (arn,) = pattern["resources"]
    assert arn["prefix"]["Fn::Join"][1][-1] == ":alarm:BedrockMeter-Health-"
    # These end with time and not because their cause was fixed.
    (names,) = pattern["detail"]["alarmName"]
    assert names["anything-but"] == [
        f"BedrockMeter-Health-{name}"
        for name in ("OverflowingCalls", "UnpricedCalls", "UnpricedModels")
    ]
    assert "$.detail.alarmName" in json.dumps(rule["Targets"])


def test_the_anomaly_band_is_as_wide_as_configured() -> None:
    alarms = resources(deployment("default").monitoring, "AWS::CloudWatch::Alarm").values()
    (anomaly,) = (alarm for alarm in alarms if alarm["AlarmName"] == "BedrockMeter-Account-Anomaly")
    expressions = [query["Expression"] for query in anomaly["Metrics"] if "Expression" in query]
    assert len(expressions) == 1
    assert expressions[0].endswith(", 3)")
