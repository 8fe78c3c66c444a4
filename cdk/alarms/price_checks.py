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
    health_maximum,
    sum_metric,
)
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
        "UnpricedCalls",
        lambda _: cloudwatch.MathExpression(
            expression=_WITHOUT_A_PRICE,
            using_metrics={
                "unpriced": sum_metric(NAMESPACE, UNPRICED_INVOCATIONS.name, period=HOUR),
                "missing": sum_metric(NAMESPACE, MISSING_TOKEN_COUNTS.name, period=HOUR),
            },
            period=HOUR,
        ),
        "unpriced-calls",
        "Models without a known price were called, and their cost is missing from every total. Run"
        " make reprice first: it lists them. Then set their prices in contracted_prices (cdk.json)"
        " and deploy. The alarm ends three days after the last such call, without a notification.",
        runbook="UnpricedModels",
        periods=(1, 72),
        is_recovery_notified=False,
    )
    # The alarm above stays in ALARM for days, and notifies only of the first model.
    yield HealthCheck(
        "UnpricedModels",
        lambda _: cloudwatch.MathExpression(
            expression=_MORE_MODELS_WITHOUT_A_PRICE,
            using_metrics={"waiting": health_maximum(WAITING_MODELS.name, HOUR)},
            period=HOUR,
        ),
        "unpriced-models",
        "One more model without a known price was called. make reprice lists all that wait;"
        " add prices in contracted_prices (cdk.json) and deploy.",
        periods=(1, 2),
        is_recovery_notified=False,
    )


def price_list_checks() -> Iterator[HealthCheck]:
    """Health checks of the daily price updates."""
    # The function writes the number only when it checks and when a decision is made.
    yield HealthCheck(
        HELD_PRICES.name,
        lambda _: health_maximum(HELD_PRICES.name, FIVE_MINUTES),
        "held-prices",
        "The AWS Price List has new prices that look like mistakes: the old prices stay until you"
        " decide. List them with make price-updates, then accept or reject each.",
        silence=Silence.UNCHANGED,
    )
    # Each failed check makes one value of a day and more; a check that succeeds makes 0.
    yield HealthCheck(
        PRICE_LIST_AGE.name,
        lambda _: health_maximum(PRICE_LIST_AGE.name, DAY),
        "price-list-age",
        "The AWS Price List was not read for three days. Calls are counted and priced all the same,"
        " but new prices are not known. The log of PriceUpdater says why.",
        threshold=Duration.hours(12).to_seconds(),
        periods=(_DAYS_WITHOUT_PRICES, _DAYS_WITHOUT_PRICES),
        silence=Silence.FAULT,
    )
