"""Layout of `prices.json`, the price book that is shipped: one line per price."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from lambdas.domain.pricing import BilledUnit, Price, PriceBook, TokenKind
from lambdas.domain.words import exact_text


def write_price_book(book: PriceBook) -> str:
    """Write a price book as JSON; money as text.

    Prices that differ only in scope share a line, so that a change is a single line.
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
