"""`make prices` adds the sources' prices to the book as new rows, and changes no row."""

import io
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdk.operations import prices
from cdk.operations.price_book_json import write_price_book
from cdk.operations.price_renewal import (
    KeptReason,
    renew_from_others,
    renew_from_price_list,
)
from cdk.operations.price_sources.aws_price_list import read_price_list_rows
from cdk.operations.price_sources.bulk_files import FetchedFiles, fetch_price_files
from cdk.operations.price_sources.genai_prices import read_genai_prices
from cdk.operations.price_sources.litellm import (
    read_context_windows,
    read_ends_of_life,
    read_litellm_prices,
)
from cdk.operations.terminal import CommandError
from lambdas.domain.pricing import (
    BATCH_TIER,
    BilledUnit,
    Price,
    PriceBook,
    Rates,
    Route,
    Routing,
    TokenKind,
    shipped_prices,
)
from lambdas.domain.pricing.price_list import PriceList, read_bulk_file, read_price_list
from lambdas.domain.pricing.shipped import read_price_book
from tests.command_line import call_command
from tests.unit.pricing.price_list.bulk_files import bulk_file, bulk_json, listed

JUNE, TODAY, DECEMBER = date(2026, 6, 1), date(2026, 9, 8), date(2026, 12, 1)
OWN_LIST = "AWS Price List AmazonBedrock 2026-09-01"
MODEL = "maker.model-v1:0"
VIRGINIA = (Routing.REGION, "us-east-1")
ROWS = json.loads(Path("tests/fixtures/price-list-rows.json").read_text(encoding="utf-8"))


def price(
    usd: str,
    begins: date | None = None,
    scope: tuple[Routing, str] = VIRGINIA,
    source: str = "reader",
    model_id: str = MODEL,
    **more: str,
) -> Price:
    rates = {TokenKind(kind): Decimal(each) for kind, each in {"input": usd, **more}.items()}
    return Price(model_id, *scope, begins, (Rates(0, rates),), source, TODAY)


def own(usd: str, **more: Any) -> Price:
    return price(usd, source=OWN_LIST, **more)


def usd_on(book: PriceBook, day: date, kind: TokenKind = TokenKind.INPUT, size: int = 1) -> str:
    rates = book.get_prices(MODEL, Route("us-east-1"), day).token_rates(size)
    return str(rates[kind].usd) if kind in rates else "unknown"


# AWS's own list


def test_a_missing_price_is_added_from_its_earliest_known_day() -> None:
    renewal = renew_from_price_list(PriceBook([price("1")]), [own("1", output="5")], TODAY)
    (added,) = renewal.rows
    assert renewal.added == [added]
    assert added.effective_from is None
    assert added.rates == (Rates(0, {TokenKind.OUTPUT: Decimal(5)}),)
    assert added.source == OWN_LIST
    assert renewal.same == 1


def test_a_price_misread_by_another_source_is_corrected_from_its_first_day() -> None:
    standing = [price("1"), price("2", JUNE)]
    renewal = renew_from_price_list(PriceBook(standing), [own("3")], TODAY)
    (corrected,) = renewal.rows
    assert renewal.corrected == [corrected]
    assert corrected.effective_from == JUNE
    assert corrected.reason == "AWS's own list, against reader"
    book = PriceBook([*standing, corrected])
    assert [usd_on(book, day) for day in (date(2026, 5, 31), JUNE, TODAY)] == ["1", "3", "3"]


def test_a_changed_price_of_aws_s_list_starts_today() -> None:
    standing = [own("1")]
    renewal = renew_from_price_list(PriceBook(standing), [own("2")], TODAY)
    assert [row.effective_from for row in renewal.changed] == [TODAY]
    book = PriceBook([*standing, *renewal.rows])
    assert [usd_on(book, day) for day in (date(2026, 9, 7), TODAY)] == ["1", "2"]


def test_a_row_with_a_reason_stays_and_the_difference_is_reported() -> None:
    chosen = replace(price("6"), reason="the pricing page names this Region")
    renewal = renew_from_price_list(PriceBook([chosen]), [own("3")], TODAY)
    assert renewal.rows == []
    (difference,) = renewal.differences
    found = (difference.usd, difference.listed_usd, difference.why)
    assert found == (Decimal(6), Decimal(3), KeptReason.CHOSEN)


def test_a_correction_by_aws_s_list_changes_like_its_other_rows() -> None:
    corrected = replace(own("3"), reason="AWS's own list, against reader")
    renewal = renew_from_price_list(PriceBook([price("1"), corrected]), [own("4")], TODAY)
    assert [row.effective_from for row in renewal.changed] == [TODAY]


def test_a_new_price_of_small_calls_hides_no_price_of_large_calls() -> None:
    large = Rates(100, {TokenKind.INPUT: Decimal(9)})
    standing = replace(price("1"), rates=(*price("1").rates, large))
    renewal = renew_from_price_list(PriceBook([standing]), [own("2")], TODAY)
    book = PriceBook([standing, *renewal.rows])
    assert [usd_on(book, TODAY, size=size) for size in (100, 101)] == ["2", "9"]


def test_a_published_zero_is_a_price() -> None:
    renewal = renew_from_price_list(PriceBook([]), [own("1", cache_write_5m="0")], TODAY)
    assert usd_on(PriceBook(renewal.rows), TODAY, TokenKind.CACHE_WRITE_5M) == "0"


def test_rows_of_aws_s_list_keep_the_spelling_of_the_book() -> None:
    book = PriceBook([price("1", model_id="maker.model-v1:0")])
    renewal = renew_from_price_list(book, [own("1", model_id="maker.model")], TODAY)
    assert (renewal.rows, renewal.same) == ([], 1)


def recorded_list() -> PriceList:
    files = []
    for offer in ("AmazonBedrock", "AmazonBedrockFoundationModels"):
        products = [
            listed(row["attributes"], row["usd"], row["unit"], row["effectiveDate"])
            for row in ROWS
            if row["offer"] == offer
        ]
        files.append(read_bulk_file(bulk_file(products, offer)))
    return read_price_list(files, date(2026, 11, 28))


def test_recorded_rows_of_the_price_list_match_the_book() -> None:
    book = shipped_prices()
    rows = list(read_price_list_rows(recorded_list(), book, TODAY))
    figures = {
        (row.model_id, row.routing, row.place, row.service_tier, rates.above_input_tokens, kind)
        for row in rows
        for rates in row.rates
        for kind in rates.usd_per_million
    }
    tokyo, virginia = (Routing.REGION, "ap-northeast-1"), VIRGINIA
    sonnet = "anthropic.claude-sonnet-4-5-20250929-v1:0"
    opus = "anthropic.claude-opus-4-7"
    assert {
        ("amazon.nova-lite-v1:0", *tokyo, None, 0, TokenKind.INPUT),
        ("amazon.nova-lite-v1:0", *tokyo, None, 0, TokenKind.CACHE_READ),
        ("amazon.nova-micro-v1:0", *virginia, None, 0, TokenKind.CACHE_WRITE_5M),
        ("zai.glm-5", *tokyo, None, 0, TokenKind.INPUT),
        ("nvidia.nemotron-nano-12b-v2", *tokyo, None, 0, TokenKind.INPUT),
        ("amazon.titan-embed-text-v1", *tokyo, None, 0, TokenKind.INPUT),
        ("qwen.qwen3-next-80b-a3b", Routing.REGION, "ap-south-1", None, 0, TokenKind.INPUT),
        ("anthropic.claude-sonnet-4-6", *virginia, None, 0, TokenKind.INPUT),
        (sonnet, Routing.GLOBAL, "ap-northeast-1", None, 0, TokenKind.INPUT),
        (sonnet, *tokyo, None, 0, TokenKind.CACHE_WRITE_1H),
        (opus, Routing.GLOBAL, "us-east-1", None, 0, TokenKind.CACHE_WRITE_1H),
        ("openai.gpt-6-astra", *virginia, None, 272_000, TokenKind.INPUT),
        ("cohere.embed-v4:0", *tokyo, None, 0, TokenKind.INPUT),
    } <= figures
    renewal = renew_from_price_list(book, rows, TODAY)
    assert (renewal.corrected, renewal.changed, renewal.differences) == ([], [], [])
    assert renewal.same >= 12


def test_rows_for_mantle_and_variants_are_not_in_the_book_and_batch_is_a_tier() -> None:
    rows = list(read_price_list_rows(recorded_list(), PriceBook([]), TODAY))
    by_model = {row.model_id: row for row in rows}
    assert "xai.grok-4.7" not in by_model  # through bedrock-mantle alone
    assert "amazon.nova-canvas-v1:0" not in by_model  # by the size of the image
    assert "openai.gpt-6-astra" not in by_model  # where its large calls begin is not known
    usd = {
        row.service_tier: row.rates[0].usd_per_million[TokenKind.INPUT]
        for row in rows
        if row.model_id == "amazon.nova-lite-v1:0"
    }
    assert usd == {None: Decimal("0.072"), BATCH_TIER: Decimal("0.036")}


# Other sources


def test_an_unknown_model_is_added_with_its_dates() -> None:
    rows = [price("1"), price("2", JUNE), price("3", DECEMBER)]
    renewal = renew_from_others(PriceBook([]), rows, TODAY)
    assert list(PriceBook(renewal.rows)) == rows


def test_missing_kinds_are_added_if_the_source_agrees_on_the_others() -> None:
    book = PriceBook([price("1")])
    for usd, kinds in (("1", [TokenKind.OUTPUT]), ("2", [])):
        found = [price(usd, source="litellm 1", output="5")]
        renewal = renew_from_others(book, found, TODAY)
        assert [kind for row in renewal.added for kind in row.rates[0].usd_per_million] == kinds
        assert (not renewal.differences) == bool(kinds)


def test_a_later_price_supersedes_the_earlier_one_from_the_same_source() -> None:
    standing = price("1", source="genai-prices 0.2")
    listed_now = [
        price("1", source="genai-prices 0.3"),
        price("2", JUNE, source="genai-prices 0.3"),
    ]
    renewal = renew_from_others(PriceBook([standing]), listed_now, TODAY)
    assert [(row.effective_from, row.source) for row in renewal.changed] == [
        (TODAY, "genai-prices 0.3")
    ]
    planned = [
        price("1", source="genai-prices 0.3"),
        price("2", DECEMBER, source="genai-prices 0.3"),
    ]
    renewal = renew_from_others(PriceBook([standing]), planned, TODAY)
    assert [row.effective_from for row in renewal.changed] == [DECEMBER]
    assert renew_from_others(PriceBook([price("1")]), planned, TODAY).changed == []


def test_a_worldwide_price_is_not_used_if_prices_differ_by_region() -> None:
    by_region = [
        price(usd, scope=(Routing.GLOBAL, region))
        for usd, region in (("0.30", "us-east-1"), ("0.36", "ap-northeast-1"))
    ]
    worldwide = price("0.30", scope=(Routing.GLOBAL, ""), source="litellm 1")
    assert renew_from_others(PriceBook(by_region), [worldwide], TODAY).rows == []
    alike = [replace(row, rates=by_region[0].rates) for row in by_region]
    assert len(renew_from_others(PriceBook(alike), [worldwide], TODAY).added) == 1


usd_values = st.sampled_from(["0", "1", "2", "3"])
scopes = st.sampled_from(
    [VIRGINIA, (Routing.REGION, "eu-west-1"), (Routing.GEOGRAPHY, "eu"), (Routing.GLOBAL, "")]
)
rows_of_a_source = st.lists(
    st.builds(price, usd_values, st.none(), scopes), unique_by=lambda row: (row.routing, row.place)
)


@given(rows_of_a_source, rows_of_a_source)
def test_a_renewed_book_keeps_every_row_and_a_second_renewal_adds_none(
    standing: list[Price], listed_now: list[Price]
) -> None:
    book = PriceBook(standing)
    for renew, source in ((renew_from_price_list, OWN_LIST), (renew_from_others, "litellm 1")):
        found = [replace(row, source=source) for row in listed_now]
        renewed = PriceBook([*book, *renew(book, found, TODAY).rows])
        assert set(map(repr, book)) <= set(map(repr, renewed))
        assert renew(renewed, found, TODAY).rows == []
        if source == OWN_LIST:
            assert renew(renewed, found, TODAY).same == len(found)


# genai-prices and litellm


def litellm(**entries: dict[str, Any]) -> list[Price]:
    found = {
        name: {"litellm_provider": "bedrock", "mode": "chat", **entry}
        for name, entry in entries.items()
    }
    return list(read_litellm_prices(json.dumps(found), "litellm 1", TODAY))


def usd(value: float, **more: Any) -> dict[str, Any]:
    return {"input_cost_per_token": value, "output_cost_per_token": 2 * value, **more}


def rates(*values: str) -> dict[TokenKind, Decimal]:
    return dict(zip(TokenKind, map(Decimal, values), strict=False))


def by_scope(found: list[Price], tier: str | None = None) -> dict[tuple[str, str], Decimal]:
    return {
        (row.routing.value, row.place): row.rates[0].usd_per_million[TokenKind.INPUT]
        for row in found
        if row.service_tier == tier
    }


def test_litellm_names_scopes_and_its_bare_name_means_the_united_states() -> None:
    found = litellm(
        **{
            "amazon.nova-pro-v1:0": usd(8e-07),
            "us.amazon.nova-pro-v1:0": usd(8e-07),
            "eu.amazon.nova-pro-v1:0": usd(1.05e-06),
            "bedrock/us-west-2/amazon.nova-pro-v1:0": usd(8e-07),
            "bedrock/us-gov-west-1/amazon.nova-pro-v1:0": usd(9.6e-07),
        }
    )
    assert by_scope(found) == {
        ("region", "us-east-1"): Decimal("0.8"),
        ("geography", "us"): Decimal("0.8"),
        ("geography", "eu"): Decimal("1.05"),
        ("region", "us-west-2"): Decimal("0.8"),
        ("region", "us-gov-west-1"): Decimal("0.96"),
    }


def test_a_bare_name_cheaper_than_the_us_profile_is_the_global_price() -> None:
    name = "anthropic.claude-mythos-5-1"
    flex = {"input_cost_per_token_flex": 5e-06}
    found = litellm(**{name: usd(1e-05, **flex), f"us.{name}": usd(1.1e-05)})
    assert by_scope(found) == {
        ("global", ""): Decimal(10),
        ("region", "us-east-1"): Decimal(11),
        ("geography", "us"): Decimal(11),
    }
    assert by_scope(found, "flex") == {("global", ""): Decimal(5)}


def test_litellm_has_prices_of_tiers_and_of_large_calls() -> None:
    found = litellm(
        **{
            "amazon.nova-pro-v1:0": usd(
                1e-06,
                cache_read_input_token_cost=1e-07,
                cache_creation_input_token_cost_above_1hr=2e-06,
                input_cost_per_token_flex=5e-07,
                input_cost_per_token_above_128k_tokens=3e-06,
                input_cost_per_token_priority=2e-06,
                input_cost_per_token_batches=4e-07,
                output_cost_per_token_turbo=9e-06,
            ),
        }
    )
    of = {row.service_tier: row.rates for row in found if row.routing is Routing.REGION}
    base = rates("1", "2", "0.1") | {TokenKind.CACHE_WRITE_1H: Decimal(2)}
    assert of == {
        None: (Rates(0, base), Rates(128_000, base | {TokenKind.INPUT: Decimal(3)})),
        "flex": (Rates(0, rates("0.5")),),
        "priority": (Rates(0, rates("2")),),
    }


@pytest.mark.parametrize(
    ("name", "entry"),
    [
        ("amazon.nova-pro-v1:0", {"litellm_provider": "openai", **usd(1e-06)}),
        ("amazon.nova-pro-v1:0", {"mode": "image_generation", **usd(1e-06)}),
        ("amazon.nova-pro-v1:0", {"input_cost_per_token": 0.0}),
        ("amazon.nova-pro-v1:0", {"output_cost_per_token": 1e-06}),
        ("gpt-4o", usd(1e-06)),
        ("bedrock/*/1-month-commitment/cohere.command-text-v14", usd(1e-06)),
    ],
)
def test_a_litellm_entry_without_a_token_price_is_left_out(
    name: str, entry: dict[str, Any]
) -> None:
    assert litellm(**{name: entry}) == []


def test_genai_prices_separates_global_prices_from_regional_ones() -> None:
    found = list(read_genai_prices(TODAY))
    haiku = "anthropic.claude-haiku-4-5-20251001-v1:0"
    by = {(row.model_id, row.routing, row.place): row for row in found if not row.effective_from}
    for routing, place, value in (
        (Routing.GLOBAL, "", "1"),
        (*VIRGINIA, "1.1"),
        (Routing.GEOGRAPHY, "us", "1.1"),
    ):
        row = by[haiku, routing, place]
        assert row.rates[0].usd_per_million[TokenKind.INPUT] == Decimal(value)
        assert row.source.startswith("genai-prices ")
    assert any(row.effective_from for row in found)
    assert any(len(row.rates) > 1 for row in found)


# AWS's files


class PriceHost:
    """A stand-in for AWS's price host."""

    def __init__(self, **files: Any) -> None:
        self.files = {f"/{name}": text for name, text in files.items()}
        self.opened: list[str] = []

    @contextmanager
    def open(self, path: str) -> Iterator[io.BytesIO]:
        self.opened.append(path)
        found = self.files.get(path, OSError("404"))
        if isinstance(found, Exception):
            raise found
        yield io.BytesIO(found if isinstance(found, bytes) else json.dumps(found).encode())


def index(offer: str) -> str:
    return f"offers/v1.0/aws/{offer}/current/region_index.json"


def regions(**paths: str) -> dict[str, Any]:
    return {"regions": {name: {"currentVersionUrl": path} for name, path in paths.items()}}


def test_the_current_file_of_every_offer_and_region_is_read() -> None:
    host = PriceHost(
        **{
            index("AmazonBedrock"): regions(tokyo="/offers/t.json", london="/offers/l.json"),
            index("AmazonBedrockService"): regions(),
            index("AmazonBedrockFoundationModels"): regions(tokyo="/offers/m.json"),
            "offers/t.json": bulk_json([listed()]),
            "offers/l.json": bulk_json([]),
            "offers/m.json": bulk_json([listed(), listed()], "AmazonBedrockFoundationModels"),
        }
    )
    names: list[str] = []
    fetched = fetch_price_files(host.open, names.append)
    assert [len(file.products) for file in fetched.files] == [0, 1, 2]
    assert fetched.failures == ()
    assert names == [
        "AmazonBedrock london",
        "AmazonBedrock tokyo",
        "AmazonBedrockFoundationModels tokyo",
    ]


@pytest.mark.parametrize(
    "broken",
    [
        OSError("no route"),
        TimeoutError("too slow"),
        HTTPException("half an answer"),
        b"<html>",
        {"formatVersion": "v1.0"},
    ],
)
def test_an_unreadable_file_stops_no_other(broken: Any) -> None:
    host = PriceHost(
        **{
            index("AmazonBedrock"): regions(tokyo="/offers/t.json", london="/offers/l.json"),
            "offers/t.json": bulk_json([listed()]),
            "offers/l.json": broken,
        }
    )
    fetched = fetch_price_files(host.open)
    assert len(fetched.files) == 1
    assert [name.partition(":")[0] for name in fetched.failures] == [
        "AmazonBedrock london",
        "AmazonBedrockService",
        "AmazonBedrockFoundationModels",
    ]


@pytest.mark.parametrize(
    "broken",
    [
        b"[]",
        b"nothing",
        {"regions": {"tokyo": {}}},
        {"regions": ["tokyo"]},
        regions(tokyo="https://example.com/x.json"),
        {"regions": {"tokyo": {"currentVersionUrl": 7}}},
    ],
)
def test_a_damaged_list_of_regions_fails_without_further_requests(broken: Any) -> None:
    host = PriceHost(**{index("AmazonBedrock"): broken})
    fetched = fetch_price_files(host.open)
    assert fetched.files == ()
    assert len(fetched.failures) == 3
    assert len(host.opened) == 3


# The command


def unpacked(folder: Path, **entries: Any) -> Path:
    found = {
        name: {"litellm_provider": "bedrock", "mode": "chat", **entry}
        for name, entry in entries.items()
    }
    (folder / "litellm").mkdir()
    (folder / "litellm-1.2.3.dist-info").mkdir()
    (folder / "litellm" / "model_prices_and_context_window_backup.json").write_text(
        json.dumps(found)
    )
    return folder


NO_NETWORK = FetchedFiles((), ("AmazonBedrock: list of Regions: no route",))


def run(
    monkeypatch: pytest.MonkeyPatch,
    folder: Path,
    book: Path,
    fetched: FetchedFiles = NO_NETWORK,
) -> None:
    def fetch(progress: object) -> FetchedFiles:
        assert callable(progress)
        return fetched

    monkeypatch.setattr(prices, "BOOK", book)
    set_fact_files(monkeypatch, book)
    monkeypatch.setattr(prices, "fetch_price_files", fetch)
    prices.renew_prices(folder)


def set_fact_files(monkeypatch: pytest.MonkeyPatch, book: Path) -> None:
    """Let facts about models be written beside a price book."""
    lifecycle = book.with_name("model_lifecycle.json")
    lifecycle.write_text('{"aws": {"anthropic.claude-instant-v1": null}, "litellm": {}}')
    monkeypatch.setattr(prices, "WINDOWS_FILE", book.with_name("context_windows.json"))
    monkeypatch.setattr(prices, "LIFECYCLE_FILE", lifecycle)


def shipped_copy(tmp_path: Path) -> Path:
    book = tmp_path / "prices.json"
    book.write_text(write_price_book(shipped_prices()))
    return book


def test_the_book_is_compared_and_unchanged_without_a_network(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = shipped_copy(tmp_path)
    before = book.read_text()
    instant = {**usd(2.48e-06), "deprecation_date": "2027-01-08"}
    entries = {"bedrock/eu-central-1/anthropic.claude-instant-v1": instant}
    run(monkeypatch, unpacked(tmp_path, **entries), book)
    printed = capsys.readouterr().out
    assert "could not be read: the book has nothing new from them" in printed
    assert "AmazonBedrock: list of Regions: no route" in printed
    assert (
        "anthropic.claude-instant-v1 (region eu-central-1) input: 0.8 in the book, 2.48 in"
        " litellm 1.2.3" in printed
    )
    assert "Models of the samples without a price: amazon.nova-canvas-v1:0" in printed
    assert book.read_text() == before
    assert book.with_name("context_windows.json").read_text() == "{}\n"
    assert json.loads(book.with_name("model_lifecycle.json").read_text()) == {
        "aws": {"anthropic.claude-instant-v1": None},
        "litellm": {"anthropic.claude-instant-v1": "2027-01-08"},
    }


def test_aws_files_create_a_new_edition_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book, folder = shipped_copy(tmp_path), unpacked(tmp_path)
    attributes = {
        "usagetype": "USE1-NovaMicro-input-tokens",
        "model": "Nova Micro",
        "regionCode": "us-east-1",
    }
    file = read_bulk_file(bulk_file([listed(attributes, "0.00009"), listed({"usagetype": "odd"})]))
    fetched = FetchedFiles((file,), ())
    run(monkeypatch, folder, book, fetched)
    printed = capsys.readouterr().out
    assert "1 corrected" in printed
    assert "usage_type_not_understood: 1 rows" in printed
    made = read_price_book(book.read_text())
    assert made.edition == f"{datetime.now(UTC).date()}"
    rates = made.get_prices("amazon.nova-micro-v1:0", Route("us-east-1"), TODAY).token_rates(0)
    assert rates[TokenKind.INPUT].usd == Decimal("0.09")
    assert rates[TokenKind.INPUT].price.source == "AWS Price List AmazonBedrock 2026-10-06"
    written = book.read_text()
    run(monkeypatch, folder, book, fetched)
    assert book.read_text() == written


def test_files_are_not_requested_offline(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(progress: object) -> FetchedFiles:
        raise AssertionError(progress)

    book = shipped_copy(tmp_path)
    monkeypatch.setattr(prices, "BOOK", book)
    set_fact_files(monkeypatch, book)
    monkeypatch.setattr(prices, "fetch_price_files", refuse)
    call_command("prices", "--offline", "--litellm", unpacked(tmp_path))
    assert "were not read (--offline)" in capsys.readouterr().out


def test_a_second_change_on_a_day_explains_what_to_do_and_writes_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    today = datetime.now(UTC).date()
    book, name = tmp_path / "prices.json", "amazon.nova-micro-v1:0"
    standing = replace(own("3", model_id=name), effective_from=today)
    book.write_text(before := write_price_book(PriceBook([standing])))
    file = read_bulk_file(bulk_file([listed(usd="0.009")]))
    with pytest.raises(CommandError, match=r"nova-micro-v1:0 \(region us-east-1\) from .* later"):
        run(monkeypatch, unpacked(tmp_path), book, FetchedFiles((file,), ()))
    assert book.read_text() == before


def test_a_missing_source_file_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="run make prices"):
        run(monkeypatch, tmp_path, shipped_copy(tmp_path))


def test_units_become_rows_too() -> None:
    attributes = {
        "usagetype": "USE1-Guardrail-ContentPolicyUnitsConsumed",
        "regionCode": "us-east-1",
    }
    file = read_bulk_file(bulk_file([listed(attributes, "0.0002", "TextUnit")]))
    rows = list(read_price_list_rows(read_price_list([file], TODAY), shipped_prices(), TODAY))
    assert rows[0].usd_per_unit == {BilledUnit.GUARDRAIL_CONTENT_UNIT: Decimal("0.0002")}
    renewal = renew_from_price_list(shipped_prices(), rows, TODAY)
    assert [row.usd_per_unit for row in renewal.corrected] == [rows[0].usd_per_unit]


def test_the_context_window_of_a_model_is_the_smallest_of_its_scopes() -> None:
    entries: dict[str, dict[str, Any]] = {
        "amazon.nova-pro-v1:0": {"max_input_tokens": 300_000},
        "eu.amazon.nova-pro-v1:0": {"max_input_tokens": 200_000},
        "amazon.titan-text-lite-v1": {"max_input_tokens": 42_000},  # AWS says 4,096
        "cohere.embed-english-v3": {"mode": "embedding", "max_input_tokens": 512},
        "meta.llama3-8b-instruct-v1:0": {},
        "gpt-4o": {"litellm_provider": "openai", "max_input_tokens": 128_000},
    }
    text = json.dumps(
        {
            name: {"litellm_provider": "bedrock", "mode": "chat", **entry}
            for name, entry in entries.items()
        }
    )
    assert read_context_windows(text) == {
        "amazon.nova-pro-v1:0": 200_000,
        "amazon.titan-text-lite-v1": 4_096,
    }


def test_a_model_ends_when_the_first_of_all_its_scopes_does() -> None:
    ends = {
        "meta.llama3-8b-instruct-v1:0": "2027-03-30",
        "bedrock/sa-east-1/meta.llama3-8b-instruct-v1:0": "2027-01-30",
        "anthropic.claude-haiku-4-5-20251001-v1:0": None,
        "eu.anthropic.claude-haiku-4-5-20251001-v1:0": "2026-10-15",
    }
    entries = {
        name: {"litellm_provider": "bedrock", **({"deprecation_date": end} if end else {})}
        for name, end in ends.items()
    }
    entries["gpt-4o"] = {"litellm_provider": "openai", "deprecation_date": "2026-01-01"}
    assert read_ends_of_life(json.dumps(entries)) == {"meta.llama3-8b-instruct-v1:0": "2027-01-30"}
