"""Calls with everything that a report or a metric needs of them: model, attribution and cost."""

from lambdas.domain.calls.books import CallBooks, TagBook
from lambdas.domain.calls.call_prices import CallPrices
from lambdas.domain.calls.current_books import CurrentBooks
from lambdas.domain.calls.enriched_call import EnrichedCall
from lambdas.domain.calls.enricher import CallEnricher
from lambdas.domain.calls.memoized_enricher import MemoizedEnricher

__all__ = [
    "CallBooks",
    "CallEnricher",
    "CallPrices",
    "CurrentBooks",
    "EnrichedCall",
    "MemoizedEnricher",
    "TagBook",
]
