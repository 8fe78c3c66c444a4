"""Adds to a call its model, its labels and its cost, from books that were opened for it."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.domain.attribution import Attribution, AttributionRules, TagFacts
from lambdas.domain.attribution.precedence import attribute
from lambdas.domain.calls.enriched_call import EnrichedCall
from lambdas.domain.invocations import CallVariant, TokenCounts, UsageRecord
from lambdas.domain.pricing import CallCost, CallModels, DatedPrices, read_models
from lambdas.domain.pricing.billed_usage import add_up_usage
from lambdas.domain.pricing.call_pricing import price_attempt, price_call

_NO_RULES, _NO_FACTS = AttributionRules(), TagFacts()


@dataclass(frozen=True, slots=True)
class CallEnricher:
    """Enriches calls; the result depends on the record and these books alone.

    Attributes:
        prices: The prices of an edition, by the time of the call.
        rules: The rules of attribution.
        facts: Tags of resources with since when they hold, and the models of inference profiles.
    """

    prices: DatedPrices
    rules: AttributionRules = _NO_RULES
    facts: TagFacts = _NO_FACTS

    def enrich(self, record: UsageRecord) -> EnrichedCall:
        """Enrich a call, successful or not."""
        models = self.find_models(record)
        return EnrichedCall(record, models, self.attribute(record), self.price(record, models))

    def enrich_attempt(self, record: UsageRecord) -> EnrichedCall:
        """Enrich a call with the cost that it has as a successful one, even if it failed."""
        models = self.find_models(record)
        cost = price_attempt(record, self.prices.get(record.timestamp), models)
        return EnrichedCall(record, models, self.attribute(record), cost)

    def find_models(self, record: UsageRecord) -> CallModels:
        """Find the foundation models of a call, behind inference profiles as far as they are known.

        A model behind a global profile is priced as called through its own global profile.
        """
        own, disputed = read_models(record)
        return CallModels(self._look_behind(own), tuple(map(self._look_behind, disputed)))

    def attribute(self, record: UsageRecord) -> Attribution:
        """Attribute a call by the tags and rules at its time."""
        return attribute(record, self.facts, self.rules)

    def price(self, record: UsageRecord, models: CallModels) -> CallCost:
        """Price a call as one of its models; `None` for a failed call."""
        return price_call(record, self.prices.get(record.timestamp), models)

    def price_together(
        self, example: UsageRecord, models: CallModels, calls: int, tokens: TokenCounts
    ) -> CallCost:
        """Price calls that have the same prices and differ in nothing but their tokens.

        Args:
            example: One of the calls.
            models: The models that each may be priced as.
            calls: Their number.
            tokens: The tokens of all.
        """
        usage = add_up_usage(example, calls, tokens)
        return price_call(example, self.prices.get(example.timestamp), models, usage)

    def _look_behind(self, variant: CallVariant) -> CallVariant:
        profiled = self.facts.get_profiled_model(variant.invoked_model_id)
        if profiled is None:
            return variant
        return CallVariant(profiled.model_id, profiled.invoked_model_id, variant.service_tier)
