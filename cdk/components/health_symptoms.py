"""What should not be of the meter itself: each symptom, what shows it and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeAlias

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_

from lambdas.domain.completeness import (
    AUDITS_RUNNING,
    BEDROCK_NAMESPACE,
    MANTLE_METRICS,
    MANTLE_NAMESPACE,
    Quantity,
)
from lambdas.domain.metering.metric_catalog import (
    CONFLICTING_DUPLICATES,
    COVERAGE_SHORTFALL,
    ESTIMATED_COST,
    HEALTH_NAMESPACE,
    HELD_PRICES,
    LOWERED_CALLS,
    MISSING_TOKEN_COUNTS,
    NAMESPACE,
    OVERFLOWING_CALLS,
    PRICE_LIST_AGE,
    REJECTED_RECORDS,
    UNPRICED_INVOCATIONS,
    UNREADABLE_REGIONS,
    USAGE_MISMATCH,
    WAITING_MODELS,
)

_FIVE_MINUTES = Duration.minutes(5)
_LONGEST_DELAY = Duration.minutes(15)
_HOUR = Duration.hours(1)
_DAY = Duration.days(1)
_DAYS_WITHOUT_PRICES = 3
_LAMBDA = "AWS/Lambda"
NOTHING_METERED = "IF(bedrock > 0 AND FILL(metered, 0) == 0 AND FILL(failed, 0) == 0, 1, 0)"
"""1 for a period of which Bedrock has calls and the meter has none."""
BELOW_ZERO = "IF(FILL(quota, 0) < 0 OR FILL(cost, 0) < 0 OR FILL(calls, 0) < 0, 1, 0)"
"""1 for a period in which a metric of the account has values below zero."""
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
_MetricOf: TypeAlias = Callable[[Watched], cloudwatch.IMetric]


@dataclass(frozen=True, slots=True)
class Symptom:
    """Something that should not be.

    Attributes:
        name: Its name, the alarm's too.
        metric_of: What shows it.
        graph: The title of the graph of it on the dashboard `pipeline_health`.
        meaning: What it means and what to do.
        threshold: From which value on it is there.
        periods: In how many of the last periods it has to be there: `m` of `n`.
        is_recovery_told: Whether people are told when it is over.
        is_absence: Whether it is there below the threshold instead, and where there is no data.
        without_data: The treatment of a period without data; `None` for that of `is_absence`.
    """

    name: str
    metric_of: _MetricOf
    graph: str
    meaning: str
    threshold: float = 1
    periods: tuple[int, int] = (1, 1)
    is_recovery_told: bool = True
    is_absence: bool = False
    without_data: cloudwatch.TreatMissingData | None = None


def symptoms() -> Iterator[Symptom]:
    """All that should not be, but for functions that a schedule starts."""
    yield from _completeness()
    yield from _conflicts()
    yield from _bounds()
    yield from _prices()
    yield from _functions()
    yield from _delays()
    yield from _given_up()
    yield from _coverage()


def _completeness() -> Iterator[Symptom]:
    yield Symptom(
        "LogDeliveryFailures",
        lambda _: _sum(BEDROCK_NAMESPACE, "ModelInvocationLogsCloudWatchDeliveryFailure"),
        "Logs that were not delivered",
        "Bedrock could not deliver invocation logs: these calls are not counted. Is the logging"
        " role still there, and may it write to the log group? Run make doctor.",
    )
    yield Symptom(
        REJECTED_RECORDS.name,
        lambda _: _sum(HEALTH_NAMESPACE, REJECTED_RECORDS.name),
        "Rejected records",
        "Records could not be counted. The quarantine bucket tells which and why.",
    )
    # Ours may come some minutes later than Bedrock's: one period proves nothing.
    yield Symptom(
        "NoData",
        lambda _: cloudwatch.MathExpression(
            expression=NOTHING_METERED,
            using_metrics={
                "bedrock": _sum(BEDROCK_NAMESPACE, "Invocations"),
                "metered": _sum(NAMESPACE, "Invocations"),
                "failed": _sum(NAMESPACE, "InvocationErrors"),
            },
            period=_FIVE_MINUTES,
        ),
        "Five minutes with nothing metered",
        "Bedrock was called for 15 minutes within the last hour of which the meter knows nothing."
        " Is invocation logging still on, and the log group still subscribed? Run make doctor.",
        periods=(3, 12),
    )


def _conflicts() -> Iterator[Symptom]:
    graph = "Calls whose readings disagree"
    yield Symptom(
        CONFLICTING_DUPLICATES.name,
        lambda _: _sum(HEALTH_NAMESPACE, CONFLICTING_DUPLICATES.name),
        graph,
        "Calls were logged twice with different contents: a sign of forged records. No count and no"
        " cost was lowered. The log of MetricPublisher names the callers"
        " (docs/runbooks/ConflictingDuplicates.md).",
    )
    yield Symptom(
        LOWERED_CALLS.name,
        lambda _: _sum(HEALTH_NAMESPACE, LOWERED_CALLS.name),
        graph,
        "The ledger reports less of some calls than before, which no record can do: something else"
        " wrote to its table. Metrics are as they were, reports are too low. The log of"
        " MetricPublisher names the calls (docs/runbooks/LoweredCalls.md).",
    )


def _bounds() -> Iterator[Symptom]:
    yield Symptom(
        "NegativeMetrics",
        lambda _: cloudwatch.MathExpression(
            expression=BELOW_ZERO,
            using_metrics={
                "quota": _minimum("QuotaTokens"),
                "cost": _minimum(ESTIMATED_COST.name),
                "calls": _minimum("Invocations"),
            },
            period=_FIVE_MINUTES,
        ),
        "Metrics below zero",
        "A metric of the account has values below zero, which the meter never publishes: whoever"
        " may publish metrics can lower sums so that no alarm on usage notifies. The ledger and its"
        " reports are right (docs/runbooks/NegativeMetrics.md).",
    )
    # The bucket is used until the month ends: that is one notification.
    yield Symptom(
        OVERFLOWING_CALLS.name,
        lambda _: _sum(HEALTH_NAMESPACE, OVERFLOWING_CALLS.name, period=_HOUR),
        "Calls past a bound",
        "More identities, projects or models called than have metrics of their own this month:"
        " metrics and alarms show the others as __other__. The ledger and its reports have each"
        " (docs/runbooks/OverflowingCalls.md).",
        periods=(1, 72),
        is_recovery_told=False,
    )


def _prices() -> Iterator[Symptom]:
    # A call without counts has no cost at any price, and is counted by itself. The others go on
    # until a price is told, but for nights and weekends: that is one notification.
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
        "Calls without a price",
        "Models were called of which no price is known: their cost is in no figure. The graph of"
        " unpriced calls names them; tell their prices in negotiated_prices (cdk.json) and deploy."
        " The alarm ends by itself, without a word, three days after the last such call.",
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
        "Models without a price",
        "One more model without a known price was called. make reprice lists all that wait;"
        " add prices in negotiated_prices (cdk.json) and deploy (docs/runbooks/UnpricedModels.md).",
        periods=(1, 3),
        is_recovery_told=False,
    )


def price_list_symptoms() -> Iterator[Symptom]:
    """Health checks of the daily price updates."""
    # The function writes the number when it checks and when a decision is made, and not between.
    yield Symptom(
        HELD_PRICES.name,
        lambda _: _maximum(HELD_PRICES.name, _FIVE_MINUTES),
        "Prices that wait for a decision",
        "The AWS Price List has new prices that look like mistakes: the old prices stay until you"
        " decide. List them with make price-updates, then accept or reject each"
        " (docs/runbooks/HeldPrices.md).",
        without_data=cloudwatch.TreatMissingData.IGNORE,
    )
    # Each failed check makes one value of a day and more; a check that succeeds makes 0.
    yield Symptom(
        PRICE_LIST_AGE.name,
        lambda _: _maximum(PRICE_LIST_AGE.name, _DAY),
        "Age of the price list",
        "The AWS Price List was not read for three days. Calls are counted and priced all the same,"
        " but new prices are not known. The log of PriceUpdater says why"
        " (docs/runbooks/PriceListAge.md). After a first deployment this is so until the first"
        " check.",
        threshold=Duration.hours(12).to_seconds(),
        periods=(_DAYS_WITHOUT_PRICES, _DAYS_WITHOUT_PRICES),
        without_data=cloudwatch.TreatMissingData.BREACHING,
    )


def _functions() -> Iterator[Symptom]:
    for name, function_of in _FUNCTIONS.items():
        for metric, meaning in (
            ("Errors", "fails again and again; what it works on is tried again for hours"),
            ("Throttles", "is throttled: the account's concurrency is used up by others"),
        ):
            yield Symptom(
                f"{name}{metric}",
                _of_function(function_of, metric, "Sum"),
                f"Functions: {metric.lower()}",
                f"{name} {meaning}. Its log group says more.",
                periods=(2, 3),
            )
        yield Symptom(
            f"{name}DestinationFailures",
            _of_function(function_of, "DestinationDeliveryFailures", "Sum"),
            "Functions: lost to redrive",
            f"What {name} gave up on could not be kept in the failure bucket and is lost to redrive"
            " (make replay reads the log group itself again). May its role write there?",
        )


def _delays() -> Iterator[Symptom]:
    for name, function, metric, graph in (
        ("DeliveryAge", "LogProcessor", "AsyncEventAge", "Functions: age of deliveries"),
        ("StreamAge", "MetricPublisher", "IteratorAge", "Functions: age of the stream"),
    ):
        yield Symptom(
            name,
            _of_function(_FUNCTIONS[function], metric, "Maximum"),
            graph,
            f"Calls are counted more than {_LONGEST_DELAY.to_minutes():.0f} minutes late. Nothing"
            " is lost, but alarms on tokens come as late.",
            threshold=_LONGEST_DELAY.to_milliseconds(),
        )


def _given_up() -> Iterator[Symptom]:
    advice = "mend the cause, then run make redrive."
    yield Symptom(
        "DroppedDeliveries",
        _of_function(_FUNCTIONS["LogProcessor"], "AsyncEventsDropped", "Sum"),
        "Functions: deliveries given up on",
        f"Deliveries of logs could not be ingested and lie in the failure bucket: {advice}",
    )
    # https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
    for name, metric, meaning in (
        (
            "UnpublishedBatches",
            "OnFailureDestinationDeliveredEventCount",
            f"Calls are not in the metrics; they lie in the failure bucket: {advice}",
        ),
        (
            "DroppedBatches",
            "DroppedEventCount",
            "Calls are in the ledger, but not in the metrics and not in the failure bucket.",
        ),
    ):
        yield Symptom(
            name,
            _of_stream(metric),
            "Stream: calls given up on",
            meaning,
        )


def _coverage() -> Iterator[Symptom]:
    yield Symptom(
        "Coverage",
        lambda _: _maximum(COVERAGE_SHORTFALL.name, _FIVE_MINUTES),
        "Whether calls are missing",
        "Bedrock has counted calls that the meter has not: more than half a percent of an hour's."
        " A second notification names the models and how much is missing.",
        periods=(AUDITS_RUNNING, AUDITS_RUNNING),
    )
    # Written once an hour, and not between.
    yield Symptom(
        USAGE_MISMATCH.name,
        lambda _: _maximum(USAGE_MISMATCH.name, _FIVE_MINUTES),
        "Counts unlike Bedrock's",
        "For two hours running, calls or tokens of a model differ from Bedrock's own: some are"
        " missing, or there are too many, which forged records make. A second notification names"
        " the models (docs/runbooks/UsageMismatch.md).",
        without_data=cloudwatch.TreatMissingData.IGNORE,
    )
    (inferences,) = MANTLE_METRICS[Quantity.CALLS]
    yield Symptom(
        "UnloggedTraffic",
        lambda _: _sum(MANTLE_NAMESPACE, inferences, period=_DAY),
        "Not in logs: bedrock-mantle",
        "Models were called through bedrock-mantle within a day. Bedrock does not log these calls,"
        " so nobody can tell who made them. Who may is up to IAM (bedrock-mantle:*).",
    )
    # An hour that one run cannot read is read by the next as well.
    yield Symptom(
        UNREADABLE_REGIONS.name,
        lambda _: _maximum(UNREADABLE_REGIONS.name, _HOUR),
        "Regions that cannot be read",
        "For two hours, calls outside the logs could not be looked for in a Region: nothing is"
        " known of it. The log of TrafficAuditor names the Regions and reasons"
        " (docs/runbooks/UnreadableRegions.md).",
        periods=(2, 2),
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


def _maximum(name: str, period: Duration) -> cloudwatch.Metric:
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
