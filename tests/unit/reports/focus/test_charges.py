"""Charges equal the exact cost of calls in any order and grouping."""

from datetime import UTC, date, datetime
from decimal import Context, Decimal
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.attribution import Attribution, AttributionSource
from lambdas.domain.invocations import TokenCounts, UsageRecord
from lambdas.domain.ledger.readings import join
from lambdas.domain.pricing import (
    GUARDRAILS,
    BilledUnit,
    Cost,
    Price,
    PriceBook,
    Pricing,
    Routing,
    Unpriced,
)
from lambdas.domain.pricing.call_pricing import price_call
from lambdas.domain.reports.focus import (
    NO_ACCOUNT,
    NO_PERIOD,
    DailyCharges,
    IdentityDetail,
    LeftOut,
    Sums,
    TooManyChargesError,
    charges,
)
from tests.builders import BEN, HAIKU_3, NO_ATTRIBUTION, SONNET_4, disputed_call, usage_record
from tests.focus_calls import (
    CONTRACTED,
    FIRST,
    PRICES,
    PRICING,
    attributed_calls,
    build_charges,
    calls,
    enrich,
    parse_rows,
    to_csv,
)
from tests.focus_rules import violations

EXACT = Context(prec=200)
SEPTEMBER = date(2026, 9, 1)


def exact_sum(amounts: list[Decimal]) -> Decimal:
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def exact_cost(priced: Cost) -> Decimal:
    million = Decimal(10**6)
    parts = [EXACT.multiply(Decimal(line.tokens), line.usd_per_million) for line in priced.lines]
    return EXACT.divide(exact_sum(parts), million)


@given(attributed_calls)
def test_rows_add_up_to_the_cost_of_their_calls(
    attributed: list[tuple[UsageRecord, Attribution]],
) -> None:
    rows = parse_rows(build_charges(attributed))
    known = [
        priced
        for record, _ in attributed
        if isinstance(priced := price_call(record, PRICING), Cost)
        and (record.account_id or "arn:" in record.identity_arn)
    ]
    total = exact_sum([Decimal(row["BilledCost"] or "NaN") for row in rows])
    assert total == exact_sum([exact_cost(cost) for cost in known])
    tokens = exact_sum([Decimal(row["ConsumedQuantity"] or "NaN") for row in rows])
    assert tokens == sum(line.tokens for cost in known for line in cost.lines)


def test_a_call_with_conflicting_models_is_charged_as_the_most_expensive() -> None:
    record = disputed_call()
    charged = DailyCharges()
    charged.add(enrich(record))
    keys = {
        (charge.key.model_id, charge.key.invoked_model_id) for charge in charged.charges(SEPTEMBER)
    }
    assert keys == {(HAIKU_3, HAIKU_3)}


@given(calls)
def test_a_call_costs_the_sum_of_its_lines(record: UsageRecord) -> None:
    cost = price_call(record, PRICING)
    if not isinstance(cost, Cost):
        return
    digits = Context(prec=20)  # a sum of ordinary arithmetic has 28
    assert digits.plus(cost.effective_usd) == digits.plus(exact_cost(cost))
    assert cost.list_usd is None or cost.list_usd >= 0


@given(attributed_calls, st.randoms(use_true_random=False))
def test_the_order_of_calls_changes_nothing(
    attributed: list[tuple[UsageRecord, Attribution]], chance: Random
) -> None:
    shuffled = list(attributed)
    chance.shuffle(shuffled)
    one, other = build_charges(attributed), build_charges(shuffled)
    assert to_csv(one) == to_csv(other)
    assert one.months() == other.months()
    assert [one.left_out(month) for month in one.months()] == [
        other.left_out(month) for month in other.months()
    ]


@given(attributed_calls, attributed_calls)
def test_charges_of_parts_add_up_to_the_whole(
    part: list[tuple[UsageRecord, Attribution]], rest: list[tuple[UsageRecord, Attribution]]
) -> None:
    found = [
        {
            charge.key: charge.quantity
            for month in charged.months()
            for charge in charged.charges(month)
        }
        for charged in map(build_charges, (part, rest, part + rest))
    ]
    assert found[2] == {
        key: found[0].get(key, 0) + found[1].get(key, 0) for key in found[0] | found[1]
    }


@given(attributed_calls, attributed_calls)
def test_a_removed_call_leaves_no_trace(
    kept: list[tuple[UsageRecord, Attribution]], corrected: list[tuple[UsageRecord, Attribution]]
) -> None:
    charged = build_charges(kept + corrected)
    for record, attribution in corrected:
        charged.add(enrich(record, attribution), times=-1)
    expected = build_charges(kept)
    assert to_csv(charged) == to_csv(expected)
    assert charged.months() == expected.months()
    for month in expected.months():
        assert charged.left_out(month) == expected.left_out(month)
        assert charged.priced_invocations(month) == expected.priced_invocations(month)


def test_calls_share_a_row_only_by_day_caller_model_label_kind_and_price() -> None:
    call = usage_record(tokens=TokenCounts(input=10))
    label = Attribution("p", "d", "u", AttributionSource.PATTERN)
    same = [(call, label), (call._replace(request_id="2", operation="InvokeModel"), label)]
    assert [row["ConsumedQuantity"] for row in parse_rows(build_charges(same))] == ["20"]
    others = [
        (call._replace(timestamp=FIRST), label),
        (call._replace(account_id="444455556666"), label),
        (call._replace(region="eu-west-1"), label),
        (call._replace(identity_arn=BEN), label),
        (call._replace(invoked_model_id=f"us.{HAIKU_3}"), label),
        (call._replace(tokens=TokenCounts(output=10)), label),
        (call, label._replace(project="q")),
        (call, label._replace(department="e")),
        (call, label._replace(use_case="v")),
    ]
    assert len(parse_rows(build_charges([*same, *others]))) == 1 + len(others)


def test_a_large_call_has_a_row_at_the_prices_of_large_calls() -> None:
    small = usage_record(
        model_id=SONNET_4, invoked_model_id=f"global.{SONNET_4}", tokens=TokenCounts(input=2000)
    )
    large = small._replace(request_id="2", tokens=TokenCounts(input=2001))
    rows = parse_rows(build_charges([(small, NO_ATTRIBUTION), (large, NO_ATTRIBUTION)]))
    assert [(row["BilledCost"], row["ListUnitPrice"]) for row in rows] == [
        ("0.006", "3"),
        ("0.012006", "6"),
    ]
    assert [row["SkuPriceId"] for row in rows] == [
        f"{SONNET_4}/input/global/us-east-1/0",
        f"{SONNET_4}/input/global/us-east-1/2000",
    ]


IMAGES = "maker.pictures-v1:0"
UNIT_PRICES = PriceBook(
    [
        Price(
            model,
            Routing.REGION,
            "us-east-1",
            None,
            (),
            "tests",
            date(2026, 1, 1),
            usd_per_unit={unit: Decimal(usd)},
        )
        for model, unit, usd in (
            (IMAGES, BilledUnit.IMAGE, "0.04"),
            (GUARDRAILS, BilledUnit.GUARDRAIL_TOPIC_UNIT, "0.00015"),
        )
    ]
    + list(PRICES),
    edition="2026-09",
)


def test_other_units_have_separate_rows_beside_tokens() -> None:
    pictures = usage_record(
        request_id="1", model_id=IMAGES, tokens=TokenCounts(), billed_units=(("image", 3),)
    )
    guarded = usage_record(
        request_id="2",
        tokens=TokenCounts(input=1000),
        billed_units=(("guardrail_topic_unit", 4),),
    )
    made = build_charges(
        [(pictures, NO_ATTRIBUTION), (guarded, NO_ATTRIBUTION)], Pricing(UNIT_PRICES)
    )
    names = ("x_ModelId", "SkuId", "SkuMeter", "ConsumedQuantity", "ConsumedUnit")
    prices = ("PricingQuantity", "PricingUnit", "ListUnitPrice", "BilledCost")
    assert [tuple(row[name] for name in (*names, *prices)) for row in parse_rows(made)] == [
        (
            *(HAIKU_3, f"{HAIKU_3}/input", "Input Tokens", "1000", "Tokens"),
            *("0.001", "1000000 Tokens", "0.25", "0.00025"),
        ),
        (
            *(HAIKU_3, f"{GUARDRAILS}/guardrail_topic_unit", "Guardrail Topic Units", "4"),
            *("Units", "4", "Units", "0.00015", "0.0006"),
        ),
        (
            *(IMAGES, f"{IMAGES}/image", "Images", "3", "Images"),
            *("3", "Images", "0.04", "0.12"),
        ),
    ]
    assert {row["x_PriceBasis"] for row in parse_rows(made)} == {"region"}
    assert {row["x_PriceEdition"] for row in parse_rows(made)} == {"2026-09"}
    assert not list(violations(parse_rows(made)))
    assert made.priced_invocations(SEPTEMBER) == 2


@pytest.mark.parametrize(
    ("model_id", "tokens", "changes"),
    [
        ("cohere.rerank-v3-5:0", TokenCounts(), {"billed_units": (("search_unit", 1),)}),
        ("cohere.rerank-v3-5:0", TokenCounts(0, 0), {}),
        ("amazon.nova-canvas-v1:0", TokenCounts(), {}),
        (HAIKU_3, TokenCounts(3, 0), {"billed_units": (("guardrail_unheard_of_unit", 2),)}),
        (HAIKU_3, TokenCounts(3, 0), {"service_tier": "reserved"}),
    ],
)
def test_a_call_with_unpriced_units_is_unpriced_and_in_no_row(
    model_id: str, tokens: TokenCounts, changes: dict[str, Any]
) -> None:
    call = usage_record(model_id=model_id, tokens=tokens, **changes)
    charged = build_charges([(call, NO_ATTRIBUTION)], Pricing(UNIT_PRICES))
    assert parse_rows(charged) == []
    assert charged.priced_invocations(SEPTEMBER) == 0
    (left_out,) = charged.left_out(SEPTEMBER)
    assert (left_out.reason, left_out.invocations) == (Unpriced.BILLED_IN_OTHER_UNITS, 1)


def test_calls_without_a_cost_are_reported_and_never_zero() -> None:
    unknown = usage_record(model_id="a.b", tokens=TokenCounts(input=7, cache_read=3))
    no_kind = usage_record(tokens=TokenCounts(input=5, cache_read=1))
    uncounted = usage_record(tokens=TokenCounts())
    failed = usage_record(error_code="ThrottlingException")
    nowhere = usage_record(account_id="", identity_arn="unknown")
    charged = build_charges(
        (record, NO_ATTRIBUTION)
        for record in (unknown, unknown, no_kind, uncounted, failed, nowhere)
    )
    assert parse_rows(charged) == []
    assert charged.months() == [SEPTEMBER]
    assert charged.left_out(SEPTEMBER) == [
        ("a.b", Unpriced.NO_PRICE, 2, 20),
        (HAIKU_3, NO_ACCOUNT, 1, 15),
        (HAIKU_3, Unpriced.NO_COUNTS, 1, 0),
        (HAIKU_3, Unpriced.NO_PRICE_OF_A_KIND, 1, 6),
    ]
    assert charged.priced_invocations(SEPTEMBER) == 0


@pytest.mark.parametrize(
    ("logged", "configured", "expected"),
    [
        ("444455556666", "999999999999", "444455556666"),
        ("", "999999999999", "999999999999"),
        ("", None, "111122223333"),
        ("=1+1", "999999999999", "999999999999"),
        ("=1+1", None, "111122223333"),
    ],
)
def test_the_account_comes_from_the_log_else_the_setting_else_the_caller(
    logged: str, configured: str | None, expected: str
) -> None:
    charged = DailyCharges(configured)
    charged.add(enrich(usage_record(account_id=logged, tokens=TokenCounts(input=1))))
    assert [row["SubAccountId"] for row in parse_rows(charged)] == [expected]


def test_a_duplicate_of_an_unwritable_month_removes_no_call() -> None:
    charged = DailyCharges()
    real = usage_record(tokens=TokenCounts(input=1))
    forged = real._replace(timestamp=datetime(1, 1, 1, tzinfo=UTC))
    charged.add(enrich(join(real, forged)))
    assert charged.months() == [real.timestamp.date().replace(day=1)]
    assert len(parse_rows(charged)) == 1


@pytest.mark.parametrize("day", [date(999, 12, 31), date(9999, 12, 1)])
def test_a_call_of_an_unwritable_month_is_left_out(day: date) -> None:
    charged = DailyCharges()
    at = datetime.combine(day, datetime.min.time(), UTC)
    far = usage_record(request_id="far", timestamp=at, tokens=TokenCounts(3, 4))
    charged.add(enrich(far))
    assert parse_rows(charged) == []
    (month,) = charged.months()
    assert charged.left_out(month) == [LeftOut(far.model_id, NO_PERIOD, 1, 7)]
    charged.add(enrich(far), times=-1)
    assert charged.months() == []


@pytest.mark.parametrize("day", [date(1000, 1, 1), date(9999, 11, 30)])
def test_any_other_call_has_a_row(day: date) -> None:
    charged = DailyCharges()
    at = datetime.combine(day, datetime.min.time(), UTC)
    charged.add(enrich(usage_record(timestamp=at, tokens=TokenCounts(3))))
    (row,) = parse_rows(charged)
    assert row["ChargePeriodStart"] == f"{day}T00:00:00Z"


def test_overlong_log_texts_are_truncated() -> None:
    charged = DailyCharges()
    long = usage_record(
        region="r" * 9000,
        account_id="1" * 9000,
        identity_arn=BEN + "b" * 9000,
        invoked_model_id="m" * 9000,
        tokens=TokenCounts(3),
    )
    charged.add(enrich(long))
    charged.add(enrich(long._replace(model_id="m" * 9000)))
    (row,) = parse_rows(charged)
    lengths = {len(row[name] or "") for name in ("RegionId", "SubAccountId", "x_InvokedModelId")}
    assert lengths == {charges.MAX_TEXT_LENGTH}
    assert row["x_IdentityArn"] == long.identity_arn[: charges.MAX_TEXT_LENGTH]
    (left_out,) = charged.left_out(long.timestamp.date().replace(day=1))
    assert len(left_out.model_id) == charges.MAX_TEXT_LENGTH


def test_models_without_charges_are_named_up_to_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charges, "MAX_LEFT_OUT", 2)
    made_up = [usage_record(model_id=f"made-up-{number}") for number in range(5)]
    charged = build_charges([(record, NO_ATTRIBUTION) for record in made_up])
    for record in made_up[1:3]:
        charged.add(enrich(record), times=-1)
    found = {left.model_id: (left.invocations, left.tokens) for left in charged.left_out(SEPTEMBER)}
    assert found == {"made-up-0": (1, 15), "__other__": (2, 30)}


@given(attributed_calls)
def test_rows_are_sorted_by_time_and_unique(
    attributed: list[tuple[UsageRecord, Attribution]],
) -> None:
    charged = build_charges(attributed)
    keys = [charge.key for month in charged.months() for charge in charged.charges(month)]
    assert all(one.day <= other.day for one, other in pairwise(keys))
    assert len(set(keys)) == len(keys)


SESSIONS = "arn:aws:sts::111122223333:assumed-role"
MACHINE = f"{SESSIONS}/batch/i-0123456789abcdef0"
CHOSEN = f"{SESSIONS}/batch/anything"
SIGNED_IN = f"{SESSIONS}/AWSReservedSSO_Dev_0123456789abcdef/ana@example.com"
USER = "arn:aws:iam::111122223333:user/ben"
BATCH, SSO_ROLE = (
    f"arn:aws:iam::111122223333:role/{role}"
    for role in ("batch", "AWSReservedSSO_Dev_0123456789abcdef")
)


@pytest.mark.parametrize(
    ("max_charges", "detail", "named"),
    [
        (4, IdentityDetail.SESSIONS, {MACHINE, CHOSEN, SIGNED_IN, USER}),
        (3, IdentityDetail.SIGNED_IN_PEOPLE, {BATCH, SIGNED_IN, USER}),
        (2, IdentityDetail.NOTHING, {"__other__"}),
    ],
)
@given(order=st.permutations([MACHINE, CHOSEN, SIGNED_IN, USER]))
def test_charges_beyond_the_limit_name_less_of_their_callers_in_any_order(
    max_charges: int, detail: IdentityDetail, named: set[str], order: list[str]
) -> None:
    one = TokenCounts(input=1)
    calls = [
        (usage_record(request_id=arn, identity_arn=arn, tokens=one), NO_ATTRIBUTION)
        for arn in order
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(charges, "MAX_CHARGES", max_charges)
        charged = build_charges(calls)
    assert charged.identity_detail is detail
    found = [*charged.charges(SEPTEMBER)]
    assert {charge.key.identity_arn for charge in found} == named
    assert sum(charge.quantity for charge in found) == 4
    for record, attribution in calls:
        charged.add(enrich(record, attribution), times=-1)
    assert not [*charged.charges(SEPTEMBER)]


@pytest.mark.parametrize(
    ("detail", "named"),
    [
        (IdentityDetail.SESSIONS, [MACHINE, CHOSEN, SIGNED_IN, USER]),
        (IdentityDetail.PEOPLE, [BATCH, CHOSEN, SIGNED_IN, USER]),
        (IdentityDetail.SIGNED_IN_PEOPLE, [BATCH, BATCH, SIGNED_IN, USER]),
        (IdentityDetail.ROLES, [BATCH, BATCH, SSO_ROLE, USER]),
        (IdentityDetail.NOTHING, ["__other__"] * 4),
    ],
)
def test_each_reduction_names_less_and_is_idempotent(
    detail: IdentityDetail, named: list[str]
) -> None:
    whole = [MACHINE, CHOSEN, SIGNED_IN, USER]
    assert [*map(detail.reduce, whole)] == named
    for less in (level for level in IdentityDetail if level <= detail):
        assert [detail.reduce(less.reduce(arn)) for arn in whole] == named


def test_profiles_are_not_named_if_callers_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charges, "MAX_CHARGES", 1)
    profile = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/"
    charged = DailyCharges()
    for number in range(5):
        record = usage_record(request_id=str(number), tokens=TokenCounts(input=1))
        charged.add(enrich(record._replace(invoked_model_id=f"{profile}{number}")))
    (charge,) = charged.charges(SEPTEMBER)
    assert (charge.key.invoked_model_id, charge.quantity) == (HAIKU_3, 5)


def test_more_charges_than_fit_into_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(charges, "MAX_CHARGES", 1)
    charged = build_charges([(usage_record(tokens=TokenCounts(input=1)), NO_ATTRIBUTION)])
    with pytest.raises(TooManyChargesError, match="more than 1 charges"):
        charged.add(enrich(usage_record(tokens=TokenCounts(output=1))))


def test_sums_list_costs_at_assumed_prices() -> None:
    near = usage_record(tokens=TokenCounts(input=1_000_000))
    far = near._replace(request_id="2", region="eu-west-1")
    sums = Sums()
    for charge in build_charges([(near, NO_ATTRIBUTION), (far, NO_ATTRIBUTION)]).charges(SEPTEMBER):
        sums = sums.plus(charge)
    assert sums == Sums(2, Decimal("0.5"), Decimal("0.5"), Decimal("0.25"))


def test_sums_match_the_rows() -> None:
    discounted = usage_record(
        model_id="anthropic.claude-opus-4-6-v1",
        timestamp=FIRST.replace(day=8),
        tokens=TokenCounts(input=1_000_000, output=1_000_000),
    )
    charged = build_charges([(discounted, NO_ATTRIBUTION)])
    sums = Sums()
    for charge in charged.charges(SEPTEMBER):
        sums = sums.plus(charge)
    assert CONTRACTED.get_price(discounted.model_id, SEPTEMBER.replace(day=8)) is not None
    assert sums == Sums(2, Decimal("21.53086422"), Decimal("24.999"))
