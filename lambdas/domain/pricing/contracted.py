"""Contracted prices: other rates, discounts, prices of custom models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import lru_cache

from lambdas.domain.pricing.price import TokenKind, UsdPerMillion
from lambdas.domain.pricing.price_book import is_same_model

_REST = "*"
_MAX_LOOKUPS = 4096
_HUNDRED = Decimal(100)
_HUNDREDTH_EXPONENT = -2


@dataclass(frozen=True, slots=True)
class ContractedPrice:
    """A contracted price that replaces the list price from a date on.

    Attributes:
        model: The foundation model's id; one that ends in `*` matches all models that begin so.
        effective_from: The first day, UTC.
        usd_per_million: The contracted rates by kind; other kinds have their list price.
        discount_percent: The discount on the list price of kinds without a contracted rate.
        service_tier: The tier of the calls; `None` for the standard tier, and for every tier if
            the price is a discount alone.
    """

    model: str
    effective_from: date
    usd_per_million: UsdPerMillion
    discount_percent: Decimal = Decimal(0)
    service_tier: str | None = None

    def applies_to(self, model_id: str) -> bool:
        """Return true when the price applies to a model, see `is_same_model`."""
        if self.model.endswith(_REST):
            return model_id.startswith(self.model.removesuffix(_REST))
        return is_same_model(self.model, model_id)

    def holds_in(self, service_tier: str | None) -> bool:
        """Return true when the price applies to calls in a tier; `None` for the standard one."""
        is_discount_alone = self.service_tier is None and not self.usd_per_million
        return is_discount_alone or self.service_tier == service_tier

    @property
    def share_paid(self) -> Decimal:
        """The share of a list price that is paid where no rate is contracted."""
        return (_HUNDRED - self.discount_percent).scaleb(_HUNDREDTH_EXPONENT)

    def get_usd_per_million(self, kind: TokenKind, list_usd: Decimal | None) -> Decimal | None:
        """Get the price of a kind of tokens; `None` where it has neither rate nor list price."""
        usd = self.usd_per_million.get(kind)
        return list_usd * self.share_paid if usd is None and list_usd is not None else usd

    def apply_to(self, listed: UsdPerMillion) -> UsdPerMillion:
        """Get the prices of all kinds, where these are listed."""
        share = self.share_paid
        return {kind: usd * share for kind, usd in listed.items()} | dict(self.usd_per_million)


class ContractedPrices:
    """Contracted prices by model and date."""

    def __init__(self, prices: Sequence[ContractedPrice] = ()) -> None:
        """Index prices; the closest name decides, then the tier, then the latest date."""
        self._prices = prices
        self._look_up_memoized = lru_cache(_MAX_LOOKUPS)(self._look_up)

    def __iter__(self) -> Iterator[ContractedPrice]:
        """All contracted prices, in any order."""
        return iter(self._prices)

    def get_price(
        self, model_id: str, day: date, service_tier: str | None = None
    ) -> ContractedPrice | None:
        """Get the contracted price of a model in a tier on a day; `None` without a contract."""
        return self._look_up_memoized(model_id, day, service_tier) if self._prices else None

    def _look_up(
        self, model_id: str, day: date, service_tier: str | None
    ) -> ContractedPrice | None:
        fitting = [
            price
            for price in self._prices
            if price.effective_from <= day
            and price.holds_in(service_tier)
            and price.applies_to(model_id)
        ]
        return max(fitting, key=_closeness, default=None)


def _closeness(price: ContractedPrice) -> tuple[bool, int, bool, date]:
    is_exact = not price.model.endswith(_REST)
    return is_exact, len(price.model), price.service_tier is not None, price.effective_from
