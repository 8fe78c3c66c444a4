"""The monthly cost of the gateway, if all calls go through it."""

from __future__ import annotations

from decimal import Decimal

from cdk.config import Config
from cdk.operations.billed_metrics import (
    HOURS_A_MONTH,
    Usage,
    count_gateway_alarm_metrics,
    count_gateway_series,
)
from cdk.operations.cost_items import (
    GB,
    MILLION,
    READ_UNITS,
    WRITE_UNITS,
    CostItem,
    UnitPrices,
    price_function,
    price_series,
)

# The gateway waits for the model, and Lambda bills the wait. An assumption: so many seconds a call.
SECONDS_OF_A_GATEWAY_CALL = Decimal(10)
# A call has two subjects on average. Each takes a reservation, of 1.3 writes at most
# (tests/benchmarks), and its settlement.
SUBJECTS_OF_A_CALL = 2
WRITES_OF_A_SUBJECT = Decimal("2.3")
# DynamoDB bills the size of the item with each write, a unit a kilobyte. Taken high: an item with
# three limits and ten open calls, as `make bench` measures it.
UNITS_OF_A_WRITE = 2
# Taken high: each call reads its key, the policies and ten budgets again, which are kept for a
# minute and half a minute. Budgets have a kilobyte each, with their revision and the question
# whether there are any; four of them are a unit. The ledger's index of the gateway's calls takes a
# write of its own.
BUDGETS_OF_THE_GATEWAY = 10
READS_OF_A_GATEWAY_CALL = Decimal("1.5") + 5
WRITES_OF_A_GATEWAY_CALL = 1
# Taken high: a mark an hour of each caller. A transaction, at two units an item, stores the mark
# and what is to be sent; the second one is claimed and removed.
WRITES_OF_A_MARK = 6
# The settler asks 64 partitions for open calls. Taken high: it reads ten budgets that deny, and
# raises the counter of each of them. The evaluator of budgets asks for marks that are due.
RUNS_OF_THE_SETTLER_A_MONTH = HOURS_A_MONTH * 60
READS_OF_A_SETTLING_RUN = 100
WRITES_OF_A_SETTLING_RUN = BUDGETS_OF_THE_GATEWAY
READS_OF_DUE_MARKS = 1
SECONDS_OF_A_SETTLING_RUN = Decimal(1)  # taken high
BYTES_OF_A_FUNCTION_LOG = 300  # what Lambda itself logs of each call
BYTES_OF_A_LATENCY_LOG = 450  # from which CloudWatch makes two metrics
BYTES_OF_A_SETTLEMENT_LOG = 400  # from which it makes three
SECONDS_OF_A_REFUSAL = Decimal("0.01")
BYTES_OF_A_REFUSAL_LOG = BYTES_OF_A_FUNCTION_LOG + 350  # with its metric
REFUSALS = 10**6
BYTES_OF_A_TRACE = 2_500


def gateway_cost(usage: Usage, config: Config, prices: UnitPrices) -> list[CostItem]:
    """Estimate what the gateway adds to the cost of a month, if all calls go through it."""
    if not config.gateway:
        return []
    calls, alarms = Decimal(usage.calls), count_gateway_alarm_metrics(config)
    series = count_gateway_series(config)
    return [
        price_function(
            f"gateway: calls of {SECONDS_OF_A_GATEWAY_CALL} seconds each, mostly waiting",
            calls,
            calls * SECONDS_OF_A_GATEWAY_CALL,
            prices,
        ),
        *_tables(usage, prices),
        price_function(
            "gateway: open calls and budgets, settled each minute",
            RUNS_OF_THE_SETTLER_A_MONTH,
            RUNS_OF_THE_SETTLER_A_MONTH * SECONDS_OF_A_SETTLING_RUN,
            prices,
        ),
        CostItem(
            "CloudWatch Logs",
            "gateway: what Lambda logs of each call, its latency and its tokens",
            calls
            * (BYTES_OF_A_FUNCTION_LOG + BYTES_OF_A_LATENCY_LOG + BYTES_OF_A_SETTLEMENT_LOG)
            / GB
            * prices["logs_ingested_gb"],
        ),
        CostItem(
            "CloudWatch",
            f"gateway: {series} metrics of latency, calls and tokens",
            price_series(series, prices),
        ),
        CostItem("CloudWatch", "gateway: a dashboard", prices["dashboard_month"]),
        CostItem(
            "CloudWatch",
            f"gateway: {alarms} metrics watched by alarms",
            alarms * prices["alarm_metric_month"],
        ),
    ]


def _tables(usage: Usage, prices: UnitPrices) -> list[CostItem]:
    calls = Decimal(usage.calls)
    write_usd, read_usd = prices[WRITE_UNITS] / MILLION, prices[READ_UNITS] / MILLION
    reads_a_minute = READS_OF_A_SETTLING_RUN + READS_OF_DUE_MARKS
    minute_usd = WRITES_OF_A_SETTLING_RUN * write_usd + reads_a_minute * read_usd
    write_of_a_subject = WRITES_OF_A_SUBJECT * UNITS_OF_A_WRITE * write_usd
    return [
        CostItem(
            "DynamoDB",
            f"gateway: reservations and settlements of {SUBJECTS_OF_A_CALL} subjects a call",
            calls * SUBJECTS_OF_A_CALL * write_of_a_subject,
        ),
        CostItem(
            "DynamoDB",
            "gateway: keys, policies and budgets, read for each call, and the index of its calls",
            calls * (READS_OF_A_GATEWAY_CALL * read_usd + WRITES_OF_A_GATEWAY_CALL * write_usd),
        ),
        CostItem(
            "DynamoDB",
            "gateway: marks of limits that are nearly used up, one an hour of each caller",
            HOURS_A_MONTH * min(usage.identities, usage.calls) * WRITES_OF_A_MARK * write_usd,
        ),
        CostItem(
            "DynamoDB",
            f"gateway: open calls, marks and {BUDGETS_OF_THE_GATEWAY} budgets, read and raised"
            " each minute",
            RUNS_OF_THE_SETTLER_A_MONTH * minute_usd,
        ),
    ]


def refusals_usd(prices: UnitPrices) -> Decimal:
    """The cost of a million requests without a valid key, for which no table is read."""
    run = price_function("", REFUSALS, REFUSALS * SECONDS_OF_A_REFUSAL, prices)
    return run.usd + REFUSALS * BYTES_OF_A_REFUSAL_LOG / GB * prices["logs_ingested_gb"]


def get_trace_gb(usage: Usage, config: Config) -> Decimal:
    """Get the gigabytes of traces in a month. The table of prices has none for them."""
    share = config.gateway_trace_share if config.has_gateway_traces else Decimal(0)
    return usage.calls * share * BYTES_OF_A_TRACE / GB
