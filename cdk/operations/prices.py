"""Renews the price book that is shipped, and says what it covers: `make prices`.

Of each model the first source is taken that knows it; where it does not tell areas or tiers apart,
the next one that does: genai-prices, litellm and, with credentials, the AWS Price List.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from cdk.operations.account import open_session, refusal
from cdk.operations.price_list import PriceList, fetch_price_list, told_apart
from cdk.operations.price_sources import completed, prices_of_genai_prices, prices_of_litellm, renew
from cdk.operations.terminal import CommandError, run_command
from lambdas.domain.invocations.model import foundation_model_id
from lambdas.domain.pricing import (
    Price,
    PriceBook,
    PriceConflictError,
    TokenKind,
    price_areas,
)
from lambdas.domain.pricing.price import ANYWHERE, REGIONAL, USUAL
from lambdas.domain.pricing.price_book import name_and_version
from lambdas.domain.pricing.shipped import FILE_NAME, read_prices, write_prices

_ROOT = Path(__file__).parents[2]
BOOK = _ROOT / "lambdas" / "domain" / "pricing" / FILE_NAME
"""Where the price book is."""
_LITELLM_FILE = "model_prices_and_context_window_backup.json"
_NOT_READ = "No AWS credentials: the AWS Price List was not read."
_SAMPLES = _ROOT / "tests" / "fixtures" / "invocation-logs.ndjson"


def main() -> None:
    """Renew the price book."""
    options = _parse_arguments()
    today = datetime.now(UTC).date()
    ours = list(prices_of_genai_prices(today))
    others = _of_litellm(options.litellm, today)
    known = {_named(it) for it in ours}
    told = [_completed(it, others) for it in ours]
    told += [it for it in others if _named(it) not in known or _tells_apart(it, ours)]
    standing = list(read_prices(BOOK.read_text())) if BOOK.exists() else []
    book = _renewed(standing, told, today)
    listed = _of_aws(today)
    checked = [_NOT_READ] if listed is None else list(_against(listed, book, today))
    if listed is not None:
        public = _renewed((), told, today)
        told += [it for it in told_apart(listed.prices, public) if _fills_a_gap(it, public, today)]
        book = _renewed(standing, told, today)
    BOOK.write_text(write_prices(book))
    added = len(book) - len(standing)
    filled = sum(it not in standing for it in book) - added
    print(f"{FILE_NAME}: {len(book)} prices of {len({_name(it) for it in book})} models,", end=" ")
    print(f"{added} of them new, {filled} filled in.\n")
    differences = _differences(ours, others)
    for line in (*_coverage(book), "", *differences, "", *checked, "", *_unpriced(book, today)):
        print(line)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("prices", description=__doc__, allow_abbrev=False)
    parser.add_argument("--litellm", type=Path, required=True, help="where litellm is unpacked")
    return parser.parse_args()


def _of_litellm(folder: Path, today: date) -> list[Price]:
    try:
        text = (folder / "litellm" / _LITELLM_FILE).read_text()
        (about,) = folder.glob("litellm-*.dist-info")
    except (OSError, ValueError) as error:
        message = f"{folder} has no litellm: run make prices."
        raise CommandError(message) from error
    source = about.name.removesuffix(".dist-info").replace("-", " ")
    return list(prices_of_litellm(text, source, today))


def _of_aws(today: date) -> PriceList | None:
    session = open_session()
    try:
        return None if session.get_credentials() is None else fetch_price_list(session, today)
    except (BotoCoreError, ClientError) as error:
        message = (
            f"{refusal(error)} Allow pricing:GetProducts and bedrock:ListFoundationModels, log in,"
            " or wait where it was too busy. Without credentials the AWS Price List is left out."
        )
        raise CommandError(message) from None


def _renewed(standing: Iterable[Price], told: Iterable[Price], today: date) -> PriceBook:
    try:
        return PriceBook(renew(standing, told, today))
    except PriceConflictError as error:
        message = (
            f"{error} Run make prices again on a later day, or take what stands out of"
            f" {FILE_NAME} if nothing was priced by it yet."
        )
        raise CommandError(message) from error


def _name(price: Price) -> str:
    return name_and_version(price.model_id)[0]


def _named(price: Price) -> tuple[str, str | None]:
    return _name(price), price.service_tier


def _counterpart(price: Price, others: Iterable[Price]) -> Price | None:
    """The same price as another source tells it: of its area, else of any."""
    told = {
        it.area: it
        for it in others
        if it.service_tier == price.service_tier
        and name_and_version(it.model_id) == name_and_version(price.model_id)
    }
    return told.get(price.area, told.get(ANYWHERE))


def _completed(price: Price, others: Iterable[Price]) -> Price:
    other = _counterpart(price, others)
    return price if other is None else completed(price, other)


def _tells_apart(price: Price, ours: Iterable[Price]) -> bool:
    """Whether its area is one that the first source, which knows the model, does not tell apart."""
    areas = {it.area for it in ours if _named(it) == _named(price)}
    return price.area not in areas and (price.area not in USUAL or ANYWHERE in areas)


def _coverage(book: Iterable[Price]) -> Iterable[str]:
    models: defaultdict[TokenKind, set[str]] = defaultdict(set)
    for price in book:
        for kind in price.rates[0].usd_per_million:
            models[kind].add(_name(price))
    yield "Models with a price of:"
    for kind in TokenKind:
        yield f"  {kind.value:<16} {len(models[kind]):>4}"
    tiers = Counter(tier for _, tier in {_named(it) for it in book} if tier)
    yield f"Models with a price of a service tier: {_listed(tiers)}"
    yield "Prices by source:"
    for source, count in Counter(it.source for it in book).most_common():
        yield f"  {source:<24} {count:>4}"


def _differences(ours: Sequence[Price], others: Sequence[Price]) -> Iterable[str]:
    """Where two sources know a model, how far apart they are. The first one is taken."""
    equal: list[tuple[str, int]] = []
    different: list[tuple[str, int]] = []
    for price in ours:
        other = _counterpart(price, others)
        if other is not None:
            apart = _apart(price, other)
            (different if apart else equal).append((f"{price.model_id} ({price.area})", apart))
    yield f"Told by both: {len(equal)} the same, {len(different)} different (the first stands):"
    for model_id, apart in sorted(different, key=lambda it: -it[1]):
        yield f"  {model_id:<56} by {apart} %"


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in sorted(counts.items())) or "none"


def _apart(one: Price, other: Price) -> int:
    """By how many per cent the kinds that both know differ at the most, rounded up."""
    left, right = one.rates[0].usd_per_million, other.rates[0].usd_per_million
    return max(
        -int(-abs(left[kind] - right[kind]) * 100 // left[kind])
        for kind in left.keys() & right.keys()
    )


def _against(listed: PriceList, book: PriceBook, today: date) -> Iterable[str]:
    """Where AWS's own list says something else than the book, and what of it was not understood."""
    areas: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for price in listed.prices:
        known = _closest(book, price, today)
        if known is None:
            continue
        model = f"{price.model_id}, {price.service_tier}" if price.service_tier else price.model_id
        for kind in _different_kinds(price, known):
            usd, ours = (it.rates[0].usd_per_million[kind] for it in (price, known))
            what = f"{kind} {usd:f}, here {ours:f} ({known.area}, {known.source})"
            areas[model, what].append(price.area)
    counts = f"{len(listed.prices)} prices, {len(areas)} rates that the book had otherwise"
    yield f"AWS Price List: {counts}:"
    for (model, what), where in sorted(areas.items()):
        yield f"  {model} ({', '.join(sorted(where))}): {what}"
    yield f"  Names of no model, or of several: {', '.join(listed.unknown) or 'none'}"
    yield f"  Told twice and differently, so not taken: {', '.join(listed.ambiguous) or 'none'}"


def _fills_a_gap(price: Price, public: PriceBook, today: date) -> bool:
    """Whether other sources have no price in its place, or do not tell its area apart.

    Theirs stays where it tells more: kinds of tokens, or the price of large calls.
    """
    known = _closest(public, price, today)
    if known is None or price.area in {known.area, ANYWHERE}:
        return known is None
    tells_less = len(known.rates) > 1 or bool(
        known.rates[0].usd_per_million.keys() - price.rates[0].usd_per_million.keys()
    )
    return not tells_less and bool(_different_kinds(price, known))


def _closest(book: PriceBook, price: Price, today: date) -> Price | None:
    """The price that calls of a price's model, area and tier have in a book."""
    area = price.area
    usual = (area, ANYWHERE, *((REGIONAL,) if area == ANYWHERE else ()))
    areas = usual if area in USUAL else price_areas("", area)
    return book.price_in(price.model_id, areas, today, price.service_tier)


def _different_kinds(one: Price, other: Price) -> list[TokenKind]:
    left, right = one.rates[0].usd_per_million, other.rates[0].usd_per_million
    return [it for it in TokenKind if it in left and it in right and left[it] != right[it]]


def _unpriced(book: PriceBook, today: date) -> Iterable[str]:
    told = {str(json.loads(line).get("modelId")) for line in _SAMPLES.read_text().splitlines()}
    called = {it for it in told if "." in it}  # some are made up
    missing = sorted(
        {
            model_id
            for it in called
            if book.price_of(model_id := foundation_model_id(it), it, "us-east-1", today) is None
        }
    )
    yield f"Models of the samples without a price: {', '.join(missing) or 'none'}"


if __name__ == "__main__":
    run_command("prices", main)
