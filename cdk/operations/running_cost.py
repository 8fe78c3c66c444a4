"""What a deployment costs a month, from a dated table of AWS's list prices."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from cdk.alarms.thresholds import alarm_thresholds
from cdk.components.dashboards import deployed_dashboards
from cdk.components.log_queries import CONTRIBUTORS
from cdk.config import Config
from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.completeness import (
    BEDROCK_METRICS,
    MANTLE_METRICS,
    MAX_MODELS_READ,
    OWN_METRICS,
    Quantity,
    series_bound,
)
from lambdas.domain.completeness.forged_series import GUARDED_SETS, MAX_SERIES_READ
from lambdas.domain.metrics.catalog import (
    HEALTH_METRICS,
    UNPRICED_INVOCATIONS,
    USAGE_METRICS,
    DimensionSet,
    Frequency,
    MetricDefinition,
)
from lambdas.domain.metrics.model_limit import MAX_MODELS_OF_IDENTITIES
from lambdas.domain.metrics.project_limit import MAX_PROJECTS, OTHER_PROJECTS
from lambdas.domain.unmetered.regions import MAX_MODELS_OF_A_REGION
from lambdas.domain.unmetered.tiers import MAX_TIERS_READ

_PRICES = Path(__file__).with_name("unit_prices.json")

# Taken high: a metadata-only record. Without their bodies, those in tests/fixtures/ have 550 bytes
# on average and 800 at most; CloudWatch Logs adds 26 an event.
BYTES_OF_A_LOG_RECORD = 1_000
# Taken high as well; a write unit holds 1,024 bytes.
BYTES_OF_A_LEDGER_ITEM = 700
CALLS_OF_A_DELIVERY = 10
SECONDS_OF_A_DELIVERY = Decimal("0.1")
SECONDS_OF_A_FLUSH = Decimal("0.3")
FLUSHES_A_MONTH = 30 * 24 * 3600 // 30  # one in 30 seconds at most
HOURS_A_MONTH = 30 * 24
AUDITS_A_MONTH = HOURS_A_MONTH * 60 // 5
CHECKS_A_MONTH = HOURS_A_MONTH * 60 // 15
SECONDS_OF_AN_AUDIT = Decimal(2)
# Whose turn it is to look for prices is written and deleted each hour.
WRITES_OF_A_LOOK_FOR_PRICES = 2
SECONDS_OF_A_LOOK_FOR_PRICES = Decimal(2)
# A note is written, and written again once there is a price; the index of what waits follows both.
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
GB_OF_A_FUNCTION = Decimal("0.5")
HEALTH_ALARM_METRICS = 46
# Taken high: all Regions of the partition `aws` but the deployment's own, whether enabled or not.
OTHER_REGIONS = 33
# Of each: the lists of calls through both endpoints; where there are calls, what is metered there.
LISTS_OF_A_REGION = 2
METERED_READS_OF_A_REGION = 3
SECONDS_OF_A_TRAFFIC_AUDIT = Decimal(30)
EXPORT_ALARM_METRICS = 2
COMPARISON_ALARM_METRICS = 1
PRICE_ALARM_METRICS = 4
PRICE_CHECKS_A_MONTH = 30
SECONDS_OF_A_PRICE_CHECK = Decimal(20)  # taken high: three files of some megabytes
GB_OF_THE_PRICE_UPDATER = Decimal(1)
# Of each check: three listings, an edition and the pointer.
WRITES_OF_A_PRICE_CHECK = 5
# Taken high: so many containers look for a new edition every ten minutes.
PRICING_CONTAINERS = 5
PRICE_RELOADS_A_MONTH = HOURS_A_MONTH * 6 * PRICING_CONTAINERS
EXPORTS_A_MONTH = 30
COMPARISONS_A_MONTH = Decimal(30) / 7
# A scan reads twice 4 KB a unit, since it may read what is a moment old.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/capacity-mode.html
BYTES_OF_A_SCANNED_UNIT = 8_192
SECONDS_OF_A_REPORTED_CALL = Decimal("0.0001")  # taken high
GB_OF_A_REPORTING_FUNCTION = Decimal(2)
ANOMALY_ALARM_METRICS = 2 * 3  # of tokens and of cost: the metric, and the two bounds of its band

_GB = Decimal(10**9)
_MILLION = Decimal(10**6)
_METRICS_AT_FULL_PRICE = 10_000
_OTHER_PROJECTS = (UNATTRIBUTED, OTHER_PROJECTS)
_READ_UNITS = "dynamodb_read_units_million"


@dataclass(frozen=True, slots=True)
class Usage:
    """What there is to meter in a month.

    Attributes:
        calls: Calls of models.
        identities: Identities that make them.
        models: Models that they call.
        models_per_identity: Models that one of them calls, at detail `full`.
        projects: Projects that calls are put down to, `unattributed` among them.
        unpriced: How many of the calls nobody knows a price of.
    """

    calls: int
    identities: int
    models: int
    models_per_identity: int = 3
    projects: int = 5
    unpriced: int = 0


_WORST = Usage(*[10**9] * 5)
"""More of everything than any bound lets through."""


@dataclass(frozen=True, slots=True)
class CostItem:
    """One line of the bill.

    Attributes:
        service: The AWS service.
        what: What of it.
        usd: Dollars a month.
    """

    service: str
    what: str
    usd: Decimal


class UnitPrices:
    """AWS's list prices at a date, in one Region, in US dollars."""

    def __init__(self) -> None:
        """Read the table."""
        table = json.loads(_PRICES.read_text())
        self.date: str = table["date"]
        self.region: str = table["region"]
        self._usd = {name: Decimal(it["usd"]) for name, it in table["prices"].items()}

    def __getitem__(self, name: str) -> Decimal:
        """The price of a unit."""
        return self._usd[name]


def count_series(usage: Usage, config: Config) -> int:
    """Count the metrics that CloudWatch bills: each name for each value of its dimensions.

    Past each bound, one more value is for all others; so it is of each identity at full detail.
    CloudWatch bills the hours in which a metric has data: metrics that are published once a day, or
    only for calls that need attention, are left out.
    """
    metrics = [metric for metric in USAGE_METRICS if _has_data(metric, usage, config)]
    health = [metric for metric in HEALTH_METRICS if metric.frequency is Frequency.CONTINUOUS]
    return _count_usage_series(metrics, usage, config) + len(health)


def count_most_series(usage: Usage, config: Config) -> int:
    """Count the metrics that are billed in an hour in which each of them has data."""
    return _count_usage_series(USAGE_METRICS, usage, config) + len(HEALTH_METRICS)


def _count_usage_series(metrics: Sequence[MetricDefinition], usage: Usage, config: Config) -> int:
    identities = min(usage.identities, config.identity_bound + 1)
    models = min(usage.models, config.max_models + 1)
    pairs = identities * min(models, usage.models_per_identity)
    values = {
        DimensionSet.ACCOUNT: 1,
        DimensionSet.MODEL: models,
        DimensionSet.IDENTITY: identities,
        DimensionSet.IDENTITY_AND_MODEL: min(pairs, MAX_MODELS_OF_IDENTITIES + identities),
        DimensionSet.PROJECT: min(usage.projects, MAX_PROJECTS + len(_OTHER_PROJECTS)),
    }
    return sum(
        values[dimension_set]
        for metric in metrics
        for dimension_set, detail in metric.detail_of.items()
        if detail <= config.detail
    )


def _has_data(metric: MetricDefinition, usage: Usage, config: Config) -> bool:
    """Whether a metric has data in most hours."""
    if metric is UNPRICED_INVOCATIONS:
        return usage.unpriced > 0
    if metric.needs_content:
        return config.log_content
    return metric.frequency is Frequency.CONTINUOUS


def running_cost(usage: Usage, config: Config, prices: UnitPrices) -> list[CostItem]:
    """What a month costs, line by line; free tiers are not deducted."""
    calls = Decimal(usage.calls)
    logs_gb = calls * BYTES_OF_A_LOG_RECORD / _GB
    ledger_gb = calls * BYTES_OF_A_LEDGER_ITEM / _GB * config.ledger_retention_days / 30
    deliveries = calls / CALLS_OF_A_DELIVERY
    flushes = min(calls, Decimal(FLUSHES_A_MONTH))
    seconds = deliveries * SECONDS_OF_A_DELIVERY + flushes * SECONDS_OF_A_FLUSH
    audits = AUDITS_A_MONTH + CHECKS_A_MONTH
    series = count_series(usage, config)
    rules = len(list(CONTRIBUTORS.glob("*.json"))) if config.contributor_insights else 0
    return [
        CostItem("CloudWatch", f"{series:,} metrics", _series_usd(series, prices)),
        CostItem(
            "CloudWatch",
            "requests that publish them",
            flushes / 1000 * prices["metric_requests_1000"],
        ),
        CostItem(
            "CloudWatch",
            "metrics read to compare them with Bedrock's own",
            _reads_usd(metrics_read(usage, config), prices),
        ),
        CostItem(
            "CloudWatch",
            "metrics read to find calls outside the logs",
            Decimal(traffic_read(usage, config)) / 1000 * prices["metrics_read_1000"],
        ),
        CostItem(
            "CloudWatch",
            f"{(alarms := _alarm_metrics(usage, config)):,} metrics watched by alarms",
            alarms * prices["alarm_metric_month"],
        ),
        CostItem(
            "CloudWatch",
            f"{(dashboards := len(deployed_dashboards(config)))} dashboards",
            dashboards * prices["dashboard_month"],
        ),
        CostItem(
            "CloudWatch",
            f"{rules} contributor rules, and the log events that they read",
            rules * prices["contributor_rule_month"]
            + rules * calls / _MILLION * prices["contributor_events_million"],
        ),
        CostItem(
            "CloudWatch Logs",
            "invocation logs, taken in and kept",
            logs_gb * prices["logs_ingested_gb"]
            + logs_gb * config.log_retention_days / 30 * prices["logs_stored_gb_month"],
        ),
        CostItem(
            "DynamoDB",
            "a write for each call",
            calls / _MILLION * prices["dynamodb_write_units_million"],
        ),
        CostItem(
            "DynamoDB",
            f"the ledger of {config.ledger_retention_days} days, and its recovery",
            ledger_gb * (prices["dynamodb_stored_gb_month"] + prices["dynamodb_recovery_gb_month"]),
        ),
        CostItem(
            "Lambda",
            "the functions that count and publish",
            (deliveries + flushes) / _MILLION * prices["lambda_requests_million"]
            + seconds * GB_OF_A_FUNCTION * prices["lambda_arm_gb_second"],
        ),
        CostItem(
            "Lambda",
            "audits of coverage, checks of the logging configuration",
            audits / _MILLION * prices["lambda_requests_million"]
            + audits * SECONDS_OF_AN_AUDIT * GB_OF_A_FUNCTION * prices["lambda_arm_gb_second"],
        ),
        CostItem(
            "Lambda",
            "a look each hour for calls outside the logs",
            HOURS_A_MONTH / _MILLION * prices["lambda_requests_million"]
            + HOURS_A_MONTH
            * SECONDS_OF_A_TRAFFIC_AUDIT
            * GB_OF_A_FUNCTION
            * prices["lambda_arm_gb_second"],
        ),
        CostItem(
            "Lambda",
            "a look each hour for prices that became known",
            HOURS_A_MONTH / _MILLION * prices["lambda_requests_million"]
            + HOURS_A_MONTH
            * SECONDS_OF_A_LOOK_FOR_PRICES
            * GB_OF_A_FUNCTION
            * prices["lambda_arm_gb_second"],
        ),
        CostItem(
            "DynamoDB",
            f"notes of {usage.unpriced:,} calls without a price, and the search for their prices",
            _unpriced_units(usage.unpriced, prices),
        ),
        *_price_updates(config, prices),
        *_reports(ledger_gb, calls * config.ledger_retention_days / 30, config, prices),
        CostItem("KMS", "the key of the notifications", prices["kms_key_month"]),
    ]


def worst_case_usd(config: Config, prices: UnitPrices) -> Decimal:
    """The most that metrics, alarms on them and audits cost a month, whatever callers do."""
    alarms = _alarm_metrics(_WORST, config) * prices["alarm_metric_month"]
    reads = most_metrics_read(config) + traffic_read(_WORST, config, models_elsewhere=_WORST.models)
    return (
        _series_usd(count_most_series(_WORST, config), prices) + alarms + _reads_usd(reads, prices)
    )


def occasional_usd(usage: Usage, config: Config, prices: UnitPrices) -> Decimal:
    """Get what metrics cost more in a month in each hour of which all of them have data."""
    most = _series_usd(count_most_series(usage, config), prices)
    return most - _series_usd(count_series(usage, config), prices)


def _reads_usd(metrics: int, prices: UnitPrices) -> Decimal:
    return Decimal(metrics) / 1000 * prices["metrics_read_1000"]


def _series_usd(series: int, prices: UnitPrices) -> Decimal:
    further = max(series - _METRICS_AT_FULL_PRICE, 0)
    first = (series - further) * prices["metric_month_first_10000"]
    return first + further * prices["metric_month_further"]


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
    write_usd = writes / _MILLION * prices["dynamodb_write_units_million"]
    return write_usd + reads / _MILLION * prices[_READ_UNITS]


def _price_updates(config: Config, prices: UnitPrices) -> list[CostItem]:
    """The cost of new list prices: the daily check, and the look for a new edition."""
    checks = PRICE_CHECKS_A_MONTH * config.price_updates
    seconds = checks * SECONDS_OF_A_PRICE_CHECK * GB_OF_THE_PRICE_UPDATER
    requests = [
        CostItem(
            "S3",
            "price editions, written and looked for",
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


def _reports(
    ledger_gb: Decimal, kept_calls: Decimal, config: Config, prices: UnitPrices
) -> list[CostItem]:
    """What reading the whole ledger costs, by each that does."""
    runs_of: dict[str, Decimal | int] = {
        "the daily export in FOCUS columns": EXPORTS_A_MONTH * config.focus_export,
        "the weekly comparison of models": COMPARISONS_A_MONTH * config.comparison_report,
    }
    scan = ledger_gb * _GB / BYTES_OF_A_SCANNED_UNIT / _MILLION * prices[_READ_UNITS]
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


def metrics_read(usage: Usage, config: Config, own_models: int | None = None) -> int:
    """How many metrics audits read in a month: calls each time, all of two hours once an hour.

    For each name, its list of models is asked for as well, at the same price; and once more for
    each audit, to count Bedrock's models. Past the bound of an audit, models are read as much more
    rarely. A notification reads what it names once more.

    Args:
        usage: What is called.
        config: The deployment's settings.
        own_models: The models with metrics in the meter's namespace, if others publish there too.
    """
    metered = min(usage.models, config.max_models + 1) if own_models is None else own_models
    of_bedrock = min(usage.models, MAX_MODELS_READ)
    calls = hourly = 0
    for names, models in ((OWN_METRICS, metered), (BEDROCK_METRICS, of_bedrock)):
        calls += len(names[Quantity.CALLS]) * (models + 1)
        hourly += 2 * sum(map(len, names.values())) * (models + 1)
    hourly += len(MANTLE_METRICS)
    hourly += _guarded_series(usage, config) + len(GUARDED_SETS)
    return AUDITS_A_MONTH * (calls + 1) + HOURS_A_MONTH * (hourly + 1)


def _guarded_series(usage: Usage, config: Config) -> int:
    """Count the series that are read to find values below zero."""
    identities = min(usage.identities, config.identity_bound + 1)
    return identities + min(usage.models, config.max_models + 1)


def most_metrics_read(config: Config) -> int:
    """Count the most metrics that audits read in a month, whoever publishes beside the meter."""
    # Models that Bedrock names, and `__other__`, are read however many others have metrics.
    own_models = max(series_bound(config.max_models), MAX_MODELS_READ + 1)
    forged = HOURS_A_MONTH * len(GUARDED_SETS) * MAX_SERIES_READ
    return metrics_read(_WORST, config, own_models) + forged


def traffic_read(usage: Usage, config: Config, models_elsewhere: int = 0) -> int:
    """Count the metrics and lists that are read in a month to find calls outside the logs.

    Args:
        usage: What there is to meter.
        config: The deployment's settings.
        models_elsewhere: Models that are called in each other Region, through each endpoint: more
            is read where there are calls.
    """
    other_regions = max(OTHER_REGIONS + 1 - max(len(config.regions), 1), 0)
    reads = LISTS_OF_A_REGION * (1 + min(models_elsewhere, MAX_MODELS_OF_A_REGION))
    if models_elsewhere:
        reads += METERED_READS_OF_A_REGION
    tiers = 0 if config.log_content else 1 + min(usage.models, MAX_TIERS_READ)
    return HOURS_A_MONTH * (other_regions * reads + tiers)


def _alarm_metrics(usage: Usage, config: Config) -> int:
    """How many metrics alarms look at: a grouped alarm is billed for each that it matches."""
    matched = {
        DimensionSet.IDENTITY: min(usage.identities, config.identity_bound + 1),
        DimensionSet.MODEL: min(usage.models, config.max_models + 1),
    }
    usage_alarms = sum(
        matched[it.dimension_set] if it.is_grouped else 1 for it in alarm_thresholds(config)
    )
    anomaly_alarms = ANOMALY_ALARM_METRICS if config.anomaly_band else 0
    export_alarms = EXPORT_ALARM_METRICS if config.focus_export else 0
    comparison_alarms = COMPARISON_ALARM_METRICS if config.comparison_report else 0
    price_alarms = PRICE_ALARM_METRICS if config.price_updates else 0
    report_alarms = export_alarms + comparison_alarms + price_alarms
    return usage_alarms + HEALTH_ALARM_METRICS + report_alarms + anomaly_alarms
