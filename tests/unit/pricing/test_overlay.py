"""An edition's changes apply from their day, and the other shipped prices stay."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.pricing import BilledUnit, PriceBook, Rates, Routing, TokenKind, read_route
from lambdas.domain.pricing.editions import (
    Edition,
    PriceChange,
    PriceItem,
    RateKey,
    SupersededEdition,
)
from lambdas.domain.pricing.overlay import apply_edition
from tests.unit.pricing.editions import NOVA, NOW, REGION, TOMORROW, book, price, rate, rates_on

FIRST, SECOND = "20261128T061500Z-00000001", "20261130T061500Z-00000002"
INPUT, OUTPUT = TokenKind.INPUT, TokenKind.OUTPUT


def change(
    usd: str,
    item: PriceItem = INPUT,
    effective_from: date = TOMORROW,
    edition: str = FIRST,
    **rest: Any,
) -> PriceChange:
    return PriceChange(
        **rate(usd, item, **rest).model_dump(),
        effective_from=effective_from,
        edition=edition,
        offer="AmazonBedrock",
        read_on=NOW.date(),
    )


def edition(*changes: PriceChange, superseded: tuple[str, ...] = ()) -> Edition:
    return Edition(
        id=SECOND,
        published_at=NOW,
        first_day=TOMORROW,
        changes=changes,
        superseded=tuple(
            SupersededEdition(
                edition=name, first_day=TOMORROW, superseded_at=NOW, reason="a mistake"
            )
            for name in superseded
        ),
    )


def usd(prices: PriceBook, day: date = TOMORROW, size: int = 1) -> dict[TokenKind, str]:
    """The prices that a call in the Region gets."""
    found = prices.get_prices(NOVA, read_route(NOVA, REGION), day).token_rates(size)
    return {kind: str(listed.usd) for kind, listed in found.items()}


def test_a_change_applies_from_its_first_day_and_not_before() -> None:
    found = apply_edition(book(price("1")), edition(change("1.5")))
    assert usd(found) == {INPUT: "1.5"}
    assert usd(found, TOMORROW - timedelta(days=1)) == {INPUT: "1"}
    assert found.edition == f"shipped+{SECOND}"


def test_an_unchanged_kind_keeps_its_price() -> None:
    found = apply_edition(book(price("1"), price("4", OUTPUT)), edition(change("1.5")))
    assert usd(found) == {INPUT: "1.5", OUTPUT: "4"}


def test_large_calls_keep_their_price_if_the_price_of_small_calls_changes() -> None:
    sizes = (Rates(0, {INPUT: Decimal(1)}), Rates(200_000, {INPUT: Decimal(2)}))
    found = apply_edition(
        book(price(rates=sizes)), edition(change("1.5"), change("5", OUTPUT, TOMORROW))
    )
    assert usd(found) == {INPUT: "1.5", OUTPUT: "5"}
    assert usd(found, size=200_001) == {INPUT: "2", OUTPUT: "5"}


def test_a_unit_has_a_separate_price() -> None:
    found = apply_edition(book(price("1")), edition(change("0.04", BilledUnit.IMAGE)))
    prices = found.get_prices(NOVA, read_route(NOVA, REGION), TOMORROW)
    assert prices.unit_rates[BilledUnit.IMAGE].usd == Decimal("0.04")
    assert usd(found) == {INPUT: "1"}


def test_a_shipped_price_of_a_later_day_applies_again_from_that_day() -> None:
    later = TOMORROW + timedelta(days=30)
    found = apply_edition(book(price("1"), price("3", effective_from=later)), edition(change("2")))
    assert usd(found, later - timedelta(days=1)) == {INPUT: "2"}
    assert usd(found, later) == {INPUT: "3"}


def test_a_change_takes_precedence_over_a_shipped_price_of_the_same_day() -> None:
    shipped = price(
        effective_from=TOMORROW, rates=(Rates(0, {INPUT: Decimal(3), OUTPUT: Decimal(6)}),)
    )
    found = apply_edition(book(shipped), edition(change("2")))
    assert usd(found) == {INPUT: "2", OUTPUT: "6"}


def test_a_superseded_edition_has_no_effect_from_its_first_day() -> None:
    third = TOMORROW + timedelta(days=2)
    changes = (change("1.9"), change("4", OUTPUT, third, SECOND))
    found = apply_edition(book(price("1")), edition(*changes, superseded=(FIRST,)))
    assert usd(found) == {INPUT: "1"}
    assert usd(found, third) == {INPUT: "1", OUTPUT: "4"}


def test_rates_of_a_day_are_separate_for_each_scope() -> None:
    global_price = price("0.5", routing=Routing.GLOBAL, place="")
    found = rates_on(book(price("1"), price("2", effective_from=TOMORROW), global_price), TOMORROW)
    assert found == {
        RateKey(NOVA, Routing.REGION, REGION, None, INPUT): Decimal(2),
        RateKey(NOVA, Routing.GLOBAL, "", None, INPUT): Decimal("0.5"),
    }


days = st.integers(0, 5).map(lambda count: TOMORROW + timedelta(days=count))
changes = st.builds(
    change,
    st.integers(0, 9).map(str),
    st.sampled_from([INPUT, OUTPUT, TokenKind.CACHE_READ]),
    days,
    st.sampled_from([FIRST, SECOND]),
    above_input_tokens=st.sampled_from([0, 200_000]),
)


@given(st.lists(changes, max_size=12), days, st.sampled_from([1, 200_001]))
def test_superseding_equals_never_publishing(made: list[PriceChange], day: date, size: int) -> None:
    shipped = book(price("7"), price("8", OUTPUT))
    in_order = sorted(made, key=lambda change: change.effective_from)
    kept = [change for change in in_order if change.edition != FIRST]
    superseded = apply_edition(shipped, edition(*in_order, superseded=(FIRST,)))
    assert usd(superseded, day, size) == usd(apply_edition(shipped, edition(*kept)), day, size)


@given(st.lists(changes, max_size=12), days)
def test_each_price_comes_from_the_last_change_in_effect(
    made: list[PriceChange], day: date
) -> None:
    in_order = sorted(made, key=lambda change: change.effective_from)
    found = rates_on(apply_edition(book(price("7")), edition(*in_order)), day)
    expected = {RateKey(NOVA, Routing.REGION, REGION, None, INPUT): Decimal(7)}
    expected |= {change.key: change.usd for change in in_order if change.effective_from <= day}
    assert {key: found[key] for key in expected} == expected
