"""Finds cache writes that were never read; in doubt, a write counts as read."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from lambdas.domain.pricing import TokenKind, UsdPerMillion, tokens_by_kind
from lambdas.domain.reports.comparison.calls import ObservedCall
from lambdas.domain.reports.comparison.waste import WasteKind, WasteSummary

SHORT_LIFETIME = timedelta(minutes=5)
LONG_LIFETIME = timedelta(hours=1)
"""Source: https://docs.aws.amazon.com/bedrock/latest/userguide/prompt-caching.html"""
SLACK = timedelta(minutes=1)
"""Lifetimes are taken as so much longer: logs do not say when a call began and ended."""

_WRITES = (TokenKind.CACHE_WRITE_5M, TokenKind.CACHE_WRITE_1H)
_OF_A_MILLION = -6  # places of the decimal point
_CacheKey: TypeAlias = tuple[str, str, str]


class _Write(NamedTuple):
    deadline: datetime
    project: str
    tokens: int
    usd: Decimal | None


@dataclass(slots=True)
class _Cache:
    """The caches of one model in one account and Region."""

    read_at: datetime | None = None
    unread: tuple[deque[_Write], deque[_Write]] = field(default_factory=lambda: (deque(), deque()))


@dataclass(slots=True)
class CacheWrites:
    """Follows cache writes until they are read or expire.

    Logs do not say which write a read belongs to. So any read in the same account, Region and
    model counts for all writes that are still alive. Writes stay in memory until they expire.
    """

    waste: WasteSummary
    _caches: dict[_CacheKey, _Cache] = field(default_factory=dict)

    def observe(self, call: ObservedCall) -> None:
        """Take in a call; calls come in order of time."""
        tokens = call.tokens
        if not (tokens.cache_read or tokens.cache_write):
            return
        key = (call.account_id, call.region, call.priced.model_id)
        cache = self._caches.setdefault(key, _Cache())
        self._give_up(key, cache, call.timestamp)
        is_read_by_others = cache.read_at == call.timestamp  # within the same second
        if tokens.cache_read:
            cache.read_at = call.timestamp
            for writes in cache.unread:
                writes.clear()
        if call.is_failed or is_read_by_others:
            return
        written = {kind: n for kind, n in tokens_by_kind(tokens) if kind in _WRITES}
        for kind, count in written.items():
            lives_long = kind is TokenKind.CACHE_WRITE_1H or tokens.cache_write_1h is None
            lifetime = (LONG_LIFETIME if lives_long else SHORT_LIFETIME) + SLACK
            usd = _premium(kind, count, call.priced.rates)
            write = _Write(call.timestamp + lifetime, call.project, count, usd)
            cache.unread[lives_long].append(write)

    def finish(self, end: datetime) -> None:
        """Judge what could have been read until the end of what was observed, and nothing else."""
        for key, cache in self._caches.items():
            self._give_up(key, cache, end)

    def _give_up(self, key: _CacheKey, cache: _Cache, now: datetime) -> None:
        for writes in cache.unread:
            while writes and writes[0].deadline < now:
                write = writes.popleft()
                totals = self.waste.get(write.project, key[-1], WasteKind.UNREAD_CACHE_WRITES)
                totals.add(write.tokens, write.usd)


def _premium(kind: TokenKind, count: int, rates: UsdPerMillion) -> Decimal | None:
    """The extra cost of a cache write over plain input; `None` where a price is not known."""
    if kind not in rates or TokenKind.INPUT not in rates:
        return None
    premium = max(rates[kind] - rates[TokenKind.INPUT], Decimal(0))
    return (count * premium).scaleb(_OF_A_MILLION)
