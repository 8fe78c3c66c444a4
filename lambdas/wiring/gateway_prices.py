"""The prices of the gateway: those in force, loaded for the first limit in US dollars."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from threading import Lock
from time import monotonic

from lambdas.domain.invocations import AskedCall, ServedCall, TokenCounts
from lambdas.domain.limit_policies import PricesUnavailableError, TokenPrices
from lambdas.wiring.gateway_settings import RelaySettings

RETRY_SECONDS = 10.0
"""The time for which prices that could not be read are not asked for again."""


class LazyPrices:
    """Prices that take long to load: a gateway without limits in US dollars never loads them.

    The first edition has to be read before a call is priced: the shipped prices may be lower.
    After that, a newer edition is looked for as every function does, and the last one stays in
    force while that fails.
    """

    def __init__(self, settings: RelaySettings, clock: Callable[[], float] = monotonic) -> None:
        """Price calls in a Region.

        Args:
            settings: The Region, contracted prices and the bucket of editions.
            clock: The seconds of a clock that never goes back.
        """
        self._settings = settings
        self._clock = clock
        self._prices: TokenPrices | None = None
        self._retry_at: float | None = None
        self._lock = Lock()

    def price(
        self, asked: AskedCall, tokens: TokenCounts, served: ServedCall | None = None
    ) -> Decimal | None:
        """Price a call; `None` if a price is not known.

        Raises:
            PricesUnavailableError: The prices in force cannot be read, and were not before.
        """
        prices = self._prices
        if prices is None:
            with self._lock:  # calls of one process wait for the first one, and load nothing twice
                prices = self._prices = self._prices or self._load()
        return prices.price(asked, tokens, served)

    def _load(self) -> TokenPrices:
        now = self._clock()
        if self._retry_at is not None and now < self._retry_at:
            raise PricesUnavailableError
        try:
            return _load_prices(self._settings, self._clock)
        except PricesUnavailableError:
            self._retry_at = self._clock() + RETRY_SECONDS
            raise


def _load_prices(settings: RelaySettings, clock: Callable[[], float]) -> TokenPrices:
    # All of these take long to import.
    from lambdas.domain.calls import CallPrices  # noqa: PLC0415
    from lambdas.domain.pricing.editions import PriceEditionsError  # noqa: PLC0415
    from lambdas.domain.pricing.price_book import PriceConflictError  # noqa: PLC0415
    from lambdas.wiring.call_settings import PricingSettings  # noqa: PLC0415
    from lambdas.wiring.pricing import load_pricing, report_price_failure  # noqa: PLC0415

    read = PricingSettings.model_validate(
        {name: getattr(settings, name) for name in PricingSettings.model_fields}
    )
    try:
        pricing = load_pricing(read, clock)
    except (PriceEditionsError, PriceConflictError) as error:
        report_price_failure(str(error))
        raise PricesUnavailableError from error
    return CallPrices(pricing.get, settings.region)
