"""Rows as text, and the manifest beside them."""

import io
import json
from datetime import date
from decimal import Decimal, Inexact

import pytest

from lambdas.adapters.report_layouts.focus_csv import write_csv
from lambdas.adapters.report_layouts.focus_manifest import (
    SCHEMA_CREATED,
    build_manifest,
    focus_metadata,
)
from lambdas.domain.reports.focus import (
    COLUMNS,
    CostTotals,
    IdentityDetail,
    LeftOut,
    Sums,
    build_row,
)
from tests.builders import NO_ATTRIBUTION, usage_record
from tests.focus_calls import build_charges, to_csv


def test_a_report_without_calls_has_only_a_header() -> None:
    assert to_csv(build_charges([])) == ",".join(column.name for column in COLUMNS) + "\r\n"


def test_a_number_with_too_many_decimal_places_is_refused() -> None:
    (charge,) = [*build_charges([(usage_record(), NO_ATTRIBUTION)]).charges(date(2026, 9, 1))][:1]
    row = {**build_row(charge), "ListUnitPrice": Decimal("1E-21")}
    with pytest.raises(Inexact):
        write_csv([row], io.StringIO())


def test_the_manifest_lists_included_and_excluded_calls() -> None:
    manifest = build_manifest(
        CostTotals(
            Sums(2, Decimal("1.50"), Decimal(2), Decimal("0.30")),
            3,
            [LeftOut("a.b", "no_price", 4, 50), LeftOut("a.c", "no_counts", 1, 0)],
            IdentityDetail.SESSIONS,
        ),
        files=[{"name": "x.csv"}],
        facts={"billing_period": "2026-09"},
    )
    assert json.loads(json.dumps(manifest)) == {
        "manifest_version": 1,
        "basis": "Estimates of Bedrock Meter, from Amazon Bedrock's invocation logs and a price"
        " book. They are part of no invoice.",
        "billing_period": "2026-09",
        "files": [{"name": "x.csv"}],
        "rows": 2,
        "billed_cost_usd": "1.5",
        "list_cost_usd": "2",
        "assumed_cost_usd": "0.3",
        "priced_invocations": 3,
        "left_out_invocations": 5,
        "left_out": [
            {"model_id": "a.b", "reason": "no_price", "invocations": 4, "tokens": 50},
            {"model_id": "a.c", "reason": "no_counts", "invocations": 1, "tokens": 0},
        ],
        "focus_metadata": focus_metadata(),
    }


def test_the_schema_has_a_new_id_and_date_when_its_columns_change() -> None:
    metadata = focus_metadata()
    assert metadata["FocusVersion"] == "1.2"
    assert (metadata["SchemaId"], metadata["CreationDate"]) == (
        "9fa24c02-937b-56eb-897f-1c50cc7fa0cd",
        SCHEMA_CREATED,
    )
    defined = {definition["ColumnName"]: definition for definition in metadata["ColumnDefinition"]}
    assert list(defined) == [column.name for column in COLUMNS]
    assert defined["BilledCost"] == {
        "ColumnName": "BilledCost",
        "DataType": "DECIMAL",
        "NumericPrecision": 38,
        "NumberScale": 26,
    }
    assert defined["ChargePeriodStart"]["DataType"] == "DATETIME"
    assert defined["Tags"]["DataType"] == "JSON"
