"""Types of values in `budgets.json`. Each refusal says what to write instead."""

from __future__ import annotations

from datetime import UTC, date
from decimal import Decimal
from typing import Annotated, Literal, TypeAlias

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.attribution.labels import read_label
from lambdas.domain.budgets import is_pattern, read_principal
from lambdas.domain.credits import ID_PATTERN, MAX_PRIORITY, MAX_USD, floor_hour
from lambdas.domain.invocations.identity import (
    CONFLICTING_IDENTITY,
    UNKNOWN_IDENTITY,
    CallerIdentity,
    IdentityKind,
)
from lambdas.wiring.allowed_values import IsoDate, IsoTime, allowed, like
from lambdas.wiring.file_values import are_different
from lambdas.wiring.model_names import called_model

MAX_THRESHOLDS = 10
MAX_WINDOW_HOURS = 168
Weekday: TypeAlias = Literal[
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"
]
_FIRST_ANCHOR, _LAST_ANCHOR = date(2000, 1, 1), date(2100, 1, 1)
_ARN_START = "arn:"
_ROLE_EXAMPLE = "arn:aws:iam::111122223333:role/NAME"


def _accept_decimals(low: str, high: str, *, places: int) -> tuple[object, ...]:
    """Accept decimals in a range, as JSON numbers or, for all their digits, as text."""
    least, most = Decimal(low), Decimal(high)

    def is_accepted(value: Decimal) -> bool:
        return least <= value <= most and value == round(value, places)

    return (
        BeforeValidator(_is_no_boolean),
        allowed(f"{least:,f} to {most:,f}, with at most {places} decimal places", is_accepted),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "number", "minimum": float(least), "maximum": float(most)},
                    {"type": "string", "pattern": r"^[0-9]+(\.[0-9]+)?$"},
                ]
            }
        ),
    )


def _accept_integers(least: int, most: int) -> tuple[object, ...]:
    """Accept whole numbers in a range."""

    def is_accepted(value: int) -> bool:
        return least <= value <= most

    return (
        BeforeValidator(_is_no_boolean),
        allowed(f"{least:,} to {most:,}", is_accepted),
        WithJsonSchema({"type": "integer", "minimum": least, "maximum": most}),
    )


def _is_no_boolean(value: object) -> object:
    if isinstance(value, bool):
        message = "allowed: a number"
        raise ValueError(message)  # noqa: TRY004  # pydantic reports this one alone
    return value


def _is_label(text: str) -> bool:
    return is_pattern(text) or text == UNATTRIBUTED or read_label(text) == text


def _is_identity(text: str) -> bool:
    if is_pattern(text):
        return text.startswith((_ARN_START, "*"))
    caller = CallerIdentity.from_arn(text)
    is_session = caller.kind is not IdentityKind.ROLE_SESSION or caller.session_name is not None
    is_known = caller.kind is not IdentityKind.UNKNOWN
    return (is_known and is_session) or text in {UNKNOWN_IDENTITY, CONFLICTING_IDENTITY}


def _is_principal(text: str) -> bool:
    if is_pattern(text):
        return text.startswith((_ARN_START, "*"))
    is_known = CallerIdentity.from_arn(text).kind is not IdentityKind.UNKNOWN
    return is_known and read_principal(text) == text


Label: TypeAlias = Annotated[
    str,
    allowed(
        f"a label as reports show it, {UNATTRIBUTED}, or a pattern in which * stands for any text",
        _is_label,
    ),
]
Identity: TypeAlias = Annotated[
    str,
    allowed(
        "the full ARN of a user or of a role's session, as reports show it, or a pattern of it"
        " with *; write the ARN of a role as principal",
        _is_identity,
    ),
]
Principal: TypeAlias = Annotated[
    str,
    allowed(
        f"the ARN of a role or user without its path, such as {_ROLE_EXAMPLE}, or a pattern of it"
        " with *",
        _is_principal,
    ),
]
Model: TypeAlias = Annotated[str, AfterValidator(called_model)]
RegionName: TypeAlias = Annotated[
    str, like(r"[a-z0-9-]+\*?", "a Region, such as eu-central-1, or its beginning and a *")
]
Usd: TypeAlias = Annotated[Decimal, *_accept_decimals("0.01", "1000000000", places=6)]
CreditUsd: TypeAlias = Annotated[
    Decimal, *_accept_decimals("0.000000000001", f"{MAX_USD}", places=12)
]
UsdPerMillion: TypeAlias = Annotated[Decimal, *_accept_decimals("0", "10000", places=6)]
UsdPerUnit: TypeAlias = Annotated[Decimal, *_accept_decimals("0", "10000", places=6)]
Percent: TypeAlias = Annotated[Decimal, *_accept_decimals("0.01", "1000", places=2)]
Probability: TypeAlias = Annotated[Decimal, *_accept_decimals("0.5", "0.9999", places=4)]
Priority: TypeAlias = Annotated[int, *_accept_integers(0, MAX_PRIORITY)]
Tokens: TypeAlias = Annotated[int, *_accept_integers(1, 10**15)]
PeriodCount: TypeAlias = Annotated[int, *_accept_integers(1, 400)]
WindowHours: TypeAlias = Annotated[int, *_accept_integers(2, MAX_WINDOW_HOURS)]
Anchor: TypeAlias = Annotated[
    IsoDate,
    allowed(
        f"a day from {_FIRST_ANCHOR} to {_LAST_ANCHOR}",
        lambda day: _FIRST_ANCHOR <= day <= _LAST_ANCHOR,
    ),
]
GrantId: TypeAlias = Annotated[
    str,
    like(ID_PATTERN, "1 to 64 lower-case letters, digits and hyphens, not with a hyphen first"),
    Field(json_schema_extra={"pattern": ID_PATTERN}),
]
WholeHour: TypeAlias = Annotated[
    IsoTime,
    AfterValidator(lambda time: time.astimezone(UTC)),
    allowed("a whole hour of UTC", lambda time: floor_hour(time) == time),
]
Percentages: TypeAlias = Annotated[
    tuple[Percent, ...],
    allowed(
        f"up to {MAX_THRESHOLDS} different percentages",
        lambda percentages: len(percentages) <= MAX_THRESHOLDS and are_different(percentages),
    ),
    AfterValidator(lambda percentages: tuple(sorted(percentages))),
]
