"""A reconciliation as tables and lines, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from enum import StrEnum

from lambdas.adapters.report_layouts.tables import Table
from lambdas.domain.reports.reconciliation import (
    MEANINGS,
    NOTHING,
    ZERO,
    Amounts,
    Apart,
    ClassTotal,
    DifferenceTotal,
    LineClass,
    Reconciliation,
    apart_by_subject,
    apart_totals,
    class_totals,
    difference_totals,
    discount_usd,
    provisional_usd,
)
from lambdas.domain.words import plural

MAX_ROWS = 25
"""The rows that a table of differences, of lines that are not compared, or of services shows."""
_CLASSES = {
    LineClass.AGREES: "Both agree",
    LineClass.DIFFERS: "Both, with a difference",
    LineClass.OURS_ONLY: "Only in the logs",
    LineClass.THEIRS_ONLY: "Only in the bill",
}
_APART = "Not compared"
_LISTED = frozenset(Apart) - {Apart.OTHER_SERVICE, Apart.NOT_SETTLED}


def report_tables(reconciliation: Reconciliation) -> Iterator[Table]:
    """Lay out the report: every dollar, the largest differences, lines not compared."""
    about = (
        f"{plural(reconciliation.bill_lines, 'line')} of the bill against"
        f" {plural(reconciliation.calls, 'call')},"
        f" days before {reconciliation.settled_before} UTC"
    )
    yield Table(about, (), [], tuple(_notes(reconciliation)))
    yield _dollars_table(reconciliation)
    yield from _differences_table(reconciliation)
    yield from _apart_table(reconciliation)
    yield from _services_table(reconciliation)


def _notes(reconciliation: Reconciliation) -> Iterator[str]:
    provisional = provisional_usd(reconciliation)
    if provisional:
        month = reconciliation.provisional_month
        yield f"{_usd(provisional)} USD are of {month}: provisional until AWS closes the month."
    unpriced = sum((line.ours.unpriced for line in reconciliation.lines), ZERO)
    if unpriced:
        yield (
            f"{unpriced:,f} tokens or units in the logs have no known price: sums that lack them"
            " end in +."
        )
    if not reconciliation.has_identities:
        yield (
            "The bill names no callers (switch on INCLUDE_IAM_PRINCIPAL_DATA): they are left out of"
            " the comparison."
        )


def _dollars_table(reconciliation: Reconciliation) -> Table:
    """The place of each dollar of the bill; the rows add up to the total."""
    totals = class_totals(reconciliation)
    not_settled = reconciliation.ours_not_settled
    apart = dict(apart_totals(reconciliation))
    if not_settled.quantity:
        apart.setdefault(Apart.NOT_SETTLED, NOTHING)
    rows = [_class_row(total) for total in totals]
    rows += [
        _dollars_row(
            (_APART, _label(reason), ""),
            apart[reason],
            not_settled if reason is Apart.NOT_SETTLED else NOTHING,
        )
        for reason in Apart
        if reason in apart
    ]
    theirs = sum((total.theirs for total in totals), sum(apart.values(), NOTHING))
    ours = sum((total.ours for total in totals), not_settled)
    rows.append(_dollars_row(("Total", "", f"{len(reconciliation.lines):,}"), theirs, ours))
    discount = f"Discounts and contracted rates: {_usd(discount_usd(reconciliation))} USD off list."
    return Table(
        "Where each dollar of the bill is (USD)",
        (
            *("Class", "Likely reason", "Compared"),
            *("Billed", "Bill, list price", "Logs, list price", "Logs, effective"),
        ),
        rows,
        (discount, *_meanings(totals, apart)),
        texts=2,
        droppable=("Logs, effective", "Bill, list price"),
    )


def _class_row(total: ClassTotal) -> tuple[str, ...]:
    cells = (_CLASSES[total.line_class], _label(total.reason), f"{total.lines:,}")
    return _dollars_row(cells, total.theirs, total.ours)


def _dollars_row(cells: tuple[str, ...], theirs: Amounts, ours: Amounts) -> tuple[str, ...]:
    return (
        *cells,
        *(_usd(theirs.effective_usd), _usd(theirs.list_usd)),
        *(_priced_usd(ours.list_usd, ours), _priced_usd(ours.effective_usd, ours)),
    )


def _meanings(totals: Sequence[ClassTotal], apart: dict[Apart, Amounts]) -> Iterator[str]:
    shown: list[StrEnum] = [total.reason for total in totals if total.reason]
    shown += [reason for reason in Apart if reason in apart]
    for reason in dict.fromkeys(shown):
        yield f"{_label(reason)}: {MEANINGS[reason]}"


def _differences_table(reconciliation: Reconciliation) -> Iterator[Table]:
    found = difference_totals(reconciliation)
    if found:
        yield Table(
            "Largest differences (tokens or units, USD at list price)",
            (
                *("Days", "Caller", "Model", "Kind", "Likely reason"),
                *("Logs", "Bill", "Logs USD", "Bill USD"),
            ),
            [_difference_row(total) for total in found[:MAX_ROWS]],
            _more(len(found)),
            texts=5,
            droppable=("Logs USD", "Bill USD", "Days", "Kind"),
        )


def _difference_row(total: DifferenceTotal) -> tuple[str, ...]:
    difference = total.difference
    is_one_day = total.first_day == total.last_day
    return (
        f"{total.first_day}" if is_one_day else f"{total.first_day} to {total.last_day}",
        difference.identity or "(not named)",
        difference.model_id,
        difference.measure.value,
        _label(difference.reason),
        f"{total.ours.quantity:,f}",
        f"{total.theirs.quantity.normalize():,f}",
        _priced_usd(total.ours.list_usd, total.ours),
        _usd(total.theirs.list_usd),
    )


def _apart_table(reconciliation: Reconciliation) -> Iterator[Table]:
    found = apart_by_subject(reconciliation, _LISTED)
    if found:
        yield Table(
            "Lines of the bill that are not compared (USD)",
            ("Usage type, model or type of line", "Reason", "Billed"),
            [
                (key.subject or "-", _label(key.reason), _usd(amounts.effective_usd))
                for key, amounts in found[:MAX_ROWS]
            ],
            _more(len(found)),
            texts=2,
        )


def _services_table(reconciliation: Reconciliation) -> Iterator[Table]:
    found = apart_by_subject(reconciliation, {Apart.OTHER_SERVICE})
    if found:
        yield Table(
            "Other services on the bill (USD)",
            ("Product code", "Billed"),
            [
                (key.subject or "-", _usd(amounts.effective_usd))
                for key, amounts in found[:MAX_ROWS]
            ],
            _more(len(found)),
        )


def _more(found: int) -> tuple[str, ...]:
    more = found - MAX_ROWS
    return (f"{more:,} more: the JSON has all.",) if more > 0 else ()


def _label(reason: StrEnum | None) -> str:
    return reason.replace("_", " ") if reason else ""


def _priced_usd(usd: Decimal, amounts: Amounts) -> str:
    """Dollars of the logs: a part, or all of it, may have no known price."""
    if not amounts.unpriced:
        return _usd(usd)
    return f"{_usd(usd)}+" if usd else "unpriced"


def _usd(usd: Decimal) -> str:
    return f"{usd:,.6f}"
