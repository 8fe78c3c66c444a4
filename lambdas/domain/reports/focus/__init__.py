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
from lambdas.domain.reports.focus.columns import COLUMNS, FOCUS_VERSION, Column, DataType
from lambdas.domain.reports.focus.csv_format import write_csv
from lambdas.domain.reports.focus.files import COSTS_PREFIX, describe_file, write_csv_file
from lambdas.domain.reports.focus.identity_detail import IdentityDetail
from lambdas.domain.reports.focus.manifest import Sums, focus_metadata, manifest_of
from lambdas.domain.reports.focus.rows import Row, Value, midnight, month_after, plain, row_of

__all__ = [
    "COLUMNS",
    "COSTS_PREFIX",
    "FOCUS_VERSION",
    "NO_ACCOUNT",
    "NO_PERIOD",
    "Charge",
    "ChargeKey",
    "Column",
    "DailyCharges",
    "DataType",
    "IdentityDetail",
    "LeftOut",
    "ListPrice",
    "Row",
    "Sums",
    "TooManyChargesError",
    "Value",
    "describe_file",
    "focus_metadata",
    "manifest_of",
    "midnight",
    "month_after",
    "plain",
    "row_of",
    "write_csv",
    "write_csv_file",
]
