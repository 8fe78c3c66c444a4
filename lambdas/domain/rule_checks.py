"""Rules that cannot be meant so are told as such, with the field and what is allowed in it."""

from __future__ import annotations

import re
from datetime import date
from typing import Final

from lambdas.domain.invocations import foundation_model_id

CONFIGURED: Final = {"extra": "forbid"}
"""How pydantic reads a rule in configuration: a misspelt field is an error."""

_ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_REST = "*"
_ARN = "arn:"
_GEOGRAPHIES = frozenset({"us", "us-gov", "eu", "apac", "au", "jp", "in", "ca", "sa", "global"})
"""Beginnings of any other kind are taken for those of a provider, who may be new."""
_SOME_MODEL = "x.x"
"""How an id may go on; what is a geography shows by the provider that follows."""
_EXAMPLE = "such as anthropic.claude-sonnet-4-6"


class InvalidRuleError(ValueError):
    """A rule that cannot be meant so. Its text says which field it is, and what is allowed."""


def check(field_name: str, allowed: str, *, is_so: bool) -> None:
    """Refuse a rule unless a field is as it may be.

    Raises:
        InvalidRuleError: It is not.
    """
    if not is_so:
        message = f"{field_name}: allowed: {allowed}"
        raise InvalidRuleError(message)


def iso_text(value: object) -> object:
    """What is a date or a time, or text of one, unchanged.

    Pydantic takes digits for seconds since 1970, so that `20260901` were a day in that year.

    Raises:
        ValueError: It is neither.
    """
    if isinstance(value, date) or (isinstance(value, str) and _ISO_DATE.match(value)):
        return value
    message = (
        "allowed: ISO 8601 text, such as 2026-09-01 for a day or 2026-09-01T00:00:00Z for a time"
    )
    raise ValueError(message)


def allowed_instead_of(model: str) -> str | None:
    """What is allowed instead of a model that calls never go by; `None` if they may.

    Calls go by their foundation model: a rule that names a geography or an ARN would hold for none.

    Args:
        model: An id, or the beginning of some and a `*`.
    """
    beginning = model.removesuffix(_REST)
    rest = "" if beginning == model else _SOME_MODEL
    if rest and not beginning.startswith(_ARN) and beginning.split(".")[0] not in _GEOGRAPHIES:
        return None
    behind = foundation_model_id(beginning + rest)
    if behind == beginning + rest and not beginning.startswith(_ARN):
        return None
    meant = behind.removesuffix(rest)
    is_told = meant and not meant.startswith(_ARN)
    example = f"so {meant}{_REST if rest else ''}" if is_told else _EXAMPLE
    return f"the foundation model without its geography or ARN, {example}"
