"""Cells of counters: exactly the truth at the edition in force, to the token and pico-dollar."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from lambdas.adapters.dynamodb.counter_items import read_cell
from lambdas.adapters.dynamodb.items import read_key
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.adapters.dynamodb.usage_stream import read_change
from lambdas.domain.counters import (
    FIGURE_NAMES,
    CellKey,
    PriceEdition,
    UsageChange,
    UsageTotals,
)
from lambdas.domain.counters.cells import sum_by_cell
from lambdas.domain.counters.table import CELL_PREFIX
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import LedgerChange
from tests.simulation.account import COUNTERS, LEDGER, Account
from tests.simulation.checks.projection import Difference
from tests.simulation.drivers.counting import SPANS, edition_books
from tests.simulation.traffic import RETENTION


class CellsProjection:
    """All figures of every cell of an hour and of a day."""

    name = "cells"

    def compare(self, account: Account) -> Iterator[Difference]:
        store = DynamoDbUsageCounters(account.dynamodb, COUNTERS, LEDGER, account.pause)
        state = store.read_state()
        if state is None or state.scanning is not None:
            yield Difference(self.name, "finished counts", 1, 0)
            return
        prefix = f"{CELL_PREFIX}{state.generation}#"
        cells = [
            read_cell(item)
            for item in account.tables[COUNTERS].items.values()
            if read_key(item).startswith(prefix)
        ]
        found = {cell.key: cell.totals for cell in cells}
        calls = account.traffic.calls.values()
        expected = _add_up(account, _read(account, calls, state.prices))
        missing = _find_missing(account, state.prices)
        for key in expected.keys() | found.keys() | missing.keys():
            values = (
                cells.get(key, UsageTotals.ZERO).figures for cells in (expected, found, missing)
            )
            for name, figures in zip(FIGURE_NAMES, zip(*values, strict=True), strict=True):
                at_least, stored, unread = figures
                if stored != at_least:
                    yield Difference(
                        self.name, f"{name} of {_describe(key)}", at_least, stored, unread, unread
                    )


def _describe(key: CellKey) -> str:
    labels = key.labels
    return f"{key.span} {key.start:%d %H:%M} {labels.identity_arn} {labels.model_id}"


def _read(
    account: Account, records: Iterable[UsageRecord], edition: PriceEdition
) -> Iterator[UsageChange]:
    reader = edition_books(account).open([], account.now)
    for record in records:
        usage = reader.read(record, edition)
        if usage is not None:
            yield usage


def _add_up(account: Account, changes: Iterable[UsageChange]) -> Mapping[CellKey, UsageTotals]:
    totals: defaultdict[CellKey, UsageTotals] = defaultdict(lambda: UsageTotals.ZERO)
    for key, added in sum_by_cell(changes, SPANS, account.now):
        totals[key] += added
    return totals


def _find_missing(account: Account, edition: PriceEdition) -> Mapping[CellKey, UsageTotals]:
    """Find usage that cells may have or not: not kept by the stream, or expired in the run.

    The first recount has calls that the ledger held before the run, if they had not expired.
    A call that the stream did not keep may still be in the recount of a price, with its cost alone.
    """
    records = list(account.traffic.stored)
    source = account.sources["usage_counter"]
    for unread in source.trimmed:
        change = read_change(unread, RETENTION)
        if isinstance(change, LedgerChange):
            records += [change.record, *([change.replaced] if change.replaced else [])]
    usages = list(_read(account, records, edition))
    unpriced = [
        usage._replace(
            totals=UsageTotals(
                unpriced_calls=usage.totals.calls,
                unpriced_input_tokens=usage.totals.input_tokens,
                unpriced_output_tokens=usage.totals.output_tokens,
            )
        )
        for usage in usages
    ]
    return _add_up(account, [*usages, *unpriced])
