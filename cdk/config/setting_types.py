"""Types of settings: what `-c` gives is read, and a value that is not allowed is told as such."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field

from lambdas.domain.invocations import CONFLICTING_IDENTITY, UNKNOWN_IDENTITY
from lambdas.domain.metrics.catalog import QUOTA_TOKENS, TOTAL_TOKENS, dimension_value
from lambdas.domain.metrics.role_roll_up import OTHER_IDENTITIES
from lambdas.domain.safeguards.account_policies import ACCOUNT_POLICY_EFFECTS
from lambdas.wiring.allowed_values import allowed, like
from lambdas.wiring.environment import from_json_text
from lambdas.wiring.model_names import called_model
from lambdas.wiring.negotiated_prices import NegotiatedPriceSetting
from lambdas.wiring.publishing_settings import FoldingPattern

# https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
_LOG_RETENTIONS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731),
    *(1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
# https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html
_MOST_TAGS = 40  # of 50: CloudFormation and the CDK add theirs
_LONGEST_TAG_KEY = 128
_LONGEST_TAG_VALUE = 256
_LONGEST_WATCHED = 255  # in the CDK's alarms; metrics take more
_OTHER_WATCHED = (UNKNOWN_IDENTITY, CONFLICTING_IDENTITY, OTHER_IDENTITIES)
_MOST_TOKENS = 2**53  # CloudWatch's numbers are doubles
_ALARM_METRICS = (QUOTA_TOKENS.name, TOTAL_TOKENS.name)


def _from_text(value: object) -> object:
    """What `-c` gives for lists of words: JSON, or words between commas."""
    if not isinstance(value, str) or value.lstrip().startswith("["):
        return from_json_text(value)
    return [word.strip() for word in value.split(",") if word.strip()]


def _is_https_url(value: str) -> bool:
    parts = urlsplit(value)
    return parts.scheme == "https" and bool(parts.hostname) and " " not in value


def _are_tags(value: dict[str, str]) -> bool:
    return len(value) <= _MOST_TAGS and all(
        0 < len(key) <= _LONGEST_TAG_KEY
        and len(text) <= _LONGEST_TAG_VALUE
        and not key.lower().startswith("aws:")
        for key, text in value.items()
    )


def _has_each_once(values: tuple[str, ...]) -> bool:
    return len(set(values)) == len(values)


_EachOnce = allowed("each of them once", _has_each_once)

Json = BeforeValidator(from_json_text)
_Words = BeforeValidator(_from_text)

LogRetentionDays: TypeAlias = Annotated[
    int, allowed(", ".join(map(str, _LOG_RETENTIONS)), _LOG_RETENTIONS.__contains__)
]
LogGroupName: TypeAlias = Annotated[
    str, like(r"[A-Za-z0-9_./#-]{1,512}", "the name of a log group, such as /company/bedrock")
]
_KnownLogPolicy: TypeAlias = Annotated[
    str,
    like(
        rf"data-protection|transformer|account:({'|'.join(ACCOUNT_POLICY_EFFECTS)}):.{{1,256}}"
        r"|subscription:[^:*]{1,512}=arn:.{1,2048}",
        "data-protection, transformer, account:KIND:NAME or subscription:NAME=DESTINATION-ARN",
    ),
]
KnownLogPolicies: TypeAlias = Annotated[tuple[_KnownLogPolicy, ...], _Words]
BillingAccountId: TypeAlias = Annotated[
    str, like(r"(\d{12})?", "the 12 digits of an account, or nothing")
]
Regions: TypeAlias = Annotated[
    tuple[Annotated[str, like(r"[a-z]{2,}(-[a-z]+)+-\d+", "a Region, such as us-east-1")], ...],
    _Words,
    _EachOnce,
]
Emails: TypeAlias = Annotated[
    tuple[Annotated[str, like(r"[^@\s]+@[^@\s]+", "an e-mail address")], ...], _Words, _EachOnce
]
HttpsUrls: TypeAlias = Annotated[
    tuple[
        Annotated[str, allowed("an address that starts with https://", _is_https_url)],
        ...,
    ],
    _Words,
    _EachOnce,
]
AlarmMetric: TypeAlias = Annotated[
    str, allowed(" or ".join(map(repr, _ALARM_METRICS)), _ALARM_METRICS.__contains__)
]
ExtraDashboard: TypeAlias = Literal["model_comparison", "cost_and_budgets", "quota_and_throttling"]
"""A dashboard that CloudWatch bills, after the three that it has for nothing."""
ExtraDashboards: TypeAlias = Annotated[
    tuple[ExtraDashboard, ...],
    _Words,
    _EachOnce,
]
Usd: TypeAlias = Annotated[Decimal, Field(gt=0, le=_MOST_TOKENS, max_digits=15)]
Tokens: TypeAlias = Annotated[int, Field(ge=1, le=_MOST_TOKENS)]
DimensionValue: TypeAlias = Annotated[
    str,
    allowed(
        "the name as the metric's dimension has it: printable ASCII, without blanks at its ends,"
        f" {_LONGEST_WATCHED} characters at most",
        lambda value: dimension_value(value) == value and len(value) <= _LONGEST_WATCHED,
    ),
]
WatchedIdentity: TypeAlias = Annotated[
    DimensionValue,
    allowed(
        f"an ARN, or {' or '.join(_OTHER_WATCHED)}",
        lambda value: value.startswith("arn:") or value in _OTHER_WATCHED,
    ),
]
WatchedModel: TypeAlias = Annotated[
    DimensionValue,
    AfterValidator(called_model),
    allowed("one model, without a *", lambda value: "*" not in value),
]
FoldingPatterns: TypeAlias = Annotated[tuple[FoldingPattern, ...], Json]
NegotiatedPriceSettings: TypeAlias = Annotated[tuple[NegotiatedPriceSetting, ...], Json]
Tags: TypeAlias = Annotated[
    dict[str, str],
    Json,
    allowed(
        f"{_MOST_TAGS} tags, keys of {_LONGEST_TAG_KEY} characters that do not start with aws:,"
        f" values of {_LONGEST_TAG_VALUE}",
        _are_tags,
    ),
]
