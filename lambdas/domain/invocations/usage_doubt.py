"""Reasons to doubt how the tokens of a call split into input and cache."""

from __future__ import annotations

from enum import StrEnum


class UsageDoubt(StrEnum):
    """A reason why the split between input and cached tokens is uncertain."""

    UNVERIFIED = "unverified"
    """No body confirms that the input count includes cached tokens, or that it excludes them."""
    AMBIGUOUS = "ambiguous"
    """The reported total fits neither reading."""
