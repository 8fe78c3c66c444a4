"""Logs compared with a bill: agreement, differences and their likely reasons."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import TokenCounts
from lambdas.domain.pricing import (
    GUARDRAILS,
    BilledUnit,
    ContractedPrice,
    ContractedPrices,
    PriceBook,
    Pricing,
)
from lambdas.domain.reports.reconciliation import LineClass, Reason, Reconciliation
from lambdas.domain.reports.reconciliation.summary import (
    apart_totals,
    class_totals,
    difference_totals,
    discount_usd,
)
from tests.unit.reports.reconciliation.bill_rows import (
    ACCOUNT,
    ANA,
    BEN,
    MICRO,
    NOW,
    PRICING,
    call,
    compare,
    price,
    row,
)

AGREES, DIFFERS = LineClass.AGREES, LineClass.DIFFERS
OURS, THEIRS = LineClass.OURS_ONLY, LineClass.THEIRS_ONLY
DAYS = (7, 8, 9)
FLEX: dict[str, Any] = {"usage_type": "USE1-NovaMicro-input-tokens-flex", "unblended_cost": "0.5"}


def around(*calls: Any) -> list[Any]:
    """Calls, and one of Ben on the day before and on the day after, so that logs cover the 8th."""
    return [call(day=7, identity_arn=BEN), *calls, call(day=9, identity_arn=BEN)]


def billed_around(*rows: Any) -> list[Any]:
    """Lines, and those of Ben on the day before and on the day after."""
    return [row(day=7, iam_principal=BEN), *rows, row(day=9, iam_principal=BEN)]


def list_lines_of_the_8th(found: Reconciliation) -> list[tuple[LineClass, Reason | None]]:
    return [(line.line_class, line.reason) for line in found.lines if line.key.day.day == 8]


def test_the_same_usage_agrees() -> None:
    found = compare(billed_around(row()), around(call()))

    assert [line.line_class for line in found.lines] == [AGREES] * 3
    assert found.billed_usd == 3


def test_hours_and_calls_of_a_day_add_up() -> None:
    rows = [row(tokens="400"), row(tokens="600", usage_start="2026-09-08T13:00:00Z")]
    calls = [call(input_tokens=250_000)] * 4

    assert list_lines_of_the_8th(compare(rows, calls)) == [(AGREES, None)]


@pytest.mark.parametrize(
    ("tokens", "expected"),
    [
        ("1000.9", AGREES),  # 0.1 %
        ("1002", DIFFERS),  # 2,000 tokens
    ],
)
def test_tokens_agree_within_a_tenth_of_a_percent(tokens: str, expected: LineClass) -> None:
    found = compare(billed_around(row(tokens=tokens)), around(call()))

    assert [line_class for line_class, _ in list_lines_of_the_8th(found)] == [expected]


def test_a_thousand_tokens_of_all_lines_of_a_day_are_within_the_tolerance() -> None:
    calls = [call(input_tokens=10_000), call(input_tokens=None, tokens=TokenCounts(0, 10_000))]
    output: dict[str, Any] = {"usage_type": "USE1-NovaMicro-output-tokens"}
    near_usd: dict[str, Any] = dict.fromkeys(("unblended_cost", "public_cost"), "0.0416")
    far_usd: dict[str, Any] = dict.fromkeys(("unblended_cost", "public_cost"), "0.0436")

    near = compare([row(tokens="10.4"), row(tokens="10.4", **output, **near_usd)], calls)
    far = compare([row(tokens="10.9"), row(tokens="10.9", **output, **far_usd)], calls)

    assert {line_class for line_class, _ in list_lines_of_the_8th(near)} == {AGREES}
    assert {line_class for line_class, _ in list_lines_of_the_8th(far)} == {DIFFERS}


def test_a_wrong_price_is_never_within_the_tolerance() -> None:
    double = row(tokens="10", unblended_cost="0.02", public_cost="0.02")
    discounted = row(tokens="10", net_unblended_cost="0.005")
    fewer_tokens = row(tokens="10.4", unblended_cost="0.0208", public_cost="0.0208")
    calls = [call(input_tokens=10_000)]

    assert list_lines_of_the_8th(compare([double], calls)) == [(DIFFERS, Reason.LIST_PRICE)]
    assert list_lines_of_the_8th(compare([discounted], calls)) == [(DIFFERS, Reason.DISCOUNT)]
    assert [each for each, _ in list_lines_of_the_8th(compare([fewer_tokens], calls))] == [DIFFERS]


def test_few_tokens_that_add_up_over_callers_and_days_differ() -> None:
    callers = [f"arn:aws:iam::111122223333:user/{number}" for number in range(4)]
    calls = [call(input_tokens=10_000, identity_arn=caller) for caller in callers]

    short = [row(tokens="10.4", iam_principal=caller) for caller in callers]
    even = [
        row(tokens=tokens, iam_principal=caller)
        for tokens, caller in zip(("10.4", "9.6", "10.4", "9.6"), callers, strict=True)
    ]

    assert {line_class for line_class, _ in list_lines_of_the_8th(compare(short, calls))} == {
        DIFFERS
    }
    assert {line_class for line_class, _ in list_lines_of_the_8th(compare(even, calls))} == {AGREES}


@pytest.mark.parametrize(("units", "expected"), [("3", AGREES), ("4", DIFFERS)])
def test_the_token_tolerance_does_not_apply_to_units(units: str, expected: LineClass) -> None:
    listed = {BilledUnit.GUARDRAIL_CONTENT_UNIT: Decimal("0.001")}
    guarded = price(model_id=GUARDRAILS, rates=(), usd_per_unit=listed)
    guardrail = row(tokens=units, usage_type="USE1-Guardrail-ContentPolicyUnitsConsumed", model="")
    calls = [call(billed_units=(("guardrail_content_unit", 3),))]

    found = compare([row(), guardrail], calls, Pricing(PriceBook([price(), guarded])))

    assert sorted(each for each, _ in list_lines_of_the_8th(found)) == sorted([AGREES, expected])


@pytest.mark.parametrize(
    ("rows", "calls", "expected"),
    [
        ([row()], [], (THEIRS, Reason.DELIVERY_FAILURE)),
        ([row(tokens="2000")], [call()], (DIFFERS, Reason.DELIVERY_FAILURE)),
        ([], [call()], (OURS, Reason.LATE_BILL)),
        ([row(tokens="500")], [call()], (DIFFERS, Reason.LATE_BILL)),
        ([row(iam_principal="")], [], (THEIRS, Reason.DELIVERY_FAILURE)),
        ([row(iam_principal=""), row(iam_principal=BEN)], [call(identity_arn=BEN)],
         (THEIRS, Reason.NO_IDENTITY_IN_BILL)),
        ([row()], [call(input_tokens=None)], (THEIRS, Reason.NO_COUNTS_IN_LOGS)),
        ([row(region="us-west-2")], [], (THEIRS, Reason.NO_LOGS)),
        ([row(model="Quark 9", usage_type="USE1-Quark9-input-tokens")], [call()],
         (OURS, Reason.BILL_NOT_UNDERSTOOD)),
        ([row(usage_type="USE1-Agents-Steps")], [call()], (OURS, Reason.LATE_BILL)),
        ([], [call(model_id="application-inference-profile/abc")],
         (OURS, Reason.PROFILE_HIDES_MODEL)),
        ([], [call(model_id="provisioned-model/abc")], (OURS, Reason.OTHER_PLAN)),
        ([], [call(service_tier="reserved")], (OURS, Reason.OTHER_PLAN)),
        ([row(usage_type="USE1-NovaMicro-input-tokens-batch")], [], (THEIRS, Reason.BATCH)),
        ([row(usage_type="USE1-NovaMicro-mantle-input-tokens-standard")], [],
         (THEIRS, Reason.MANTLE)),
    ],
)  # fmt: skip
def test_usage_on_one_side_has_a_likely_reason(
    rows: list[Any], calls: list[Any], expected: tuple[LineClass, Reason]
) -> None:
    assert expected in list_lines_of_the_8th(compare(billed_around(*rows), around(*calls)))


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (datetime(2026, 9, 30, tzinfo=UTC), Reason.LATE_BILL),
        (datetime(2026, 10, 10, tzinfo=UTC), Reason.LATE_BILL),
        (datetime(2026, 10, 11, tzinfo=UTC), Reason.NOT_ON_BILL),
    ],
)
@pytest.mark.parametrize("tokens", [[], ["500"]])
def test_usage_missing_from_the_bill_is_late_until_the_month_closes(
    tokens: list[str], now: datetime, reason: Reason
) -> None:
    rows = [row(tokens=each) for each in tokens]

    found = compare(billed_around(*rows), around(call()), now=now)

    assert [found_reason for _, found_reason in list_lines_of_the_8th(found)] == [reason]


def test_a_closed_month_without_lines_has_no_bill() -> None:
    august = row(usage_start="2026-08-20T00:00:00Z", tokens="1")

    found = compare([august], [call()], now=datetime(2026, 11, 28, tzinfo=UTC))

    assert list_lines_of_the_8th(found) == [(OURS, Reason.NO_BILL)]


def test_usage_before_and_after_the_logs_is_explained() -> None:
    found = compare([row(day=day) for day in DAYS], [call(day=8)])

    assert [line.reason for line in found.lines] == [
        Reason.BEFORE_LOGGING,
        None,
        Reason.AFTER_LOGS,
    ]


def test_hours_of_the_bill_are_compared_with_the_first_and_last_call() -> None:
    hours = {
        hour: row(
            usage_start=f"2026-09-08T{hour:02d}:00:00Z",
            usage_end=f"2026-09-08T{hour + 1:02d}:00:00Z",
            iam_principal=f"arn:aws:iam::111122223333:user/{hour}",
        )
        for hour in (9, 12, 13, 22)
    }
    logged = [call(), call(timestamp=NOW.replace(day=8, hour=14, minute=50))]

    found = compare(list(hours.values()), logged)

    assert [line.reason for line in found.lines if line.line_class is THEIRS] == [
        Reason.DELIVERY_FAILURE,
        Reason.DELIVERY_FAILURE,
        Reason.AFTER_LOGS,
        Reason.BEFORE_LOGGING,
    ]


def test_the_first_day_of_the_logs_can_be_partly_logged() -> None:
    found = compare([row(tokens="9000")], [call()])

    assert list_lines_of_the_8th(found) == [(DIFFERS, Reason.PARTLY_LOGGED)]


def test_calls_before_the_bill_or_of_another_account_are_explained() -> None:
    calls = [call(day=7), call(day=8, account_id="999900001111"), call(day=8)]

    found = compare([row(day=8)], calls)

    assert sorted((line.key.day.day, line.reason or "") for line in found.lines) == [
        (7, Reason.BEFORE_BILL),
        (8, ""),
        (8, Reason.NO_BILL),
    ]


def test_usage_billed_on_the_next_day_is_explained() -> None:
    rows = [row(day=7), row(day=8), row(day=9, tokens="4000"), row(day=10)]
    calls = [call(day=7), call(day=8, input_tokens=4_000_000), call(day=9), call(day=10)]

    assert [line.reason for line in compare(rows, calls).lines] == [
        None,
        Reason.OTHER_DAY,
        Reason.OTHER_DAY,
        None,
    ]


def test_mantle_hides_no_difference_in_the_same_usage() -> None:
    mantle: dict[str, Any] = {"usage_type": "USE1-NovaMicro-mantle-input-tokens-standard"}
    rows = [row(day=7), row(day=8), row(day=9, tokens="4000"), row(day=10)]
    rows += [row(day=day, tokens="1", **mantle) for day in (8, 9)]
    calls = [call(day=7), call(day=8, input_tokens=4_000_000), call(day=9), call(day=10)]

    reasons = [line.reason for line in compare(rows, calls).lines]

    assert sorted(reason for reason in reasons if reason) == [
        *[Reason.MANTLE] * 2,
        *[Reason.OTHER_DAY] * 2,
    ]


def test_a_line_without_matching_usage_has_the_reason_of_its_side() -> None:
    found = compare(billed_around(row(tokens="0")), around())

    assert list_lines_of_the_8th(found) == [(THEIRS, Reason.DELIVERY_FAILURE)]


def test_days_that_are_too_recent_are_excluded_on_both_sides() -> None:
    found = compare([row(day=26), row(day=27)], [call(day=26), call(day=27)])

    assert [line.line_class for line in found.lines] == [AGREES]
    assert found.ours_not_settled.list_usd == 1
    assert [amounts.list_usd for _, amounts in apart_totals(found)] == [1]


def test_the_current_month_is_provisional() -> None:
    august = row(usage_start="2026-08-08T00:00:00Z")

    found = compare([august, row()], [])

    assert [found.is_provisional(line) for line in found.lines] == [False, True]
    assert sum(total.provisional_usd for total in class_totals(found)) == 1


def test_callers_are_left_out_if_the_bill_names_none() -> None:
    rows = [row(tokens="2000", iam_principal="")]

    found = compare(rows, [call(), call(identity_arn=BEN)])

    assert [(line.line_class, line.key.identity_arn) for line in found.lines] == [(AGREES, "")]
    assert not found.has_identities


def test_a_tier_missing_from_the_logs_is_not_compared() -> None:
    rows = [row(tokens="40000"), row(tokens="60000", **FLEX | {"public_cost": "30"})]

    found = compare(rows, [call(input_tokens=100_000_000)])

    ((line_class, reason),) = list_lines_of_the_8th(found)
    assert (line_class, reason) == (DIFFERS, Reason.TIER_NOT_IN_LOGS)
    assert found.lines[0].ours.list_usd == 100
    assert found.lines[0].theirs.list_usd == 70


def test_a_tier_in_the_logs_is_compared() -> None:
    flex = price(service_tier="flex")
    pricing = Pricing(PriceBook([price(), flex]))
    rows = [row(), row(**FLEX | {"unblended_cost": "1"})]

    found = compare(rows, [call(), call(service_tier="flex")], pricing)

    assert [line.key.service_tier for line in found.lines] == [None, "flex"]
    assert [line.line_class for line in found.lines] == [AGREES, AGREES]


def test_a_cache_lifetime_missing_from_the_logs_is_not_compared() -> None:
    write = "USE1-NovaMicro-cache-write-tokens"
    rows = [
        row(tokens="1000", usage_type=f"{write}-5m", public_cost="20", unblended_cost="20"),
        row(tokens="3000", usage_type=f"{write}-1h", public_cost="90", unblended_cost="90"),
    ]

    found = compare(rows, [call(tokens=TokenCounts(0, 0, 0, 4_000_000))])

    assert list_lines_of_the_8th(found) == [(DIFFERS, Reason.LIFETIME_NOT_IN_LOGS)]


def test_a_routing_missing_from_the_logs_is_not_compared() -> None:
    rows = [row(usage_type="USE1-NovaMicro-input-tokens-cross-region-global")]

    found = compare(rows, [call()])

    assert list_lines_of_the_8th(found) == [(AGREES, None)]
    assert found.lines[0].key.routing is None


@pytest.mark.parametrize(
    ("usd", "changes", "pricing", "reason"),
    [
        ("3", {}, PRICING, Reason.LIST_PRICE),
        ("3", {"region": "eu-west-1"}, PRICING, Reason.ASSUMED_PRICE),
        ("1", {}, Pricing(PriceBook([])), Reason.UNPRICED),
    ],
)
def test_equal_tokens_with_other_dollars_have_a_reason(
    usd: str, changes: dict[str, Any], pricing: Pricing, reason: Reason
) -> None:
    found = compare(
        [row(public_cost=usd, unblended_cost=usd, **changes)], [call(**changes)], pricing
    )

    assert list_lines_of_the_8th(found) == [(DIFFERS, reason)]


def test_discounts_are_shown_separately() -> None:
    tax = row(line_item_type="Tax", unblended_cost="7")

    found = compare([row(net_unblended_cost="0.9"), row(day=28, unblended_cost="0.7"), tax], [])

    assert discount_usd(found) == Decimal("0.4")


def test_a_configured_discount_agrees_and_any_other_differs() -> None:
    rows = [row(tokens="100000", net_unblended_cost="80")]
    agreed = ContractedPrice(MICRO, date(2026, 1, 1), {}, Decimal(20))
    configured = replace(PRICING, contracted=ContractedPrices([agreed]))
    calls = [call(input_tokens=100_000_000)]

    assert list_lines_of_the_8th(compare(rows, calls)) == [(DIFFERS, Reason.DISCOUNT)]
    assert list_lines_of_the_8th(compare(rows, calls, configured)) == [(AGREES, None)]


def test_failed_calls_count_on_neither_side() -> None:
    found = compare([], [call(error_code="ThrottlingException")])

    assert (found.lines, found.calls, found.failed_calls) == ((), 0, 1)


def test_machine_sessions_roll_up_to_their_role() -> None:
    other = BEN[:-1] + "1"
    found = compare([], [call(identity_arn=BEN), call(identity_arn=other), call()])

    shown = {total.difference.identity: total.ours.quantity for total in difference_totals(found)}

    assert shown == {f"arn:aws:iam::{ACCOUNT}:role/app": 2_000_000, ANA: 1_000_000}


_ROWS = st.builds(
    row,
    day=st.integers(1, 30),
    tokens=st.integers(0, 10**6).map(str),
    unblended_cost=st.decimals(-1000, 1000, places=10).map(str),
    net_unblended_cost=st.sampled_from(["", "0", "12.5", "-3.0000000001"]),
    line_item_type=st.sampled_from(["Usage", "DiscountedUsage", "Tax", "Credit", "Refund", "New"]),
    product_code=st.sampled_from(["AmazonBedrock", "AmazonEC2"]),
    iam_principal=st.sampled_from(["", ANA, BEN]),
    usage_start=st.sampled_from(["2026-09-08", "2026-09-29", "2026-08-01", "never"]),
    model=st.sampled_from(["Nova Micro", "Quark 9", ""]),
    usage_type=st.sampled_from(
        [
            "USE1-NovaMicro-input-tokens",
            "USE1-NovaMicro-output-tokens-batch",
            "USE1-NovaMicro-mantle-input-tokens-flex",
            "USE1-MP:USE1_InputTokenCount-Units",
            "USE1-Quark-Hours",
            "USE1-NovaMicro-ProvisionedThroughput-NoCommit-ModelUnits",
            "",
        ]
    ),
)
_CALLS = st.builds(
    call,
    day=st.integers(1, 30),
    input_tokens=st.none() | st.integers(0, 10**6),
    identity_arn=st.sampled_from([ANA, BEN]),
    service_tier=st.sampled_from([None, "flex"]),
)


@given(st.lists(_ROWS, max_size=12), st.lists(_CALLS, max_size=12))
def test_every_dollar_and_every_token_is_in_exactly_one_place(
    rows: list[Any], calls: list[Any]
) -> None:
    found = compare(rows, calls)

    billed = sum(Decimal(each.net_unblended_cost or each.unblended_cost) for each in rows)
    parts = [total.theirs.effective_usd for total in class_totals(found)]
    parts += [amounts.effective_usd for _, amounts in apart_totals(found)]
    assert sum(parts) == found.billed_usd == billed
    ours = sum(total.ours.quantity for total in class_totals(found))
    assert ours + found.ours_not_settled.quantity == sum(each.tokens.total or 0 for each in calls)


@given(st.lists(_CALLS, max_size=12))
def test_a_bill_of_the_same_calls_agrees(calls: list[Any]) -> None:
    rows = [
        row(
            day=each.timestamp.day,
            tokens=str(Decimal(each.tokens.input) / 1000),
            iam_principal=each.identity_arn,
            usage_type="USE1-NovaMicro-input-tokens" + ("-flex" if each.service_tier else ""),
        )
        for each in calls
        if each.tokens.input
    ]

    found = compare(rows, calls, Pricing(PriceBook([price(), price(service_tier="flex")])), NOW)

    assert {line.line_class for line in found.lines} <= {AGREES}
