"""The monthly cost of a deployment, from a dated table of AWS's list prices."""

from __future__ import annotations

from decimal import Decimal

from cdk.components.dashboards import deployed_dashboards
from cdk.components.log_queries import CONTRIBUTORS
from cdk.config import Config
from cdk.operations.billed_metrics import (
    AUDITS_A_MONTH,
    EXPORTS_A_MONTH,
    HOURS_A_MONTH,
    WORST,
    Usage,
    count_alarm_metrics,
    count_credit_alarm_metrics,
    count_gateway_alarm_metrics,
    count_gateway_series,
    count_governance_alarm_metrics,
    count_governance_series,
    count_max_series,
    count_series,
    count_webhook_alarm_metrics,
    max_metrics_read,
    metrics_read,
    traffic_read,
    unlogged_read,
)
from cdk.operations.cost_items import (
    GB,
    MILLION,
    READ_UNITS,
    CostItem,
    UnitPrices,
    price_function,
    price_series,
)
from cdk.operations.credit_cost import credit_cost
from cdk.operations.gateway_cost import gateway_cost
from cdk.operations.webhook_cost import webhook_cost
from lambdas.domain.counters import MAX_ACTIONS, get_spans
from lambdas.domain.metrics.catalog import BUDGET_METRICS
from lambdas.domain.unlogged import MAX_MANTLE_SERIES
from lambdas.domain.words import plural

# Taken high: a metadata-only record. Without their bodies, those in tests/fixtures/ have 550 bytes
# on average and 800 at most; CloudWatch Logs adds 26 an event.
BYTES_OF_A_LOG_RECORD = 1_000
# An assumption: about 4,000 tokens of text. With `log_content`, this is what decides the bill.
BYTES_OF_A_LOG_RECORD_WITH_CONTENT = 20_000
# Taken high as well; a write unit holds 1,024 bytes.
BYTES_OF_A_LEDGER_ITEM = 700
CALLS_OF_A_DELIVERY = 10
SECONDS_OF_A_DELIVERY = Decimal("0.1")
SECONDS_OF_A_FLUSH = Decimal("0.3")
# A new on-demand table takes 4,000 writes a second: four partitions, each with a shard.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
SHARDS = 4
FLUSHES_A_MONTH = SHARDS * 30 * 24 * 3600 // 30  # one in 30 seconds of each shard at most
CHECKS_A_MONTH = HOURS_A_MONTH * 60 // 15
SECONDS_OF_AN_AUDIT = Decimal(2)
# The lock of the price refresh is written and deleted each hour.
WRITES_OF_A_LOOK_FOR_PRICES = 2
SECONDS_OF_A_LOOK_FOR_PRICES = Decimal(2)
# A note is written, and again once there is a price; the index of waiting calls follows both.
WRITES_OF_AN_UNPRICED_CALL = 4
# Once there is a price, the index (a unit holds 8,192 bytes of it), the note and the call itself
# are read.
READS_OF_AN_UNPRICED_CALL = Decimal("2.1")
# Calls wait in groups: of one day, of one model, tier and kinds of tokens. Taken high: as many new
# groups a day, which are looked at each hour until CloudWatch takes no metric of that day any more;
# each process that publishes writes those of its calls once an hour, with their place in the index.
MAX_WAITING_GROUPS_A_DAY = 20
DAYS_OF_A_WAITING_GROUP = 17
PUBLISHING_PROCESSES = 4
SECONDS_OF_A_TRAFFIC_AUDIT = Decimal(30)
PRICE_CHECKS_A_MONTH = 30
SECONDS_OF_A_PRICE_CHECK = Decimal(20)  # taken high: three files of some megabytes
GB_OF_THE_PRICE_UPDATER = Decimal(1)
# Of each check: three listings, an edition and the pointer.
WRITES_OF_A_PRICE_CHECK = 5
# Taken high: so many containers look for a new edition every ten minutes.
PRICING_CONTAINERS = 5
PRICE_RELOADS_A_MONTH = HOURS_A_MONTH * 6 * PRICING_CONTAINERS
# Exact counters. A shard has one batch at a time, with as many calls as came in meanwhile. A window
# of the stream ends after five seconds, with an event that has no calls.
# https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html
SECONDS_A_MONTH = HOURS_A_MONTH * 3600
WINDOWS_A_MONTH = SECONDS_A_MONTH // 5
SECONDS_OF_AN_END_OF_A_WINDOW = Decimal("0.1")
# A transaction takes two units an item, and the place of a cell in the index another one.
UNITS_OF_A_CELL = 2
UNITS_OF_AN_INDEXED_CELL = 1
UNITS_OF_A_SUM = 2
UNITS_OF_A_CHECKPOINT = 2
# Taken high: ten budgets with a sum each, which every call matches; one of them is compared with
# the cells of a month.
RUNS_OF_BUDGETS_A_MONTH = HOURS_A_MONTH * 60
BUDGETS = 10
PUBLICATIONS_OF_BUDGETS_A_MONTH = HOURS_A_MONTH * 60 // 5
READS_OF_A_BUDGET_RUN = 400
SECONDS_OF_A_BUDGET_RUN = Decimal("0.7")
# Forecasts: cells of four weeks, in eight parts an hour, are read once a day, six to a unit.
RUNS_OF_A_CALIBRATION = 30
HOURS_OF_A_CALIBRATION = 28 * 24
PARTS_OF_CELLS = 8
CELLS_OF_A_READ_UNIT = 6
SECONDS_OF_A_CALIBRATION = Decimal(120)  # taken high
GB_OF_THE_CALIBRATOR = Decimal(1)
# After each call, or once a window of each shard. For the same ten budgets, an evaluation has 14
# requests; one reads all budgets.
READS_OF_A_PROMPT_EVALUATION = 20
SECONDS_OF_A_PROMPT_EVALUATION = Decimal("0.15")
# The audit trail: each hour an anchor, and lists of anchors and of versions of the price pointer.
# Taken high: so many entries a month, each of three items in a transaction, and in the sum of the
# daily verifications as many reads as for a chain of ten thousand.
REQUESTS_OF_AN_AUDIT_RUN = 4
SECONDS_OF_AN_AUDIT_RUN = Decimal(2)
AUDIT_ENTRIES_A_MONTH = 1_000
UNITS_OF_AN_AUDIT_ENTRY = 8
READS_OF_A_VERIFICATION = 5_500  # the chain, and all of the table
# The brake reads the same sums, and its own items. IAM is free.
READS_OF_A_BRAKE_RUN = 25
SECONDS_OF_A_BRAKE_RUN = Decimal("0.4")  # taken high
RUNS_OF_THE_WATCHDOG_A_MONTH = HOURS_A_MONTH * 12
RUNS_OF_A_WEEKLY_REPORT = Decimal(30) / 7
# An eventually consistent scan reads 8 KB a unit.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-mode.html
BYTES_OF_A_SCANNED_UNIT = 8_192
SECONDS_OF_A_REPORTED_CALL = Decimal("0.0001")  # taken high
GB_OF_A_REPORTING_FUNCTION = Decimal(2)


def running_cost(usage: Usage, config: Config, prices: UnitPrices) -> list[CostItem]:
    """Estimate the cost of a month, line by line; free tiers are not deducted."""
    return [
        *metering_cost(usage, config, prices),
        *governance_cost(usage, config, prices),
        *credit_cost(usage, config, prices),
        *gateway_cost(usage, config, prices),
        *webhook_cost(config, prices),
    ]


def metering_cost(usage: Usage, config: Config, prices: UnitPrices) -> list[CostItem]:
    """Estimate the cost of a month without governance, line by line."""
    calls = Decimal(usage.calls)
    ledger_gb = calls * BYTES_OF_A_LEDGER_ITEM / GB * config.ledger_retention_days / 30
    return [
        *_metrics(usage, config, prices),
        *_watching(usage, config, prices),
        *_logs(calls, config, prices),
        *_ledger(calls, ledger_gb, config, prices),
        *_counting(calls, prices),
        *_hourly_checks(prices),
        CostItem(
            "DynamoDB",
            f"records of {usage.unpriced:,} unpriced calls, and the search for their prices",
            _unpriced_units(usage.unpriced, prices),
        ),
        *_price_updates(config, prices),
        *_reports(ledger_gb, calls * config.ledger_retention_days / 30, config, prices),
        CostItem("KMS", "the key of the notifications", prices["kms_key_month"]),
    ]


def _metrics(usage: Usage, config: Config, prices: UnitPrices) -> list[CostItem]:
    """List the cost of metrics that are published and read."""
    optional = count_governance_series(config) + count_gateway_series(config)
    series = count_series(usage, config) - optional
    return [
        CostItem("CloudWatch", f"{series:,} metrics", price_series(series, prices)),
        CostItem(
            "CloudWatch",
            "requests that publish them",
            _flushes(Decimal(usage.calls)) / 1000 * prices["metric_requests_1000"],
        ),
        CostItem(
            "CloudWatch",
            "metrics read to compare them with Bedrock's own",
            _reads_usd(metrics_read(usage, config), prices),
        ),
        CostItem(
            "CloudWatch",
            "metrics read to find calls outside the logs",
            _reads_usd(traffic_read(usage, config) + unlogged_read(config), prices),
        ),
    ]


def _watching(usage: Usage, config: Config, prices: UnitPrices) -> list[CostItem]:
    """List the cost of alarms, dashboards and contributor rules."""
    optional = (
        count_governance_alarm_metrics(config)
        + count_credit_alarm_metrics(config)
        + count_gateway_alarm_metrics(config)
        + count_webhook_alarm_metrics(config)
    )
    alarms = count_alarm_metrics(usage, config) - optional
    dashboards = len(deployed_dashboards(config)) - config.gateway - config.credits
    rules = len(list(CONTRIBUTORS.glob("*.json"))) if config.contributor_insights else 0
    return [
        CostItem(
            "CloudWatch",
            f"{plural(alarms, 'metric')} watched by alarms",
            alarms * prices["alarm_metric_month"],
        ),
        CostItem("CloudWatch", f"{dashboards} dashboards", dashboards * prices["dashboard_month"]),
        CostItem(
            "CloudWatch",
            f"{rules} contributor rules, and the log events that they read",
            rules * prices["contributor_rule_month"]
            + rules * usage.calls / MILLION * prices["contributor_events_million"],
        ),
    ]


def _logs(calls: Decimal, config: Config, prices: UnitPrices) -> list[CostItem]:
    size = BYTES_OF_A_LOG_RECORD_WITH_CONTENT if config.log_content else BYTES_OF_A_LOG_RECORD
    logs_gb = calls * size / GB
    logs = CostItem(
        "CloudWatch Logs",
        f"invocation logs of {size:,} bytes a call, ingested and stored",
        logs_gb * prices["logs_ingested_gb"]
        + logs_gb * config.log_retention_days / 30 * prices["logs_stored_gb_month"],
    )
    if not config.is_content_masked:
        return [logs]
    usd = logs_gb * prices["logs_masked_gb"]
    return [logs, CostItem("CloudWatch Logs", "secrets masked in them", usd)]


def _ledger(
    calls: Decimal, ledger_gb: Decimal, config: Config, prices: UnitPrices
) -> list[CostItem]:
    return [
        CostItem(
            "DynamoDB",
            "a write for each call",
            calls / MILLION * prices["dynamodb_write_units_million"],
        ),
        CostItem(
            "DynamoDB",
            f"the ledger of {config.ledger_retention_days} days, with point-in-time recovery",
            ledger_gb * (prices["dynamodb_stored_gb_month"] + prices["dynamodb_recovery_gb_month"]),
        ),
    ]


def _counting(calls: Decimal, prices: UnitPrices) -> list[CostItem]:
    """List the cost of the functions that count, publish, audit and check."""
    deliveries, flushes = calls / CALLS_OF_A_DELIVERY, _flushes(calls)
    audits = AUDITS_A_MONTH + CHECKS_A_MONTH
    return [
        price_function(
            "the functions that count and publish",
            deliveries + flushes,
            deliveries * SECONDS_OF_A_DELIVERY + flushes * SECONDS_OF_A_FLUSH,
            prices,
        ),
        price_function(
            "audits of coverage, checks of the logging configuration",
            audits,
            audits * SECONDS_OF_AN_AUDIT,
            prices,
        ),
    ]


def _hourly_checks(prices: UnitPrices) -> list[CostItem]:
    return [
        price_function(what, HOURS_A_MONTH, HOURS_A_MONTH * seconds, prices)
        for what, seconds in (
            ("the hourly search for calls outside the logs", SECONDS_OF_A_TRAFFIC_AUDIT),
            ("the hourly search for prices that became known", SECONDS_OF_A_LOOK_FOR_PRICES),
        )
    ]


def _flushes(calls: Decimal) -> Decimal:
    """Estimate how often metrics are published."""
    return min(calls, Decimal(FLUSHES_A_MONTH))


def worst_case_usd(config: Config, prices: UnitPrices) -> Decimal:
    """The maximum monthly cost of metrics, their alarms and audits, whatever callers do."""
    alarms = count_alarm_metrics(WORST, config) * prices["alarm_metric_month"]
    reads = max_metrics_read(config) + unlogged_read(config, MAX_MANTLE_SERIES)
    reads += traffic_read(WORST, config, models_elsewhere=WORST.models)
    return (
        price_series(count_max_series(WORST, config), prices) + alarms + _reads_usd(reads, prices)
    )


def occasional_usd(usage: Usage, config: Config, prices: UnitPrices) -> Decimal:
    """Get the extra monthly cost of metrics if all of them have data in every hour."""
    most = price_series(count_max_series(usage, config), prices)
    return most - price_series(count_series(usage, config), prices)


def _reads_usd(metrics: int, prices: UnitPrices) -> Decimal:
    return Decimal(metrics) / 1000 * prices["metrics_read_1000"]


def _unpriced_units(unpriced: int, prices: UnitPrices) -> Decimal:
    """The reads and writes for calls that wait for a price."""
    groups = min(unpriced, MAX_WAITING_GROUPS_A_DAY)
    writes = (
        HOURS_A_MONTH * (WRITES_OF_A_LOOK_FOR_PRICES + 2 * groups * PUBLISHING_PROCESSES)
        + unpriced * WRITES_OF_AN_UNPRICED_CALL
    )
    # A unit for the list of the groups, and one for each of them.
    reads = (
        HOURS_A_MONTH * (1 + groups * DAYS_OF_A_WAITING_GROUP)
        + unpriced * READS_OF_AN_UNPRICED_CALL
    )
    write_usd = writes / MILLION * prices["dynamodb_write_units_million"]
    return write_usd + reads / MILLION * prices[READ_UNITS]


def _price_updates(config: Config, prices: UnitPrices) -> list[CostItem]:
    """The cost of new list prices: the daily check, and the look for a new edition."""
    checks = PRICE_CHECKS_A_MONTH * config.price_updates
    seconds = checks * SECONDS_OF_A_PRICE_CHECK * GB_OF_THE_PRICE_UPDATER
    requests = [
        CostItem(
            "S3",
            "price editions, written and read",
            checks * WRITES_OF_A_PRICE_CHECK * prices["s3_writes_1000"] / 1000
            + Decimal(PRICE_RELOADS_A_MONTH) * prices["s3_reads_1000"] / 1000,
        )
    ]
    if not checks:
        return requests
    run = CostItem(
        "Lambda", "the daily check of list prices", seconds * prices["lambda_arm_gb_second"]
    )
    return [run, *requests]


def governance_cost(usage: Usage, config: Config, prices: UnitPrices) -> list[CostItem]:
    """Estimate what governance adds to the cost of a month; empty while it is off."""
    if not config.governance:
        return []
    series = BUDGETS * len(BUDGET_METRICS)
    health, alarms = count_governance_series(config), count_governance_alarm_metrics(config)
    return [
        CostItem(
            "CloudWatch",
            f"governance: {plural(health, 'metric')} of its functions",
            health * prices["metric_month_first_10000"],
        ),
        CostItem(
            "CloudWatch",
            f"governance: {series} metrics of {BUDGETS} budgets, four each",
            series * prices["metric_month_first_10000"]
            + PUBLICATIONS_OF_BUDGETS_A_MONTH * prices["metric_requests_1000"] / 1000,
        ),
        CostItem(
            "CloudWatch",
            f"governance: {plural(alarms, 'metric')} watched by alarms",
            alarms * prices["alarm_metric_month"],
        ),
        *_exact_counters(usage, config, prices),
        *_evaluations(usage, prices),
        *_calibration(usage, config, prices),
        *_audit_trail(prices),
        *_brake(usage, config, prices),
    ]


def _exact_counters(usage: Usage, config: Config, prices: UnitPrices) -> list[CostItem]:
    """List the cost of exact counters, and of the sums that each of them is added to."""
    calls = Decimal(usage.calls)
    batches = min(calls, SHARDS * SECONDS_A_MONTH / SECONDS_OF_A_FLUSH)
    windows = min(calls, Decimal(SHARDS * WINDOWS_A_MONTH))
    spans = len(get_spans(config.cell_minutes))  # a call is in a cell of each
    labels = Decimal(usage.identities * usage.models)
    fitting = Decimal((MAX_ACTIONS - 1 - BUDGETS) // spans)
    calls_of_a_batch = calls / max(batches, Decimal(1))
    chunks = batches * max(calls_of_a_batch / _calls_of_a_chunk(labels, fitting), Decimal(1))
    cells = min(calls, chunks * min(labels, fitting)) * spans
    write_usd = prices["dynamodb_write_units_million"] / MILLION
    return [
        CostItem(
            "DynamoDB",
            "governance: exact counters",
            (cells * UNITS_OF_A_CELL + chunks * UNITS_OF_A_CHECKPOINT) * write_usd,
        ),
        CostItem(
            "DynamoDB",
            "governance: exact counters, the index that finds the cells of one identity",
            cells * UNITS_OF_AN_INDEXED_CELL * write_usd,
        ),
        CostItem(
            "DynamoDB",
            f"governance: sums of {BUDGETS} budgets that every call matches",
            chunks * BUDGETS * UNITS_OF_A_SUM * write_usd,
        ),
        price_function(
            "governance: exact counters",
            batches + windows,
            batches * SECONDS_OF_A_FLUSH + windows * SECONDS_OF_AN_END_OF_A_WINDOW,
            prices,
        ),
    ]


def _calls_of_a_chunk(labels: Decimal, fitting: Decimal) -> Decimal:
    """Estimate how many calls one transaction takes.

    It takes calls until it has as many combinations of labels as fit. All are assumed to be equally
    frequent, so that each further one takes more calls to come up.

    Args:
        labels: The combinations of labels that calls have.
        fitting: Those that fit into a transaction.
    """
    if labels <= fitting:
        return Decimal("Infinity")
    return labels * (labels / (labels - fitting)).ln()


def _evaluations(usage: Usage, prices: UnitPrices) -> list[CostItem]:
    """List the cost of evaluating budgets each minute and after counting."""
    reads = Decimal(2 * RUNS_OF_BUDGETS_A_MONTH * READS_OF_A_BUDGET_RUN)
    prompt = min(Decimal(usage.calls), Decimal(SHARDS * WINDOWS_A_MONTH))
    return [
        CostItem(
            "DynamoDB",
            f"governance: sums and cells of {BUDGETS} budgets, read each minute",
            reads / MILLION * prices[READ_UNITS],
        ),
        price_function(
            "governance: budgets, evaluated and checked each minute",
            2 * RUNS_OF_BUDGETS_A_MONTH,
            3 * RUNS_OF_BUDGETS_A_MONTH * SECONDS_OF_A_BUDGET_RUN,  # one has twice the memory
            prices,
        ),
        CostItem(
            "DynamoDB",
            f"governance: sums of {BUDGETS} budgets, read after counting",
            prompt * READS_OF_A_PROMPT_EVALUATION / MILLION * prices[READ_UNITS],
        ),
        price_function(
            "governance: budgets, evaluated after counting",
            prompt,
            2 * prompt * SECONDS_OF_A_PROMPT_EVALUATION,  # with twice the memory
            prices,
        ),
    ]


def _calibration(usage: Usage, config: Config, prices: UnitPrices) -> list[CostItem]:
    """List the cost of calibrating forecasts once a day."""
    cells = Decimal(min(usage.identities * usage.models, usage.calls))
    units_of_a_time = PARTS_OF_CELLS + cells / CELLS_OF_A_READ_UNIT
    times = HOURS_OF_A_CALIBRATION * 60 // config.cell_minutes
    seconds = RUNS_OF_A_CALIBRATION * SECONDS_OF_A_CALIBRATION * GB_OF_THE_CALIBRATOR
    return [
        CostItem(
            "DynamoDB",
            "governance: cells of four weeks, read each day to calibrate forecasts",
            RUNS_OF_A_CALIBRATION * times * units_of_a_time / MILLION * prices[READ_UNITS],
        ),
        CostItem(
            "Lambda",
            "governance: forecasts, calibrated each day",
            seconds * prices["lambda_arm_gb_second"],
        ),
    ]


def _audit_trail(prices: UnitPrices) -> list[CostItem]:
    """List the cost of the audit trail, apart from its alarms."""
    writes = Decimal(AUDIT_ENTRIES_A_MONTH * UNITS_OF_AN_AUDIT_ENTRY)
    reads = Decimal(HOURS_A_MONTH + 30 * READS_OF_A_VERIFICATION)
    return [
        CostItem(
            "S3",
            "governance: anchors of the audit trail, written and read each hour",
            HOURS_A_MONTH * REQUESTS_OF_AN_AUDIT_RUN * prices["s3_writes_1000"] / 1000,
        ),
        CostItem(
            "DynamoDB",
            f"governance: {AUDIT_ENTRIES_A_MONTH:,} entries of the audit trail, verified each day",
            writes / MILLION * prices["dynamodb_write_units_million"]
            + reads / MILLION * prices[READ_UNITS],
        ),
        price_function(
            "governance: the audit trail, written, verified and anchored",
            HOURS_A_MONTH + AUDIT_ENTRIES_A_MONTH,
            (HOURS_A_MONTH + AUDIT_ENTRIES_A_MONTH) * SECONDS_OF_AN_AUDIT_RUN,
            prices,
        ),
    ]


def _brake(usage: Usage, config: Config, prices: UnitPrices) -> list[CostItem]:
    """List the cost of the brake, apart from its alarms: each minute, and after counting."""
    if not config.brake:
        return []
    prompt = min(Decimal(usage.calls), Decimal(SHARDS * WINDOWS_A_MONTH))
    runs = prompt + RUNS_OF_BUDGETS_A_MONTH + RUNS_OF_THE_WATCHDOG_A_MONTH
    return [
        CostItem(
            "DynamoDB",
            f"brake: sums of {BUDGETS} budgets, and denies",
            runs * READS_OF_A_BRAKE_RUN / MILLION * prices[READ_UNITS],
        ),
        price_function(
            "brake: denies, each minute and after counting",
            runs,
            runs * SECONDS_OF_A_BRAKE_RUN,
            prices,
        ),
    ]


def _reports(
    ledger_gb: Decimal, kept_calls: Decimal, config: Config, prices: UnitPrices
) -> list[CostItem]:
    """List the cost of each report, which reads the whole ledger."""
    runs_of: dict[str, Decimal | int] = {
        "the daily export in FOCUS columns": EXPORTS_A_MONTH * config.focus_export,
        "the weekly comparison of models": RUNS_OF_A_WEEKLY_REPORT * config.comparison_report,
        "the weekly summary": RUNS_OF_A_WEEKLY_REPORT * config.has_weekly_summary,
    }
    scan = ledger_gb * GB / BYTES_OF_A_SCANNED_UNIT / MILLION * prices[READ_UNITS]
    seconds = kept_calls * SECONDS_OF_A_REPORTED_CALL
    run = seconds * GB_OF_A_REPORTING_FUNCTION * prices["lambda_arm_gb_second"]
    return [
        item
        for report, runs in runs_of.items()
        if runs
        for item in (
            CostItem("DynamoDB", f"the ledger read for {report}", runs * scan),
            CostItem("Lambda", report, runs * run),
        )
    ]
