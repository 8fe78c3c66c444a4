"""Each line of a bill is comparable usage or listed separately with a reason."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from lambdas.domain.attribution import ProfiledModel
from lambdas.domain.pricing import BilledUnit, Routing, TokenKind
from lambdas.domain.reports.reconciliation import (
    Apart,
    BillError,
    Reason,
    TooManyUsesError,
    amounts,
    bill,
)
from lambdas.domain.reports.reconciliation.bill import ApartKey
from tests.unit.reports.reconciliation.bill_rows import make_bill, row

MARKETPLACE: dict[str, Any] = {
    "product_code": "7zgyu5r4exampleproductcode",
    "usage_type": "USE1-MP:USE1_cache_write_tokens_1h_global_standard-Units",
    "service_name": "Claude Opus 4.7 (Amazon Bedrock Edition)",
    "model": "",
    "public_cost": "",
    "unblended_rate": "10",
    "pricing_unit": "",
}


def test_a_marketplace_line_is_read_by_service_name_in_millions() -> None:
    found = make_bill(row(tokens="0.5", unblended_cost="5", **MARKETPLACE))

    ((key, amount),) = found.uses.items()
    assert (key.model_id, key.measure, key.routing) == (
        "anthropic.claude-opus-4-7",
        TokenKind.CACHE_WRITE_1H,
        Routing.GLOBAL,
    )
    assert (amount.quantity, amount.list_usd, amount.effective_usd) == (
        Decimal(500_000),
        Decimal(5),
        Decimal(5),
    )


def test_public_cost_is_preferred_to_the_rate_and_net_cost_to_unblended_cost() -> None:
    found = make_bill(row(public_cost="3", unblended_cost="2", net_unblended_cost="1.5"))

    (amount,) = found.uses.values()
    assert (amount.list_usd, amount.effective_usd) == (Decimal(3), Decimal("1.5"))


def test_a_public_cost_of_zero_is_absent_if_something_is_billed() -> None:
    billed = make_bill(row(tokens="1000", public_cost="0", public_rate="0.002"))
    free = make_bill(row(public_cost="0", unblended_cost="0"))

    assert [amount.list_usd for amount in billed.uses.values()] == [2]
    assert [amount.list_usd for amount in free.uses.values()] == [0]


@pytest.mark.parametrize(
    ("unit", "usage_type", "listed", "size"),
    [
        ("1M tokens", "USE1-NovaMicro-input-tokens", None, 1_000_000),
        ("1K tokens", "USE1-NovaMicro-input-tokens", None, 1000),
        ("", "USE1-NovaMicro-input-tokens", None, 1000),
        ("", "USE1-NovaMicro-input-tokens", "1", 1000),
        ("", "USE1-NovaMicro-input-tokens", "0.0009", 1_000_000),
        ("Units", "USE1-MP:USE1_InputTokenCount-Units", None, 1_000_000),
    ],
)
def test_an_unstated_unit_is_derived_from_the_list_price(
    unit: str, usage_type: str, listed: str | None, size: int
) -> None:
    line = row(tokens="1000", pricing_unit=unit, usage_type=usage_type)

    found = make_bill(line, list_price=lambda _key, _kind: Decimal(listed) if listed else None)

    assert [amount.quantity for amount in found.uses.values()] == [1000 * size]


def test_other_units_are_counted_one_by_one() -> None:
    line = row(tokens="7", usage_type="USE1-Guardrail-ContentPolicyUnitsConsumed", model="")

    ((key, amount),) = make_bill(line).uses.items()

    assert (key.measure, amount.quantity) == (BilledUnit.GUARDRAIL_CONTENT_UNIT, Decimal(7))
    assert key.model_id == "amazon.bedrock-guardrails"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"usage_type": "USE1-zai.glm5-mantle-input-tokens-standard", "model": "GLM 5"}, "mantle"),
        ({"usage_type": "USE1-NovaMicro-input-tokens-batch"}, "batch"),
        ({"feature": "Batch Inference"}, "batch"),
        ({"usage_type": "USE1-NovaMicro-input-tokens-custom-model"}, "custom_model"),
    ],
)
def test_unlogged_usage_is_separate_from_logged_usage(changes: dict[str, Any], reason: str) -> None:
    found = make_bill(row(**changes))

    assert [why for why, _ in found.off_log] == [Reason(reason)]
    assert not found.uses


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"line_item_type": "Tax"}, ApartKey(Apart.ADJUSTMENT, "Tax")),
        ({"line_item_type": "Credit"}, ApartKey(Apart.ADJUSTMENT, "Credit")),
        ({"usage_type": "USE1-Quark-Hours"},
         ApartKey(Apart.UNKNOWN_USAGE_TYPE, "USE1-Quark-Hours")),
        ({"model": "Quark 9", "usage_type": "USE1-Quark9-input-tokens"},
         ApartKey(Apart.UNMAPPED_MODEL, "Quark 9")),
        ({"region": "", "usage_type": "ZZQ9-NovaMicro-input-tokens"},
         ApartKey(Apart.UNKNOWN_REGION, "ZZQ9-NovaMicro-input-tokens")),
        ({"usage_type": "USE1-NovaMicro-ProvisionedThroughput-NoCommit-ModelUnits"},
         ApartKey(Apart.PROVISIONED, "USE1-NovaMicro-ProvisionedThroughput-NoCommit-ModelUnits")),
        ({"usage_type": "USE1-NovaMicro-Customization-Storage"},
         ApartKey(Apart.CUSTOMIZATION, "USE1-NovaMicro-Customization-Storage")),
        ({"usage_amount": "many"}, ApartKey(Apart.UNREADABLE, "USE1-NovaMicro-input-tokens")),
        ({"usage_start": "yesterday"}, ApartKey(Apart.UNREADABLE, "USE1-NovaMicro-input-tokens")),
        ({"unblended_cost": "1e99"}, ApartKey(Apart.UNREADABLE, "USE1-NovaMicro-input-tokens")),
        ({"usage_start": "2026-09-27T11:00:00Z"}, ApartKey(Apart.NOT_SETTLED)),
        ({"product_code": "AmazonEC2"}, ApartKey(Apart.OTHER_SERVICE, "AmazonEC2")),
    ],
)  # fmt: skip
def test_an_incomparable_line_is_listed_separately(
    changes: dict[str, Any], expected: ApartKey
) -> None:
    found = make_bill(row(**changes))

    assert list(found.apart) == [expected]
    assert not found.uses


def test_the_last_day_before_the_cutoff_is_compared() -> None:
    now = datetime(2026, 9, 30, 0, 0, tzinfo=UTC)

    assert make_bill(row(day=26), now=now).uses
    assert not make_bill(row(day=27), now=now).uses


@pytest.mark.parametrize("changes", [{"currency": "CNY"}, {"usage_end": "2026-10-01T00:00:00Z"}])
def test_a_bill_in_another_currency_or_by_month_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(BillError):
        make_bill(row(**changes))


def test_a_profile_names_its_model_only_if_it_has_one() -> None:
    one, two = (
        f"arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/{name}"
        for name in ("one", "two")
    )
    lite: dict[str, Any] = {"usage_type": "USE1-NovaLite-input-tokens", "model": "Nova Lite"}

    found = make_bill(
        row(resource_id=one, usage_type="USE1-NovaMicro-input-tokens-cross-region-global"),
        row(resource_id=two),
        row(resource_id=two, **lite),
    )

    assert found.profiles == {one: ProfiledModel("amazon.nova-micro-v1:0", is_global=True)}


def test_the_number_of_different_lines_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bill, "MAX_KEYS", 2)
    monkeypatch.setattr(amounts, "MAX_KEYS", 2)

    with pytest.raises(TooManyUsesError, match="more than 2 different lines"):
        make_bill(row(day=1), row(day=2), row(day=3))
