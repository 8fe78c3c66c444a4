"""`make prices`: public price data becomes a price book in which nothing is overwritten."""

import json
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cdk.operations import prices
from cdk.operations.price_sources import prices_of_litellm, renew
from cdk.operations.terminal import CommandError
from lambdas.domain.pricing import Price, Rates, TokenKind
from lambdas.domain.pricing.price import ANYWHERE, GLOBAL, REGIONAL
from lambdas.domain.pricing.shipped import read_prices

JANUARY, JUNE, TODAY = date(2026, 1, 1), date(2026, 6, 1), date(2026, 9, 8)


def price(usd: str, begins: date | None = None, model_id: str = "m", area: str = ANYWHERE) -> Price:
    rates = (Rates(0, {TokenKind.INPUT: Decimal(usd)}),)
    return Price(model_id, area, begins, rates, "source", TODAY)


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
        ([price("1")], [price("1", area="eu")], [price("1", area="eu")]),
    ],
)
def test_what_stands_stays_and_what_changed_begins_later(
    standing: list[Price], told: list[Price], added: list[Price]
) -> None:
    assert renew(standing, told, TODAY) == [*standing, *added]


def litellm(**entries: Any) -> list[Price]:
    told = {
        name: {"litellm_provider": "bedrock_converse", "mode": "chat", **entry}
        for name, entry in entries.items()
    }
    return list(prices_of_litellm(json.dumps(told), "litellm 1", TODAY))


def usd(value: float, **more: Any) -> dict[str, Any]:
    return {"input_cost_per_token": value, "output_cost_per_token": 2 * value, **more}


def areas(found: list[Price]) -> dict[str, Decimal]:
    return {it.area: it.rates[0].usd_per_million[TokenKind.INPUT] for it in found}


def test_areas_are_told_apart_only_where_they_cost_something_else() -> None:
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
        "us-gov-west-1": Decimal("0.96"),
    }


def test_where_geographies_cost_more_than_the_bare_name_that_is_the_global_price() -> None:
    name = "anthropic.claude-mythos-5-1"
    found = litellm(**{name: usd(1e-05), f"us.{name}": usd(1.1e-05), f"eu.{name}": usd(1.1e-05)})
    assert areas(found) == {GLOBAL: Decimal(10), REGIONAL: Decimal(11)}


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


def test_a_source_that_is_missing_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with pytest.raises(CommandError, match="run make prices"):
        run(monkeypatch, tmp_path, tmp_path / "prices.json")
