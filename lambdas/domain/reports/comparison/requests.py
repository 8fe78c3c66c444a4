"""Finds repeated prefixes and unused reservations in requests whose content is logged."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import TypeAlias

from lambdas.domain.pricing import TokenKind, UsdPerMillion
from lambdas.domain.reports.comparison.cache_writes import SHORT_LIFETIME
from lambdas.domain.reports.comparison.calls import ObservedCall
from lambdas.domain.reports.comparison.request_outline import Prefix, RequestOutline
from lambdas.domain.reports.comparison.waste import WasteKind, WasteSummary

OVERSIZE_RATIO = 10
"""`max_tokens` is too large from so many times the output on ..."""
OVERSIZE_TOKENS = 1000
"""... if it is so many tokens more."""
LEAST_CACHED_TOKENS = 1000
"""Shorter beginnings no model caches; many models need longer ones.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html
"""
MAX_BEGINNINGS = 200_000
"""The number of beginnings that are kept; past that, the least recently seen are dropped."""

_OF_A_MILLION = -6  # places of the decimal point
_Caller: TypeAlias = tuple[str, str, str, str]


@dataclass(slots=True)
class Requests:
    """Finds waste in the requests of successful calls."""

    waste: WasteSummary
    max_beginnings: int = MAX_BEGINNINGS
    _seen: OrderedDict[tuple[_Caller, int], datetime] = field(default_factory=OrderedDict)

    def observe(self, call: ObservedCall, outline: RequestOutline) -> None:
        """Take in a call and the outline of its request; calls come in order of time."""
        if call.is_failed:
            return
        model_id = call.priced.model_id
        self._look_at_limit(call, outline, model_id)
        repeated = self._store(call, outline, model_id)
        tokens = call.tokens
        if repeated and tokens.input and not (tokens.cache_read or tokens.cache_write):
            # A token is a byte at least.
            count = min(tokens.input, repeated.size_bytes)
            if count < LEAST_CACHED_TOKENS:
                return
            waste = self.waste.get(call.project, model_id, WasteKind.REPEATED_PREFIXES)
            waste.add(count, _saved_by_cache(count, call.priced.rates), repeated.size_bytes)

    def _look_at_limit(self, call: ObservedCall, outline: RequestOutline, model_id: str) -> None:
        output = call.tokens.output
        if outline.max_tokens is None or output is None:
            return
        idle = outline.max_tokens - output
        if idle >= OVERSIZE_TOKENS and outline.max_tokens >= OVERSIZE_RATIO * output:
            waste = self.waste.get(call.project, model_id, WasteKind.OVERSIZE_MAX_TOKENS)
            waste.add_without_money(idle)

    def _store(self, call: ObservedCall, outline: RequestOutline, model_id: str) -> Prefix | None:
        """Store a call's prefixes; return the longest that was stored and is still fresh."""
        caller = (call.account_id, call.region, call.identity_arn, model_id)
        repeated = None
        for prefix in outline.prefixes:
            key = (caller, prefix.digest)
            seen_at = self._seen.pop(key, None)
            if seen_at is not None and call.timestamp - seen_at <= SHORT_LIFETIME:
                repeated = prefix
            self._seen[key] = call.timestamp
        while len(self._seen) > self.max_beginnings:
            self._seen.popitem(last=False)
        return repeated


def _saved_by_cache(count: int, rates: UsdPerMillion) -> Decimal | None:
    """The saving of a cache read over plain input; `None` where a price is not known."""
    if TokenKind.CACHE_READ not in rates or TokenKind.INPUT not in rates:
        return None
    saved = max(rates[TokenKind.INPUT] - rates[TokenKind.CACHE_READ], Decimal(0))
    return (count * saved).scaleb(_OF_A_MILLION)
