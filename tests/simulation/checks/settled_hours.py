"""The expected verdict of an audit of two settled hours, worked out from the account itself."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeAlias

from lambdas.adapters.dynamodb.counter_items import read_cell, read_state
from lambdas.adapters.dynamodb.items import read_key
from lambdas.domain.counters import CellSpan
from lambdas.domain.counters.table import CELL_PREFIX, STATE_KEY
from lambdas.domain.metrics.catalog import MODEL_ID
from tests.simulation.account import COUNTERS, Account

_HOUR = timedelta(hours=1)
_METRICS = {"Invocations": "calls", "InputTokens": "input", "OutputTokens": "output"}
_LEAST = {"calls": 3, "input": 10_000, "output": 10_000}
_SHARE = {"calls": 0.005, "input": 0.01, "output": 0.01}

_Usage: TypeAlias = Counter[tuple[str, str]]
"""By model and quantity."""


class SettledHours(NamedTuple):
    """Two hours, with the arithmetic of the audit written out once more.

    Attributes:
        is_counted: True if counters have begun, and have all calls of the ledger.
        differs: True if counters differ by more than the tolerance, in both hours alike.
        agrees: True if counters and metrics are exactly the truth in both.
    """

    is_counted: bool
    differs: bool
    agrees: bool


def read_settled_hours(account: Account, moment: datetime) -> SettledHours:
    """Read the two hours that have settled at a moment, as they are now."""
    end = moment.replace(minute=0, second=0, microsecond=0) - _HOUR
    hours = [end - 2 * _HOUR, end - _HOUR]
    item = next((item for item in _items(account) if read_key(item) == STATE_KEY), None)
    state = None if item is None else read_state(item)
    if state is None or state.incomplete_since is not None:
        return SettledHours(is_counted=False, differs=False, agrees=False)
    truth = [_read_truth(account, hour) for hour in hours]
    counted = [_read_cells(account, state.generation, hour) for hour in hours]
    metered = [_read_metrics(account, hour) for hour in hours]
    earlier, later = map(_find_differences, counted, truth)
    return SettledHours(
        is_counted=True,
        differs=not earlier.isdisjoint(later),
        agrees=[+usage for usage in truth] == [+usage for usage in counted] == metered,
    )


def _find_differences(counted: _Usage, truth: _Usage) -> set[tuple[tuple[str, str], bool]]:
    found = set()
    for key in counted.keys() | truth.keys():
        difference, quantity = counted[key] - truth[key], key[1]
        if abs(difference) > max(_LEAST[quantity], truth[key] * _SHARE[quantity]):
            found.add((key, difference > 0))
    return found


def _read_truth(account: Account, hour: datetime) -> _Usage:
    usage: _Usage = Counter()
    for record in account.traffic.calls.values():
        if not record.is_failed and hour <= record.timestamp < hour + _HOUR:
            usage[record.model_id, "calls"] += 1
            usage[record.model_id, "input"] += record.tokens.input or 0
            usage[record.model_id, "output"] += record.tokens.output or 0
    return usage


def _read_cells(account: Account, generation: int, hour: datetime) -> _Usage:
    usage: _Usage = Counter()
    for item in _items(account):
        if read_key(item).startswith(f"{CELL_PREFIX}{generation}#"):
            key, totals = read_cell(item)
            if (key.span, key.start) == (CellSpan.HOUR, hour):
                model_id = key.labels.model_id
                usage[model_id, "calls"] += totals.calls
                usage[model_id, "input"] += totals.input_tokens
                usage[model_id, "output"] += totals.output_tokens
    return usage


def _read_metrics(account: Account, hour: datetime) -> _Usage:
    usage: _Usage = Counter()
    for series, total in account.metrics.sums.items():
        dimensions = dict(series.dimensions)
        is_of_a_model = dimensions.keys() == {MODEL_ID}
        if series.name in _METRICS and is_of_a_model and hour <= series.minute < hour + _HOUR:
            usage[dimensions[MODEL_ID], _METRICS[series.name]] += round(total)
    return +usage


def _items(account: Account) -> Iterator[Mapping[str, Any]]:
    yield from account.tables[COUNTERS].items.values()
