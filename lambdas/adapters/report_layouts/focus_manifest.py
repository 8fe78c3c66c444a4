"""The manifest of FOCUS files: the content of their rows, and the calls in no row."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from lambdas.domain.budgets import to_usd
from lambdas.domain.reports.focus import (
    COLUMNS,
    CREDIT_COLUMNS,
    DECIMAL_DIGITS,
    FOCUS_VERSION,
    Column,
    CostTotals,
    CreditSums,
    DataType,
)
from lambdas.domain.words import exact_text

MANIFEST_VERSION = 1
SCHEMA_CREATED = "2026-11-28T00:00:00Z"
"""The day of the last change of the columns."""
_BASIS = (
    "Estimates of Bedrock Meter, from Amazon Bedrock's invocation logs and a price book."
    " They are part of no invoice."
)
_CREDIT_BASIS = (
    "The books of Bedrock Meter's credits. Usage is an estimate, from Amazon Bedrock's invocation"
    " logs and a price book. Rows are part of no invoice of AWS."
)
_NAMESPACE = uuid.UUID("8f0d9d52-3c4e-5c39-9a7b-0e2f1f0c7a61")
_TYPES = {DataType.DATE_TIME: "DATETIME"}


def build_manifest(
    totals: CostTotals, *, files: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Describe rows, and the calls in no row; money is text, digit by digit.

    Args:
        totals: The totals of the rows, and the calls that are in none.
        files: The files with the rows, see `describe_file`.
        facts: Further entries, such as the period.
    """
    sums, left_out = totals.sums, totals.left_out
    return {
        "manifest_version": MANIFEST_VERSION,
        "basis": _BASIS,
        **facts,
        "files": list(files),
        "rows": sums.rows,
        "billed_cost_usd": exact_text(sums.billed_usd),
        "list_cost_usd": exact_text(sums.list_usd),
        "assumed_cost_usd": exact_text(sums.assumed_usd),
        "priced_invocations": totals.priced_invocations,
        "left_out_invocations": sum(part.invocations for part in left_out),
        "left_out": [part._asdict() for part in left_out],
        "focus_metadata": focus_metadata(),
    }


def build_credit_manifest(
    sums: CreditSums, *, files: Sequence[Mapping[str, Any]], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Describe rows of credits; money is text, digit by digit.

    Args:
        sums: The sums of the rows.
        files: The files with the rows, see `describe_file`.
        facts: Further entries, such as the period.
    """
    return {
        "manifest_version": MANIFEST_VERSION,
        "basis": _CREDIT_BASIS,
        **facts,
        "files": list(files),
        "rows": sums.rows,
        "billed_cost_usd": exact_text(sums.billed_usd),
        "effective_cost_usd": exact_text(sums.effective_usd),
        "granted_usd": exact_text(to_usd(sums.granted)),
        "usage_usd": exact_text(to_usd(sums.usage)),
        "overage_usd": exact_text(to_usd(sums.overage)),
        "expired_usd": exact_text(to_usd(sums.expired)),
        "voided_usd": exact_text(to_usd(sums.voided)),
        "focus_metadata": focus_metadata(CREDIT_COLUMNS),
    }


def focus_metadata(columns: Sequence[Column] = COLUMNS) -> dict[str, Any]:
    """The specification's own metadata of a dataset: version, schema, columns.

    Source: https://focus.finops.org/focus-specification/v1-2/#metadata
    """
    definitions = [_definition(column) for column in columns]
    return {
        "SchemaId": str(uuid.uuid5(_NAMESPACE, repr(definitions))),
        "FocusVersion": FOCUS_VERSION,
        "CreationDate": SCHEMA_CREATED,
        "ColumnDefinition": definitions,
    }


def _definition(column: Column) -> dict[str, Any]:
    definition: dict[str, Any] = {
        "ColumnName": column.name,
        "DataType": _TYPES.get(column.data_type, column.data_type.value.upper()),
    }
    if column.data_type is DataType.DECIMAL:
        definition |= {"NumericPrecision": DECIMAL_DIGITS, "NumberScale": column.decimal_places}
    if column.data_type is DataType.STRING:
        definition["StringEncoding"] = "UTF-8"
    return definition
