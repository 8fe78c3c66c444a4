"""What can be configured, from the context of `cdk.json` and `-c`; checked before anything else."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from cdk.config import stack_names
from cdk.config.setting_types import (
    AttributionSetting,
    BillingAccountId,
    Emails,
    ExtraDashboards,
    FoldingPatterns,
    HttpsUrls,
    Json,
    KnownLogPolicies,
    LogGroupName,
    LogRetentionDays,
    NegotiatedPriceSettings,
    Regions,
    Tags,
    Tokens,
    Usd,
    WatchedIdentity,
    WatchedModel,
)
from lambdas.domain.alerts import DEFAULT_THRESHOLDS, Severity
from lambdas.domain.attribution import AttributionRules
from lambdas.domain.logging_configuration import ExistingPolicy
from lambdas.domain.metrics.catalog import Detail
from lambdas.domain.metrics.model_limit import DEFAULT_MAX_MODELS
from lambdas.domain.metrics.role_roll_up import DEFAULT_BOUND
from lambdas.domain.pricing import Pricing
from lambdas.functions.focus_exporter.settings import SHORTEST_LEDGER_DAYS
from lambdas.functions.log_processor.settings import LedgerRetentionDays
from lambdas.functions.price_updater.settings import AWS_PRICE_LIST, PriceListUrl
from lambdas.wiring.negotiated_prices import pricing_with
from lambdas.wiring.publishing_settings import IdentityBound, ModelBound

CDK_JSON = Path(__file__).parents[2] / "cdk.json"
_OWN_KEY = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_DEFAULTS = {threshold.severity: threshold.quota_tokens for threshold in DEFAULT_THRESHOLDS}


_SHAPES = {
    "tuple_type": "a list",
    "dict_type": "an object",
    "dataclass_type": "an object",
    "bool_parsing": "true or false",
    "bool_type": "true or false",
    "string_type": "text",
    "model_type": 'an object, such as {"warning": 1000000, "critical": 5000000}',
}
"""What pydantic calls otherwise than JSON does, by the type of its error."""
_LONGEST_VALUE = 80  # of a message


class ConfigurationError(Exception):
    """A setting cannot be used. The text names it, its value and what is allowed."""

    @property
    def lines(self) -> list[str]:
        """The text, line by line."""
        return str(self).splitlines()


class Window(StrEnum):
    """Over how long tokens are added up. Windows slide: CloudWatch looks back from now."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def seconds(self) -> int:
        """Its length in seconds."""
        return {Window.HOUR: 3600, Window.DAY: 86_400, Window.WEEK: 604_800}[self]


_Amount = TypeVar("_Amount", int, Decimal)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Severities(_Section, Generic[_Amount]):
    """From how much on somebody is told.

    Attributes:
        warning: The lower threshold; `None` for none.
        critical: The upper one.
    """

    warning: _Amount | None = None
    critical: _Amount

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.warning is not None and self.warning >= self.critical:
            message = f"allowed: a warning below critical ({self.critical}), or null for none"
            raise ValueError(message)
        return self

    def by_severity(self) -> dict[Severity, _Amount]:
        """The thresholds there are."""
        both = {Severity.WARNING: self.warning, Severity.CRITICAL: self.critical}
        return {severity: amount for severity, amount in both.items() if amount is not None}


class Thresholds(_Severities[Tokens]):
    """From how many tokens on somebody is told."""


class CostThresholds(_Severities[Usd]):
    """From how many US dollars on somebody is told, over a window."""

    window: Window = Window.HOUR


class WindowThresholds(Thresholds):
    """Thresholds over a window."""

    window: Window = Window.HOUR


class NamedThresholds(WindowThresholds):
    """Thresholds of one identity, over a window.

    Attributes:
        identity: What the metrics' dimension `IdentityArn` says: the full ARN, or that of the
            role (`arn:aws:iam::ACCOUNT:role/NAME`) where its sessions are folded.
    """

    identity: WatchedIdentity


class NamedModelThresholds(WindowThresholds):
    """Thresholds of one model, over a window.

    Attributes:
        model: The foundation model's id, as the metrics' dimension `ModelId` has it.
    """

    model: WatchedModel


class Config(_Section):
    """The configuration of one deployment. cdk/README.md explains each setting.

    Attributes:
        regions: Where to deploy; empty for the Region of the command line's credentials.
        denied_regions: Regions that a policy denies to the whole account, Bedrock included.
        log_content: Whether Bedrock is to log prompts and completions as well.
        log_retention_days: How long the invocation logs are kept, in days.
        existing_logging: What to do where Bedrock's logging is configured by somebody else.
        adopted_log_group: The log group that it goes to, for `adopt`.
        known_log_policies: What the account's owner does with the metered log group, which is
            not reported: `data-protection`, `transformer`, `account:NAME`, `subscription:NAME`.
        ledger_retention_days: How long a call stays in the ledger, in days.
        metric_detail: How many metrics are published; each is billed.
        identity_bound: How many identities a month have metrics of their own.
        max_models: How many models a month have metrics of their own.
        folding_patterns: Regular expressions of session names that are no people.
        negotiated_prices: What is paid instead of list prices, by model and date.
        assume_prices: Whether the dearest listed price stands in where the place of a call has
            none; otherwise such calls are unpriced.
        attribution: What calls are put down to, where tags do not tell.
        price_updates: Whether list prices are kept up to date by the AWS Price List.
        focus_export: Whether costs are written in FOCUS columns, every day.
        billing_account_id: The account that pays, in these; empty for the one that is called.
        comparison_report: Whether models are compared on the calls of each week.
        alarm_metric: Which tokens the thresholds are about.
        identity_thresholds: Of every identity, an hour.
        model_thresholds: Of every model, an hour.
        account_thresholds: Of all calls together, by window.
        named_identities: Further thresholds of single identities, by window.
        named_models: Further thresholds of single models, by window.
        cost_thresholds: Of what all calls together cost, by window.
        anomaly_band: Width of the account's anomaly bands, of tokens and of cost, in standard
            deviations; 0 for none.
        notify_emails: Who is sent notifications; each has to confirm once.
        notify_https: Endpoints that are sent notifications.
        extra_dashboards: Dashboards beside the three that cost nothing.
        saved_queries: Whether CloudWatch Logs Insights offers queries over the invocation logs.
        contributor_insights: Whether rules rank identities by the logs; each rule is billed.
        customer_keys: Whether logs, ledger and buckets are encrypted with a key of the account's.
        tags: Tags of all that is deployed.
        python_version: The functions' Python, for the local cloud; AWS runs the newest.
        architecture: The functions' processor, likewise.
        price_list_url: The AWS Price List, or what stands in for it in a local cloud.
    """

    regions: Regions = ()
    denied_regions: Regions = ()
    log_content: bool = False
    log_retention_days: LogRetentionDays = 90
    existing_logging: ExistingPolicy = ExistingPolicy.REFUSE
    adopted_log_group: LogGroupName | None = None
    known_log_policies: KnownLogPolicies = ()
    ledger_retention_days: LedgerRetentionDays = 90
    metric_detail: Literal["standard", "full"] = "standard"
    identity_bound: IdentityBound = DEFAULT_BOUND
    max_models: ModelBound = DEFAULT_MAX_MODELS
    folding_patterns: FoldingPatterns = ()
    negotiated_prices: NegotiatedPriceSettings = ()
    assume_prices: bool = True
    attribution: AttributionSetting = AttributionRules()
    price_updates: bool = True
    focus_export: bool = True
    billing_account_id: BillingAccountId = ""
    comparison_report: bool = True
    alarm_metric: Literal["QuotaTokens", "TotalTokens"] = "QuotaTokens"
    identity_thresholds: Annotated[Thresholds, Json] = Thresholds(
        warning=_DEFAULTS[Severity.WARNING], critical=_DEFAULTS[Severity.CRITICAL]
    )
    model_thresholds: Annotated[Thresholds, Json] = Thresholds(
        warning=10_000_000, critical=50_000_000
    )
    account_thresholds: Annotated[tuple[WindowThresholds, ...], Json] = (
        WindowThresholds(warning=10_000_000, critical=50_000_000),
    )
    named_identities: Annotated[tuple[NamedThresholds, ...], Json] = ()
    named_models: Annotated[tuple[NamedModelThresholds, ...], Json] = ()
    cost_thresholds: Annotated[tuple[CostThresholds, ...], Json] = (
        CostThresholds(warning=Decimal(50), critical=Decimal(200)),
    )
    anomaly_band: float = Field(default=3, ge=0, le=10)
    notify_emails: Emails = ()
    notify_https: HttpsUrls = ()
    extra_dashboards: ExtraDashboards = ()
    saved_queries: bool = True
    contributor_insights: bool = False
    customer_keys: bool = False
    tags: Tags = {}
    python_version: Literal["3.11", "3.12", "3.13", "3.14"] = "3.14"
    architecture: Literal["arm64", "x86_64"] = "arm64"
    price_list_url: PriceListUrl = AWS_PRICE_LIST

    @classmethod
    def from_context(cls, context: Mapping[str, Any]) -> Self:
        """Read the settings in the context of a CDK app; the CDK's own entries are left alone.

        Raises:
            ConfigurationError: Settings are unknown, or their values are not allowed.
        """
        # The CDK's own entries have a colon, a slash or a hyphen in their names.
        own = {name: value for name, value in context.items() if _OWN_KEY.fullmatch(name)}
        try:
            return cls.model_validate(own)
        except ValidationError as error:
            problems = "\n".join(f"  {_explain(problem)}" for problem in error.errors())
            message = f"The configuration cannot be used:\n{problems}"
            raise ConfigurationError(message) from None

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        """Two thresholds of one window would be two alarms for one thing."""
        for field, keys in (
            ("account_thresholds", [it.window for it in self.account_thresholds]),
            ("cost_thresholds", [it.window for it in self.cost_thresholds]),
            ("named_identities", [(it.identity, it.window) for it in self.named_identities]),
            ("named_models", [(it.model, it.window) for it in self.named_models]),
        ):
            if len(set(keys)) < len(keys):
                message = f"{field} names a window twice; allowed: each window once"
                raise ValueError(message)
        agreed = [(it.model, it.effective_from, it.service_tier) for it in self.negotiated_prices]
        if len(set(agreed)) < len(agreed):
            message = "negotiated_prices has two for one model, day and service tier; allowed: one"
            raise ValueError(message)
        return self

    @property
    def pricing(self) -> Pricing:
        """What calls cost: shipped prices, and what was negotiated."""
        return pricing_with(self.negotiated_prices, assume_prices=self.assume_prices)

    @property
    def stacks(self) -> tuple[str, ...]:
        """The names of the stacks that this configuration deploys."""
        has_reports = self.focus_export or self.comparison_report
        return tuple(
            name for name in stack_names.ALL if has_reports or name != stack_names.REPORTING
        )

    @property
    def detail(self) -> Detail:
        """The level of detail in the catalog's terms."""
        return Detail[self.metric_detail.upper()]

    @model_validator(mode="after")
    def _exports_whole_periods(self) -> Self:
        if self.focus_export and self.ledger_retention_days < SHORTEST_LEDGER_DAYS:
            message = (
                f"ledger_retention_days = {self.ledger_retention_days}: focus_export needs at least"
                f" {SHORTEST_LEDGER_DAYS}, for it writes two billing periods from the ledger; or"
                " set focus_export to false"
            )
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _adopts_a_group(self) -> Self:
        if self.existing_logging is ExistingPolicy.ADOPT and self.adopted_log_group is None:
            message = (
                "adopted_log_group is missing: existing_logging 'adopt' needs the name of the log"
                " group that Bedrock writes to already (make doctor shows it)"
            )
            raise ValueError(message)
        if self.existing_logging is not ExistingPolicy.ADOPT and self.adopted_log_group is not None:
            message = "adopted_log_group is set: it goes with existing_logging 'adopt' alone"
            raise ValueError(message)
        return self


def read_config(path: Path = CDK_JSON, instead: Mapping[str, str] | None = None) -> Config:
    """Read the configuration in `cdk.json`.

    Args:
        path: The file.
        instead: Settings of a command line, which replace those of the file.

    Raises:
        ConfigurationError: It cannot be read or used.
    """
    return Config.from_context({**_read_context(path), **(instead or {})})


def _read_context(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        message = f"{path.name}: {error.strerror}."
        raise ConfigurationError(message) from None
    except json.JSONDecodeError as error:
        message = f"{path.name}: not JSON, line {error.lineno}: {error.msg}."
        raise ConfigurationError(message) from None
    except (UnicodeDecodeError, RecursionError):
        message = f"{path.name}: not JSON."
        raise ConfigurationError(message) from None
    context = content.get("context", {}) if isinstance(content, dict) else None
    if not isinstance(context, dict):
        message = f'{path.name}: allowed: {{"context": {{...}}}} with the settings in it.'
        raise ConfigurationError(message)
    return context


def _explain(problem: ErrorDetails) -> str:
    field = ".".join(map(str, problem["loc"]))
    told = problem["msg"].removeprefix("Value error, ")
    if not field:
        return told
    match problem["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            name = str(problem["loc"][-1])
            near = difflib.get_close_matches(name, Config.model_fields, n=1)
            return f"{field}: no such setting" + (f"; did you mean {near[0]}?" if near else "")
        case "missing":
            return f"{field} is missing"
        case kind if kind in _SHAPES:
            told = f"allowed: {_SHAPES[kind]}"
    value = repr(problem["input"])
    if len(value) > _LONGEST_VALUE:
        value = f"{value[:_LONGEST_VALUE]}..."
    return f"{field} = {value}: {told.replace('Input should be', 'allowed:')}"
