"""Types of values in rules and settings. Each refusal says what to write instead.

A field is checked by its type; `check` is for what concerns several fields of a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated, TypeAlias, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict

_T = TypeVar("_T")
_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class SettingsModel(BaseModel):
    """A part of the configuration, frozen; a misspelt field in it is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def allowed(what: str, is_so: Callable[[_T], bool]) -> AfterValidator:
    """Refuse a value unless it is what is allowed."""

    def check_value(value: _T) -> _T:
        if not is_so(value):
            message = f"allowed: {what}"
            raise ValueError(message)
        return value

    return AfterValidator(check_value)


def like(pattern: str, what: str) -> AfterValidator:
    """Refuse a text unless all of it matches an expression, whose letters and digits are ASCII."""
    expression = re.compile(pattern, re.ASCII)

    def is_like(value: str) -> bool:
        return expression.fullmatch(value) is not None

    return allowed(what, is_like)


def check(field: str, what: str, *, is_so: bool) -> None:
    """Refuse a model unless one of its fields goes with the others.

    Raises:
        ValueError: It does not. The text names the field and what is allowed.
    """
    if not is_so:
        message = f"{field}: allowed: {what}"
        raise ValueError(message)


def _iso_text(value: object) -> object:
    """Let through dates, times and text of them.

    Pydantic takes digits for seconds since 1970: `20260901` would be a day in that year.
    """
    if isinstance(value, date) or (isinstance(value, str) and _ISO_DATE.match(value)):
        return value
    message = (
        "allowed: ISO 8601 text, such as 2026-09-01 for a day or 2026-09-01T00:00:00Z for a time"
    )
    raise ValueError(message)


def _has_zone(time: datetime) -> bool:
    return time.tzinfo is not None


IsoDate: TypeAlias = Annotated[date, BeforeValidator(_iso_text)]
IsoTime: TypeAlias = Annotated[
    datetime,
    BeforeValidator(_iso_text),
    allowed("a time with its zone, such as 2026-09-01T00:00:00Z", _has_zone),
]
