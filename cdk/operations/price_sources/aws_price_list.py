"""Reads the AWS Price List: bulk files of each Region and offer of Bedrock."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from cdk.operations.price_sources.bulk_files import HOST, FetchedFiles
from cdk.operations.price_sources.price_rows import Amounts, PriceEntry, build_row
from cdk.operations.price_sources.source import SourcePrices
from lambdas.domain.pricing import Price, PriceBook, Routing
from lambdas.domain.pricing.listings import Unusable, large_call_sizes, read_rate_key
from lambdas.domain.pricing.price_list import PriceList, read_price_list

FetchFiles: TypeAlias = Callable[[], FetchedFiles]


@dataclass(frozen=True, slots=True)
class AwsPriceList:
    """AWS's own list, which a book follows but for rows that give a reason.

    Attributes:
        fetch: Fetches the files; `None` to read none.
    """

    fetch: FetchFiles | None
    name: str = "AWS's own price files"
    is_authoritative: bool = True

    def read(self, book: PriceBook, today: date) -> SourcePrices:
        """Fetch the current file of each Region and offer, and read its prices."""
        if self.fetch is None:
            return SourcePrices((), "AWS's price files were not read (--offline).")
        fetched = self.fetch()
        listed = read_price_list(fetched.files, today)
        rows = tuple(read_price_list_rows(listed, book, today))
        return SourcePrices(rows, _summarize(fetched, listed), _list_details(fetched, listed))


def read_price_list_rows(listed: PriceList, book: PriceBook, read_on: date) -> Iterator[Price]:
    """Put the figures of AWS's own list into rows of a price book.

    Batch inference is a tier of its own. `bedrock-mantle` is left out, as it is not in invocation
    logs, and so is what the counts of a log do not separate (speech). AWS lists prices of large
    calls without saying where those begin: they are taken where the book knows that of the model.

    Args:
        listed: The list.
        book: The standing book.
        read_on: The day on which the list was read.
    """
    sizes = large_call_sizes(book)
    found: defaultdict[tuple[PriceEntry, str], Amounts] = defaultdict(dict)
    for key, row in listed.prices.items():
        rate = read_rate_key(key, sizes)
        if isinstance(rate, Unusable):
            continue
        entry = PriceEntry(rate.model_id, rate.routing, rate.place, rate.service_tier)
        amounts = found[entry, listed.sources[row.offer]]
        if key.routing is Routing.GEOGRAPHY:  # the Region's own price takes precedence
            amounts.setdefault((rate.item, rate.above_input_tokens), row.usd)
        else:
            amounts[rate.item, rate.above_input_tokens] = row.usd
    for (entry, source), amounts in found.items():
        yield build_row(entry, amounts, source, read_on)


def _summarize(fetched: FetchedFiles, listed: PriceList) -> str:
    if fetched.files:
        return f"AWS's price files: {len(fetched.files)} read, {len(listed.prices)} prices."
    return f"AWS's price files ({HOST}) could not be read: the book has nothing new from them."


def _list_details(fetched: FetchedFiles, listed: PriceList) -> dict[str, Sequence[str]]:
    return {
        "not read": fetched.failures,
        "names of no known model": [
            f"{name}: {count} rows" for name, count in listed.unmapped_names.items()
        ],
        "several prices for one thing, so none was taken": [
            f"{key.model_id} {key.region} {key.measure}" for key in listed.ambiguous
        ],
        "rows that are no price of a call or a batch job": [
            f"{reason}: {count} rows" for reason, count in listed.reasons.items()
        ],
    }
