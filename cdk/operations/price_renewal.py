"""Renews a price book: prices of a source become new rows, and no row is changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from cdk.operations.price_sources.price_rows import (
    Amounts,
    Measure,
    PriceEntry,
    build_row,
    read_amounts,
)
from lambdas.domain.pricing import (
    Price,
    PriceBook,
    Routing,
)
from lambdas.domain.pricing.overlay import PRICE_LIST
from lambdas.domain.pricing.price_book import is_same_model, name_and_version
from lambdas.domain.pricing.routes import EVERY_REGION


class KeptReason(StrEnum):
    """The reason that the book keeps its own price although a source lists a different one."""

    CHOSEN = "its row gives a reason"
    CLOSER = "it follows AWS's own list, or readers of that list"


class Difference(NamedTuple):
    """A source's price that the book does not use.

    Attributes:
        price: The row in force.
        measure: The kind of tokens or the unit.
        above_input_tokens: The size of a call above which both hold.
        usd: The figure in the book.
        listed_usd: The figure of the source.
        source: The source.
        why: The reason for which the book keeps its own.
    """

    price: Price
    measure: Measure
    above_input_tokens: int
    usd: Decimal
    listed_usd: Decimal
    source: str
    why: KeptReason


@dataclass(slots=True)
class Renewal:
    """The outcome of comparing a book with a source.

    Attributes:
        added: Rows of figures that the book did not have.
        corrected: Rows that supersede figures of the same day, which other sources had misread.
        changed: Rows of prices that changed.
        differences: Figures that the book does not follow.
        same: The number of figures on which both agree.
    """

    added: list[Price] = field(default_factory=list)
    corrected: list[Price] = field(default_factory=list)
    changed: list[Price] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    same: int = 0

    @property
    def rows(self) -> list[Price]:
        """All rows to add to the book."""
        return [*self.added, *self.corrected, *self.changed]


def renew(book: PriceBook, listed: Iterable[Price], today: date, *, follows: bool) -> Renewal:
    """Compare a book with a source.

    Args:
        book: The book.
        listed: The prices of the source.
        today: The day, UTC.
        follows: True if the book follows the source where both differ.
    """
    compare = renew_from_price_list if follows else renew_from_others
    return compare(book, listed, today)


def renew_from_price_list(book: PriceBook, listed: Iterable[Price], today: date) -> Renewal:
    """Compare a book with AWS's own list, which it follows but for rows that give a reason.

    A figure that differs corrects what another source had misread, from the same day on; where the
    book has it from AWS's list already, the price has changed, from today on.
    """
    in_force, renewal = _PricesInForce(book), Renewal()
    for price in listed:
        entry, known, new, other = in_force.compare(price, today, renewal)
        if new:
            renewal.added.append(build_row(entry, new, price.source, price.read_on))
        by_row: defaultdict[int, Amounts] = defaultdict(dict)
        rows = {id(row): row for _, row in known.values()}
        for key, usd in other.items():
            row = known[key].price
            if row.reason is None or row.source.startswith(PRICE_LIST):
                by_row[id(row)][key] = usd
            else:
                renewal.differences.append(
                    _difference(known[key], key, usd, price, KeptReason.CHOSEN)
                )
        for row_id, amounts in by_row.items():
            row = rows[row_id]
            whole = amounts | _larger_sizes(amounts, known)
            renewed = build_row(entry, whole, price.source, price.read_on)
            if row.source.startswith(PRICE_LIST):
                renewal.changed.append(replace(renewed, effective_from=today))
            else:
                reason = f"AWS's own list, against {row.source}"
                renewal.corrected.append(
                    replace(renewed, effective_from=row.effective_from, reason=reason)
                )
    return renewal


def renew_from_others(book: PriceBook, listed: Iterable[Price], today: date) -> Renewal:
    """Compare a book with another public source, which only fills the book's gaps.

    A source's figures are added to a scope where it agrees with the book on all others. Its own
    later price holds where the book has the earlier one from it.
    """
    in_force, renewal = _PricesInForce(book), Renewal()
    rows = list(listed)
    renewal.added += [price for price in rows if not book.knows(price.model_id)]
    for price in _in_force_or_later((row for row in rows if book.knows(row.model_id)), today):
        if in_force.has_worldwide_prices_by_region(price):
            continue
        entry, known, new, other = in_force.compare(price, today, renewal)
        # A known price without prices of large calls in its scope holds for calls of every size.
        fitting = {key: usd for key, usd in new.items() if not (known and key[1])}
        if fitting and not other:
            added = build_row(entry, fitting, price.source, price.read_on)
            renewal.added.append(replace(added, effective_from=price.effective_from))
        for key, usd in other.items():
            row = known[key].price
            why = KeptReason.CLOSER if row.reason is None else KeptReason.CHOSEN
            if _comes_only_from_source(row, price):
                begins = max(price.effective_from or today, today)
                amounts = {key: usd} | _larger_sizes({key: usd}, known)
                renewed = build_row(entry, amounts, price.source, price.read_on)
                renewal.changed.append(replace(renewed, effective_from=begins))
            else:
                renewal.differences.append(_difference(known[key], key, usd, price, why))
    return renewal


def _in_force_or_later(listed: Iterable[Price], today: date) -> list[Price]:
    """The rows that hold today, and those that begin later, of each scope."""
    found: dict[tuple[PriceEntry, date | None], Price] = {}
    for price in sorted(listed, key=lambda row: row.effective_from or date.min):
        entry = PriceEntry.from_price(price)
        found[entry, None if price.holds_on(today) else price.effective_from] = price
    return list(found.values())


class _Known(NamedTuple):
    """A figure in force and its row."""

    usd: Decimal
    price: Price


_KnownAmounts: TypeAlias = dict[tuple[Measure, int], _Known]


class _PricesInForce:
    """The rows of a book, by entry."""

    def __init__(self, book: PriceBook) -> None:
        """Index a book."""
        self._rows: defaultdict[PriceEntry, list[Price]] = defaultdict(list)
        self._spellings: defaultdict[str, set[str]] = defaultdict(set)
        for price in book:
            entry = PriceEntry.from_price(price)
            self._rows[entry].append(price)
            self._spellings[name_and_version(price.model_id)[0]].add(price.model_id)

    def compare(
        self, price: Price, today: date, renewal: Renewal
    ) -> tuple[PriceEntry, _KnownAmounts, Amounts, Amounts]:
        """Compare a listed price with the price in force on its day, or today if it has begun.

        Returns:
            The entry of the price, the book's figures of that entry, and the listed figures that
            are new or differ. Those that agree are counted.
        """
        entry = PriceEntry(
            self._spell(price.model_id), price.routing, price.place, price.service_tier
        )
        day = max(price.effective_from or today, today)
        known = self._in_force(entry, day)
        amounts = read_amounts(price)
        new = {key: usd for key, usd in amounts.items() if key not in known}
        other = {key: usd for key, usd in amounts.items() if key in known and usd != known[key].usd}
        renewal.same += len(amounts) - len(new) - len(other)
        return entry, known, new, other

    def has_worldwide_prices_by_region(self, price: Price) -> bool:
        """True if a global price is of a model whose price depends on the calling Region."""
        if price.routing is not Routing.GLOBAL or price.place != EVERY_REGION:
            return False
        found: defaultdict[tuple[str | None, Measure, int], set[Decimal]] = defaultdict(set)
        for entry, rows in self._rows.items():
            if entry.routing is Routing.GLOBAL and is_same_model(entry.model_id, price.model_id):
                for row in rows if entry.place else ():
                    for key, usd in read_amounts(row).items():
                        found[entry.service_tier, *key].add(usd)
        return any(len(figures) > 1 for figures in found.values())

    def _spell(self, model_id: str) -> str:
        """The spelling of a model that the book has."""
        known = self._spellings.get(name_and_version(model_id)[0], set())
        if model_id in known:
            return model_id
        return next((each for each in sorted(known) if is_same_model(each, model_id)), model_id)

    def _in_force(self, entry: PriceEntry, day: date) -> _KnownAmounts:
        """The figures in force on a day; a later row of a book takes precedence."""
        found: _KnownAmounts = {}
        for price in self._rows.get(entry, []):
            if price.holds_on(day):
                found |= {key: _Known(usd, price) for key, usd in read_amounts(price).items()}
        return found


def _larger_sizes(amounts: Amounts, known: _KnownAmounts) -> Amounts:
    """The prices of large calls that a new row would otherwise hide."""
    measures = {measure for measure, above in amounts if not above}
    return {
        key: figure.usd
        for key, figure in known.items()
        if key[1] and key[0] in measures and key not in amounts
    }


def _difference(
    known: _Known, key: tuple[Measure, int], usd: Decimal, price: Price, why: KeptReason
) -> Difference:
    measure, above = key
    return Difference(known.price, measure, above, known.usd, usd, price.source, why)


def _comes_only_from_source(row: Price, price: Price) -> bool:
    """True if all figures of a row come from an earlier version of the price's source."""
    name, _, _ = price.source.partition(" ")
    return row.source.startswith(name) and "," not in row.source and row.reason is None
