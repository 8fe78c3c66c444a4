"""The price book that is shipped: `prices.json`, renewed by `make prices`."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from lambdas.domain.pricing.price import Price, Rates, TokenKind
from lambdas.domain.pricing.price_book import PriceBook

FILE_NAME = "prices.json"
_FILE = Path(__file__).with_name(FILE_NAME)
_FIRST = '{"prices": [\n'
_LAST = "\n]}\n"


@cache
def shipped_prices() -> PriceBook:
    """The shipped price book, read once."""
    return PriceBook(read_prices(_FILE.read_text(encoding="utf-8")))


def read_prices(text: str) -> Iterator[Price]:
    """Read prices that `write_prices` wrote.

    Raises:
        KeyError, TypeError, ValueError: It is no such text.
    """
    for told in json.loads(text)["prices"]:
        begins = told["effective_from"]
        yield Price(
            model_id=told["model"],
            area=told["area"],
            effective_from=date.fromisoformat(begins) if begins else None,
            rates=tuple(_rates(it) for it in told["rates"]),
            source=told["source"],
            read_on=date.fromisoformat(told["read_on"]),
            service_tier=told.get("service_tier"),
        )


def _rates(told: Mapping[str, Any]) -> Rates:
    usd = {TokenKind(kind): Decimal(value) for kind, value in told["usd_per_million"].items()}
    return Rates(told["above_input_tokens"], usd)


def write_prices(prices: Iterable[Price]) -> str:
    """Write prices as JSON, one a line, so that a change is a line; money as text."""
    return _FIRST + ",\n".join(json.dumps(_told(it)) for it in prices) + _LAST


def _told(price: Price) -> dict[str, Any]:
    begins = price.effective_from
    return {
        "model": price.model_id,
        "area": price.area,
        **({"service_tier": price.service_tier} if price.service_tier else {}),
        "effective_from": begins.isoformat() if begins else None,
        "rates": [
            {
                "above_input_tokens": it.above_input_tokens,
                "usd_per_million": {
                    kind.value: f"{it.usd_per_million[kind].normalize():f}"
                    for kind in TokenKind
                    if kind in it.usd_per_million
                },
            }
            for it in price.rates
        ],
        "source": price.source,
        "read_on": price.read_on.isoformat(),
    }
