"""The books that enrich calls, and the source of tags."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from lambdas.domain.attribution import AttributionRules, TagFacts, tagged_arns
from lambdas.domain.calls.enriched_call import EnrichedCall
from lambdas.domain.calls.enricher import CallEnricher
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.pricing import DatedPrices


class TagBook(Protocol):
    """A source of tags of resources, and of the models behind inference profiles."""

    def look_up(self, arns: Iterable[str], now: datetime) -> TagFacts:
        """Get the known facts about resources at a time."""


@dataclass(frozen=True, slots=True)
class CallBooks:
    """All that enriches calls.

    Attributes:
        tags: The tags of resources.
        rules: The rules of attribution.
        prices: The prices in force.
    """

    tags: TagBook
    rules: AttributionRules
    prices: DatedPrices

    def open(self, records: Iterable[UsageRecord], now: datetime) -> CallEnricher:
        """Open the books for some calls: look up the tags of their resources once."""
        arns = {arn for record in records for arn in tagged_arns(record)}
        return CallEnricher(self.prices, self.rules, self.tags.look_up(arns, now))

    def enrich(self, records: Sequence[UsageRecord], now: datetime) -> list[EnrichedCall]:
        """Enrich calls, in their order."""
        return list(map(self.open(records, now).enrich, records))
