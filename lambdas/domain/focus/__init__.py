"""Costs in the columns of FOCUS 1.2, the FinOps Open Cost and Usage Specification."""

from lambdas.domain.focus.charges import (
    NO_ACCOUNT,
    NO_PERIOD,
    Charge,
    ChargeKey,
    DailyCharges,
    LeftOut,
    ListPrice,
    TooManyChargesError,
)
from lambdas.domain.focus.columns import COLUMNS, FOCUS_VERSION, Column, DataType
from lambdas.domain.focus.csv_format import write_csv
from lambdas.domain.focus.files import COSTS_PREFIX, describe_file, write_csv_file
from lambdas.domain.focus.identity_detail import IdentityDetail
from lambdas.domain.focus.manifest import Sums, focus_metadata, manifest_of
from lambdas.domain.focus.rows import Row, Value, midnight, month_after, plain, row_of

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
