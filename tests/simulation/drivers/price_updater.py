"""The price list, which has a price of the new model from some hour on."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from lambdas.domain.pricing import Routing, TokenKind
from lambdas.domain.pricing.editions import (
    InvalidPriceDocumentError,
    ListedRate,
    Listing,
    PointerMovedError,
    PriceEditionsUnavailableError,
)
from lambdas.domain.pricing.price_list_source import PriceListUnavailableError
from lambdas.services.update_prices import PriceUpdater, PriceUpdateRunner
from tests.builders import HAIKU_3, PRICES
from tests.fakes import InMemoryPriceList
from tests.simulation.account import Account
from tests.simulation.drivers.books import editions
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END
from tests.simulation.ports import Port
from tests.simulation.traffic import NEW_MODEL
from tests.simulation.world import START

NEW_USD = {TokenKind.INPUT: Decimal(3), TokenKind.OUTPUT: Decimal(15)}
"""The prices of a million tokens of the new model."""
_OLD_USD = {TokenKind.INPUT: Decimal("0.25"), TokenKind.OUTPUT: Decimal("1.25")}
_LISTED_HOURS = (0.5, 14)


class PriceUpdaterDriver(Driver):
    """Publishes what the price list lists."""

    function = "price_updater"
    expected_errors = (
        PriceListUnavailableError,
        PriceEditionsUnavailableError,
        InvalidPriceDocumentError,
        PointerMovedError,
    )

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._price_list = InMemoryPriceList(_listing("1", {HAIKU_3: _OLD_USD}))

    def make(self) -> PriceUpdateRunner:
        price_list: Any = Port(
            self.account.world, self._price_list, PriceListUnavailableError, is_read=True
        )
        return PriceUpdateRunner(
            PriceUpdater(editions=editions(self.account), price_list=price_list, shipped=PRICES)
        )

    def run(self, _event: Any) -> dict[str, Any]:
        answer: dict[str, Any] = self.service.check(self.account.now, lambda: True)
        return answer

    def start(self) -> None:
        world = self.account.world
        self.every(timedelta(hours=9), START + timedelta(hours=2), END, retries=1)
        world.after(world.random.uniform(*_LISTED_HOURS) * 3600, self._list_new_model)

    def _list_new_model(self) -> None:
        listing = _listing("2", {HAIKU_3: _OLD_USD, NEW_MODEL: NEW_USD})
        self._price_list.listings = {listing.offer: listing}


def _listing(version: str, models: dict[str, dict[TokenKind, Decimal]]) -> Listing:
    rates = tuple(
        ListedRate(model_id=model, routing=Routing.REGION, place="us-east-1", item=kind, usd=usd)
        for model, prices in models.items()
        for kind, usd in prices.items()
    )
    return Listing(
        offer="AmazonBedrock",
        region="us-east-1",
        version=version,
        rates=rates,
        unmapped_names=(),
        left_out={},
    )
