"""Cells of the stand-in counter: exactly the truth, whatever happened."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from lambdas.adapters.dynamodb.items import read_key
from lambdas.adapters.dynamodb.usage_stream import read_change
from lambdas.domain.ledger import LedgerChange
from tests.simulation.account import COUNTERS, Account
from tests.simulation.checks.projection import Difference
from tests.simulation.drivers.cell_counter import CELL, COUNTS, count_call, name_cell
from tests.simulation.traffic import RETENTION


class CellsProjection:
    """Calls and tokens by hour, identity and model."""

    name = "cells"

    def compare(self, account: Account) -> Iterator[Difference]:
        expected: defaultdict[str, Counter[str]] = defaultdict(Counter)
        missing: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for record in account.traffic.calls.values():
            expected[name_cell(record)].update(count_call(record))
        for trimmed in account.sources["cell_counter"].trimmed:
            change = read_change(trimmed, RETENTION)
            if isinstance(change, LedgerChange):
                added = count_call(change.record)
                if change.replaced:
                    added.subtract(count_call(change.replaced))
                missing[name_cell(change.record)].update(added)
        found = {
            read_key(item): item
            for item in account.tables[COUNTERS].items.values()
            if read_key(item).startswith(CELL)
        }
        for key in sorted(expected.keys() | found.keys()):
            for name in COUNTS:
                count = int(found.get(key, {}).get(name, {"N": "0"})["N"])
                yield Difference(
                    self.name, f"{name} of {key}", expected[key][name], count, missing[key][name]
                )
