"""Health checks of prices that are missing, old or doubtful."""

from __future__ import annotations

from collections.abc import Iterator

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch

from cdk.alarms.health_check import (
    DAY,
    FIVE_MINUTES,
    HOUR,
    HealthCheck,
    Silence,
    build_health_metric,
    build_sum_metric,
)
from lambdas.domain.alarms.names import UNPRICED_CALLS, UNPRICED_MODELS
from lambdas.domain.metrics.catalog import (
    HELD_PRICES,
    MISSING_TOKEN_COUNTS,
    NAMESPACE,
    PRICE_LIST_AGE,
    UNPRICED_INVOCATIONS,
    WAITING_MODELS,
)

_DAYS_WITHOUT_PRICES = 3
_MORE_MODELS_WITHOUT_A_PRICE = "IF(DIFF(waiting) > 0 AND waiting > 1, 1, 0)"
"""1 for an hour in which a further model waits for a price."""
_WITHOUT_A_PRICE = "FILL(unpriced, 0) - FILL(missing, 0)"
"""The number of calls of a period that have counts and no known price."""


def price_checks() -> Iterator[HealthCheck]:
    """Health checks of the prices of calls."""
    # A call without counts has no cost at any price, and is counted separately. Other calls breach
    # until a price is set, except for quiet nights and weekends: that is one notification.
    yield HealthCheck(
        UNPRICED_CALLS,
        lambda _: cloudwatch.MathExpression(
            expression=_WITHOUT_A_PRICE,
            using_metrics={
                "unpriced": build_sum_metric(NAMESPACE, UNPRICED_INVOCATIONS.name, period=HOUR),
                "missing": build_sum_metric(NAMESPACE, MISSING_TOKEN_COUNTS.name, period=HOUR),
            },
            period=HOUR,
        ),
        "prices-and-names",
        "Models without a known price were called, so their cost is missing from every total. First"
        " run make reprice: it lists them. Then add their prices to contracted_prices (cdk.json)"
        " and deploy. The alarm ends three days after the last such call, without a notification.",
        runbook=UNPRICED_MODELS,
        periods=(1, 72),
    )
    # The alarm above stays in ALARM for days, and notifies only of the first model.
    yield HealthCheck(
        "UnpricedModels",
        lambda _: cloudwatch.MathExpression(
            expression=_MORE_MODELS_WITHOUT_A_PRICE,
            using_metrics={"waiting": build_health_metric(WAITING_MODELS.name, HOUR)},
            period=HOUR,
        ),
        "prices-and-names",
        "Another model without a known price was called. First run make reprice: it lists all of"
        " them. Then add their prices to contracted_prices (cdk.json) and deploy.",
        periods=(1, 2),
    )


def price_list_checks() -> Iterator[HealthCheck]:
    """Health checks of the daily price updates."""
    # The function writes the number only when it checks and when a decision is made.
    yield HealthCheck(
        HELD_PRICES.name,
        lambda _: build_health_metric(HELD_PRICES.name, FIVE_MINUTES),
        "prices-and-names",
        "The AWS Price List has new prices that look like mistakes. The old prices stay in force"
        " until you decide. List them with make price-updates, then accept or reject each one.",
        silence=Silence.UNCHANGED,
    )
    # Each failed check makes one value of a day and more; a check that succeeds makes 0.
    yield HealthCheck(
        PRICE_LIST_AGE.name,
        lambda _: build_health_metric(PRICE_LIST_AGE.name, DAY),
        "delays",
        "The AWS Price List has not been read for three days. Calls are still counted and priced,"
        " but new prices are not picked up. First read the log of PriceUpdater: it gives the"
        " reason.",
        threshold=Duration.hours(12).to_seconds(),
        periods=(_DAYS_WITHOUT_PRICES, _DAYS_WITHOUT_PRICES),
        silence=Silence.FAULT,
    )
