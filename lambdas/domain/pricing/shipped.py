"""The price book that is shipped: `prices.json`, made by `make prices`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from lambdas.domain.pricing.price import BilledUnit, Price, Rates, Routing, TokenKind
from lambdas.domain.pricing.price_book import PriceBook

FILE_NAME = "prices.json"
_FILE = Path(__file__).with_name(FILE_NAME)
_KINDS = {kind.value: kind for kind in TokenKind}


@cache
def shipped_prices() -> PriceBook:
    """The shipped price book, read once."""
    return read_price_book(_FILE.read_text(encoding="utf-8"))


def read_price_book(text: str) -> PriceBook:
    """Read a price book from the JSON of `prices.json`.

    Raises:
        KeyError, TypeError, ValueError: It is not such a text.
    """
    document = json.loads(text)
    return PriceBook(_read_prices(document), edition=document["edition"])


def _read_prices(document: Mapping[str, Any]) -> Iterator[Price]:
    sources = [
        (source["name"], date.fromisoformat(source["read_on"])) for source in document["sources"]
    ]
    usd = cache(Decimal)
    routings = {routing.value: routing for routing in Routing}
    for row in document["prices"]:
        begins = row.get("effective_from")
        rates = tuple(
            Rates(int(size), {_KINDS[kind]: usd(value) for kind, value in usd_by_kind.items()})
            for size, usd_by_kind in row.get("usd_per_million", {}).items()
        )
        units = {
            BilledUnit(unit): usd(value) for unit, value in row.get("usd_per_unit", {}).items()
        }
        source, read_on = sources[row["source"]]
        for place in row["places"]:
            yield Price(
                row["model"],
                routings[row["routing"]],
                place,
                date.fromisoformat(begins) if begins else None,
                rates,
                source,
                read_on,
                row.get("service_tier"),
                units,
                row.get("reason"),
            )
