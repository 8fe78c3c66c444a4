"""Rows of a FOCUS report, and the charges that they describe."""

import json
from datetime import date
from decimal import DecimalException

import pytest

from lambdas.domain.attribution import (
    UNATTRIBUTED,
    Attribution,
    AttributionSource,
    ProfiledModel,
    TagFacts,
)
from lambdas.domain.calls import CallEnricher
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.pricing import ContractedPrice, ContractedPrices, PriceBook, Pricing
from lambdas.domain.reports.focus import DailyCharges, build_row, month_after
from lambdas.domain.reports.focus.charges import Charge
from tests.builders import ANA, NO_ATTRIBUTION, SONNET_4, usage_record, usd_by_kind
from tests.focus_calls import (
    IMPORTED,
    PRICING,
    PROFILE,
    build_charges,
    enrich,
    parse_rows,
    read_single_row,
    row_of_call,
    to_csv,
)

CALL = usage_record(model_id=SONNET_4, invoked_model_id=SONNET_4, tokens=TokenCounts(input=1500))


def test_a_row_has_usage_caller_and_price() -> None:
    attribution = Attribution("search", UNATTRIBUTED, "chat", AttributionSource.PRINCIPAL)
    profiles = TagFacts.from_profiles({PROFILE: ProfiledModel(SONNET_4)})
    call = CallEnricher(PRICING, facts=profiles).enrich(CALL._replace(invoked_model_id=PROFILE))
    row = read_single_row(call._replace(attribution=attribution))
    assert {name: value for name, value in row.items() if value is not None} == {
        "BilledCost": "0.0045",
        "BillingAccountId": "111122223333",
        "BillingAccountName": "111122223333",
        "BillingCurrency": "USD",
        "BillingPeriodEnd": "2026-10-01T00:00:00Z",
        "BillingPeriodStart": "2026-09-01T00:00:00Z",
        "ChargeCategory": "Usage",
        "ChargeDescription": f"Amazon Bedrock {SONNET_4}: Input Tokens at 3 USD a million"
        " (estimate)",
        "ChargeFrequency": "Usage-Based",
        "ChargePeriodEnd": "2026-09-09T00:00:00Z",
        "ChargePeriodStart": "2026-09-08T00:00:00Z",
        "ConsumedQuantity": "1500",
        "ConsumedUnit": "Tokens",
        "ContractedCost": "0.0045",
        "ContractedUnitPrice": "3",
        "EffectiveCost": "0.0045",
        "InvoiceIssuerName": "AWS",
        "ListCost": "0.0045",
        "ListUnitPrice": "3",
        "PricingCategory": "Standard",
        "PricingQuantity": "0.0015",
        "PricingUnit": "1000000 Tokens",
        "ProviderName": "AWS",
        "PublisherName": "AWS",
        "RegionId": "us-east-1",
        "RegionName": "US East (N. Virginia)",
        "ResourceId": PROFILE,
        "ResourceType": "Application Inference Profile",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceName": "Amazon Bedrock",
        "ServiceSubcategory": "Generative AI",
        "SkuId": f"{SONNET_4}/input",
        "SkuMeter": "Input Tokens",
        "SkuPriceDetails": '{"x_Area": "us-east-1", "x_CallSize": "any",'
        f' "x_ModelId": "{SONNET_4}", "x_TokenKind": "input"}}',
        "SkuPriceId": f"{SONNET_4}/input/us-east-1/0",
        "SubAccountId": "111122223333",
        "SubAccountName": "111122223333",
        "Tags": '{"project": "search", "use_case": "chat"}',
        "x_AttributedBy": "principal",
        "x_CostBasis": "Estimate",
        "x_IdentityArn": ANA,
        "x_InvokedModelId": PROFILE,
        "x_ListPriceSource": "tests",
        "x_ModelId": SONNET_4,
        "x_PriceBasis": "region",
        "x_Principal": "role/chat",
    }


def test_a_service_tier_is_a_separate_price() -> None:
    row = row_of_call(CALL._replace(service_tier="flex"))
    assert row["SkuPriceId"] == f"{SONNET_4}/input/us-east-1/0/flex"
    assert row["ListUnitPrice"] == "1.5"
    assert '"x_ServiceTier": "flex"' in str(row["SkuPriceDetails"])


@pytest.mark.parametrize(
    ("region", "prefix", "basis"),
    [
        ("us-east-1", "", "region"),
        ("us-east-1", "us.", "region"),
        ("us-east-1", "global.", "global"),
        ("eu-west-1", "", "assumed"),
    ],
)
def test_a_row_has_the_basis_of_its_price(region: str, prefix: str, basis: str) -> None:
    row = row_of_call(CALL._replace(region=region, invoked_model_id=f"{prefix}{SONNET_4}"))
    assert row["x_PriceBasis"] == basis


def test_a_service_tier_is_a_separate_price_without_a_list_price() -> None:
    agreed = [
        ContractedPrice(IMPORTED, date(2026, 1, 1), usd_by_kind(price), service_tier=tier)
        for price, tier in (("4", None), ("2", "flex"))
    ]
    call = usage_record(model_id=IMPORTED, tokens=TokenCounts(input=1_000_000))
    made = [(call, NO_ATTRIBUTION), (call._replace(service_tier="flex"), NO_ATTRIBUTION)]
    charges = build_charges(made, Pricing(PriceBook([]), ContractedPrices(agreed)))
    rows = map(build_row, charges.charges(date(2026, 9, 1)))
    assert {row["SkuPriceId"]: row["ListUnitPrice"] for row in rows} == {
        f"{IMPORTED}/input/unlisted/0": 4,
        f"{IMPORTED}/input/unlisted/0/flex": 2,
    }


def test_the_billing_account_can_be_another_account() -> None:
    (charge,) = build_charges([(CALL, NO_ATTRIBUTION)]).charges(date(2026, 9, 1))
    row = build_row(charge, "999988887777")
    assert row["BillingAccountId"] == row["BillingAccountName"] == "999988887777"
    assert row["SubAccountId"] == row["SubAccountName"] == "111122223333"


def test_a_contracted_price_without_a_list_price_shows_no_savings_or_source() -> None:
    call = usage_record(
        model_id=IMPORTED,
        invoked_model_id=f"arn:aws:bedrock:us-east-1:111122223333:{IMPORTED}",
        tokens=TokenCounts(input=2_000_000),
    )
    row = row_of_call(call)
    assert row["ListCost"] == row["BilledCost"] == "1"
    assert row["ListUnitPrice"] == row["ContractedUnitPrice"] == "0.5"
    assert row["x_ListPriceSource"] is row["x_PriceBasis"] is None
    assert row["SkuPriceId"] == f"{IMPORTED}/input/unlisted/0"
    assert row["ResourceType"] == "Imported Model"


def test_a_prompt_router_is_the_called_resource() -> None:
    router = "arn:aws:bedrock:us-east-1:111122223333:prompt-router/abc123"
    row = row_of_call(CALL._replace(invoked_model_id=SONNET_4, prompt_router=router))
    assert row["x_InvokedModelId"] == row["ResourceId"] == router
    assert (row["x_ModelId"], row["ResourceType"]) == (SONNET_4, "Prompt Router")


@pytest.mark.parametrize(
    "invoked",
    [
        SONNET_4,
        f"us.{SONNET_4}",
        f"arn:aws:bedrock:us-east-1::foundation-model/{SONNET_4}",
        f"arn:aws:bedrock:us-east-1:111122223333:inference-profile/us.{SONNET_4}",
        "arn:aws:bedrock:us-east-1:111122223333:",
        "arn:aws:bedrock",
    ],
)
def test_aws_resources_are_not_resources_of_the_account(invoked: str) -> None:
    row = row_of_call(CALL._replace(invoked_model_id=invoked))
    assert row["ResourceId"] is row["ResourceType"] is row["ResourceName"] is None


def test_an_unknown_region_is_named_by_its_id_and_a_missing_one_is_empty() -> None:
    newer = row_of_call(CALL._replace(region="xx-new-1"))
    assert (newer["RegionId"], newer["RegionName"]) == ("xx-new-1", "xx-new-1")
    unreported = row_of_call(CALL._replace(region=""))
    assert (unreported["RegionId"], unreported["RegionName"]) == (None, None)


def test_unattributed_calls_have_no_tags() -> None:
    assert row_of_call(CALL)["Tags"] is None


@pytest.mark.parametrize("name", ["=cmd|'/c calc'!A1", 'a "quoted", name', "two\r\nlines", "'x"])
def test_names_stay_unchanged_and_begin_no_cell(name: str) -> None:
    attributed = Attribution(name, name, name, AttributionSource.PATTERN)
    arn = f"arn:aws:sts::111122223333:assumed-role/chat/{name}"
    call = CALL._replace(identity_arn=arn)
    row = row_of_call(call, attributed)
    assert set(json.loads(row["Tags"] or "").values()) == {name}
    assert row["x_IdentityArn"] == arn
    assert not any((value or "").startswith(("=", "+", "-", "@")) for value in row.values())
    assert to_csv(build_charges([(call, attributed)])).endswith("\r\n")


@pytest.mark.parametrize(
    ("month", "following"),
    [
        (date(2026, 1, 1), date(2026, 2, 1)),
        (date(2026, 12, 1), date(2027, 1, 1)),
        (date(2024, 2, 29), date(2024, 3, 1)),
    ],
)
def test_a_billing_period_is_a_calendar_month(month: date, following: date) -> None:
    assert month_after(month) == following


def test_a_cost_that_would_have_to_be_rounded_is_refused() -> None:
    (charge,) = build_charges([(CALL, NO_ATTRIBUTION)]).charges(date(2026, 9, 1))
    with pytest.raises(DecimalException):
        build_row(Charge(charge.key, 10**39 + 1))


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_no_cell_begins_with_a_formula_whatever_a_log_says(start: str) -> None:
    formula = f"{start}cmd|'/C calc'!A0"
    record = usage_record(
        account_id=formula,
        region=formula,
        identity_arn=formula,
        invoked_model_id=formula,
        model_id=IMPORTED,
    )
    charged = DailyCharges("111122223333")
    hostile = NO_ATTRIBUTION._replace(project=formula, department=formula, use_case=formula)
    charged.add(enrich(record, hostile))
    rows = parse_rows(charged)
    assert rows
    for row in rows:
        assert not [name for name, cell in row.items() if cell and cell[0] == start]
        assert row["x_IdentityArn"] == row["x_InvokedModelId"] == f"'{formula}"
        assert (row["BillingAccountId"], row["RegionId"]) == ("111122223333", None)
