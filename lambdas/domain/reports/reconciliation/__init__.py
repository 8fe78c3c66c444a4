"""Logs against the bill: use on both sides or on one, and the likely reason."""

from lambdas.domain.reports.reconciliation.amounts import (
    NOTHING,
    ZERO,
    Amounts,
    TooManyUsesError,
    UsageKey,
)
from lambdas.domain.reports.reconciliation.bill import (
    BEDROCK_CODES,
    BEDROCK_EDITION,
    BEDROCK_FAMILY,
    USAGE_LINES,
    Bill,
    BillError,
    BillRow,
    ListPrice,
)
from lambdas.domain.reports.reconciliation.matching import Line, Reconciliation, reconcile
from lambdas.domain.reports.reconciliation.metered import Metered
from lambdas.domain.reports.reconciliation.reasons import MEANINGS, Apart, LineClass, Reason
from lambdas.domain.reports.reconciliation.summary import (
    ClassTotal,
    DifferenceTotal,
    apart_by_subject,
    apart_totals,
    class_totals,
    difference_totals,
    discount_usd,
    provisional_usd,
)

__all__ = [
    "BEDROCK_CODES",
    "BEDROCK_EDITION",
    "BEDROCK_FAMILY",
    "MEANINGS",
    "NOTHING",
    "USAGE_LINES",
    "ZERO",
    "Amounts",
    "Apart",
    "Bill",
    "BillError",
    "BillRow",
    "ClassTotal",
    "DifferenceTotal",
    "Line",
    "LineClass",
    "ListPrice",
    "Metered",
    "Reason",
    "Reconciliation",
    "TooManyUsesError",
    "UsageKey",
    "apart_by_subject",
    "apart_totals",
    "class_totals",
    "difference_totals",
    "discount_usd",
    "provisional_usd",
    "reconcile",
]
