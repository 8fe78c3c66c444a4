"""Rules that cannot be meant so are told as such, with the field and what is allowed in it."""

from __future__ import annotations

from typing import Final

CONFIGURED: Final = {"extra": "forbid"}
"""How pydantic reads a rule in configuration: a misspelt field is an error."""


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
