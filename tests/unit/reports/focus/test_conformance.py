"""Rows conform to the published rules of FOCUS 1.2, and columns to its specification."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

from lambdas.domain.attribution import Attribution, AttributionRules, AttributionSource, TagFacts
from lambdas.domain.attribution.precedence import attribute
from lambdas.domain.invocations import TokenCounts, UsageRecord, read_message
from lambdas.domain.pricing import Pricing, shipped_prices
from lambdas.domain.reports.focus import COLUMNS
from lambdas.domain.reports.focus.columns import CUSTOM_PREFIX, LEFT_OUT, SPECIFIED
from tests.builders import SONNET_4, usage_record
from tests.focus_calls import attributed_calls, build_charges, parse_rows
from tests.focus_rules import COLUMN_TABLES, NOT_MET, PUBLISHED, violations

SAMPLES = Path(__file__).parents[3] / "fixtures" / "invocation-logs.ndjson"
MAX_LIST_LENGTH = 20  # that of ServiceSubcategory is checked by its table alone


def test_columns_match_the_specification() -> None:
    assert {
        name: {
            "feature_level": column.level.value,
            "allows_nulls": column.is_nullable,
            "data_type": column.data_type.value,
            "allowed_values": list(column.allowed),
        }
        for name, column in SPECIFIED.items()
    } == {
        name: table
        if len(table["allowed_values"]) < MAX_LIST_LENGTH
        else table | {"allowed_values": []}
        for name, table in COLUMN_TABLES.items()
    }


def test_columns_are_omitted_only_if_no_condition_requires_them() -> None:
    asked_for = {
        column
        for rule in PUBLISHED["rules"].values()
        for function, column, *_ in [[*rule["requirement"], None]]
        if function == "ColumnPresent" and not NOT_MET.intersection(rule.get("applies_if", ()))
    }
    assert SPECIFIED.keys() - asked_for == LEFT_OUT
    assert set(PUBLISHED["criteria"]) >= NOT_MET


def test_custom_columns_come_last_with_a_prefix() -> None:
    names = [column.name for column in COLUMNS]
    own = [name for name in names if name not in SPECIFIED]
    assert names[-len(own) :] == own
    assert all(name.startswith(CUSTOM_PREFIX) for name in own)
    assert {column.name for column in COLUMNS if column.is_custom} == set(own)


def test_rows_of_the_samples_conform_to_the_rules() -> None:
    records = [read_message(line) for line in SAMPLES.read_bytes().splitlines()]
    rows = parse_rows(
        build_charges(
            (
                (record, attribute(record, TagFacts(), AttributionRules()))
                for record in records
                if isinstance(record, UsageRecord)
            ),
            Pricing(shipped_prices()),
        )
    )
    assert len(rows) > 30
    assert not list(violations(rows))


@given(attributed_calls)
def test_rows_of_any_calls_conform_to_the_rules(
    attributed: list[tuple[UsageRecord, Attribution]],
) -> None:
    rows = parse_rows(build_charges(attributed))
    assert not list(violations(rows))
    for row in rows:
        assert list(row) == [column.name for column in COLUMNS]
        own = [column for column in COLUMNS if column.is_custom]
        assert all(row[column.name] or column.is_nullable for column in own)
        assert (row["ChargePeriodStart"] or "") < (row["ChargePeriodEnd"] or "")
        assert (row["BillingPeriodStart"] or "") <= (row["ChargePeriodStart"] or "")
        assert (row["ChargePeriodEnd"] or "") <= (row["BillingPeriodEnd"] or "")
        commitments = [
            name for name in row if name.startswith(("CommitmentDiscount", "CapacityRes"))
        ]
        assert not any(row[name] for name in commitments)
        assert row["EffectiveCost"] == row["BilledCost"] == row["ContractedCost"]


def without(name: str) -> Callable[[dict[str, Any]], object]:
    return lambda row: row.pop(name)


def with_value(name: str, value: object) -> Callable[[dict[str, Any]], object]:
    return lambda row: row.update({name: value})


@pytest.mark.parametrize(
    ("broken", "rule"),
    [
        (without("BilledCost"), "BilledCost is missing"),
        (without("RegionName"), "CostAndUsage-D-062-C"),
        (with_value("BilledCost", None), "BilledCost-C-003-M"),
        (with_value("BilledCost", "1,5"), "BilledCost-C-001-M"),
        (with_value("BilledCost", "1E+3"), "BilledCost is '1E+3'"),
        (with_value("ListCost", "7"), "ListCost-C-009-C"),
        (with_value("ContractedUnitPrice", "7"), "ContractedUnitPrice-C-011-C"),
        (with_value("ListUnitPrice", "-3"), "ListUnitPrice-C-008-M"),
        (with_value("ListUnitPrice", None), "ListUnitPrice-C-005-C"),
        (with_value("ChargeCategory", "Token"), "ChargeCategory-C-003-M"),
        (with_value("ChargeCategory", "Purchase"), "ChargeFrequency-C-004-C"),
        (with_value("ChargePeriodEnd", "2026-09-09 00:00:00"), "ChargePeriodEnd-C-002-M"),
        (with_value("CommitmentDiscountType", "Plan"), "CommitmentDiscountType-C-004-C"),
        (with_value("CapacityReservationStatus", "Some"), "CapacityReservationStatus-C-006-M"),
        (with_value("ConsumedUnit", None), "ConsumedUnit-C-006-C"),
        (with_value("InvoiceIssuerName", "me"), "BilledCost-C-005-C"),
        (with_value("ServiceSubcategory", "Bots and all"), "ServiceSubcategory-C-003-M"),
        (with_value("SkuPriceId", None), "SkuPriceId-C-005-C"),
        (with_value("Tags", '{"a": {"b": 1}}'), "Tags-C-001-M"),
        (with_value("Tags", '{"a": 1, "a": 2}'), "Tags-C-001-M"),
    ],
)
def test_the_conformance_check_finds_violations(
    broken: Callable[[dict[str, Any]], object], rule: str
) -> None:
    call = usage_record(model_id=SONNET_4, tokens=TokenCounts(input=10, output=5))
    rows = parse_rows(
        build_charges([(call, Attribution("p", "d", "u", AttributionSource.PATTERN))])
    )
    row = dict(rows[0])
    assert Decimal(row["BilledCost"] or "NaN") > 0
    broken(row)
    assert rule in set(violations([row]))
