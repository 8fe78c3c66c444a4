"""Token counts of one call, by disjoint kinds; absent is not zero."""

from __future__ import annotations

from typing import NamedTuple

MAX_COUNT = 10**12
"""A count above this is an error or an attack, and is read as absent."""


class TokenCounts(NamedTuple):
    """Disjoint token counts of one call; `None` where a count was not reported.

    Attributes:
        input: Tokens of the prompt, without those read from or written to a cache.
        output: Tokens that the model generated.
        cache_read: Prompt tokens read from the prompt cache.
        cache_write: Prompt tokens written to the prompt cache, whatever their time to live.
        cache_write_1h: The part of `cache_write` kept for an hour (the rest is kept for five
            minutes), or `None` where only the sum is known.

    Example:
        >>> TokenCounts(input=3, output=52, cache_write=24_479).total
        24534
    """

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cache_write_1h: int | None = None

    @property
    def is_missing(self) -> bool:
        """True when neither an input nor an output count is known."""
        return self.input is None and self.output is None

    @property
    def total_input(self) -> int | None:
        """All tokens that the model read: `input`, `cache_read` and `cache_write`."""
        return sum_known(self.input, self.cache_read, self.cache_write)

    @property
    def total(self) -> int | None:
        """All tokens that the model read or wrote; `None` where no count is known at all."""
        return sum_known(self.input, self.cache_read, self.cache_write, self.output)


UNKNOWN_COUNTS = TokenCounts()


def sum_known(*counts: int | None) -> int | None:
    """Add what is known; `None` where nothing is."""
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def read_count(value: object) -> int | None:
    """Read a token count as logs carry it; `None` where the value is not a count.

    Integers, integral floats (guardrailed Titan streams have `28.0`) and digit strings (some
    exports have them) are counts. Booleans, negatives, NaN, fractions, other text and values
    above `MAX_COUNT` are not.
    """
    if value is None:
        return None
    if type(value) is int:  # not isinstance, to which a bool is an int
        return value if 0 <= value <= MAX_COUNT else None
    if isinstance(value, float) and value.is_integer():
        return read_count(int(value))
    if isinstance(value, str) and value.isascii() and value.isdigit():
        digits = value.lstrip("0") or "0"
        return read_count(int(digits)) if len(digits) <= len(str(MAX_COUNT)) else None
    return None
