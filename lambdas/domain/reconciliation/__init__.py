"""Logs against the bill: what both say, what one alone says, and the likely reason."""

from lambdas.domain.reconciliation.amounts import Amounts, TooManyUsesError, UsageKey
from lambdas.domain.reconciliation.bill import Bill, BillError, BillRow, ListPrice
from lambdas.domain.reconciliation.matching import Line, Reconciliation, reconcile
from lambdas.domain.reconciliation.metered import Metered
from lambdas.domain.reconciliation.reasons import MEANINGS, Apart, LineClass, Reason
from lambdas.domain.reconciliation.report_json import START_OF_REPORT, report_json
from lambdas.domain.reconciliation.report_tables import report_tables

__all__ = [
    "MEANINGS",
    "START_OF_REPORT",
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
    "report_json",
    "report_tables",
]
