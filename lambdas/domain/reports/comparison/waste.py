"""Savings opportunities: their kind, project, amount and certainty."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass, fields
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class WasteKind(StrEnum):
    """A kind of waste of money or quota. No token counts in two kinds."""

    FAILED_CALLS = "failed_calls"
    THROTTLED_CALLS = "throttled_calls"
    RETRIED_CALLS = "retried_calls"
    UNREAD_CACHE_WRITES = "unread_cache_writes"
    REPEATED_PREFIXES = "repeated_prefixes"
    OVERSIZE_MAX_TOKENS = "oversize_max_tokens"


class WasteKey(NamedTuple):
    """The project, model and kind of a savings opportunity.

    Attributes:
        project: The project of the calls.
        model_id: The model that was called.
        waste: The kind.
    """

    project: str
    model_id: str
    waste: WasteKind


@dataclass(slots=True)
class WasteTotals:
    """The amount of one savings opportunity.

    Attributes:
        calls: Calls that lose something.
        tokens: The tokens that are lost, or at most.
        size_bytes: Their length as JSON in UTF-8, for `REPEATED_PREFIXES` alone.
        priced_calls: Calls whose waste is known.
        priced_usd: The waste of those, exactly, or at most.
        unpriced_calls: Calls that may lose an unknown amount.
    """

    calls: int = 0
    tokens: int = 0
    size_bytes: int = 0
    priced_calls: int = 0
    priced_usd: Decimal = Decimal(0)
    unpriced_calls: int = 0

    @property
    def usd(self) -> Decimal | None:
        """The known waste; `None` where no call has a price."""
        return self.priced_usd if self.priced_calls else None

    def add(self, tokens: int, usd: Decimal | None, size_bytes: int = 0) -> None:
        """Add a call that loses tokens, and money if it is known how much."""
        self.calls += 1
        self.tokens += tokens
        self.size_bytes += size_bytes
        if usd is None:
            self.unpriced_calls += 1
        else:
            self.priced_calls += 1
            self.priced_usd += usd

    def add_without_money(self, tokens: int = 0) -> None:
        """Add a call that loses time or quota."""
        self.calls += 1
        self.tokens += tokens

    def include(self, other: WasteTotals) -> None:
        """Add the waste of other calls of the same kind."""
        for figure in fields(self):
            total = getattr(self, figure.name) + getattr(other, figure.name)
            setattr(self, figure.name, total)


@dataclass(slots=True)
class WasteSummary:
    """Totals of waste, by project, model and kind."""

    totals: dict[WasteKey, WasteTotals]

    def get(self, project: str, model_id: str, waste: WasteKind) -> WasteTotals:
        """Get the totals to add to."""
        return self.totals.setdefault(WasteKey(project, model_id, waste), WasteTotals())

    def regroup(self, projects: Container[str], others: str) -> WasteSummary:
        """The same waste, those of all but some projects under another name."""
        regrouped = WasteSummary({})
        for (project, model_id, waste), totals in self.totals.items():
            name = project if project in projects else others
            regrouped.get(name, model_id, waste).include(totals)
        return regrouped

    def ranked(self) -> list[tuple[WasteKey, WasteTotals]]:
        """All waste: the most money first, then the most tokens, then by name."""
        return sorted(
            self.totals.items(),
            key=lambda item: (-item[1].priced_usd, -item[1].tokens, item[0]),
        )


MEANINGS = {
    WasteKind.FAILED_CALLS: (
        "at most: tokens of failed calls, except throttled calls, as if they had succeeded. Whether"
        " AWS bills them is not in the log"
    ),
    WasteKind.THROTTLED_CALLS: (
        "at most: tokens of throttled calls where the log has them, as if they had succeeded"
    ),
    WasteKind.RETRIED_CALLS: (
        "at most: throttled calls after which the same caller called the same model again within a"
        " minute. What that costs is time; the call that succeeds did the work"
    ),
    WasteKind.UNREAD_CACHE_WRITES: (
        "at least: what cache writes cost more than plain input, where no caller read"
        " any cache of the model in that Region for as long as they can have lived. Where the log"
        " does not say how long, an hour. Writes that may live on when the log ends are not judged"
    ),
    WasteKind.REPEATED_PREFIXES: (
        "at most: beginnings of requests (tools, system prompt, messages) that the same caller had"
        " sent to the same model within five minutes, in calls without any caching; what reading"
        " them from a cache would have saved. Of 1,000 tokens at least, which no model goes below;"
        " the least size of this model is not known, nor is the price of the first write deducted"
    ),
    WasteKind.OVERSIZE_MAX_TOKENS: (
        "quota, no money: tokens that max_tokens allowed and the answer did not use, where it was"
        " ten times the answer and more. Bedrock takes them off the quota while a call runs"
    ),
}
"""The meaning of each figure, and its certainty."""
