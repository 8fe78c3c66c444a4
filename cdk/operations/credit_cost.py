"""The monthly cost of credits: what booking reads and writes, metrics, alarms and a dashboard."""

from __future__ import annotations

from decimal import Decimal

from cdk.config import Config
from cdk.operations.billed_metrics import (
    HOURS_A_MONTH,
    Usage,
    count_credit_alarm_metrics,
)
from cdk.operations.cost_items import (
    MILLION,
    READ_UNITS,
    WRITE_UNITS,
    CostItem,
    UnitPrices,
    price_function,
)
from lambdas.domain.metrics.catalog import CREDIT_METRICS
from lambdas.domain.words import plural

# Taken high: three scopes with grants. Each run reads them, the notes of changed hours, the entries
# of a week for the burn rate, and the booked and counted cells of two hours.
SCOPES = 3
RUNS_OF_THE_BOOKER_A_MONTH = HOURS_A_MONTH * 60
PUBLICATIONS_A_MONTH = HOURS_A_MONTH * 60 // 5
READS_OF_A_BOOKING_RUN = 60
CELLS_OF_A_READ_UNIT = 6
CHECKED_HOURS_OF_A_RUN = 2
SECONDS_OF_A_BOOKING_RUN = Decimal("0.8")  # taken high
# A transaction takes two units an item: a cell, and its part of the entry and of a grant.
UNITS_OF_A_BOOKED_CELL = 3
# A note of a changed hour is written with each batch that is counted, and removed.
UNITS_OF_A_NOTE = 3


def credit_cost(usage: Usage, config: Config, prices: UnitPrices) -> list[CostItem]:
    """Estimate what credits add to the cost of a month; empty while they are off."""
    if not config.credits:
        return []
    calls, runs = Decimal(usage.calls), Decimal(RUNS_OF_THE_BOOKER_A_MONTH)
    cells = Decimal(min(usage.identities * usage.models, usage.calls))
    reads = runs * (READS_OF_A_BOOKING_RUN + CHECKED_HOURS_OF_A_RUN * cells / CELLS_OF_A_READ_UNIT)
    booked = min(calls, runs * cells)
    writes = booked * UNITS_OF_A_BOOKED_CELL + calls * UNITS_OF_A_NOTE
    series, alarms = SCOPES * len(CREDIT_METRICS), count_credit_alarm_metrics(config)
    return [
        CostItem(
            "DynamoDB",
            "credits: counted and booked cells, read each minute",
            reads / MILLION * prices[READ_UNITS],
        ),
        CostItem(
            "DynamoDB",
            "credits: booked cells and notes of changed hours",
            writes / MILLION * prices[WRITE_UNITS],
        ),
        price_function(
            "credits: usage, booked each minute",
            runs,
            2 * runs * SECONDS_OF_A_BOOKING_RUN,  # with twice the memory
            prices,
        ),
        CostItem(
            "CloudWatch",
            f"credits: {series} metrics of {SCOPES} scopes, four each",
            series * prices["metric_month_first_10000"]
            + PUBLICATIONS_A_MONTH * prices["metric_requests_1000"] / 1000,
        ),
        CostItem(
            "CloudWatch",
            f"credits: {plural(alarms, 'metric')} watched by alarms",
            alarms * prices["alarm_metric_month"],
        ),
        CostItem("CloudWatch", "credits: a dashboard", prices["dashboard_month"]),
    ]
