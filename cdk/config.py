"""What can be configured, from the context of `cdk.json` and `-c`; checked before anything else."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Self, TypeAlias
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails, from_json

from lambdas.domain.logging_configuration import ExistingPolicy
from lambdas.domain.metering import DEFAULT_THRESHOLDS, Severity
from lambdas.domain.metering.metric_catalog import Detail
from lambdas.functions.log_processor.settings import LedgerRetentionDays
from lambdas.functions.metric_publisher.settings import FoldingPattern, IdentityBound

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_LOG_RETENTIONS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
_OWN_KEY = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_DEFAULTS = {threshold.severity: threshold.quota_tokens for threshold in DEFAULT_THRESHOLDS}


class ConfigurationError(Exception):
    """A setting cannot be used. The text names it, its value and what is allowed."""


class Window(StrEnum):
    """Over how long tokens are added up. Windows slide: CloudWatch looks back from now."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def seconds(self) -> int:
        """Its length in seconds."""
        return {Window.HOUR: 3600, Window.DAY: 86_400, Window.WEEK: 604_800}[self]


def _from_json(value: object) -> object:
    """What `-c` gives for lists and objects."""
    if not isinstance(value, str):
        return value
    try:
        return from_json(value)
    except ValueError:
        message = "allowed: JSON, as in cdk.json"
        raise ValueError(message) from None


def _from_text(value: object) -> object:
    """What `-c` gives for lists of words: JSON, or words between commas."""
    if not isinstance(value, str) or value.lstrip().startswith("["):
        return _from_json(value)
    return [word.strip() for word in value.split(",") if word.strip()]


def _one_of(*allowed: int) -> AfterValidator:
    def check(value: int) -> int:
        if value not in allowed:
            message = f"allowed: {', '.join(map(str, allowed))}"
            raise ValueError(message)
        return value

    return AfterValidator(check)


def _https_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme != "https" or not parts.hostname:
        message = "allowed: an address that starts with https://"
        raise ValueError(message)
    return value


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Thresholds(_Section):
    """From how many tokens on somebody is told.

    Attributes:
        warning: The lower threshold, in tokens; `None` for none.
        critical: The upper one.
    """

    warning: int | None = Field(default=None, ge=1)
    critical: int = Field(ge=1)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.warning is not None and self.warning >= self.critical:
            message = f"allowed: a warning below critical ({self.critical}), or null for none"
            raise ValueError(message)
        return self

    def by_severity(self) -> dict[Severity, int]:
        """The thresholds there are, in tokens."""
        both = {Severity.WARNING: self.warning, Severity.CRITICAL: self.critical}
        return {severity: tokens for severity, tokens in both.items() if tokens is not None}


class WindowThresholds(Thresholds):
    """Thresholds over a window."""

    window: Window = Window.HOUR


class NamedThresholds(WindowThresholds):
    """Thresholds of one identity, over a window.

    Attributes:
        identity: What the metrics' dimension `IdentityArn` says: the full ARN, or that of the
            role (`arn:aws:iam::ACCOUNT:role/NAME`) where its sessions are folded.
    """

    identity: str = Field(min_length=1, max_length=1024)


class NamedModelThresholds(WindowThresholds):
    """Thresholds of one model, over a window.

    Attributes:
        model: The foundation model's id, as the metrics' dimension `ModelId` has it.
    """

    model: str = Field(min_length=1, max_length=1024)


_Json = BeforeValidator(_from_json)
_Words = BeforeValidator(_from_text)
_Emails: TypeAlias = Annotated[
    tuple[Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$")], ...], _Words
]
_HttpsUrls: TypeAlias = Annotated[tuple[Annotated[str, AfterValidator(_https_url)], ...], _Words]


class Config(_Section):
    """The configuration of one deployment. cdk/README.md explains each setting.

    Attributes:
        regions: Where to deploy; empty for the Region of the command line's credentials.
        log_content: Whether Bedrock is to log prompts and completions as well.
        log_retention_days: How long the invocation logs are kept, in days.
        existing_logging: What to do where Bedrock's logging is configured by somebody else.
        adopted_log_group: The log group that it goes to, for `adopt`.
        ledger_retention_days: How long a call stays in the ledger, in days.
        metric_detail: How many metrics are published; each is billed.
        identity_bound: How many identities a month have metrics of their own.
        folding_patterns: Regular expressions of session names that are no people.
        alarm_metric: Which tokens the thresholds are about.
        identity_thresholds: Of every identity, an hour.
        model_thresholds: Of every model, an hour.
        account_thresholds: Of all calls together, by window.
        named_identities: Further thresholds of single identities, by window.
        named_models: Further thresholds of single models, by window.
        anomaly_band: Width of the account's anomaly band, in standard deviations; 0 for none.
        notify_emails: Who is sent notifications; each has to confirm once.
        notify_https: Endpoints that are sent notifications.
        customer_keys: Whether logs, ledger and buckets are encrypted with a key of the account's.
        tags: Tags of all that is deployed.
        python_version: The functions' Python, for the local cloud; AWS runs the newest.
        architecture: The functions' processor, likewise.
    """

    regions: Annotated[
        tuple[Annotated[str, Field(pattern=r"^[a-z]{2,}(-[a-z]+)+-\d+$")], ...], _Words
    ] = ()
    log_content: bool = False
    log_retention_days: Annotated[int, _one_of(*_LOG_RETENTIONS)] = 90
    existing_logging: ExistingPolicy = ExistingPolicy.REFUSE
    adopted_log_group: str | None = Field(
        default=None, max_length=512, pattern=r"^[A-Za-z0-9_./#-]+$"
    )
    ledger_retention_days: LedgerRetentionDays = 90
    metric_detail: Literal["standard", "full"] = "standard"
    identity_bound: IdentityBound = 200
    folding_patterns: Annotated[tuple[FoldingPattern, ...], _Json] = ()
    alarm_metric: Literal["QuotaTokens", "TotalTokens"] = "QuotaTokens"
    identity_thresholds: Annotated[Thresholds, _Json] = Thresholds(
        warning=_DEFAULTS[Severity.WARNING], critical=_DEFAULTS[Severity.CRITICAL]
    )
    model_thresholds: Annotated[Thresholds, _Json] = Thresholds(
        warning=10_000_000, critical=50_000_000
    )
    account_thresholds: Annotated[tuple[WindowThresholds, ...], _Json] = (
        WindowThresholds(warning=10_000_000, critical=50_000_000),
    )
    named_identities: Annotated[tuple[NamedThresholds, ...], _Json] = ()
    named_models: Annotated[tuple[NamedModelThresholds, ...], _Json] = ()
    anomaly_band: float = Field(default=3, ge=0, le=10)
    notify_emails: _Emails = ()
    notify_https: _HttpsUrls = ()
    customer_keys: bool = False
    tags: Annotated[dict[str, str], _Json] = {}
    python_version: Literal["3.11", "3.12", "3.13", "3.14"] = "3.14"
    architecture: Literal["arm64", "x86_64"] = "arm64"

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
            ("named_identities", [(it.identity, it.window) for it in self.named_identities]),
            ("named_models", [(it.model, it.window) for it in self.named_models]),
        ):
            if len(set(keys)) < len(keys):
                message = f"{field} names a window twice; allowed: each window once"
                raise ValueError(message)
        return self

    @property
    def detail(self) -> Detail:
        """The level of detail in the catalog's terms."""
        return Detail[self.metric_detail.upper()]

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


def _explain(problem: ErrorDetails) -> str:
    field = ".".join(map(str, problem["loc"]))
    if problem["type"] == "extra_forbidden":
        name = str(problem["loc"][-1])
        near = difflib.get_close_matches(name, Config.model_fields, n=1)
        return f"{field}: no such setting" + (f"; did you mean {near[0]}?" if near else "")
    if not field:
        return problem["msg"].removeprefix("Value error, ")
    allowed = problem["msg"].removeprefix("Value error, ")
    return f"{field} = {problem['input']!r}: {allowed}"
