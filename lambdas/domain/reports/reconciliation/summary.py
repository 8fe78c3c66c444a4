"""Adds a reconciliation up: every dollar of the bill in exactly one row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.metrics import RoleRollUp
from lambdas.domain.pricing.price_list import Measure
from lambdas.domain.reports.reconciliation.amounts import NOTHING, ZERO, Amounts
from lambdas.domain.reports.reconciliation.bill import ApartKey
from lambdas.domain.reports.reconciliation.matching import Line, Reconciliation
from lambdas.domain.reports.reconciliation.reasons import Apart, LineClass, Reason


@dataclass(frozen=True, slots=True)
class ClassTotal:
    """The lines of one class and reason.

    Attributes:
        line_class: The side that has them.
        reason: Their likely reason; `None` where both sides agree.
        lines: Their number.
        ours: The use in the logs.
        theirs: The use in the bill.
        provisional_usd: The dollars of the bill that AWS may still change.
    """

    line_class: LineClass
    reason: Reason | None
    lines: int
    ours: Amounts
    theirs: Amounts
    provisional_usd: Decimal


def class_totals(reconciliation: Reconciliation) -> list[ClassTotal]:
    """Add up the lines of each class and reason, in order of the classes."""
    groups: defaultdict[tuple[LineClass, Reason | None], list[Line]] = defaultdict(list)
    for line in reconciliation.lines:
        groups[line.line_class, line.reason].append(line)
    classes = list(LineClass)
    totals = [
        ClassTotal(
            line_class,
            reason,
            len(lines),
            sum((line.ours for line in lines), NOTHING),
            sum((line.theirs for line in lines), NOTHING),
            sum(
                (
                    line.theirs.effective_usd
                    for line in lines
                    if reconciliation.is_provisional(line)
                ),
                ZERO,
            ),
        )
        for (line_class, reason), lines in groups.items()
    ]
    return sorted(
        totals,
        key=lambda total: (classes.index(total.line_class), -total.theirs.effective_usd),
    )


def apart_totals(reconciliation: Reconciliation) -> list[tuple[Apart, Amounts]]:
    """Add up what is set apart by reason, in order of the reasons."""
    totals: defaultdict[Apart, Amounts] = defaultdict(Amounts)
    for key, amounts in reconciliation.apart.items():
        totals[key.reason] += amounts
    return [(reason, totals[reason]) for reason in Apart if reason in totals]


def apart_by_subject(
    reconciliation: Reconciliation, reasons: Iterable[Apart]
) -> list[tuple[ApartKey, Amounts]]:
    """The subjects that are set apart for some reasons, the most expensive first."""
    wanted = frozenset(reasons)
    found = [item for item in reconciliation.apart.items() if item[0].reason in wanted]
    return sorted(found, key=lambda item: (-abs(item[1].effective_usd), item[0]))


class Difference(NamedTuple):
    """Uses that are on one side alone, or differ, for one reason.

    Attributes:
        line_class: The side that has them.
        reason: The likely reason.
        identity: The caller, with the sessions of machines as their role; empty without a caller.
        model_id: The model.
        measure: The kind of tokens, or the unit.
    """

    line_class: LineClass
    reason: Reason | None
    identity: str
    model_id: str
    measure: Measure


@dataclass(frozen=True, slots=True)
class DifferenceTotal:
    """A difference over all its days.

    Attributes:
        difference: The reason, and the use that differs.
        first_day: Its first day.
        last_day: Its last day.
        ours: The use in the logs.
        theirs: The use in the bill.
    """

    difference: Difference
    first_day: date
    last_day: date
    ours: Amounts
    theirs: Amounts

    def __add__(self, other: DifferenceTotal) -> DifferenceTotal:
        """Add another day of the same difference."""
        return DifferenceTotal(
            self.difference,
            min(self.first_day, other.first_day),
            max(self.last_day, other.last_day),
            self.ours + other.ours,
            self.theirs + other.theirs,
        )


def difference_totals(
    reconciliation: Reconciliation, fold: Callable[[str], str] | None = None
) -> list[DifferenceTotal]:
    """Add up everything but what agrees, the largest difference first.

    Args:
        reconciliation: Logs against a bill.
        fold: Names a caller in reports; sessions of machines become their role by default.
    """
    name = fold or RoleRollUp().dimension_value
    totals: dict[Difference, DifferenceTotal] = {}
    for line in reconciliation.lines:
        if line.line_class is LineClass.AGREES:
            continue
        key = line.key
        identity = name(key.identity_arn) if key.identity_arn else ""
        difference = Difference(line.line_class, line.reason, identity, key.model_id, key.measure)
        total = DifferenceTotal(difference, key.day, key.day, line.ours, line.theirs)
        known = totals.get(difference)
        totals[difference] = known + total if known else total
    return sorted(totals.values(), key=_largest_first)


def _largest_first(total: DifferenceTotal) -> tuple[Decimal, Decimal, str]:
    usd = abs(total.ours.list_usd - total.theirs.list_usd)
    tokens = abs(total.ours.quantity - total.theirs.quantity)
    return -usd, -tokens, repr(total.difference)


def discount_usd(reconciliation: Reconciliation) -> Decimal:
    """The dollars by which discounts and contracted rates lower the list price of use."""
    used = [line.theirs for line in reconciliation.lines]
    used += [
        amounts
        for key, amounts in reconciliation.apart.items()
        if key.reason not in {Apart.ADJUSTMENT, Apart.OTHER_SERVICE}
    ]
    return sum((amounts.list_usd - amounts.effective_usd for amounts in used), ZERO)


def provisional_usd(reconciliation: Reconciliation) -> Decimal:
    """The dollars of compared lines that AWS may still change."""
    return sum((total.provisional_usd for total in class_totals(reconciliation)), ZERO)
