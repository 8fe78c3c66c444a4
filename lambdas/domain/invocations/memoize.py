"""Memoizes functions of texts, within limits that callers cannot exceed."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

_Result = TypeVar("_Result")

_MAX_TEXTS = 4096
_MAX_TEXT_LENGTH = 512  # characters: enough for names, not for arbitrary text in their place


def memoize(function: Callable[[str], _Result]) -> Callable[[str], _Result]:
    """Cache the results of a pure function for short texts."""
    cached = lru_cache(_MAX_TEXTS)(function)

    @wraps(function)
    def memoized(text: str) -> _Result:
        return cached(text) if len(text) <= _MAX_TEXT_LENGTH else function(text)

    return memoized
