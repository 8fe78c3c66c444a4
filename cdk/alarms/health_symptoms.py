"""What should not be of the meter itself: each symptom, what shows it and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_

from cdk.alarms.runbooks import name_runbook
from lambdas.domain.completeness import AUDITS_RUNNING
from lambdas.domain.metrics.bedrock_metrics import (
    BEDROCK_NAMESPACE,
    MANTLE_NAMESPACE,
    BedrockMetric,
    MantleMetric,
)
from lambdas.domain.metrics.catalog import (
    ACCEPTED_RECORDS,
    CONFLICTING_DUPLICATES,
    COVERAGE_SHORTFALL,
    ESTIMATED_COST,
    FORGED_SERIES,
    HEALTH_NAMESPACE,
    HELD_PRICES,
    INVOCATION_ERRORS,
    INVOCATIONS,
    LOGGING_DIFFERENCES,
    METERING_DELAY,
    MISSING_TOKEN_COUNTS,
    NAMESPACE,
    OVERFLOWING_CALLS,
    PRICE_LIST_AGE,
    QUOTA_TOKENS,
    REJECTED_RECORDS,
    REPRICED_CALLS,
    TAMPERED_CALLS,
    TOTAL_TOKENS,
    UNPRICED_INVOCATIONS,
    UNPUBLISHED_RECORDS,
    UNREADABLE_REGIONS,
    USAGE_MISMATCH,
    WAITING_MODELS,
)

_FIVE_MINUTES = Duration.minutes(5)
_LONGEST_DELAY = Duration.minutes(15)
_QUARTER_OF_AN_HOUR = Duration.minutes(15)
_HALF_AN_HOUR = Duration.minutes(30)
_HOUR = Duration.hours(1)
_TWO_HOURS = Duration.hours(2)
_DAY = Duration.days(1)
_DAYS_WITHOUT_PRICES = 3
_LAMBDA = "AWS/Lambda"
_ADDED_UP = {
    "quota": QUOTA_TOKENS.name,
    "total": TOTAL_TOKENS.name,
    "cost": ESTIMATED_COST.name,
    "calls": INVOCATIONS.name,
}
"""The metrics of the account that alarms on usage add up, whichever tokens they are about."""
NOTHING_METERED = "IF(bedrock > 0 AND FILL(metered, 0) == 0 AND FILL(failed, 0) == 0, 1, 0)"
"""1 for a period of which Bedrock has calls and the meter has none."""
BELOW_ZERO = "IF(" + " OR ".join(f"FILL({label}, 0) < 0" for label in _ADDED_UP) + ", 1, 0)"
"""1 for a period in which a metric of the account has values below zero."""
NOTHING_REPORTED = (
    "IF(FILL(metered, 0) > 0 AND (FILL(deliveries, 0) == 0 OR FILL(batches, 0) == 0), 1, 0)"
)
"""1 for a period of which calls are metered and one of the functions reports nothing of itself."""
MORE_MODELS_WITHOUT_A_PRICE = "IF(DIFF(waiting) > 0 AND waiting > 1, 1, 0)"
"""1 for an hour in which a further model waits for a price."""
WITHOUT_A_PRICE = "FILL(unpriced, 0) - FILL(missing, 0)"
"""How many calls of a period have no known price, though they have counts."""


@dataclass(frozen=True, slots=True)
class Watched:
    """What has metrics of its own.

    Attributes:
        log_processor: Writes to the ledger.
        metric_publisher: Publishes from its stream.
        stream_mapping: What starts the latter.
    """

    log_processor: lambda_.IFunction
    metric_publisher: lambda_.IFunction
    stream_mapping: lambda_.CfnEventSourceMapping


_FUNCTIONS: dict[str, Callable[[Watched], lambda_.IFunction]] = {
    "LogProcessor": lambda watched: watched.log_processor,
    "MetricPublisher": lambda watched: watched.metric_publisher,
}
_FAILS = (
    "fails again and again. Lambda retries, then keeps the event in the failure bucket. Read the"
    " last error in its log group first."
)
_IS_THROTTLED = (
    "is throttled: other functions use up the account's concurrency, or someone limited its own."
    " Compare the two first."
)
_FIX_AND_REDRIVE = "Fix the cause of the errors first, then run make redrive."
_NOT_IN_METRICS = "They are missing from metrics and alarms, not from the ledger and its reports."
_MetricOf: TypeAlias = Callable[[Watched], cloudwatch.Metric | cloudwatch.MathExpression]


class Silence(Enum):
    """The meaning of a period without a value.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
    """

    HEALTHY = cloudwatch.TreatMissingData.NOT_BREACHING
    """Values are written when something happens."""
    FAULT = cloudwatch.TreatMissingData.BREACHING
    """Values are written on a schedule: none means that the check does not run or cannot report."""
    UNCHANGED = cloudwatch.TreatMissingData.IGNORE
    """The last value holds until the next one."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """Something that should not be.

    Attributes:
        name: Its name, the alarm's too.
        metric_of: What shows it.
        graph: The id of its graph on the dashboard `pipeline_health`.
        meaning: What it means and what to do first.
        threshold: From which value on it is there.
        periods: In how many of the last periods it has to be there: `m` of `n`.
        is_recovery_told: Whether people are told when it is over.
        is_below: Whether it is there below the threshold instead.
        silence: The meaning of a period without a value.
        is_of_the_past: Whether its periods hold what was before the deployment.
        runbook: The page in `docs/runbooks` that says what to do; that of its name by default.
    """

    name: str
    metric_of: _MetricOf
    graph: str
    meaning: str
    threshold: float = 1
    periods: tuple[int, int] = (1, 1)
    is_recovery_told: bool = True
    is_below: bool = False
    silence: Silence = Silence.HEALTHY
    is_of_the_past: bool = False
    runbook: str = ""

    @property
    def description(self) -> str:
        """The alarm's text, but for the address of its dashboard."""
        return f"{self.meaning} {name_runbook(self.runbook or self.name)}"


def symptoms() -> Iterator[Symptom]:
    """All that should not be, but for functions that a schedule starts."""
    yield from _completeness()
    yield from _silence()
    yield from _conflicts()
    yield from _late_calls()
    yield from _bounds()
    yield from _prices()
    yield from _functions()
    yield from _delays()
    yield from _given_up()
    yield from _coverage()


def _completeness() -> Iterator[Symptom]:
    yield Symptom(
        "LogDeliveryFailures",
        lambda _: _sum(BEDROCK_NAMESPACE, BedrockMetric.LOGS_NOT_DELIVERED),
        "log-delivery-failures",
        "Bedrock could not deliver invocation logs, so these calls are not counted. Check"
        " the notifications of LoggingWatcher first: it checks the logging role and the log group.",
    )
    yield Symptom(
        REJECTED_RECORDS.name,
        lambda _: _maximum(REJECTED_RECORDS.name, _FIVE_MINUTES),
        "rejected-records",
        "Records in the log group could not be counted. Look in the quarantine bucket first: it has"
        " each record with its reason, and some reasons mean that the record was forged.",
    )
    # Ours may come some minutes later than Bedrock's: one period proves nothing.
    yield Symptom(
        "NoData",
        lambda _: cloudwatch.MathExpression(
            expression=NOTHING_METERED,
            using_metrics={
                "bedrock": _sum(BEDROCK_NAMESPACE, BedrockMetric.INVOCATIONS),
                "metered": _sum(NAMESPACE, INVOCATIONS.name),
                "failed": _sum(NAMESPACE, INVOCATION_ERRORS.name),
            },
            period=_FIVE_MINUTES,
        ),
        "nothing-metered",
        "Bedrock was called in at least 15 minutes of the last hour in which the meter counted"
        " nothing. Run make doctor first: it checks invocation logging and the subscription.",
        periods=(3, 12),
        is_of_the_past=True,
    )


def _silence() -> Iterator[Symptom]:
    """Health checks of functions that run, and whose log groups are gone.

    The audits, the checks of logging and of the price list have their own alarms, to which a
    missing value is a fault.
    """
    # Metrics have the time of the call, reports that of the run: one period proves nothing.
    yield Symptom(
        "HealthMetricsMissing",
        lambda _: cloudwatch.MathExpression(
            expression=NOTHING_REPORTED,
            using_metrics={
                "metered": _sum(NAMESPACE, INVOCATIONS.name, period=_HALF_AN_HOUR),
                "deliveries": _reports(ACCEPTED_RECORDS.name, _HALF_AN_HOUR),
                "batches": _reports(UNPUBLISHED_RECORDS.name, _HALF_AN_HOUR),
            },
            period=_HALF_AN_HOUR,
        ),
        "nothing-reported",
        "Calls are metered, but LogProcessor or MetricPublisher reports nothing of itself, so that"
        " alarms on rejected records and forged readings see nothing. Check first that the"
        " function's log group still exists.",
        periods=(2, 2),
    )
    # Two hours hold a run, some seconds early or late.
    yield Symptom(
        "PriceRefresherSilent",
        lambda _: _reports(REPRICED_CALLS.name, _TWO_HOURS),
        "price-refresher-reports",
        "PriceRefresher has reported nothing for two hours, so that the alarm on further models"
        " without a price sees nothing. Check first that it runs, and that its log group still"
        " exists.",
        runbook="HealthMetricsMissing",
        is_below=True,
        silence=Silence.FAULT,
    )
    yield Symptom(
        LOGGING_DIFFERENCES.name,
        lambda _: _maximum(LOGGING_DIFFERENCES.name, _QUARTER_OF_AN_HOUR),
        "logging-differences",
        "For half an hour, invocation logging, alarms, notifications or functions have not been as"
        " they were deployed. Read the notification of LoggingWatcher first: it says what differs."
        " Without one, the checks may report nothing: check that its log group still exists.",
        periods=(2, 2),
        silence=Silence.FAULT,
    )


def _conflicts() -> Iterator[Symptom]:
    graph = "conflicting-calls"
    yield Symptom(
        CONFLICTING_DUPLICATES.name,
        lambda _: _maximum(CONFLICTING_DUPLICATES.name, _FIVE_MINUTES),
        graph,
        "Calls were logged twice with different contents: a sign of forged records. No count and no"
        " cost was lowered. The log of MetricPublisher names the callers.",
    )
    yield Symptom(
        TAMPERED_CALLS.name,
        lambda _: _maximum(TAMPERED_CALLS.name, _FIVE_MINUTES),
        graph,
        "Something other than the meter changed or removed calls in the ledger's table. Metrics are"
        " as they were, reports may be too low. The log of MetricPublisher names the calls.",
    )


def _late_calls() -> Iterator[Symptom]:
    # No audit looks at an hour again once two hours have gone by.
    yield Symptom(
        "LateCalls",
        lambda _: _maximum(METERING_DELAY.name, _FIVE_MINUTES),
        "metering-delay",
        "A call was counted more than two hours after the time that its record gives. After an"
        " outage or make replay this is expected. Otherwise the record may be forged: no audit"
        " compares hours so long ago with Bedrock's own count.",
        threshold=_TWO_HOURS.to_seconds(),
    )
    yield Symptom(
        UNPUBLISHED_RECORDS.name,
        lambda _: _maximum(UNPUBLISHED_RECORDS.name, _FIVE_MINUTES),
        "unpublished-calls",
        "The ledger has new calls that are more than two weeks old, or items that cannot be read:"
        " they are in reports and in no metric. After make replay of such a time this is expected."
        " Otherwise the records may be forged.",
    )


def _bounds() -> Iterator[Symptom]:
    yield Symptom(
        "NegativeMetrics",
        lambda _: cloudwatch.MathExpression(
            expression=BELOW_ZERO,
            using_metrics={label: _minimum(name) for label, name in _ADDED_UP.items()},
            period=_FIVE_MINUTES,
        ),
        "negative-metrics",
        "A metric of the account has values below zero, which the meter never publishes: whoever"
        " may publish metrics can lower sums so that no alarm on usage notifies. The ledger and its"
        " reports are right.",
    )
    # Written once an hour, some seconds early or late: each two hours hold a value.
    yield Symptom(
        FORGED_SERIES.name,
        lambda _: _maximum(FORGED_SERIES.name, _TWO_HOURS),
        "forged-series",
        "A metric of an identity or a model had values below zero within eight days, or more series"
        " exist than the meter publishes: whoever may publish metrics can keep alarms on usage"
        " silent. The log of CoverageAuditor names the series. The ledger and its reports are"
        " right.",
        silence=Silence.FAULT,
        runbook="NegativeMetrics",
    )
    # The bucket is used until the month ends: that is one notification.
    yield Symptom(
        OVERFLOWING_CALLS.name,
        lambda _: _maximum(OVERFLOWING_CALLS.name, _HOUR),
        "overflowing-calls",
        "More identities, projects or models called than have metrics of their own this month:"
        " metrics and alarms show the others as __other__. The ledger and its reports have each.",
        periods=(1, 72),
        is_recovery_told=False,
    )


def _prices() -> Iterator[Symptom]:
    # A call without counts has no cost at any price, and is counted by itself. The others go on
    # until a price is set, but for nights and weekends: that is one notification.
    yield Symptom(
        "UnpricedCalls",
        lambda _: cloudwatch.MathExpression(
            expression=WITHOUT_A_PRICE,
            using_metrics={
                "unpriced": _sum(NAMESPACE, UNPRICED_INVOCATIONS.name, period=_HOUR),
                "missing": _sum(NAMESPACE, MISSING_TOKEN_COUNTS.name, period=_HOUR),
            },
            period=_HOUR,
        ),
        "unpriced-calls",
        "Models without a known price were called, and their cost is missing from every total. Run"
        " make reprice first: it lists them. Then set their prices in negotiated_prices (cdk.json)"
        " and deploy. The alarm ends three days after the last such call, without a notification.",
        runbook="UnpricedModels",
        periods=(1, 72),
        is_recovery_told=False,
    )
    # The alarm above stays for days, and notifies of the first model alone.
    yield Symptom(
        "UnpricedModels",
        lambda _: cloudwatch.MathExpression(
            expression=MORE_MODELS_WITHOUT_A_PRICE,
            using_metrics={"waiting": _maximum(WAITING_MODELS.name, _HOUR)},
            period=_HOUR,
        ),
        "unpriced-models",
        "One more model without a known price was called. make reprice lists all that wait;"
        " add prices in negotiated_prices (cdk.json) and deploy.",
        periods=(1, 2),
        is_recovery_told=False,
    )


def price_list_symptoms() -> Iterator[Symptom]:
    """Health checks of the daily price updates."""
    # The function writes the number when it checks and when a decision is made, and not between.
    yield Symptom(
        HELD_PRICES.name,
        lambda _: _maximum(HELD_PRICES.name, _FIVE_MINUTES),
        "held-prices",
        "The AWS Price List has new prices that look like mistakes: the old prices stay until you"
        " decide. List them with make price-updates, then accept or reject each.",
        silence=Silence.UNCHANGED,
    )
    # Each failed check makes one value of a day and more; a check that succeeds makes 0.
    yield Symptom(
        PRICE_LIST_AGE.name,
        lambda _: _maximum(PRICE_LIST_AGE.name, _DAY),
        "price-list-age",
        "The AWS Price List was not read for three days. Calls are counted and priced all the same,"
        " but new prices are not known. The log of PriceUpdater says why.",
        threshold=Duration.hours(12).to_seconds(),
        periods=(_DAYS_WITHOUT_PRICES, _DAYS_WITHOUT_PRICES),
        silence=Silence.FAULT,
    )


def _functions() -> Iterator[Symptom]:
    for name, function_of in _FUNCTIONS.items():
        for metric, meaning in (
            ("Errors", _FAILS),
            ("Throttles", _IS_THROTTLED),
        ):
            yield Symptom(
                f"{name}{metric}",
                _of_function(function_of, metric, "Sum"),
                f"function-{metric.lower()}",
                f"{name} {meaning}",
                periods=(2, 3),
                runbook="FunctionErrors",
            )
        yield Symptom(
            f"{name}DestinationFailures",
            _of_function(function_of, "DestinationDeliveryFailures", "Sum"),
            "function-destination-failures",
            f"{name} gave up on some calls, and Lambda could not keep them in the failure bucket,"
            " where make redrive would find them. Check first that its role may write there.",
            runbook="FailedDeliveries",
        )


def _delays() -> Iterator[Symptom]:
    for name, function, metric, graph in (
        ("DeliveryAge", "LogProcessor", "AsyncEventAge", "delivery-age"),
        ("StreamAge", "MetricPublisher", "IteratorAge", "stream-age"),
    ):
        yield Symptom(
            name,
            _of_function(_FUNCTIONS[function], metric, "Maximum"),
            graph,
            f"{function} counts calls more than {_LONGEST_DELAY.to_minutes():.0f} minutes late."
            " Nothing is lost, but alarms on usage are as late. Check first whether it fails or is"
            " throttled.",
            threshold=_LONGEST_DELAY.to_milliseconds(),
            runbook="CountingDelays",
        )


def _given_up() -> Iterator[Symptom]:
    yield Symptom(
        "DroppedDeliveries",
        _of_function(_FUNCTIONS["LogProcessor"], "AsyncEventsDropped", "Sum"),
        "dropped-deliveries",
        "LogProcessor gave up on deliveries of logs, which are in the failure bucket. Their calls"
        f" are not counted. {_FIX_AND_REDRIVE}",
        runbook="FailedDeliveries",
    )
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    for name, metric, meaning in (
        (
            "UnpublishedBatches",
            "OnFailureDestinationDeliveredEventCount",
            f"which are in the failure bucket. {_NOT_IN_METRICS} {_FIX_AND_REDRIVE}",
        ),
        (
            "DroppedBatches",
            "DroppedEventCount",
            f"which are not in the failure bucket. {_NOT_IN_METRICS} Check its role first.",
        ),
    ):
        yield Symptom(
            name,
            _of_stream(metric),
            "stream-failures",
            f"MetricPublisher gave up on calls, {meaning}",
            runbook="FailedDeliveries",
        )


def _coverage() -> Iterator[Symptom]:
    yield Symptom(
        "Coverage",
        lambda _: _maximum(COVERAGE_SHORTFALL.name, _FIVE_MINUTES),
        "coverage-shortfall",
        "Bedrock has counted calls that the meter has not: more than half a percent of an hour's."
        " A second notification names the models and how much is missing. Without one, the audits"
        " may report nothing: check that the log group of CoverageAuditor still exists.",
        periods=(AUDITS_RUNNING, AUDITS_RUNNING),
        silence=Silence.FAULT,
    )
    # Written once an hour, some seconds early or late: each two hours hold a value.
    yield Symptom(
        USAGE_MISMATCH.name,
        lambda _: _maximum(USAGE_MISMATCH.name, _TWO_HOURS),
        "usage-mismatch",
        "For two hours running, calls or tokens of a model differ from Bedrock's own: some are"
        " missing, or there are too many, which forged records make. A second notification names"
        " the models. Without one, the audits may report nothing: check that the log group of"
        " CoverageAuditor still exists.",
        silence=Silence.FAULT,
    )
    yield Symptom(
        "UnloggedTraffic",
        lambda _: _sum(MANTLE_NAMESPACE, MantleMetric.INFERENCES, period=_DAY),
        "unlogged-traffic",
        "Models were called through bedrock-mantle within a day. Bedrock does not log these calls:"
        " they are in no count and no cost, and the caller is not known. Check first which roles"
        " and users IAM allows bedrock-mantle:*.",
    )
    # An hour that one run cannot read is read by the next as well.
    yield Symptom(
        UNREADABLE_REGIONS.name,
        lambda _: _maximum(UNREADABLE_REGIONS.name, _HOUR),
        "unreadable-regions",
        "For two hours, calls outside the logs could not be looked for in a Region: nothing is"
        " known of it. The log of TrafficAuditor names the Regions and reasons. If it has no new"
        " lines, check that the log group still exists.",
        periods=(2, 2),
        silence=Silence.FAULT,
    )


def _of_function(
    function_of: Callable[[Watched], lambda_.IFunction],
    metric: str,
    statistic: str,
) -> _MetricOf:
    return lambda watched: function_of(watched).metric(
        metric, statistic=statistic, period=_FIVE_MINUTES
    )


def _of_stream(metric: str) -> _MetricOf:
    return lambda watched: _sum(
        _LAMBDA, metric, {"EventSourceMappingUUID": watched.stream_mapping.attr_id}
    )


def _minimum(name: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=NAMESPACE, metric_name=name, statistic="Minimum", period=_FIVE_MINUTES
    )


def _reports(name: str, period: Duration) -> cloudwatch.Metric:
    """How often a function has written a health metric."""
    return cloudwatch.Metric(
        namespace=HEALTH_NAMESPACE, metric_name=name, statistic="SampleCount", period=period
    )


def _maximum(name: str, period: Duration) -> cloudwatch.Metric:
    """The largest value: unlike a sum, forged values below zero do not lower it."""
    return cloudwatch.Metric(
        namespace=HEALTH_NAMESPACE, metric_name=name, statistic="Maximum", period=period
    )


def _sum(
    namespace: str,
    name: str,
    dimensions: dict[str, str] | None = None,
    period: Duration = _FIVE_MINUTES,
) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions,
        statistic="Sum",
        period=period,
    )
