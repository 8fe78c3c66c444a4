"""Logs against the bill: what both say, what one alone says, and the likely reason."""

from lambdas.domain.reports.reconciliation.amounts import Amounts, TooManyUsesError, UsageKey
from lambdas.domain.reports.reconciliation.bill import Bill, BillError, BillRow, ListPrice
from lambdas.domain.reports.reconciliation.matching import Line, Reconciliation, reconcile
from lambdas.domain.reports.reconciliation.metered import Metered
from lambdas.domain.reports.reconciliation.reasons import MEANINGS, Apart, LineClass, Reason

__all__ = [
    "MEANINGS",
    "Amounts",
    "Apart",
    "Bill",
    "BillError",
    "BillRow",
    "Line",
    "LineClass",
    "ListPrice",
    "Metered",
    "Reason",
    "Reconciliation",
    "TooManyUsesError",
    "UsageKey",
    "reconcile",
]
