"""Every metric that the meter publishes: name, unit, dimension sets, level of detail.

Emitters, alarms, dashboards and tests take names from here and nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from enum import IntEnum, StrEnum
from hashlib import sha256
from typing import TypeAlias

from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.calls import EnrichedCall
from lambdas.domain.invocations import UsageDoubt, UsageRecord
from lambdas.domain.invocations.memoize import memoize
from lambdas.domain.invocations.quota import quota_tokens
from lambdas.domain.pricing import CallCost, Cost, Unpriced
from lambdas.meter_name import METER_NAME

NAMESPACE = METER_NAME
MODEL_ID = "ModelId"
IDENTITY_ARN = "IdentityArn"
PROJECT = "Project"
BUDGET = "Budget"
POLICY = "Policy"
OPERATION = "Operation"


class Unit(StrEnum):
    """CloudWatch's units."""

    COUNT = "Count"
    MILLISECONDS = "Milliseconds"
    SECONDS = "Seconds"
    PERCENT = "Percent"
    NONE = "None"
    """Dollars: CloudWatch has no unit of money."""


class Detail(IntEnum):
    """The amount of detail to publish: every metric and dimension set is billed by the month."""

    STANDARD = 1
    FULL = 2


class Frequency(StrEnum):
    """The hours in which a metric is published: CloudWatch bills hours with data, no others.

    Source: https://aws.amazon.com/cloudwatch/pricing/
    """

    CONTINUOUS = "continuous"
    DAILY = "daily"
    ON_EVENT = "on event"
    """Only where there is something to count: a value of 0 is not published."""


class DimensionSet(StrEnum):
    """The sets of dimensions that exist; CloudWatch does not aggregate over them."""

    ACCOUNT = "account"
    MODEL = "model"
    IDENTITY = "identity"
    IDENTITY_AND_MODEL = "identity_and_model"
    PROJECT = "project"

    @property
    def dimension_names(self) -> tuple[str, ...]:
        """The names of the dimensions, in CloudWatch's spelling."""
        return _DIMENSION_NAMES[self]

    @property
    def is_per_identity(self) -> bool:
        """True when there is a series for each identity."""
        return IDENTITY_ARN in self.dimension_names


_DIMENSION_NAMES: dict[DimensionSet, tuple[str, ...]] = {
    DimensionSet.ACCOUNT: (),
    DimensionSet.MODEL: (MODEL_ID,),
    DimensionSet.IDENTITY: (IDENTITY_ARN,),
    DimensionSet.IDENTITY_AND_MODEL: (IDENTITY_ARN, MODEL_ID),
    DimensionSet.PROJECT: (PROJECT,),
}


MAX_DIMENSION_VALUE_LENGTH = 1024
"""Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Dimension.html"""


_CHANGED = re.compile(r"~[0-9a-f]{16}$")
"""The ending of text that CloudWatch would have refused as it was."""


@memoize
def dimension_value(text: str) -> str:
    """Text as CloudWatch takes it: printable ASCII, not too long, not starting with a colon.

    Text that had to be changed ends in its digest, so that different texts stay different.
    """
    ascii_text = "".join(letter if " " <= letter <= "~" else "?" for letter in text).strip()
    value = f"_{ascii_text}" if ascii_text.startswith(":") else ascii_text
    if value == text and 0 < len(text) <= MAX_DIMENSION_VALUE_LENGTH and not _CHANGED.search(text):
        return text
    digest = sha256(text.encode(errors="surrogatepass")).hexdigest()[:16]
    return f"{value[: MAX_DIMENSION_VALUE_LENGTH - 17]}~{digest}"


MetricValue: TypeAlias = int | Decimal
_GetValue: TypeAlias = Callable[[EnrichedCall, CallCost], MetricValue | None]


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric in CloudWatch.

    Attributes:
        name: Its CloudWatch name.
        description: A sentence about the metric.
        unit: Its unit.
    """

    name: str
    description: str
    unit: Unit = field(default=Unit.COUNT, kw_only=True)


@dataclass(frozen=True, slots=True)
class MetricDefinition(Metric):
    """A metric of every call.

    Attributes:
        detail_of: The dimension sets that it is published for, each with the level of detail
            from which on.
        get_value: Gets the metric's value for one call and its published cost; `None` where the
            call says nothing of it. Nothing is published then: absent is not zero.
        otel_name: The nearest name of the OpenTelemetry GenAI conventions, where there is one.
        has_percentiles: Whether each value is published, for the account and for models; money is
            another amount in every call, and percentiles of it would cost much and say little.
        is_total: Whether values are added up: a difference of two is a value, too.
        frequency: The hours in which it is published, if there are calls.
        needs_content: Whether only logs with content report it.
        counts_calls: Whether it counts calls: the value for a call is 1 or `None`, never an amount.
    """

    detail_of: dict[DimensionSet, Detail]
    get_value: _GetValue
    otel_name: str | None = None
    has_percentiles: bool = True
    is_total: bool = True
    frequency: Frequency = Frequency.CONTINUOUS
    needs_content: bool = False
    counts_calls: bool = False


def _from_successes(get_value: Callable[[UsageRecord], int | None]) -> _GetValue:
    return lambda call, _: None if call.record.is_failed else get_value(call.record)


def _from_failures(get_value: Callable[[UsageRecord], int | None]) -> _GetValue:
    return lambda call, _: get_value(call.record) if call.record.is_failed else None


def _count_quota_tokens(call: EnrichedCall, _: CallCost) -> MetricValue | None:
    """The tokens of a successful call that count against the quota of its foundation model."""
    return None if call.record.is_failed else quota_tokens(call.record.tokens, call.model_id)


def _count_unattributed_tokens(call: EnrichedCall, _: CallCost) -> MetricValue | None:
    """All tokens of a call if its project is not known, else 0."""
    if call.record.is_failed:
        return None
    return call.record.tokens.total if call.attribution.project == UNATTRIBUTED else 0


def _count_calls(
    name: str,
    description: str,
    detail_of: dict[DimensionSet, Detail],
    is_counted: Callable[[EnrichedCall, CallCost], bool],
) -> MetricDefinition:
    """Define a count of the calls that meet a condition; nothing is published where none does."""
    return MetricDefinition(
        name,
        description,
        detail_of,
        lambda call, cost: 1 if is_counted(call, cost) else None,
        frequency=Frequency.ON_EVENT,
        counts_calls=True,
    )


def _count_doubtful(name: str, description: str, doubt: UsageDoubt) -> MetricDefinition:
    """Define a count of the successful calls whose token counts are doubtful for a reason."""
    return _count_calls(
        name,
        description,
        _NO_IDENTITIES,
        lambda call, _: not call.record.is_failed and call.record.usage_doubt is doubt,
    )


_ACCOUNT_ALONE = {DimensionSet.ACCOUNT: Detail.STANDARD}
_NO_IDENTITIES = {**_ACCOUNT_ALONE, DimensionSet.MODEL: Detail.STANDARD}
# Identities are many and each metric of each costs money: only the main ones are standard.
_IDENTITIES_IN_FULL = {**_NO_IDENTITIES, DimensionSet.IDENTITY: Detail.FULL}
_EVERYWHERE = {
    **_NO_IDENTITIES,
    DimensionSet.IDENTITY: Detail.STANDARD,
    DimensionSet.IDENTITY_AND_MODEL: Detail.FULL,
}
_EVERYWHERE_AND_BY_PROJECT = {**_EVERYWHERE, DimensionSet.PROJECT: Detail.STANDARD}
_OTEL_TOKEN_USAGE = "gen_ai.client.token.usage"  # noqa: S105  # a metric's name

ESTIMATED_COST = MetricDefinition(
    "EstimatedCostUSD",
    "What successful calls cost, in US dollars, as far as prices are known.",
    _EVERYWHERE_AND_BY_PROJECT,
    lambda _, cost: cost.effective_usd if isinstance(cost, Cost) else None,
    unit=Unit.NONE,
    has_percentiles=False,
)
UNPRICED_INVOCATIONS = _count_calls(
    "UnpricedInvocations",
    "Successful calls whose cost is not known: without a price, or without counts.",
    _NO_IDENTITIES,
    lambda _, cost: isinstance(cost, Unpriced),
)
ASSUMED_PRICE_INVOCATIONS = _count_calls(
    "AssumedPriceInvocations",
    "Successful calls whose cost holds an assumed price, since the place of the call has none.",
    _NO_IDENTITIES,
    lambda _, cost: isinstance(cost, Cost) and cost.is_assumed,
)
MISSING_TOKEN_COUNTS = _count_calls(
    "MissingTokenCounts",
    "Successful calls without a known input or output count.",
    _IDENTITIES_IN_FULL,
    lambda call, _: not call.record.is_failed and call.record.tokens.is_missing,
)
AMBIGUOUS_USAGE = _count_doubtful(
    "AmbiguousUsage",
    "Successful calls whose reported total fits no reading of their token counts.",
    UsageDoubt.AMBIGUOUS,
)
UNVERIFIED_USAGE = _count_doubtful(
    "UnverifiedUsage",
    "Successful calls whose cached tokens were separated by model and operation alone.",
    UsageDoubt.UNVERIFIED,
)
INVOCATIONS = MetricDefinition(
    "Invocations",
    "Successful calls.",
    _EVERYWHERE_AND_BY_PROJECT,
    _from_successes(lambda _: 1),
    counts_calls=True,
)
INVOCATION_ERRORS = MetricDefinition(
    "InvocationErrors",
    "Failed calls.",
    _EVERYWHERE,
    _from_failures(lambda _: 1),
    counts_calls=True,
)
INPUT_TOKENS = MetricDefinition(
    "InputTokens",
    "Input tokens of successful calls, without cache reads and writes.",
    _EVERYWHERE,
    _from_successes(lambda record: record.tokens.input),
    otel_name=f"{_OTEL_TOKEN_USAGE}{{gen_ai.token.type=input}}",
)
OUTPUT_TOKENS = MetricDefinition(
    "OutputTokens",
    "Output tokens of successful calls.",
    _EVERYWHERE,
    _from_successes(lambda record: record.tokens.output),
    otel_name=f"{_OTEL_TOKEN_USAGE}{{gen_ai.token.type=output}}",
)
CACHE_READ_TOKENS = MetricDefinition(
    "CacheReadTokens",
    "Input tokens read from the prompt cache.",
    _IDENTITIES_IN_FULL,
    _from_successes(lambda record: record.tokens.cache_read),
    otel_name="gen_ai.usage.cache_read.input_tokens",
)
CACHE_WRITE_TOKENS = MetricDefinition(
    "CacheWriteTokens",
    "Input tokens written to the prompt cache.",
    _IDENTITIES_IN_FULL,
    _from_successes(lambda record: record.tokens.cache_write),
    otel_name="gen_ai.usage.cache_creation.input_tokens",
)
TOTAL_TOKENS = MetricDefinition(
    "TotalTokens",
    "All tokens of successful calls: input, cache reads and writes, output.",
    _EVERYWHERE_AND_BY_PROJECT,
    _from_successes(lambda record: record.tokens.total),
    otel_name=_OTEL_TOKEN_USAGE,
)
QUOTA_TOKENS = MetricDefinition(
    "QuotaTokens",
    "Tokens that count against the quota: input, cache writes and burnt-down output.",
    _EVERYWHERE_AND_BY_PROJECT,
    _count_quota_tokens,
)

USAGE_METRICS: tuple[MetricDefinition, ...] = (
    INVOCATIONS,
    INVOCATION_ERRORS,
    INPUT_TOKENS,
    OUTPUT_TOKENS,
    CACHE_READ_TOKENS,
    CACHE_WRITE_TOKENS,
    TOTAL_TOKENS,
    QUOTA_TOKENS,
    MetricDefinition(
        "FailedTokens",
        "All tokens of failed calls; they are in no other metric.",
        _IDENTITIES_IN_FULL,
        _from_failures(lambda record: record.tokens.total),
    ),
    MISSING_TOKEN_COUNTS,
    AMBIGUOUS_USAGE,
    UNVERIFIED_USAGE,
    MetricDefinition(
        "InvocationLatency",
        "The duration of the model, where content is logged.",
        _IDENTITIES_IN_FULL,
        _from_successes(lambda record: record.latency_ms),
        unit=Unit.MILLISECONDS,
        otel_name="gen_ai.server.request.duration",
        is_total=False,
        needs_content=True,
    ),
    ESTIMATED_COST,
    UNPRICED_INVOCATIONS,
    ASSUMED_PRICE_INVOCATIONS,
    MetricDefinition(
        "UnattributedTokens",
        "Tokens of successful calls that are not attributed to a project.",
        _ACCOUNT_ALONE,
        _count_unattributed_tokens,
        has_percentiles=False,
    ),
    _count_calls(
        "ForgedAttributions",
        "Calls whose metadata named a label without the caller being trusted; it was ignored.",
        _ACCOUNT_ALONE,
        lambda call, _: call.attribution.is_forged,
    ),
    _count_calls(
        "DisputedAttributions",
        "Calls whose inference profile names another project than the caller's own tags.",
        _ACCOUNT_ALONE,
        lambda call, _: call.attribution.is_disputed,
    ),
)
"""The metrics of every call, published from the ledger's stream."""


BATCH_INPUT_TOKENS = Metric(
    "BatchInputTokens",
    "Input tokens of batch jobs, from their manifests, at the time at which the job ended.",
)
BATCH_OUTPUT_TOKENS = Metric(
    "BatchOutputTokens",
    "Output tokens of batch jobs, from their manifests, at the time at which the job ended.",
)
UNLOGGED_METRICS = (BATCH_INPUT_TOKENS, BATCH_OUTPUT_TOKENS)
"""The metrics of usage that invocation logs do not have: for the account, and for each model.

They are published where there is something to count, and are in no metric of calls."""

BUDGET_USED = Metric(
    "BudgetUsed", "Usage of the current period, in percent of the amount.", unit=Unit.PERCENT
)
BUDGET_FORECAST = Metric(
    "BudgetForecast",
    "Median of the forecast for the end of the period, in percent of the amount.",
    unit=Unit.PERCENT,
)
BUDGET_FORECAST_LOW = Metric(
    "BudgetForecastLow",
    "The lower end of the interval of 80% around the forecast.",
    unit=Unit.PERCENT,
)
BUDGET_FORECAST_HIGH = Metric(
    "BudgetForecastHigh",
    "The upper end of the interval of 80% around the forecast.",
    unit=Unit.PERCENT,
)
BUDGET_METRICS = (BUDGET_USED, BUDGET_FORECAST, BUDGET_FORECAST_LOW, BUDGET_FORECAST_HIGH)
"""The metrics of each budget that is not for each value of a label, with the dimension `Budget`,
where governance is on."""

TIME_TO_FIRST_TOKEN = Metric(
    "TimeToFirstToken",
    "From the arrival of a call at the gateway until the first piece of the answer is handed on.",
    unit=Unit.MILLISECONDS,
)
ADDED_LATENCY = Metric(
    "AddedLatency",
    "The part of a call's duration in which it waited for the gateway, and not for Bedrock.",
    unit=Unit.MILLISECONDS,
)
GATEWAY_CALL_METRICS = (TIME_TO_FIRST_TOKEN, ADDED_LATENCY)
"""The metrics of each successful call through the gateway, with the dimension `Operation`, where
the gateway is on."""

HEALTH_NAMESPACE = f"{NAMESPACE}/Health"


@dataclass(frozen=True, slots=True)
class HealthMetric(Metric):
    """A metric of the meter about itself, without dimensions.

    Attributes:
        frequency: The hours in which it is published.
    """

    frequency: Frequency = Frequency.CONTINUOUS


ACCEPTED_RECORDS = HealthMetric(
    "AcceptedRecords", "Invocation logs that were read and written to the ledger."
)
IGNORED_RECORDS = HealthMetric(
    "IgnoredRecords",
    "Notices of Bedrock and CloudWatch Logs among the records.",
    frequency=Frequency.ON_EVENT,
)
REJECTED_RECORDS = HealthMetric(
    "RejectedRecords", "Records that could not be counted; they are in quarantine."
)
CONFLICTING_DUPLICATES = HealthMetric("ConflictingDuplicates", "Calls whose readings disagree.")
TAMPERED_CALLS = HealthMetric(
    "TamperedCalls",
    "Calls that something other than the meter changed or removed in the ledger.",
)
UNPUBLISHED_RECORDS = HealthMetric(
    "UnpublishedRecords",
    "Calls too old or too far ahead for CloudWatch metrics; they are in the ledger.",
)
REPRICED_CALLS = HealthMetric(
    "RepricedCalls",
    "Calls that had no price when they were published, and whose cost was published since.",
)
OVERFLOWING_CALLS = HealthMetric(
    "OverflowingCalls",
    "Calls of identities, projects or models past a bound, which metrics show as __other__.",
    frequency=Frequency.ON_EVENT,
)
WAITING_MODELS = HealthMetric(
    "WaitingModels", "Models and service tiers whose calls wait for a price."
)
METERING_DELAY = HealthMetric(
    "MeteringDelay", "From the oldest call of a batch to its metrics.", unit=Unit.SECONDS
)
COVERAGE_RATIO = HealthMetric(
    "CoverageRatio",
    "Part of Bedrock's own calls of an hour that is counted, from 0 to 1; none without calls.",
    unit=Unit.NONE,
)
MISSING_CALLS = HealthMetric(
    "MissingCalls", "Calls of an hour that Bedrock has counted and the meter has not."
)
COVERAGE_SHORTFALL = HealthMetric(
    "CoverageShortfall", "1 where more calls are missing than some that come late."
)
USAGE_MISMATCH = HealthMetric(
    "UsageMismatch",
    "1 where calls or tokens of a model differ from Bedrock's own for two hours running.",
)
DEPLOYMENT_DRIFT = HealthMetric(
    "DeploymentDrift",
    "The number of differences of invocation logging and the meter from the deployed state.",
)
HELD_PRICES = HealthMetric(
    "HeldPrices",
    "List prices that wait for a decision; the old prices stay.",
    frequency=Frequency.DAILY,
)
PRICE_LIST_AGE = HealthMetric(
    "PriceListAge",
    "Time since the AWS Price List was last read as a whole.",
    unit=Unit.SECONDS,
    frequency=Frequency.DAILY,
)
PRICE_RELOAD_FAILURES = HealthMetric(
    "PriceReloadFailures",
    "Attempts to reload the price book that failed; the book stays as it was.",
    frequency=Frequency.ON_EVENT,
)
UNMETERED_CALLS = HealthMetric(
    "UnmeteredCalls",
    "Calls of the last two hours in other Regions that no deployment has counted.",
)
UNREADABLE_REGIONS = HealthMetric(
    "UnreadableRegions", "Regions whose traffic outside the logs could not be read."
)
UNLOGGED_JOBS = HealthMetric(
    "UnloggedJobs",
    "Batch jobs and asynchronous invocations, whose calls Bedrock does not log.",
    frequency=Frequency.ON_EVENT,
)
MISREAD_TIER_CALLS = HealthMetric(
    "MisreadTierCalls",
    "Calls of the last two hours at a service tier that logs without content do not name.",
    frequency=Frequency.ON_EVENT,
)
FORGED_SERIES = HealthMetric(
    "ForgedSeries",
    "Identities and models whose metrics have values below zero, which the meter never publishes.",
)
AUDIT_PROBLEMS = HealthMetric(
    "AuditProblems", "Damaged places of the audit trail, and objects among its anchors."
)
BUDGET_DRIFT = HealthMetric(
    "BudgetDrift",
    "Sums of a budget that differ from exact counters, and budgets that cannot be read.",
    frequency=Frequency.ON_EVENT,
)
UNBUILT_BUDGETS = HealthMetric(
    "UnbuiltBudgets",
    "Budgets that have been building for more than 30 minutes, and so send no alerts.",
    frequency=Frequency.ON_EVENT,
)
CONTESTED_DENIES = HealthMetric(
    "ContestedDenies",
    "Callers whose deny others took off again and again, so that it is no longer attached.",
    frequency=Frequency.ON_EVENT,
)
DELAYED_DENIES = HealthMetric(
    "DelayedDenies",
    "Callers that should be denied or released, but IAM refused it or a run had no time for it.",
    frequency=Frequency.ON_EVENT,
)
EXCESSIVE_DENIES = HealthMetric(
    "ExcessiveDenies",
    "Callers that are denied, while they are more than the setting expects.",
    frequency=Frequency.ON_EVENT,
)
OVERDUE_DENIES = HealthMetric(
    "OverdueDenies",
    "Denies that were still attached after their end, or without a stored deny.",
    frequency=Frequency.ON_EVENT,
)
RECOVERED_RESERVATIONS = HealthMetric(
    "RecoveredReservations",
    "Reservations that the ledger settled: the gateway was stopped, or an answer lacks a count.",
    frequency=Frequency.ON_EVENT,
)
RETURNED_RESERVATIONS = HealthMetric(
    "ReturnedReservations",
    "Reservations of the gateway that were given back after an hour without a record of the call.",
    frequency=Frequency.ON_EVENT,
)
UNCHECKED_CALLS = HealthMetric(
    "UncheckedCalls",
    "Calls that the gateway admitted although limits could not be checked, or not count them.",
    frequency=Frequency.ON_EVENT,
)
LIMITS_UNAVAILABLE = HealthMetric(
    "LimitsUnavailable",
    "Calls that the gateway refused because their limits could not be checked.",
    frequency=Frequency.ON_EVENT,
)
BUSY_SUBJECTS = HealthMetric(
    "BusySubjects",
    "Calls that the gateway refused because those that share their limits were more than 300 a"
    " second, or 100 at a time.",
    frequency=Frequency.ON_EVENT,
)
BREAK_GLASS_CALLS = HealthMetric(
    "BreakGlassCalls",
    "Calls of callers in break_glass that limits would have refused.",
    frequency=Frequency.ON_EVENT,
)
CALLS_AROUND_GATEWAY = HealthMetric(
    "CallsAroundGateway",
    "Successful calls of anyone but the gateway, as soon as they are in the ledger.",
    frequency=Frequency.ON_EVENT,
)
TOKENS_AROUND_GATEWAY = HealthMetric(
    "TokensAroundGateway", "All tokens of these calls.", frequency=Frequency.ON_EVENT
)
LIMITS_NEAR = HealthMetric(
    "LimitsNear",
    "Limits of the gateway that people were notified of, because they were used up or nearly so.",
    frequency=Frequency.ON_EVENT,
)
EXPIRED_MARKS = HealthMetric(
    "ExpiredMarks",
    "Limits of the gateway that were used up or nearly so, whose window ended before the message.",
    frequency=Frequency.ON_EVENT,
)
UNNOTED_MARKS = HealthMetric(
    "UnnotedMarks",
    "Limits of the gateway that were used up, or nearly so, and could not be noted for a message.",
    frequency=Frequency.ON_EVENT,
)
UNKNOWN_KEYS = HealthMetric(
    "UnknownKeys",
    "Requests that the gateway refused because they had no valid key.",
    frequency=Frequency.ON_EVENT,
)
LOST_TRACES = HealthMetric(
    "LostTraces",
    "Traces of the gateway's calls that X-Ray did not take.",
    frequency=Frequency.ON_EVENT,
)
DELIVERED_WEBHOOKS = HealthMetric(
    "DeliveredWebhooks",
    "Events that a receiver of webhooks has accepted.",
    frequency=Frequency.ON_EVENT,
)
FAILED_WEBHOOKS = HealthMetric(
    "FailedWebhooks",
    "Events that a receiver of webhooks has not accepted after all attempts.",
    frequency=Frequency.ON_EVENT,
)
DISABLED_WEBHOOKS = HealthMetric(
    "DisabledWebhooks",
    "Receivers of webhooks that were switched off because they answered that they are gone.",
    frequency=Frequency.ON_EVENT,
)
HEALTH_METRICS = (
    ACCEPTED_RECORDS,
    IGNORED_RECORDS,
    REJECTED_RECORDS,
    CONFLICTING_DUPLICATES,
    TAMPERED_CALLS,
    UNPUBLISHED_RECORDS,
    OVERFLOWING_CALLS,
    REPRICED_CALLS,
    WAITING_MODELS,
    METERING_DELAY,
    COVERAGE_RATIO,
    MISSING_CALLS,
    COVERAGE_SHORTFALL,
    USAGE_MISMATCH,
    FORGED_SERIES,
    DEPLOYMENT_DRIFT,
    HELD_PRICES,
    PRICE_LIST_AGE,
    PRICE_RELOAD_FAILURES,
    UNMETERED_CALLS,
    UNREADABLE_REGIONS,
    UNLOGGED_JOBS,
    MISREAD_TIER_CALLS,
    BUDGET_DRIFT,
    UNBUILT_BUDGETS,
    AUDIT_PROBLEMS,
    CONTESTED_DENIES,
    DELAYED_DENIES,
    EXCESSIVE_DENIES,
    OVERDUE_DENIES,
    RECOVERED_RESERVATIONS,
    RETURNED_RESERVATIONS,
    LIMITS_NEAR,
    EXPIRED_MARKS,
    UNNOTED_MARKS,
    UNKNOWN_KEYS,
    UNCHECKED_CALLS,
    LIMITS_UNAVAILABLE,
    BUSY_SUBJECTS,
    BREAK_GLASS_CALLS,
    CALLS_AROUND_GATEWAY,
    TOKENS_AROUND_GATEWAY,
    LOST_TRACES,
    DELIVERED_WEBHOOKS,
    FAILED_WEBHOOKS,
    DISABLED_WEBHOOKS,
)
"""The metrics that functions publish about themselves."""

GATEWAY_NAMESPACE = f"{NAMESPACE}/Gateway"


@dataclass(frozen=True, slots=True)
class LimitMetric(Metric):
    """A metric of limits of the gateway.

    Attributes:
        dimension_names: The names of its dimensions. Each set of values is billed.
    """

    dimension_names: tuple[str, ...] = ()


ADMITTED_CALLS = LimitMetric(
    "AdmittedCalls",
    "Calls within all limits, counted when the gateway settles them.",
)
LIMIT_REFUSALS = LimitMetric(
    "LimitRefusals",
    "Calls that a limit refused, each for the policy that refuses it longest.",
    dimension_names=(POLICY,),
)
SHADOW_REFUSALS = LimitMetric(
    "ShadowRefusals",
    "Calls that a limit in shadow mode would have refused, for each of its policies.",
    dimension_names=(POLICY,),
)
RESERVED_TOKENS = LimitMetric(
    "ReservedTokens",
    "Quota tokens that were reserved for calls whose use is known.",
)
USED_TOKENS = LimitMetric(
    "UsedTokens", "Quota tokens that the same calls have used, by their answers."
)
LIMIT_METRICS = (ADMITTED_CALLS, LIMIT_REFUSALS, SHADOW_REFUSALS, RESERVED_TOKENS, USED_TOKENS)
"""The metrics of limits, where the gateway is on."""
