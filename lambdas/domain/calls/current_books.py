"""The books that enrich calls, at the prices in force."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lambdas.domain.attribution import AttributionRules
from lambdas.domain.calls.books import CallBooks, TagBook
from lambdas.domain.pricing.current_pricing import CurrentPricing


@dataclass(frozen=True, slots=True)
class CurrentBooks:
    """All that enriches calls, for processes that outlive a price edition.

    Attributes:
        tags: The tags of resources.
        rules: The rules of attribution.
        pricing: The prices in force.
    """

    tags: TagBook
    rules: AttributionRules
    pricing: CurrentPricing

    def get(self) -> CallBooks:
        """Get the books at the prices in force."""
        return CallBooks(self.tags, self.rules, self.pricing.get())

    def get_published(self, now: datetime) -> CallBooks:
        """Get the books at the prices that calls are published at."""
        return CallBooks(self.tags, self.rules, self.pricing.get_published(now))
