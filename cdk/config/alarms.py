"""Settings of alarms: thresholds over windows of time, anomaly bands and who is notified."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Generic, Self, TypeAlias, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator

from cdk.config.setting_types import EachOnce, Json, Words
from lambdas.domain.alerts import DEFAULT_THRESHOLDS, Severity
from lambdas.domain.invocations import CONFLICTING_IDENTITY, UNKNOWN_IDENTITY
from lambdas.domain.metrics import OTHER_IDENTITIES
from lambdas.domain.metrics.catalog import QUOTA_TOKENS, TOTAL_TOKENS, dimension_value
from lambdas.wiring.allowed_values import SettingsModel, allowed, check, like
from lambdas.wiring.model_names import called_model

_DEFAULTS = {threshold.severity: threshold.quota_tokens for threshold in DEFAULT_THRESHOLDS}
_Amount = TypeVar("_Amount", int, Decimal)
_MAX_WATCHED_LENGTH = 255  # in the CDK's alarms; metrics take more
_OTHER_WATCHED = (UNKNOWN_IDENTITY, CONFLICTING_IDENTITY, OTHER_IDENTITIES)
_MAX_AMOUNT = 2**53  # CloudWatch's numbers are doubles
_ALARM_METRICS = (QUOTA_TOKENS.name, TOTAL_TOKENS.name)


def _is_https_url(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme == "https" and bool(parts.hostname) and " " not in value


_Email: TypeAlias = Annotated[str, like(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+", "an e-mail address")]
_HttpsUrl: TypeAlias = Annotated[
    str, allowed("an address that starts with https://", _is_https_url)
]
_AlarmMetric: TypeAlias = Annotated[
    str, allowed(" or ".join(map(repr, _ALARM_METRICS)), _ALARM_METRICS.__contains__)
]
_Usd: TypeAlias = Annotated[Decimal, Field(gt=0, le=_MAX_AMOUNT, max_digits=15)]
_Tokens: TypeAlias = Annotated[int, Field(ge=1, le=_MAX_AMOUNT)]
_DimensionValue: TypeAlias = Annotated[
    str,
    allowed(
        "the dimension's value: printable ASCII, no spaces at either end,"
        f" {_MAX_WATCHED_LENGTH} characters at most",
        lambda value: dimension_value(value) == value and len(value) <= _MAX_WATCHED_LENGTH,
    ),
]
_WatchedIdentity: TypeAlias = Annotated[
    _DimensionValue,
    allowed(
        f"an ARN, {', '.join(_OTHER_WATCHED[:-1])} or {_OTHER_WATCHED[-1]}",
        lambda value: value.startswith("arn:") or value in _OTHER_WATCHED,
    ),
]
_WatchedModel: TypeAlias = Annotated[
    _DimensionValue,
    AfterValidator(called_model),
    allowed("one model, without *", lambda value: "*" not in value),
]


class Window(StrEnum):
    """A sliding window of time over which tokens are summed, ending now."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def seconds(self) -> int:
        """Its length in seconds."""
        return {Window.HOUR: 3600, Window.DAY: 86_400, Window.WEEK: 604_800}[self]


class _Severities(SettingsModel, Generic[_Amount]):
    """The amounts from which an alarm notifies.

    Attributes:
        warning: The lower threshold; `None` to omit it.
        critical: The upper one.
    """

    warning: _Amount | None = None
    critical: _Amount

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        check(
            "warning",
            f"an amount below critical ({self.critical}), or null to omit it",
            is_so=self.warning is None or self.warning < self.critical,
        )
        return self

    def by_severity(self) -> dict[Severity, _Amount]:
        """The thresholds that are set."""
        both = {Severity.WARNING: self.warning, Severity.CRITICAL: self.critical}
        return {severity: amount for severity, amount in both.items() if amount is not None}


class Thresholds(_Severities[_Tokens]):
    """The numbers of tokens from which an alarm notifies."""


class CostThresholds(_Severities[_Usd]):
    """The US dollars, over a window, from which an alarm notifies."""

    window: Window = Window.HOUR


class WindowThresholds(Thresholds):
    """Thresholds over a window."""

    window: Window = Window.HOUR


class NamedThresholds(WindowThresholds):
    """Thresholds of one identity, over a window.

    Attributes:
        identity: The value of the metrics' dimension `IdentityArn`: the full ARN, or that of the
            role (`arn:aws:iam::ACCOUNT:role/NAME`) where its sessions are rolled up.
    """

    identity: _WatchedIdentity


class NamedModelThresholds(WindowThresholds):
    """Thresholds of one model, over a window.

    Attributes:
        model: The foundation model's id, as the metrics' dimension `ModelId` has it.
    """

    model: _WatchedModel


class AlarmSettings(SettingsModel):
    """Settings of thresholds, anomaly bands and notifications.

    Attributes:
        alarm_metric: The kind of tokens that the thresholds limit.
        identity_thresholds: Of every identity, an hour.
        model_thresholds: Of every model, an hour.
        account_thresholds: Of all calls together, by window.
        named_identities: Further thresholds of single identities, by window.
        named_models: Further thresholds of single models, by window.
        cost_thresholds: Of the cost of all calls together, by window.
        anomaly_band: Width of the account's anomaly bands, of tokens and of cost, in standard
            deviations; 0 to omit them.
        notify_emails: E-mail addresses that receive notifications; each has to confirm once.
        notify_https: HTTPS endpoints that receive notifications.
    """

    alarm_metric: _AlarmMetric = QUOTA_TOKENS.name
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
    notify_emails: Annotated[tuple[_Email, ...], Words, EachOnce] = ()
    notify_https: Annotated[tuple[_HttpsUrl, ...], Words, EachOnce] = ()

    @model_validator(mode="after")
    def _sets_each_threshold_once(self) -> Self:
        """Reject two thresholds of one window: they would be two alarms with one name."""
        for field, keys in (
            ("account_thresholds", [limit.window for limit in self.account_thresholds]),
            ("cost_thresholds", [limit.window for limit in self.cost_thresholds]),
            (
                "named_identities",
                [(limit.identity, limit.window) for limit in self.named_identities],
            ),
            ("named_models", [(limit.model, limit.window) for limit in self.named_models]),
        ):
            check(field, "each window once", is_so=len(set(keys)) == len(keys))
        return self
