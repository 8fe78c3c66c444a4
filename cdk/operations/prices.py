"""Renews the price book that is shipped: `make prices`.

It reads AWS's own bulk price files, which need no account, and compares the book with genai-prices
and litellm. It adds rows and changes no row. Without a network it only makes the comparison.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path

from rich.console import Console

from cdk.operations.price_book_json import write_price_book
from cdk.operations.price_renewal import Difference, Renewal, renew
from cdk.operations.price_sources import AwsPriceList, GenaiPrices, Litellm, SourcePrices
from cdk.operations.price_sources.bulk_files import FetchedFiles, fetch_price_files
from cdk.operations.price_sources.litellm import read_context_windows, read_ends_of_life
from cdk.operations.terminal import CommandError, open_console
from lambdas.domain.invocations.model import foundation_model_id
from lambdas.domain.pricing import (
    Price,
    PriceBook,
    PriceConflictError,
    TokenKind,
    read_route,
)
from lambdas.domain.pricing.price_book import name_and_version
from lambdas.domain.pricing.shipped import FILE_NAME, read_price_book
from lambdas.domain.reports.comparison import LIFECYCLE_FILE, WINDOWS_FILE

_ROOT = Path(__file__).parents[2]
BOOK = _ROOT / "lambdas" / "domain" / "pricing" / FILE_NAME
"""The price book."""
_SAMPLES = _ROOT / "tests" / "fixtures" / "invocation-logs.ndjson"
_MAX_LINES = 40


def renew_prices(litellm: Path, *, is_offline: bool = False) -> None:
    """Renew the price book, and print new prices and differences.

    Args:
        litellm: The folder where litellm is unpacked.
        is_offline: Read no files from AWS.

    Raises:
        CommandError: A source is missing, or a price was changed twice on one day.
    """
    console = open_console()
    today = datetime.now(UTC).date()
    standing = book = read_price_book(BOOK.read_text())
    lines: list[str] = []
    for source in (
        AwsPriceList(None if is_offline else partial(_fetch, console)),
        GenaiPrices(),
        Litellm.open(litellm),
    ):
        read = source.read(standing, today)
        renewal = renew(book, read.rows, today, follows=source.is_authoritative)
        book = _extended(book, renewal, today)
        lines += [*_describe_reading(read), *_describe(renewal, source.name)]
    if list(book) != list(standing):
        BOOK.write_text(write_price_book(book))
    write_model_facts(Litellm.open(litellm).text)
    for line in (*lines, *_describe_book(book, standing), _describe_samples(book, today)):
        console.print(line, soft_wrap=True)


def write_model_facts(text: str) -> None:
    """Write the context windows and ends of life that decide which models are comparable.

    Args:
        text: The content of litellm's file.
    """
    lifecycle = json.loads(LIFECYCLE_FILE.read_text(encoding="utf-8"))
    _write_json(WINDOWS_FILE, read_context_windows(text))
    _write_json(LIFECYCLE_FILE, {**lifecycle, "litellm": read_ends_of_life(text)})


def _write_json(path: Path, facts: object) -> None:
    path.write_text(f"{json.dumps(facts, indent=1, sort_keys=True)}\n", encoding="utf-8")


def _fetch(console: Console) -> FetchedFiles:
    with console.status("Reading AWS's price files") as status:
        return fetch_price_files(progress=lambda name: status.update(f"Reading {name}"))


def _extended(book: PriceBook, renewal: Renewal, today: date) -> PriceBook:
    """A book with the rows of a renewal, in an edition of its own if there are any."""
    if not renewal.rows:
        return book
    try:
        return PriceBook([*book, *renewal.rows], edition=f"{today}")
    except PriceConflictError as error:
        message = (
            f"{error} Run make prices again on a later day, or take what stands out of"
            f" {FILE_NAME} if nothing was priced by it yet."
        )
        raise CommandError(message) from error


def _describe_reading(read: SourcePrices) -> Iterator[str]:
    if read.summary:
        yield read.summary
    for heading, items in read.details.items():
        yield from _listed(heading, items)


def _describe(renewal: Renewal, source: str) -> Iterator[str]:
    yield (
        f"{source}: {renewal.same} figures as in the book, {len(renewal.added)} rows added,"
        f" {len(renewal.corrected)} corrected, {len(renewal.changed)} changed prices."
    )
    yield from _listed("changed", map(_name, renewal.changed))
    yield from _listed("corrected", map(_name, renewal.corrected))
    yield from _listed("differs from the book, which stays", map(_difference, renewal.differences))


def _describe_book(book: PriceBook, standing: PriceBook) -> Iterator[str]:
    models: defaultdict[TokenKind, set[str]] = defaultdict(set)
    for price in book:
        for rates in price.rates[:1]:
            for kind in rates.usd_per_million:
                models[kind].add(name_and_version(price.model_id)[0])
    names = {name_and_version(price.model_id)[0] for price in book}
    yield (
        f"{FILE_NAME}, edition {book.edition}: {len(book)} rows of {len(names)} models,"
        f" {len(book) - len(standing)} of them new."
    )
    yield from _listed(
        "models with a price of", (f"{kind}: {len(models[kind])}" for kind in TokenKind)
    )
    sources = Counter(price.source for price in book)
    yield from _listed("rows by source", (f"{count:>5} {name}" for name, count in sources.items()))


def _describe_samples(book: PriceBook, today: date) -> str:
    called = {str(json.loads(line).get("modelId")) for line in _SAMPLES.read_text().splitlines()}
    missing = sorted(
        model_id
        for invoked in called
        if "." in invoked  # some are made up
        for model_id in [foundation_model_id(invoked)]
        if not book.get_prices(model_id, read_route(invoked, "us-east-1"), today)
    )
    return f"Models of the samples without a price: {', '.join(dict.fromkeys(missing)) or 'none'}"


def _listed(title: str, lines: Iterable[str]) -> Iterator[str]:
    found = list(lines)
    if found:
        yield f"  {title}:"
        yield from (f"    {line}" for line in found[:_MAX_LINES])
    if len(found) > _MAX_LINES:
        yield f"    and {len(found) - _MAX_LINES} more"


def _name(price: Price) -> str:
    tier = f", {price.service_tier}" if price.service_tier else ""
    place = price.place or "every Region"
    return f"{price.model_id} ({price.routing} {place}{tier})"


def _difference(found: Difference) -> str:
    size = f" above {found.above_input_tokens} tokens" if found.above_input_tokens else ""
    return (
        f"{_name(found.price)} {found.measure}{size}: {found.usd:f} in the book,"
        f" {found.listed_usd:f} in {found.source}; {found.why}"
    )
