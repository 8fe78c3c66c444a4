"""Shows the differences between a month and the month before as tables, for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal

from dashboards.reports.month_differences import (
    DayRange,
    Difference,
    MonthComparison,
    add_up_differences,
)
from lambdas.adapters.report_layouts.tables import Table
from lambdas.domain.money import count_places, dollars, signed_dollars
from lambdas.domain.usage import GroupField, UsageTotals
from lambdas.domain.words import plural

_NO_CALLS = "-"
_ALL = "All"


def lay_out_differences(
    comparison: MonthComparison,
    fields: Sequence[GroupField],
    shown: int,
    write_name: Callable[[GroupField, str], str],
) -> Table:
    """Lay out the differences of a month: a row for each group, the rest as one, and the sum.

    Args:
        comparison: The month and the month before.
        fields: The fields that the groups have values of.
        shown: The number of rows before the rest.
        write_name: Writes the value of a field.
    """
    before, after, differences = comparison.before, comparison.after, comparison.differences
    everything = add_up_differences(differences)
    texts = max(1, len(fields))
    named = [
        (list(map(write_name, fields, part.values)), part) for part in differences[:shown] if fields
    ]
    if rest := differences[shown:]:
        named.append(([f"{len(rest):,} more"], add_up_differences(rest)))
    named.append(([_ALL], everything))
    places = _count_places(part for _, part in named)
    has_unpriced = everything.unpriced_invocations > 0
    unpriced = (f"Unpriced {before.month}", f"Unpriced {after.month}") if has_unpriced else ()
    rows = [
        (
            *names,
            *[""] * (texts - len(names)),
            *_write_figures(part, places),
            *(map(_write_unpriced, (part.before, part.after)) if has_unpriced else ()),
        )
        for names, part in named
    ]
    return Table(
        f"Difference between {_write_days(before)} and {_write_days(after)}",
        (
            *(field.capitalize() for field in fields or [GroupField.MONTH]),
            *(before.month, after.month, "Difference", "Calls", "Total tokens"),
            *unpriced,
        ),
        rows,
        tuple(_explain(everything)),
        texts=texts,
        droppable=("Total tokens", "Calls"),
    )


def _write_figures(part: Difference, places: int) -> tuple[str, ...]:
    return (
        _write_cost(part.before, places),
        _write_cost(part.after, places),
        signed_dollars(part.usd, is_assumed=part.is_assumed, places=places),
        f"{part.invocations:+,}",
        f"{part.total_tokens:+,}",
    )


def _write_cost(totals: UsageTotals | None, places: int) -> str:
    if totals is None or not totals.invocations:
        return _NO_CALLS
    is_assumed = totals.assumed_price_invocations > 0
    return dollars(totals.cost_usd, is_assumed=is_assumed, places=places)


def _write_unpriced(totals: UsageTotals | None) -> str:
    return _NO_CALLS if totals is None else f"{totals.unpriced_invocations:,}"


def _write_days(days: DayRange) -> str:
    if days.is_whole_month:
        return days.month
    if days.first == days.last:
        return days.first.isoformat()
    return f"{days.month} ({days.first:%m-%d} to {days.last:%m-%d})"


def _count_places(parts: Iterator[Difference]) -> int:
    amounts = [
        totals.priced_usd
        for part in parts
        for totals in (part.before, part.after)
        if totals is not None
    ]
    return count_places(max(amounts, default=Decimal(0)))


def _explain(everything: Difference) -> Iterator[str]:
    if calls := everything.unpriced_invocations:
        verb = "is" if calls == 1 else "are"
        yield f"{plural(calls, 'call')} without a known cost {verb} in no cost and no difference."
