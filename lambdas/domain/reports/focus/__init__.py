"""Costs in the columns of FOCUS 1.2, the FinOps Open Cost and Usage Specification."""

from lambdas.domain.reports.focus.charges import (
    NO_ACCOUNT,
    NO_PERIOD,
    Charge,
    ChargeKey,
    DailyCharges,
    LeftOut,
    ListPrice,
    TooManyChargesError,
)
from lambdas.domain.reports.focus.columns import (
    COLUMNS,
    CREDIT_COLUMNS,
    DECIMAL_DIGITS,
    FOCUS_VERSION,
    Column,
    DataType,
)
from lambdas.domain.reports.focus.credits import (
    CreditCharge,
    CreditCharges,
    CreditIssuer,
    CreditKind,
    CreditSums,
)
from lambdas.domain.reports.focus.identity_detail import IdentityDetail
from lambdas.domain.reports.focus.period_costs import (
    COSTS_PREFIX,
    CostFiles,
    CostTotals,
    PeriodCosts,
    Sums,
)
from lambdas.domain.reports.focus.rows import EXACTLY, Row, Value, build_row, midnight, month_after

__all__ = [
    "COLUMNS",
    "COSTS_PREFIX",
    "CREDIT_COLUMNS",
    "DECIMAL_DIGITS",
    "EXACTLY",
    "FOCUS_VERSION",
    "NO_ACCOUNT",
    "NO_PERIOD",
    "Charge",
    "ChargeKey",
    "Column",
    "CostFiles",
    "CostTotals",
    "CreditCharge",
    "CreditCharges",
    "CreditIssuer",
    "CreditKind",
    "CreditSums",
    "DailyCharges",
    "DataType",
    "IdentityDetail",
    "LeftOut",
    "ListPrice",
    "PeriodCosts",
    "Row",
    "Sums",
    "TooManyChargesError",
    "Value",
    "build_row",
    "midnight",
    "month_after",
]
