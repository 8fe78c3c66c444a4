"""Renews the price book that is shipped: `make prices`.

It reads AWS's own bulk price files, which need no account, and compares the book with genai-prices
and litellm. Rows are added, none is changed. Without a network it makes the comparison alone.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path

from rich.console import Console

from cdk.operations.price_files import HOST, FetchedFiles, fetch_price_files
from cdk.operations.price_renewal import (
    Difference,
    Renewal,
    read_price_list_rows,
    renew_from_others,
    renew_from_price_list,
)
from cdk.operations.price_sources import read_genai_prices, read_litellm_prices
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
from lambdas.domain.pricing.price_list import PriceList, read_price_list
from lambdas.domain.pricing.shipped import FILE_NAME, read_price_book, write_price_book

_ROOT = Path(__file__).parents[2]
BOOK = _ROOT / "lambdas" / "domain" / "pricing" / FILE_NAME
"""The price book."""
_LITELLM_FILE = "model_prices_and_context_window_backup.json"
_SAMPLES = _ROOT / "tests" / "fixtures" / "invocation-logs.ndjson"
_MAX_LINES = 40


def renew_prices(litellm: Path, *, is_offline: bool = False) -> None:
    """Renew the price book, and print what is new and what differs.

    Args:
        litellm: The folder where litellm is unpacked.
        is_offline: Read no files from AWS.

    Raises:
        CommandError: A source is missing, or a price was changed twice on one day.
    """
    console = open_console()
    today = datetime.now(UTC).date()
    standing = read_price_book(BOOK.read_text())
    others = [*read_genai_prices(today), *_read_litellm(litellm, today)]
    fetched = FetchedFiles((), ()) if is_offline else _fetch(console)
    listed = read_price_list(fetched.files, today)
    rows = list(read_price_list_rows(listed, standing, today))
    own = renew_from_price_list(standing, rows, today)
    book = _extended(standing, own, today)
    secondary = renew_from_others(book, others, today)
    book = _extended(book, secondary, today)
    if list(book) != list(standing):
        BOOK.write_text(write_price_book(book))
    for line in (
        *_describe_fetch(fetched, listed, is_offline=is_offline),
        *_describe(own, "AWS's own price files"),
        *_describe(secondary, "genai-prices and litellm"),
        *_describe_book(book, standing),
        _describe_samples(book, today),
    ):
        console.print(line, soft_wrap=True)


def _fetch(console: Console) -> FetchedFiles:
    with console.status("Reading AWS's price files") as status:
        return fetch_price_files(progress=lambda name: status.update(f"Reading {name}"))


def _read_litellm(folder: Path, today: date) -> Iterator[Price]:
    try:
        text = (folder / "litellm" / _LITELLM_FILE).read_text()
        (about,) = folder.glob("litellm-*.dist-info")
    except (OSError, ValueError) as error:
        message = f"{folder} has no litellm: run make prices."
        raise CommandError(message) from error
    source = about.name.removesuffix(".dist-info").replace("-", " ")
    return read_litellm_prices(text, source, today)


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


def _describe_fetch(fetched: FetchedFiles, listed: PriceList, *, is_offline: bool) -> Iterator[str]:
    if is_offline:
        yield "AWS's price files were not read (--offline)."
    elif not fetched.files:
        yield f"AWS's price files ({HOST}) could not be read: the book has nothing new from them."
    else:
        yield f"AWS's price files: {len(fetched.files)} read, {len(listed.prices)} prices."
    yield from _listed("not read", fetched.failures)
    names = (f"{name}: {count} rows" for name, count in listed.unmapped_names.items())
    yield from _listed("names of no known model", names)
    ambiguous = (f"{key.model_id} {key.region} {key.measure}" for key in listed.ambiguous)
    yield from _listed("several prices for one thing, so none was taken", ambiguous)
    reasons = (f"{reason}: {count} rows" for reason, count in listed.reasons.items())
    yield from _listed("rows that are no price of a logged call", reasons)


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
        if not book.prices_of(model_id, read_route(invoked, "us-east-1"), today)
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
