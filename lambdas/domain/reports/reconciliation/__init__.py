"""Logs against the bill: what both say, what one alone says, and the likely reason."""

from lambdas.domain.reports.reconciliation.amounts import Amounts, TooManyUsesError, UsageKey
from lambdas.domain.reports.reconciliation.bill import Bill, BillError, BillRow, ListPrice
from lambdas.domain.reports.reconciliation.matching import Line, Reconciliation, reconcile
from lambdas.domain.reports.reconciliation.metered import Metered
from lambdas.domain.reports.reconciliation.reasons import MEANINGS, Apart, LineClass, Reason
from lambdas.domain.reports.reconciliation.report_json import START_OF_REPORT, report_json
from lambdas.domain.reports.reconciliation.report_tables import report_tables

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
