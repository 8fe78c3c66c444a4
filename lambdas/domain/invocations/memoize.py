"""Remembers what was worked out of a text, within bounds of its own making."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import TypeVar

_Result = TypeVar("_Result")

_MAX_TEXTS = 4096
_MAX_TEXT_LENGTH = 512  # characters: enough for names, not for arbitrary text in their place


def memoize(work_out: Callable[[str], _Result]) -> Callable[[str], _Result]:
    """Remember the results of a pure function for texts that come again and again."""
    recall = lru_cache(_MAX_TEXTS)(work_out)

    @wraps(work_out)
    def work_out_or_recall(text: str) -> _Result:
        return load(text) if len(text) <= _MAX_TEXT_LENGTH else work_out(text)

    return work_out_or_recall
