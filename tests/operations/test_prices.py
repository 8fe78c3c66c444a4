"""`make prices`: public price data becomes a price book in which nothing is overwritten."""

import json
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk.operations import prices
from cdk.operations.price_sources import completed, prices_of_litellm, renew
from cdk.operations.terminal import CommandError
from lambdas.domain.pricing import Price, PriceBook, Rates, TokenKind
from lambdas.domain.pricing.price import ANYWHERE, GLOBAL, REGIONAL
from lambdas.domain.pricing.shipped import read_prices, write_prices

JANUARY, JUNE, TODAY = date(2026, 1, 1), date(2026, 6, 1), date(2026, 9, 8)
DECEMBER = date(2026, 12, 1)


def price(
    usd: str,
    begins: date | None = None,
    area: str = ANYWHERE,
    model_id: str = "m",
    source: str = "source",
    **more: str,
) -> Price:
    rates = {TokenKind(kind): Decimal(it) for kind, it in {"input": usd, **more}.items()}
    return Price(model_id, area, begins, (Rates(0, rates),), source, TODAY)


@pytest.mark.parametrize(
    ("standing", "told", "added"),
    [
        ([], [price("1")], [price("1")]),
        ([price("1")], [price("1")], []),
        ([price("1")], [price("2")], [price("2", TODAY)]),
        ([price("1")], [price("1"), price("2", JUNE)], [price("2", JUNE)]),
        ([price("1"), price("2", JUNE)], [price("1"), price("2", JUNE)], []),
        ([price("1"), price("2", JUNE)], [price("2")], []),  # the source forgot the old price
        ([price("1"), price("2", JUNE)], [price("1")], [price("1", TODAY)]),  # it went back
        ([price("1", JUNE)], [price("2", JANUARY)], [price("2", TODAY)]),  # told too late
        ([price("1")], [], []),  # the source dropped it
        ([price("1", output="5")], [price("1")], []),  # the source dropped a kind
        (
            [price("1")],
            [price("2"), price("3", DECEMBER)],
            [price("2", TODAY), price("3", DECEMBER)],
        ),
        # What stands and has not begun says nothing of today.
        ([price("1"), price("2", DECEMBER)], [price("1")], []),
        ([price("1"), price("2", DECEMBER)], [price("1"), price("2", DECEMBER)], []),
        ([price("1"), price("2", DECEMBER)], [price("3")], [price("3", TODAY)]),
        ([price("1"), price("2", DECEMBER)], [price("2", JUNE)], [price("2", JUNE)]),
        ([price("2", DECEMBER)], [price("1")], [price("1")]),
    ],
)
def test_what_stands_stays_and_what_changed_begins_later(
    standing: list[Price], told: list[Price], added: list[Price]
) -> None:
    assert renew(standing, told, TODAY) == [*standing, *added]


@pytest.mark.parametrize(
    ("known", "told", "begins"),
    [
        ([ANYWHERE], "eu", TODAY),
        ([ANYWHERE], GLOBAL, TODAY),
        ([ANYWHERE], REGIONAL, TODAY),
        ([REGIONAL], "eu", TODAY),
        (["eu"], "eu-west-1", TODAY),
        ([GLOBAL], REGIONAL, None),  # calls of it had no price before
        ([GLOBAL], "eu", None),
        ([REGIONAL], GLOBAL, None),
        (["eu"], REGIONAL, None),
        (["eu"], ANYWHERE, None),
    ],
)
def test_a_new_area_changes_no_cost_that_calls_have_had(
    known: list[str], told: str, begins: date | None
) -> None:
    standing = [price("1", area=it) for it in known]
    assert renew(standing, [price("2", area=told)], TODAY)[1:] == [price("2", begins, told)]


@pytest.mark.parametrize("area", [GLOBAL, REGIONAL])
def test_what_was_told_apart_and_is_one_price_again_has_that_from_today_on(area: str) -> None:
    standing = [price("1", area=area), price("9", area="eu")]
    assert renew(standing, [price("2")], TODAY) == [
        *standing,
        price("2"),
        price("2", TODAY, area),
    ]


def test_an_area_that_costs_as_elsewhere_again_does_so_from_today_on() -> None:
    name = "amazon.nova-pro-v1:0"
    before = litellm(**{name: usd(8e-07), f"eu.{name}": usd(1.05e-06)})
    book = renew(before, litellm(**{name: usd(8e-07), f"eu.{name}": usd(8e-07)}), TODAY)
    found = PriceBook(book).price_of(name, name, "eu-west-1", TODAY)
    assert found is not None
    assert found.rates[0].usd_per_million[TokenKind.INPUT] == Decimal("0.8")


def test_a_new_area_begins_today_whenever_its_source_says_that_it_began() -> None:
    told = [price("2", area="eu"), price("3", JUNE, "eu"), price("4", DECEMBER, "eu")]
    added = [price("3", TODAY, "eu"), price("4", DECEMBER, "eu")]
    assert renew([price("1")], told, TODAY) == [price("1"), *added]


@pytest.mark.parametrize("area", [ANYWHERE, REGIONAL, "eu"])
def test_another_spelling_of_a_model_is_no_new_model_and_another_version_is(area: str) -> None:
    standing = [price("1", area=area, model_id="m-v1:0")]
    (_, found) = renew(standing, [price("2", area=area, model_id="m")], TODAY)
    assert found.effective_from == TODAY
    (_, found) = renew(standing, [price("2", area=area, model_id="m-v2:0")], TODAY)
    assert found.effective_from is None


def test_a_kind_that_stands_without_a_price_gets_one_from_the_same_day_on() -> None:
    standing = [price("1", output="5"), price("2", JUNE), price("3", DECEMBER)]
    told = [
        price("2", JANUARY, cache_read="7", source="other"),
        price("3", DECEMBER, output="6", source="other"),
    ]
    assert renew(standing, told, TODAY) == [
        price("1", output="5"),
        price("2", JUNE, cache_read="7", source="source, other"),
        price("3", DECEMBER, output="6", source="source, other"),
    ]


def test_a_price_of_large_calls_that_is_new_is_another_price() -> None:
    large = replace(
        price("1"), rates=(*price("1").rates, Rates(9, price("2").rates[0].usd_per_million))
    )
    assert renew([price("1")], [large], TODAY) == [price("1"), replace(large, effective_from=TODAY)]
    assert renew([large], [large], TODAY) == [large]


MODEL = "anthropic.m"
AREAS = st.sampled_from([ANYWHERE, REGIONAL, GLOBAL, "eu", "eu-west-1"])
CALLS = st.sampled_from(
    [(f"{prefix}{MODEL}", it) for prefix in ("", "eu.", "global.") for it in ("eu-west-1", "")]
)
prices_of_a_model = st.builds(
    price,
    st.sampled_from("12"),
    st.sampled_from([None, JANUARY, JUNE, DECEMBER]),
    AREAS,
    st.just(MODEL),
    output=st.sampled_from("34"),
)


@given(
    st.lists(prices_of_a_model, unique_by=lambda it: (it.area, it.effective_from)),
    st.dictionaries(AREAS, prices_of_a_model),
    CALLS,
    st.sampled_from([JANUARY, JUNE, TODAY - timedelta(days=1)]),
)
def test_a_source_that_names_no_days_changes_no_cost_of_the_days_before(
    standing: list[Price], told: dict[str, Price], call: tuple[str, str], day: date
) -> None:
    news = [replace(it, area=area, effective_from=None) for area, it in told.items()]
    before = PriceBook(standing).price_of(MODEL, *call, day)
    after = PriceBook(renew(standing, news, TODAY)).price_of(MODEL, *call, day)
    assert before is None or before == after


def litellm(**entries: Any) -> list[Price]:
    told = {
        name: {"litellm_provider": "bedrock_converse", "mode": "chat", **entry}
        for name, entry in entries.items()
    }
    return list(prices_of_litellm(json.dumps(told), "litellm 1", TODAY))


def usd(value: float, **more: Any) -> dict[str, Any]:
    return {"input_cost_per_token": value, "output_cost_per_token": 2 * value, **more}


def rates(*prices: str) -> dict[TokenKind, Decimal]:
    return dict(zip(TokenKind, map(Decimal, prices), strict=False))


def areas(found: list[Price]) -> dict[str, Decimal]:
    return {it.area: it.rates[0].usd_per_million[TokenKind.INPUT] for it in found}


def test_every_area_that_is_told_has_its_price_and_the_us_tell_that_of_all_others() -> None:
    found = litellm(
        **{
            "amazon.nova-pro-v1:0": usd(8e-07),
            "us.amazon.nova-pro-v1:0": usd(8e-07),
            "eu.amazon.nova-pro-v1:0": usd(1.05e-06),
            "bedrock/us-west-2/amazon.nova-pro-v1:0": usd(8e-07),
            "bedrock/us-gov-west-1/amazon.nova-pro-v1:0": usd(9.6e-07),
        }
    )
    assert areas(found) == {
        ANYWHERE: Decimal("0.8"),
        "eu": Decimal("1.05"),
        "us-west-2": Decimal("0.8"),
        "us-gov-west-1": Decimal("0.96"),
    }


def test_a_place_that_costs_as_the_wider_one_has_its_kinds_and_sizes_too() -> None:
    large = usd(
        1e-06,
        cache_read_input_token_cost=1e-07,
        input_cost_per_token_above_200k_tokens=2e-06,
    )
    name = "anthropic.claude-x"
    found = litellm(
        **{
            name: usd(9e-07),
            f"us.{name}": usd(9e-07),
            f"us-gov.{name}": large,
            f"bedrock/us-gov-west-1/{name}": usd(1e-06),
            f"bedrock/us-gov-east-1/{name}": usd(3e-06),
        }
    )
    of = {it.area: it.rates for it in found}
    assert of["us-gov-west-1"] == of["us-gov"]
    assert len(of["us-gov"]) == 2
    assert len(of["us-gov-east-1"]) == 1


def test_service_tiers_have_prices_of_their_own() -> None:
    found = litellm(
        **{
            "amazon.nova-pro-v1:0": usd(
                1e-06,
                input_cost_per_token_flex=5e-07,
                output_cost_per_token_flex=1e-06,
                input_cost_per_token_priority=2e-06,
                input_cost_per_token_above_128k_tokens_priority=3e-06,
                input_cost_per_token_batches=4e-07,
                output_cost_per_token_turbo=9e-06,
            ),
            "eu.amazon.nova-pro-v1:0": usd(1e-06, input_cost_per_token_flex=6e-07),
        }
    )
    assert [(it.service_tier, it.area, it.rates) for it in found] == [
        (None, ANYWHERE, (Rates(0, rates("1", "2")),)),
        (None, "eu", (Rates(0, rates("1", "2")),)),
        ("flex", ANYWHERE, (Rates(0, rates("0.5", "1")),)),
        ("flex", "eu", (Rates(0, rates("0.6")),)),
        ("priority", ANYWHERE, (Rates(0, rates("2")), Rates(128_000, rates("3")))),
    ]


def test_the_price_of_a_tier_in_the_us_is_not_the_global_one_where_that_is_another_one() -> None:
    name = "amazon.nova-x-v1:0"
    of_us = usd(1.1e-06, input_cost_per_token_flex=5.5e-07)
    found = litellm(**{name: usd(1e-06), f"us.{name}": of_us})
    assert areas([it for it in found if it.service_tier]) == {REGIONAL: Decimal("0.55")}
    apart = litellm(**{name: of_us, f"us.{name}": of_us, f"eu.{name}": of_us | usd(2e-06)})
    assert areas([it for it in apart if it.service_tier]) == {
        ANYWHERE: Decimal("0.55"),
        "eu": Decimal("0.55"),
    }
    same = litellm(**{name: usd(1.1e-06), f"us.{name}": of_us})
    assert areas([it for it in same if it.service_tier]) == {ANYWHERE: Decimal("0.55")}


TOLD = Rates(0, rates("1", "2"))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        ([TOLD], [TOLD]),
        ([Rates(0, rates("1"))], [TOLD]),
        ([Rates(0, rates("1", "2", "0.1"))], [Rates(0, rates("1", "2", "0.1"))]),
        ([Rates(0, rates("1", "3", "0.1"))], [TOLD]),  # another price: nothing is taken of it
        ([TOLD, Rates(9, rates("2", "4"))], [TOLD, Rates(9, rates("2", "4"))]),
        ([TOLD, Rates(9, rates("2"))], [TOLD, Rates(9, rates("2", "2"))]),
    ],
)
def test_a_price_gets_the_kinds_and_sizes_that_it_lacks_from_another_source(
    other: list[Rates], expected: list[Rates]
) -> None:
    ours = replace(price("1"), rates=(TOLD,))
    theirs = replace(price("1"), rates=tuple(other), source="other")
    found = completed(ours, theirs)
    assert list(found.rates) == expected
    assert found.source == ("source" if expected == [TOLD] else "source, other")


def test_a_size_that_both_know_stays_as_the_first_one_tells_it() -> None:
    ours = replace(price("1"), rates=(TOLD, Rates(9, rates("3", "6"))))
    theirs = replace(ours, rates=(TOLD, Rates(5, rates("2", "4")), Rates(9, rates("4", "8", "1"))))
    assert completed(ours, theirs).rates == (
        TOLD,
        Rates(5, rates("2", "4")),
        Rates(9, rates("3", "6", "1")),
    )


def test_a_new_tier_changes_no_price_of_another_one() -> None:
    flex = replace(price("0.5"), service_tier="flex")
    assert renew([price("1")], [price("1"), flex], TODAY) == [price("1"), flex]
    dearer = replace(flex, rates=price("0.6").rates)
    assert renew([price("1"), flex], [price("1"), dearer], TODAY) == [
        price("1"),
        flex,
        replace(dearer, effective_from=TODAY),
    ]


def test_an_area_where_one_kind_alone_costs_something_else_is_told_apart() -> None:
    dearer = {"input_cost_per_token": 1e-06, "output_cost_per_token": 3e-06}
    found = litellm(**{"amazon.nova-pro-v1:0": usd(1e-06), "eu.amazon.nova-pro-v1:0": dearer})
    assert areas(found) == {ANYWHERE: Decimal(1), "eu": Decimal(1)}


def test_where_geographies_cost_more_than_the_bare_name_that_is_the_global_price() -> None:
    name = "anthropic.claude-mythos-5-1"
    found = litellm(**{name: usd(1e-05), f"us.{name}": usd(1.1e-05), f"eu.{name}": usd(1.1e-05)})
    assert areas(found) == {GLOBAL: Decimal(10), REGIONAL: Decimal(11), "eu": Decimal(11)}


def test_without_a_usual_price_nobody_knows_that_of_other_areas() -> None:
    entries = {
        f"bedrock/{region}/moonshotai.kimi-x": usd(value)
        for region, value in (("ap-south-1", 7.1e-07), ("us-east-1", 6e-07), ("us-west-2", 6e-07))
    }
    assert areas(litellm(**entries)) == {
        "ap-south-1": Decimal("0.71"),
        "us-east-1": Decimal("0.6"),
        "us-west-2": Decimal("0.6"),
    }
    assert areas(litellm(**{"us.moonshotai.kimi-x": usd(6e-07)})) == {ANYWHERE: Decimal("0.6")}


def test_kinds_and_sizes_are_read_exactly() -> None:
    (found,) = litellm(
        **{
            "anthropic.claude-x": usd(
                3e-06,
                cache_read_input_token_cost=3e-07,
                cache_creation_input_token_cost=3.75e-06,
                cache_creation_input_token_cost_above_1hr=6e-06,
                input_cost_per_token_above_200k_tokens=6e-06,
                input_cost_per_token_batches=1.5e-06,
            )
        }
    )
    base, large = found.rates
    assert base.usd_per_million == {
        TokenKind.INPUT: Decimal(3),
        TokenKind.OUTPUT: Decimal(6),
        TokenKind.CACHE_READ: Decimal("0.3"),
        TokenKind.CACHE_WRITE_5M: Decimal("3.75"),
        TokenKind.CACHE_WRITE_1H: Decimal(6),
    }
    assert large == Rates(200_000, {**base.usd_per_million, TokenKind.INPUT: Decimal(6)})


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("amazon.nova-canvas-v1:0", {"output_cost_per_image": 0.06, "mode": "image_generation"}),
        ("bedrock/us-east-1/1-month-commitment/amazon.x", usd(1e-06)),
        ("bedrock_mantle/openai.gpt-oss-20b", usd(1e-06, litellm_provider="bedrock_mantle")),
        ("amazon.free", usd(0)),
        ("openai/gpt", usd(1e-06)),
    ],
)
def test_what_is_not_paid_by_the_token_on_demand_is_left_out(
    name: str, entry: dict[str, Any]
) -> None:
    assert litellm(**{name: entry}) == []


def unpacked(folder: Path, **entries: Any) -> Path:
    told = {
        name: {"litellm_provider": "bedrock", "mode": "chat", **it} for name, it in entries.items()
    }
    (folder / "litellm").mkdir()
    (folder / "litellm-1.2.3.dist-info").mkdir()
    (folder / "litellm" / "model_prices_and_context_window_backup.json").write_text(
        json.dumps(told)
    )
    return folder


def run(monkeypatch: pytest.MonkeyPatch, folder: Path, book: Path) -> None:
    monkeypatch.setattr(sys, "argv", ["prices", "--litellm", str(folder)])
    monkeypatch.setattr(prices, "BOOK", book)
    prices.main()


def test_the_first_source_is_trusted_and_the_second_fills_its_gaps(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = unpacked(
        tmp_path,
        **{
            "amazon.nova-lite-v1:0": usd(1.2e-07),
            "eu.amazon.nova-lite-v1:0": usd(1.3e-07),
            "cohere.new-v1:0": usd(1e-06),
        },
    )
    book = tmp_path / "prices.json"
    run(monkeypatch, folder, book)
    found = {(it.model_id, it.area): it for it in read_prices(book.read_text())}
    assert found["amazon.nova-lite-v1:0", ANYWHERE].source.startswith("genai-prices ")
    assert found["amazon.nova-lite-v1:0", "eu"].source == "litellm 1.2.3"
    assert found["cohere.new-v1:0", ANYWHERE].source == "litellm 1.2.3"
    printed = capsys.readouterr().out
    assert "amazon.nova-lite-v1:0 (any)                              by 100 %" in printed
    assert "Models of the samples without a price: amazon.nova-canvas-v1:0" in printed
    before = book.read_text()
    run(monkeypatch, folder, book)
    assert book.read_text() == before
    assert ", 0 of them new" in capsys.readouterr().out


def test_a_global_price_is_filled_in_where_the_first_source_tells_of_no_areas(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    entries = {
        "openai.gpt-5.4": usd(2.75e-06),
        "global.openai.gpt-5.4": usd(2.5e-06),
        "amazon.nova-2-lite-v1:0": usd(1e-06),
        "global.amazon.nova-2-lite-v1:0": usd(2e-06),
    }
    book = tmp_path / "prices.json"
    run(monkeypatch, unpacked(tmp_path, **entries), book)
    of = {(it.model_id, it.area): it.source for it in read_prices(book.read_text())}
    assert of["openai.gpt-5.4", GLOBAL] == "litellm 1.2.3"
    assert of["openai.gpt-5.4", ANYWHERE].startswith("genai-prices ")
    assert of["amazon.nova-2-lite-v1:0", GLOBAL].startswith("genai-prices ")
    assert ("amazon.nova-2-lite-v1:0", ANYWHERE) not in of


def test_a_second_change_on_a_day_says_what_to_do_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = unpacked(tmp_path, **{"cohere.new-v1:0": usd(1e-06)})
    book, today = tmp_path / "prices.json", datetime.now(UTC).date()
    stands = [price("3", today, model_id="cohere.new-v1:0")]
    book.write_text(before := write_prices(stands))
    with pytest.raises(CommandError, match=r"new-v1:0 \(any\) from .* again on a later day"):
        run(monkeypatch, folder, book)
    assert book.read_text() == before


def test_kinds_that_are_filled_in_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = unpacked(tmp_path, **{"cohere.new-v1:0": usd(1e-06)})
    book = tmp_path / "prices.json"
    book.write_text(write_prices([price("1", model_id="cohere.new-v1:0")]))
    run(monkeypatch, folder, book)
    assert ", 1 filled in." in capsys.readouterr().out
    (found,) = (it for it in read_prices(book.read_text()) if it.model_id == "cohere.new-v1:0")
    assert found.effective_from is None
    assert found.rates[0].usd_per_million[TokenKind.OUTPUT] == 2


def test_a_source_that_is_missing_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="run make prices"):
        run(monkeypatch, tmp_path, tmp_path / "prices.json")
