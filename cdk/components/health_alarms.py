"""Alarms on the meter itself: whether it counts all there is, and keeps up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from lambdas.domain.metering.metric_catalog import HEALTH_NAMESPACE, NAMESPACE, REJECTED_RECORDS

_FIVE_MINUTES = Duration.minutes(5)
_LONGEST_DELAY = Duration.minutes(15)
_BEDROCK = "AWS/Bedrock"
_LAMBDA = "AWS/Lambda"


@dataclass(frozen=True, slots=True)
class _Symptom:
    """Something that should not be.

    Attributes:
        name: Its name, the alarm's too.
        metric: What shows it.
        meaning: What it means and what to do.
        threshold: From which value on it is there.
        periods: In how many of the last periods it has to be there: `m` of `n`.
    """

    name: str
    metric: cloudwatch.IMetric
    meaning: str
    threshold: float = 1
    periods: tuple[int, int] = field(default=(1, 1))


class HealthAlarms(Construct):
    """One alarm for each symptom.

    Attributes:
        alarms: All of them, by name.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        log_processor: lambda_.IFunction,
        metric_publisher: lambda_.IFunction,
        stream_mapping: lambda_.CfnEventSourceMapping,
        look_at: str,
    ) -> None:
        """Make the alarms.

        Args:
            scope: The stack.
            construct_id: Their name there.
            log_processor: Writes to the ledger.
            metric_publisher: Publishes from its stream.
            stream_mapping: What starts the latter.
            look_at: The address of the dashboard that shows more.
        """
        super().__init__(scope, construct_id)
        functions = {"LogProcessor": log_processor, "MetricPublisher": metric_publisher}
        symptoms = [
            *_completeness(),
            *_functions(functions),
            *_delays(log_processor, metric_publisher),
            *_given_up(log_processor, stream_mapping),
        ]
        self.alarms = {symptom.name: self._alarm(symptom, look_at) for symptom in symptoms}

    def _alarm(self, symptom: _Symptom, look_at: str) -> cloudwatch.Alarm:
        there, of = symptom.periods
        return cloudwatch.Alarm(
            self,
            symptom.name,
            alarm_name=f"BedrockMeter-Health-{symptom.name}",
            alarm_description=f"{symptom.meaning} More: {look_at}",
            metric=symptom.metric,
            threshold=symptom.threshold,
            datapoints_to_alarm=there,
            evaluation_periods=of,
            comparison_operator=cloudwatch.ComparisonOperator.GREATER_THAN_OR_EQUAL_TO_THRESHOLD,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )


def _completeness() -> Iterator[_Symptom]:
    yield _Symptom(
        "LogDeliveryFailures",
        _sum(_BEDROCK, "ModelInvocationLogsCloudWatchDeliveryFailure"),
        "Bedrock could not deliver invocation logs: these calls are not counted. Is the logging"
        " role still there, and may it write to the log group? Run make doctor.",
    )
    yield _Symptom(
        REJECTED_RECORDS.name,
        _sum(HEALTH_NAMESPACE, REJECTED_RECORDS.name),
        "Records could not be counted. The quarantine bucket tells which and why.",
    )
    # Ours may come some minutes later than Bedrock's: one period proves nothing.
    yield _Symptom(
        "NoData",
        cloudwatch.MathExpression(
            expression="IF(bedrock > 0 AND FILL(metered, 0) == 0 AND FILL(failed, 0) == 0, 1, 0)",
            using_metrics={
                "bedrock": _sum(_BEDROCK, "Invocations"),
                "metered": _sum(NAMESPACE, "Invocations"),
                "failed": _sum(NAMESPACE, "InvocationErrors"),
            },
            period=_FIVE_MINUTES,
        ),
        "Bedrock was called for 15 minutes within the last hour of which the meter knows nothing."
        " Is invocation logging still on, and the log group still subscribed? Run make doctor.",
        periods=(3, 12),
    )


def _functions(functions: dict[str, lambda_.IFunction]) -> Iterator[_Symptom]:
    for name, function in functions.items():
        for metric, meaning in (
            ("Errors", "fails again and again; what it works on is tried again for hours"),
            ("Throttles", "is throttled: the account's concurrency is used up by others"),
        ):
            yield _Symptom(
                f"{name}{metric}",
                function.metric(metric, statistic="Sum", period=_FIVE_MINUTES),
                f"{name} {meaning}. Its log group says more.",
                periods=(2, 3),
            )
        yield _Symptom(
            f"{name}DestinationFailures",
            function.metric("DestinationDeliveryFailures", statistic="Sum", period=_FIVE_MINUTES),
            f"What {name} gave up on could not be kept in the failure bucket and is lost to redrive"
            " (make replay reads the log group itself again). May its role write there?",
        )


def _delays(
    log_processor: lambda_.IFunction, metric_publisher: lambda_.IFunction
) -> Iterator[_Symptom]:
    for name, function, metric in (
        ("DeliveryAge", log_processor, "AsyncEventAge"),
        ("StreamAge", metric_publisher, "IteratorAge"),
    ):
        yield _Symptom(
            name,
            function.metric(metric, statistic="Maximum", period=_FIVE_MINUTES),
            f"Calls are counted more than {_LONGEST_DELAY.to_minutes():.0f} minutes late. Nothing"
            " is lost, but alarms on tokens come as late.",
            threshold=_LONGEST_DELAY.to_milliseconds(),
        )


def _given_up(
    log_processor: lambda_.IFunction, stream_mapping: lambda_.CfnEventSourceMapping
) -> Iterator[_Symptom]:
    advice = "mend the cause, then run make redrive."
    yield _Symptom(
        "DroppedDeliveries",
        log_processor.metric("AsyncEventsDropped", statistic="Sum", period=_FIVE_MINUTES),
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
        yield _Symptom(
            name,
            _sum(_LAMBDA, metric, {"EventSourceMappingUUID": stream_mapping.attr_id}),
            meaning,
        )


def _sum(namespace: str, name: str, dimensions: dict[str, str] | None = None) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace=namespace,
        metric_name=name,
        dimensions_map=dimensions,
        statistic="Sum",
        period=_FIVE_MINUTES,
    )
