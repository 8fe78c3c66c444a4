"""Health checks of webhooks, where they are switched on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk.alarms.health_check import (
    FIVE_MINUTES,
    HealthCheck,
    MetricBuilder,
    build_health_metric,
    build_sum_metric,
)
from cdk.config.resource_names import (
    DEAD_LETTERS,
    WEBHOOK_DELIVERIES,
    WEBHOOK_EVENTS,
    WEBHOOK_ROUTER,
    WEBHOOK_SENDER,
)
from lambdas.domain.metrics.catalog import DISABLED_WEBHOOKS, FAILED_WEBHOOKS

WEBHOOK_DELAYS = "WebhookDelays"
UNROUTED_EVENTS = "UnroutedEvents"
UNSENT_WEBHOOKS = "UnsentWebhooks"
WEBHOOK_ALARMS = (
    *(FAILED_WEBHOOKS.name, DISABLED_WEBHOOKS.name),
    *(WEBHOOK_DELAYS, UNROUTED_EVENTS, UNSENT_WEBHOOKS),
    *(f"{WEBHOOK_ROUTER}Errors", f"{WEBHOOK_SENDER}Errors"),
)
_GRAPH = "prices-and-names"
_MAX_DELAY = Duration.minutes(15)
_FUNCTIONS = {
    WEBHOOK_ROUTER: "events of the meter wait in the queue of webhooks",
    WEBHOOK_SENDER: "receivers of webhooks get no events",
}


def webhook_checks(function_names: Mapping[str, str]) -> Iterator[HealthCheck]:
    """Health checks of deliveries, of both queues and of both functions.

    Args:
        function_names: The names of the functions, by what their alarms call them.
    """
    yield HealthCheck(
        FAILED_WEBHOOKS.name,
        lambda _: build_health_metric(FAILED_WEBHOOKS.name, FIVE_MINUTES),
        _GRAPH,
        "A receiver of webhooks did not accept an event in ten attempts or seven days, so it"
        " misses that event. First run bedrock-meter webhooks deliveries: it shows the receiver's"
        " last answer. Then bedrock-meter webhooks resend sends the event again.",
    )
    yield HealthCheck(
        DISABLED_WEBHOOKS.name,
        lambda _: build_health_metric(DISABLED_WEBHOOKS.name, FIVE_MINUTES),
        _GRAPH,
        "A receiver of webhooks answered that it is gone (410), so it is switched off and gets no"
        " more events. First run bedrock-meter webhooks list, and then enable or remove it.",
        runbook=FAILED_WEBHOOKS.name,
    )
    yield HealthCheck(
        WEBHOOK_DELAYS,
        lambda _: _watch_queue(WEBHOOK_EVENTS, "ApproximateAgeOfOldestMessage"),
        None,
        f"An event has waited for {_MAX_DELAY.to_minutes():.0f} minutes or more in the queue of"
        " webhooks, so receivers get it late. First read the last error in the log group of"
        f" {WEBHOOK_ROUTER}.",
        threshold=_MAX_DELAY.to_seconds(),
    )
    for name, queue, meaning in (
        (
            UNROUTED_EVENTS,
            WEBHOOK_EVENTS,
            f"{WEBHOOK_ROUTER} could not read an event for an hour, so no receiver gets it.",
        ),
        (
            UNSENT_WEBHOOKS,
            WEBHOOK_DELIVERIES,
            f"{WEBHOOK_SENDER} keeps failing on a delivery, so it is not attempted any more.",
        ),
    ):
        yield HealthCheck(
            name,
            _watch_dead_letters(queue),
            "function-errors",
            f"{meaning} First look for 'dead letter' in the runbook: it says how to read the"
            f" message in the queue {queue.rpartition('-')[2]}{DEAD_LETTERS}.",
            runbook=WEBHOOK_DELAYS,
        )
    for name, meaning in _FUNCTIONS.items():
        yield HealthCheck(
            f"{name}Errors",
            _watch_errors(function_names[name]),
            "function-errors",
            f"{name} fails repeatedly, and {meaning}. First read the last error in its log group.",
            periods=(2, 3),
            runbook="FunctionErrors",
        )


def _watch_queue(queue: str, metric_name: str) -> cloudwatch.Metric:
    """Build a metric of a queue, by its name.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
    """
    return cloudwatch.Metric(
        namespace="AWS/SQS",
        metric_name=metric_name,
        dimensions_map={"QueueName": queue},
        statistic="Maximum",
        period=FIVE_MINUTES,
    )


def _watch_dead_letters(queue: str) -> MetricBuilder:
    return lambda _: _watch_queue(f"{queue}{DEAD_LETTERS}", "ApproximateNumberOfMessagesVisible")


def _watch_errors(function_name: str) -> MetricBuilder:
    return lambda _: build_sum_metric("AWS/Lambda", "Errors", {"FunctionName": function_name})
