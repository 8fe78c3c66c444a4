"""A reconciliation as tables and lines, for people."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum

from lambdas.domain.reconciliation.amounts import ZERO, Amounts
from lambdas.domain.reconciliation.matching import Reconciliation
from lambdas.domain.reconciliation.reasons import MEANINGS, Apart, LineClass
from lambdas.domain.reconciliation.summary import (
    apart_by_subject,
    apart_totals,
    class_totals,
    differences,
)
from lambdas.domain.report_text import Table

MAX_ROWS = 25
"""The largest differences, and the dearest lines that are not compared, that are shown."""
_CLASSES = {
    LineClass.AGREES: "Both agree",
    LineClass.DIFFERS: "Both, with a difference",
    LineClass.OURS_ONLY: "Only in the logs",
    LineClass.THEIRS_ONLY: "Only in the bill",
}
_APART = "Not compared"
_LISTED_APART = tuple(
    reason for reason in Apart if reason not in {Apart.OTHER_SERVICE, Apart.NOT_SETTLED}
)


def report_tables(reconciliation: Reconciliation) -> Iterator[Table]:
    """The report: where each dollar is, the largest differences, and what is not compared."""
    yield Table(_about(reconciliation), (), [], _notes(reconciliation))
    yield _dollars_table(reconciliation)
    yield from _differences_table(reconciliation)
    yield from _apart_table(reconciliation)


def _about(reconciliation: Reconciliation) -> str:
    return (
        f"{reconciliation.bill_lines:,} lines of the bill against {reconciliation.calls:,} calls,"
        f" days before {reconciliation.settled_before} UTC"
    )


def _notes(reconciliation: Reconciliation) -> tuple[str, ...]:
    notes = [
        f"The bill of {reconciliation.provisional_month} is provisional until AWS closes it.",
    ]
    if not reconciliation.has_identities:
        notes.append(
            "The bill names no callers (switch on INCLUDE_IAM_PRINCIPAL_DATA): they are left out of"
            " the comparison."
        )
    return tuple(notes)


def _dollars_table(reconciliation: Reconciliation) -> Table:
    """Where each dollar of the bill is; the rows add up to the total."""
    totals = class_totals(reconciliation)
    rows: list[tuple[str, ...]] = [
        (
            _CLASSES[total.line_class],
            _label(total.reason),
            f"{total.lines:,}",
            _usd(total.theirs.effective_usd),
            _usd(total.theirs.list_usd),
            _usd(total.ours.list_usd),
        )
        for total in totals
    ]
    not_settled = reconciliation.ours_not_settled
    apart = dict(apart_totals(reconciliation))
    if not_settled.quantity:
        apart.setdefault(Apart.NOT_SETTLED, Amounts())
    for reason in Apart:
        if reason in apart:
            amounts = apart[reason]
            ours = not_settled.list_usd if reason is Apart.NOT_SETTLED else ZERO
            effective, listed = _usd(amounts.effective_usd), _usd(amounts.list_usd)
            rows.append((_APART, _label(reason), "", effective, listed, _usd(ours)))
    lines = reconciliation.lines
    listed_usd = sum((line.theirs.list_usd for line in lines), ZERO)
    listed_usd += sum((amounts.list_usd for amounts in apart.values()), ZERO)
    ours_usd = sum((line.ours.list_usd for line in lines), not_settled.list_usd)
    total = _usd(reconciliation.billed_usd)
    rows.append(("Total", "", f"{len(lines):,}", total, _usd(listed_usd), _usd(ours_usd)))
    reasons = [total.reason for total in totals if total.reason]
    return Table(
        "Where each dollar of the bill is (USD)",
        ("Class", "Likely reason", "Lines", "Billed", "Bill, list price", "Logs, list price"),
        rows,
        tuple(
            f"{_label(reason)}: {MEANINGS[reason]}"
            for reason in dict.fromkeys(
                (*reasons, *(reason for reason in Apart if reason in apart))
            )
        ),
        texts=2,
    )


def _differences_table(reconciliation: Reconciliation) -> Iterator[Table]:
    found = differences(reconciliation)
    if not found:
        return
    rows: list[tuple[str, ...]] = [
        (
            f"{difference.day}",
            difference.identity or "(not named)",
            difference.model_id,
            difference.measure.value,
            _label(difference.reason),
            f"{ours.quantity:,f}",
            f"{theirs.quantity.normalize():,f}",
            _usd(ours.list_usd),
            _usd(theirs.list_usd),
        )
        for difference, ours, theirs in found[:MAX_ROWS]
    ]
    more = len(found) - len(rows)
    yield Table(
        "Largest differences (tokens or units, USD at list price)",
        (
            *("Day", "Caller", "Model", "Kind", "Likely reason"),
            *("Logs", "Bill", "Logs USD", "Bill USD"),
        ),
        rows,
        (f"{more:,} more: the JSON has all.",) if more > 0 else (),
        texts=5,
    )


def _apart_table(reconciliation: Reconciliation) -> Iterator[Table]:
    found = apart_by_subject(reconciliation, _LISTED_APART)
    if not found:
        return
    rows: list[tuple[str, ...]] = [
        (key.subject or "-", _label(key.reason), _usd(amounts.effective_usd))
        for key, amounts in found[:MAX_ROWS]
    ]
    more = len(found) - len(rows)
    yield Table(
        "Lines of the bill that are not compared (USD)",
        ("Usage type, model or type of line", "Reason", "Billed"),
        rows,
        (f"{more:,} more: the JSON has all.",) if more > 0 else (),
        texts=2,
    )


def _label(reason: StrEnum | None) -> str:
    return reason.replace("_", " ") if reason else ""


def _usd(usd: Decimal) -> str:
    return f"{usd:,.6f}"
