"""Enriches many calls of log files: it prices and attributes those that are alike only once."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from typing import TypeAlias, TypeVar

from lambdas.domain.attribution import Attribution, AttributionRules
from lambdas.domain.calls.enriched_call import EnrichedCall
from lambdas.domain.calls.enricher import CallEnricher
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.pricing import CallCost, CallModels, Cost, Pricing
from lambdas.domain.pricing.billed_usage import price_alike

MAX_MEMOIZED = 100_000
"""Of each kind of result. Callers can give each call its own model or metadata."""

_Key: TypeAlias = tuple[object, ...]
_Result = TypeVar("_Result")


class MemoizedEnricher:
    """Enriches calls exactly as `CallEnricher` does, without tags of resources."""

    def __init__(
        self, pricing: Pricing, rules: AttributionRules, max_memoized: int = MAX_MEMOIZED
    ) -> None:
        """Enrich by the prices and rules of a configuration.

        Args:
            pricing: The prices of calls.
            rules: The rules of attribution.
            max_memoized: The number of results of each kind that are kept.
        """
        self._max_memoized = max_memoized
        self._enricher = CallEnricher(pricing, rules)
        self._size_steps = pricing.size_steps
        self._changes = rules.list_changes()
        self._models: dict[_Key, CallModels] = {}
        self._attributions: dict[_Key, Attribution] = {}
        self._costs: dict[_Key, CallCost] = {}

    def enrich(self, record: UsageRecord) -> EnrichedCall:
        """Enrich a call, successful or not."""
        if record.conflicts is not None:
            return self._enricher.enrich(record)
        variant = record.model_id, record.invoked_model_id, record.service_tier
        models = self._models.get(variant)
        if models is None:
            models = self._memoize(self._models, variant, self._enricher.find_models(record))
        cost = None if record.is_failed else self._price(record, models)
        return EnrichedCall(record, models, self._attribute(record), cost)

    def _attribute(self, record: UsageRecord) -> Attribution:
        key = (
            record.identity_arn,
            record.invoked_model_id,
            record.model_id,
            record.request_metadata,
            bisect_right(self._changes, record.timestamp) if self._changes else 0,
        )
        found = self._attributions.get(key)
        if found is None:
            found = self._memoize(self._attributions, key, self._enricher.attribute(record))
        return found

    def _price(self, record: UsageRecord, models: CallModels) -> CallCost:
        input_, output, read, write, write_1h = tokens = record.tokens
        size, largest = (input_ or 0) + (read or 0) + (write or 0), record.largest_sampling_tokens
        key = (
            models.own,
            record.timestamp.date(),
            record.region,
            record.billed_units,
            bisect_left(self._size_steps, size if largest is None else min(size, largest)),
            # The kinds of tokens that the call uses.
            input_ is output is None,
            not input_,
            not output,
            not read,
            (write or 0) == (write_1h or 0),
            not write_1h,
        )
        found = self._costs.get(key)
        if found is None:
            return self._memoize(self._costs, key, self._enricher.price(record, models))
        return price_alike(found, tokens) if isinstance(found, Cost) else found

    def _memoize(self, results: dict[_Key, _Result], key: _Key, result: _Result) -> _Result:
        if len(results) >= self._max_memoized:
            results.clear()
        results[key] = result
        return result
