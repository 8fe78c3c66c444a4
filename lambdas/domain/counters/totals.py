"""Sums of usage: whole numbers, of tokens, calls and pico-dollars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """Sums of usage. They form an additive group: a difference of two can be below 0.

    Attributes:
        calls: Successful calls.
        failed_calls: Failed calls. Nothing else is counted of them.
        input_tokens: Prompt tokens, without those read from or written to a cache.
        output_tokens: Tokens that models generated.
        cache_read_tokens: Prompt tokens read from a cache.
        cache_write_tokens: Prompt tokens written to a cache.
        total_tokens: The sum of these four.
        quota_tokens: Tokens that count against Bedrock's quotas: input, cache writes, and output
            times the burndown rate of its model.
        cost_picodollars: The effective cost of calls with a price, assumed prices included, in
            10^-12 US dollars.
        assumed_cost_picodollars: The part of it that has an assumed price.
        unpriced_calls: Successful calls without a cost.
        unpriced_input_tokens: All prompt tokens of these, cached ones included.
        unpriced_output_tokens: The output tokens of these.
        unpriced_images: The images of these.
        unpriced_video_seconds: Their seconds of video.
        unpriced_other_units: Their other billed units, such as searches and seconds of audio. A
            call whose log reports neither tokens nor units counts as one unit.
    """

    ZERO: ClassVar[UsageTotals]

    calls: int = 0
    failed_calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    total_tokens: int = 0
    quota_tokens: int = 0
    cost_picodollars: int = 0
    assumed_cost_picodollars: int = 0
    unpriced_calls: int = 0
    unpriced_input_tokens: int = 0
    unpriced_output_tokens: int = 0
    unpriced_images: int = 0
    unpriced_video_seconds: int = 0
    unpriced_other_units: int = 0

    def __add__(self, other: UsageTotals) -> UsageTotals:
        """Add each figure to the same figure of the other."""
        return UsageTotals(*map(int.__add__, self.figures, other.figures))

    def __sub__(self, other: UsageTotals) -> UsageTotals:
        """Subtract from each figure the same figure of the other."""
        return UsageTotals(*map(int.__sub__, self.figures, other.figures))

    def __neg__(self) -> UsageTotals:
        """Take the opposite of each figure."""
        return UsageTotals(*map(int.__neg__, self.figures))

    def __bool__(self) -> bool:
        """Return true if any figure differs from 0."""
        return any(self.figures)

    @property
    def figures(self) -> tuple[int, ...]:
        """All figures, in the order of the fields."""
        return tuple(getattr(self, name) for name in FIGURE_NAMES)


FIGURE_NAMES: tuple[str, ...] = tuple(UsageTotals.__dataclass_fields__)[1:]
UsageTotals.ZERO = UsageTotals()
