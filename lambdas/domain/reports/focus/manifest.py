"""What is told beside the rows of a billing period: what they are, and what is not in them."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, NamedTuple

from lambdas.domain.pricing import PriceBasis
from lambdas.domain.reports.focus.charges import Charge, LeftOut
from lambdas.domain.reports.focus.columns import (
    COLUMNS,
    DECIMAL_DIGITS,
    FOCUS_VERSION,
    Column,
    DataType,
)
from lambdas.domain.reports.focus.rows import EXACTLY, costs_of, plain

MANIFEST_VERSION = 1
SCHEMA_CREATED = "2026-11-28T00:00:00Z"
"""When the columns were last changed."""
_BASIS = (
    "Estimates of Bedrock Meter, from Amazon Bedrock's invocation logs and a price book."
    " They are part of no invoice."
)
_NAMESPACE = uuid.UUID("8f0d9d52-3c4e-5c39-9a7b-0e2f1f0c7a61")
_TYPES = {DataType.DATE_TIME: "DATETIME"}


class Sums(NamedTuple):
    """What charges add up to, in US dollars.

    Attributes:
        rows: How many there are.
        billed_usd: What is paid: the sum of `BilledCost`.
        list_usd: The sum of `ListCost`.
        assumed_usd: What is paid of that at assumed prices.
    """

    rows: int = 0
    billed_usd: Decimal = Decimal(0)
    list_usd: Decimal = Decimal(0)
    assumed_usd: Decimal = Decimal(0)

    def plus(self, charge: Charge) -> Sums:
        """The sums with one more charge."""
        costs = costs_of(charge)
        listed = charge.key.list_price
        is_assumed = listed is not None and listed.basis is PriceBasis.ASSUMED
        return Sums(
            self.rows + 1,
            EXACTLY.add(self.billed_usd, costs.usd),
            EXACTLY.add(self.list_usd, costs.list_usd),
            EXACTLY.add(self.assumed_usd, costs.usd) if is_assumed else self.assumed_usd,
        )


def manifest_of(
    sums: Sums,
    *,
    priced_invocations: int,
    left_out: Sequence[LeftOut],
    files: Sequence[Mapping[str, Any]],
    facts: Mapping[str, Any],
) -> dict[str, Any]:
    """Say what rows are, and what is not in them; money is text, digit by digit.

    Args:
        sums: What the rows add up to.
        priced_invocations: The calls in them.
        left_out: The calls that are not in them, and why.
        files: The files with the rows, see `describe_file`.
        facts: What else is to be told, such as the period.
    """
    return {
        "manifest_version": MANIFEST_VERSION,
        "basis": _BASIS,
        **facts,
        "files": list(files),
        "rows": sums.rows,
        "billed_cost_usd": plain(sums.billed_usd),
        "list_cost_usd": plain(sums.list_usd),
        "assumed_cost_usd": plain(sums.assumed_usd),
        "priced_invocations": priced_invocations,
        "left_out_invocations": sum(it.invocations for it in left_out),
        "left_out": [it._asdict() for it in left_out],
        "focus_metadata": focus_metadata(),
    }


def focus_metadata() -> dict[str, Any]:
    """The specification's own metadata of a dataset: version, schema, columns.

    Source: https://focus.finops.org/focus-specification/v1-2/#metadata
    """
    columns = [_definition(column) for column in COLUMNS]
    return {
        "SchemaId": str(uuid.uuid5(_NAMESPACE, repr(columns))),
        "FocusVersion": FOCUS_VERSION,
        "CreationDate": SCHEMA_CREATED,
        "ColumnDefinition": columns,
    }


def _definition(column: Column) -> dict[str, Any]:
    told: dict[str, Any] = {
        "ColumnName": column.name,
        "DataType": _TYPES.get(column.data_type, column.data_type.value.upper()),
    }
    if column.data_type is DataType.DECIMAL:
        told |= {"NumericPrecision": DECIMAL_DIGITS, "NumberScale": column.decimal_places}
    if column.data_type is DataType.STRING:
        told["StringEncoding"] = "UTF-8"
    return told
