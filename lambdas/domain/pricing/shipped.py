"""The price book that is shipped: `prices.json`, made by `make prices`."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from lambdas.domain.pricing.price import BilledUnit, Price, Rates, Routing, TokenKind
from lambdas.domain.pricing.price_book import PriceBook
from lambdas.domain.words import exact_text

FILE_NAME = "prices.json"
_FILE = Path(__file__).with_name(FILE_NAME)
_KINDS = {kind.value: kind for kind in TokenKind}


@cache
def shipped_prices() -> PriceBook:
    """The shipped price book, read once."""
    return read_price_book(_FILE.read_text(encoding="utf-8"))


def read_price_book(text: str) -> PriceBook:
    """Read a price book that `write_price_book` wrote.

    Raises:
        KeyError, TypeError, ValueError: It is no such text.
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


def write_price_book(book: PriceBook) -> str:
    """Write a price book as JSON; money as text.

    Prices that differ in their place alone share a line, so that a change is a line.
    """
    sources = sorted({(price.source, price.read_on) for price in book})
    places: defaultdict[str, list[str]] = defaultdict(list)
    for price in book:
        places[json.dumps(_row(price, sources.index((price.source, price.read_on))))].append(
            price.place
        )
    head = {
        "edition": book.edition,
        "sources": [{"name": name, "read_on": read_on.isoformat()} for name, read_on in sources],
    }
    lines = [f'{row[:-1]}, "places": {json.dumps(found)}}}' for row, found in places.items()]
    return f'{_lines(head)},\n"prices": [\n' + ",\n".join(lines) + "\n]}\n"


def _lines(head: Mapping[str, Any]) -> str:
    sources: Sequence[Any] = head["sources"]
    listed = ",\n".join(json.dumps(source) for source in sources)
    return f'{{"edition": {json.dumps(head["edition"])},\n"sources": [\n{listed}\n]'


def _row(price: Price, source: int) -> dict[str, Any]:
    begins = price.effective_from
    return {
        "model": price.model_id,
        "routing": price.routing.value,
        **({"service_tier": price.service_tier} if price.service_tier else {}),
        **({"effective_from": begins.isoformat()} if begins else {}),
        **(
            {
                "usd_per_million": {
                    str(rates.above_input_tokens): _amounts(rates.usd_per_million, TokenKind)
                    for rates in price.rates
                }
            }
            if price.rates
            else {}
        ),
        **(
            {"usd_per_unit": _amounts(price.usd_per_unit, BilledUnit)} if price.usd_per_unit else {}
        ),
        **({"reason": price.reason} if price.reason else {}),
        "source": source,
    }


def _amounts(usd_by_kind: Mapping[Any, Decimal], kinds: Iterable[Any]) -> dict[str, str]:
    return {kind.value: exact_text(usd_by_kind[kind]) for kind in kinds if kind in usd_by_kind}
