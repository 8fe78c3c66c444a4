"""The number of metrics that CloudWatch bills a month: published, read and watched by alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cdk.alarms.thresholds import alarm_thresholds
from cdk.config import Config
from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.bedrock_calls import BedrockOperation
from lambdas.domain.completeness import (
    BEDROCK_METRICS,
    MANTLE_METRICS,
    MAX_MODELS_READ,
    OWN_METRICS,
    Quantity,
    max_series,
)
from lambdas.domain.completeness.forged_series import GUARDED_SETS, MAX_SERIES_READ
from lambdas.domain.limit_policies import (
    BUDGETS,
    MAX_COUNTED_POLICIES,
    OTHER_POLICIES,
    UNKNOWN_TIER,
)
from lambdas.domain.metrics import MAX_MODELS_OF_IDENTITIES, MAX_PROJECTS, OTHER_PROJECTS
from lambdas.domain.metrics.catalog import (
    AUDIT_PROBLEMS,
    BREAK_GLASS_CALLS,
    BUDGET_DRIFT,
    BUSY_SUBJECTS,
    CALLS_AROUND_GATEWAY,
    CONTESTED_DENIES,
    DELAYED_DENIES,
    DELIVERED_WEBHOOKS,
    DISABLED_WEBHOOKS,
    EXCESSIVE_DENIES,
    EXPIRED_MARKS,
    FAILED_WEBHOOKS,
    GATEWAY_CALL_METRICS,
    HEALTH_METRICS,
    LIMIT_METRICS,
    LIMITS_NEAR,
    LIMITS_UNAVAILABLE,
    LOST_TRACES,
    OVERDUE_DENIES,
    RECOVERED_RESERVATIONS,
    RETURNED_RESERVATIONS,
    TOKENS_AROUND_GATEWAY,
    UNBUILT_BUDGETS,
    UNCHECKED_CALLS,
    UNKNOWN_KEYS,
    UNLOGGED_METRICS,
    UNNOTED_MARKS,
    UNPRICED_INVOCATIONS,
    USAGE_METRICS,
    DimensionSet,
    Frequency,
    HealthMetric,
    MetricDefinition,
)
from lambdas.domain.unlogged import MAX_MANTLE_SERIES
from lambdas.domain.unmetered.regions import MAX_MODELS_OF_A_REGION
from lambdas.domain.unmetered.tiers import MAX_TIERS_READ

HOURS_A_MONTH = 30 * 24
EXPORTS_A_MONTH = 30
WEEKS_A_MONTH = 5  # taken high
AUDITS_A_MONTH = HOURS_A_MONTH * 60 // 5
# Taken high: all Regions of the partition `aws` but the deployment's own, whether enabled or not.
OTHER_REGIONS = 33
# For each: the lists of calls through both endpoints and, if there are calls, the meter's metrics.
LISTS_OF_A_REGION = 2
METERED_READS_OF_A_REGION = 3
HEALTH_ALARM_METRICS = 46
EXPORT_ALARM_METRICS = 3
COMPARISON_ALARM_METRICS = 2
SUMMARY_ALARM_METRICS = 3
PRICE_ALARM_METRICS = 4
GOVERNANCE_ALARM_METRICS = 15
BRAKE_ALARM_METRICS = 8
GATEWAY_ALARM_METRICS = 10
WEBHOOK_ALARM_METRICS = 7
ANOMALY_ALARM_METRICS = 2 * 3  # of tokens and of cost: the metric, and the two bounds of its band
GOVERNANCE_METRICS = (AUDIT_PROBLEMS, BUDGET_DRIFT, UNBUILT_BUDGETS)
"""Health metrics that are published only where governance is on."""
BRAKE_METRICS = (CONTESTED_DENIES, DELAYED_DENIES, EXCESSIVE_DENIES, OVERDUE_DENIES)
"""Health metrics that are published only where the brake is on."""
GATEWAY_METRICS = (
    *(EXPIRED_MARKS, LIMITS_NEAR, LOST_TRACES, UNNOTED_MARKS),
    *(RECOVERED_RESERVATIONS, RETURNED_RESERVATIONS, UNKNOWN_KEYS),
    *(UNCHECKED_CALLS, LIMITS_UNAVAILABLE, BUSY_SUBJECTS, BREAK_GLASS_CALLS),
    *(CALLS_AROUND_GATEWAY, TOKENS_AROUND_GATEWAY),
)
"""Health metrics that are published only where the gateway is on."""
WEBHOOK_METRICS = (DELIVERED_WEBHOOKS, DISABLED_WEBHOOKS, FAILED_WEBHOOKS)
"""Health metrics that are published only where webhooks are on."""
GATEWAY_OPERATIONS = sum(operation.uses_tokens for operation in BedrockOperation)
"""The number of operations whose calls have metrics of latency."""
_OTHER_PROJECTS = (UNATTRIBUTED, OTHER_PROJECTS)


@dataclass(frozen=True, slots=True)
class Usage:
    """The usage to meter in a month.

    Attributes:
        calls: Calls of models.
        identities: Identities that make them.
        models: Models that they call.
        models_per_identity: Models that one of them calls, at detail `full`.
        projects: Projects that calls are attributed to, `unattributed` among them.
        unpriced: The number of calls without a known price.
    """

    calls: int
    identities: int
    models: int
    models_per_identity: int = 3
    projects: int = 5
    unpriced: int = 0


WORST = Usage(*[10**9] * 5)
"""More usage than any limit admits."""


def count_series(usage: Usage, config: Config) -> int:
    """Count the metrics that CloudWatch bills: each name for each value of its dimensions.

    Past each limit, one more value stands for all others. The same holds for each identity's models
    at full detail.
    CloudWatch bills the hours in which a metric has data: metrics that are published once a day, or
    only for calls that need attention, are left out.
    """
    metrics = [metric for metric in USAGE_METRICS if _has_data(metric, usage, config)]
    health = [
        metric
        for metric in HEALTH_METRICS
        if metric.frequency is Frequency.CONTINUOUS and metric not in _list_absent(config)
    ]
    usage_series = _count_usage_series(metrics, usage, config)
    return usage_series + len(health) + count_gateway_series(config)


def count_governance_series(config: Config) -> int:
    """Count those among them that functions of governance publish about themselves."""
    published = (
        metric for metric in GOVERNANCE_METRICS if metric.frequency is Frequency.CONTINUOUS
    )
    return sum(1 for _ in published) if config.governance else 0


def count_gateway_series(config: Config) -> int:
    """Count those among them that the gateway publishes about calls."""
    of_calls = len(GATEWAY_CALL_METRICS) * GATEWAY_OPERATIONS
    admitted = sum(1 for metric in LIMIT_METRICS if not metric.dimension_names)
    return of_calls + admitted if config.gateway else 0


def _count_refusal_series(config: Config) -> int:
    """Count the metrics of refusals, which have data if limits refuse calls: two a policy."""
    of_policies = sum(1 for metric in LIMIT_METRICS if metric.dimension_names)
    policies = MAX_COUNTED_POLICIES + len((OTHER_POLICIES, BUDGETS, UNKNOWN_TIER))
    return of_policies * policies if config.gateway else 0


def count_max_series(usage: Usage, config: Config) -> int:
    """Count the metrics that are billed in an hour in which each of them has data."""
    models = min(usage.models, config.max_models + 1)
    unlogged = len(UNLOGGED_METRICS) * (1 + models) if config.batch_output_buckets else 0
    health = len(HEALTH_METRICS) - len(_list_absent(config))
    gateway = count_gateway_series(config) + _count_refusal_series(config)
    return _count_usage_series(USAGE_METRICS, usage, config) + health + unlogged + gateway


def _list_absent(config: Config) -> list[HealthMetric]:
    """List the health metrics of what is switched off."""
    return [
        *(() if config.governance else GOVERNANCE_METRICS),
        *(() if config.brake else BRAKE_METRICS),
        *(() if config.gateway else GATEWAY_METRICS),
        *(() if config.webhooks else WEBHOOK_METRICS),
    ]


def _count_usage_series(metrics: Sequence[MetricDefinition], usage: Usage, config: Config) -> int:
    identities = min(usage.identities, config.max_identities + 1)
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
    """True if a metric has data in most hours."""
    if metric is UNPRICED_INVOCATIONS:
        return usage.unpriced > 0
    if metric.needs_content:
        return config.log_content
    return metric.frequency is Frequency.CONTINUOUS


def metrics_read(usage: Usage, config: Config, own_models: int | None = None) -> int:
    """Count the metrics that audits read in a month.

    Calls are read each time, everything of two hours once an hour. For each name, its list of
    models is asked for as well, at the same price; and once more for each audit, to count Bedrock's
    models. Past the bound of an audit, models are read as much more rarely. A notification reads
    what it names once more.

    Args:
        usage: The usage to meter.
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
    identities = min(usage.identities, config.max_identities + 1)
    return identities + min(usage.models, config.max_models + 1)


def max_metrics_read(config: Config) -> int:
    """Count the most metrics that audits can read in a month, including metrics of others."""
    # Models that Bedrock names, and `__other__`, are read however many others have metrics.
    own_models = max(max_series(config.max_models), MAX_MODELS_READ + 1)
    forged = HOURS_A_MONTH * len(GUARDED_SETS) * MAX_SERIES_READ
    return metrics_read(WORST, config, own_models) + forged


def traffic_read(usage: Usage, config: Config, models_elsewhere: int = 0) -> int:
    """Count the metrics and lists that are read in a month to find calls outside the logs.

    Args:
        usage: The usage to meter.
        config: The deployment's settings.
        models_elsewhere: Models that are called in each other Region, through each endpoint:
            Regions with calls need more reads.
    """
    other_regions = max(OTHER_REGIONS + 1 - max(len(config.regions), 1), 0)
    reads = LISTS_OF_A_REGION * (1 + min(models_elsewhere, MAX_MODELS_OF_A_REGION))
    if models_elsewhere:
        reads += METERED_READS_OF_A_REGION
    tiers = 0 if config.log_content else 1 + min(usage.models, MAX_TIERS_READ)
    return HOURS_A_MONTH * (other_regions * reads + tiers)


def unlogged_read(config: Config, mantle_series: int = 0) -> int:
    """Count the metrics and lists of `bedrock-mantle` that reports read in a month.

    Args:
        config: The deployment's settings.
        mantle_series: The pairs of project and model that are called through it.
    """
    periods = EXPORTS_A_MONTH * 2 * config.focus_export
    weeks = WEEKS_A_MONTH * (config.comparison_report + config.has_weekly_summary)
    # Of input and of output: the account's total, a list, and each pair.
    return (periods + weeks) * 2 * (2 + min(mantle_series, MAX_MANTLE_SERIES))


def count_alarm_metrics(usage: Usage, config: Config) -> int:
    """Count the metrics that alarms watch: a grouped alarm is billed for each that it matches."""
    matched = {
        DimensionSet.IDENTITY: min(usage.identities, config.max_identities + 1),
        DimensionSet.MODEL: min(usage.models, config.max_models + 1),
    }
    usage_alarms = sum(
        matched[threshold.dimension_set] if threshold.is_grouped else 1
        for threshold in alarm_thresholds(config)
    )
    anomaly_alarms = ANOMALY_ALARM_METRICS if config.anomaly_band else 0
    export_alarms = EXPORT_ALARM_METRICS if config.focus_export else 0
    comparison_alarms = COMPARISON_ALARM_METRICS if config.comparison_report else 0
    price_alarms = PRICE_ALARM_METRICS if config.price_updates else 0
    summary_alarms = SUMMARY_ALARM_METRICS if config.has_weekly_summary else 0
    report_alarms = export_alarms + comparison_alarms + summary_alarms + price_alarms
    optional_alarms = (
        count_governance_alarm_metrics(config)
        + count_gateway_alarm_metrics(config)
        + count_webhook_alarm_metrics(config)
    )
    own_alarms = HEALTH_ALARM_METRICS + report_alarms + optional_alarms
    return usage_alarms + own_alarms + anomaly_alarms


def count_governance_alarm_metrics(config: Config) -> int:
    """Count the metrics that the alarms of governance watch."""
    brake_alarms = BRAKE_ALARM_METRICS if config.brake else 0
    return GOVERNANCE_ALARM_METRICS + brake_alarms if config.governance else 0


def count_gateway_alarm_metrics(config: Config) -> int:
    """Count the metrics that the alarms of the gateway watch."""
    return GATEWAY_ALARM_METRICS if config.gateway else 0


def count_webhook_alarm_metrics(config: Config) -> int:
    """Count the metrics that the alarms of webhooks watch."""
    return WEBHOOK_ALARM_METRICS if config.webhooks else 0
