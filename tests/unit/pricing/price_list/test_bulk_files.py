"""Bulk files are read in chunks and within limits, and no row is lost."""

import io
import json
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.pricing.price_list import (
    DEFAULT_LIMITS,
    LeftOut,
    ListedPrice,
    NotARow,
    PriceListFileError,
    read_bulk_file,
    read_price_list,
    read_row,
)
from tests.unit.pricing.price_list.bulk_files import ROW, bulk_file, bulk_json, listed

TODAY = date(2026, 11, 28)
MICRO = ROW["usagetype"]


def as_file(document: Any) -> io.BytesIO:
    return io.BytesIO(json.dumps(document).encode())


@pytest.mark.parametrize("terms_first", [False, True])
def test_recorded_rows_are_read_from_a_bulk_file(terms_first: bool) -> None:
    recorded = [
        row
        for row in json.loads(Path("tests/fixtures/price-list-rows.json").read_text("utf-8"))
        if row["offer"] == "AmazonBedrock"
    ]
    products = [
        listed(row["attributes"], row["usd"], row["unit"], row["effectiveDate"]) for row in recorded
    ]

    file = read_bulk_file(bulk_file(products, terms_first=terms_first))

    assert file.source == "AWS Price List AmazonBedrock 2026-10-06"
    assert [read_row(file.offer, *product) for product in file.products] == [
        read_row(
            file.offer,
            row["attributes"],
            ListedPrice(row["unit"], row["usd"], row["effectiveDate"] or ""),
        )
        for row in recorded
    ]
    assert not file.left_out


def test_a_file_is_read_in_chunks() -> None:
    class Pieces(io.BytesIO):
        largest = 0

        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            self.largest = max(self.largest, len(data))
            return data

    pieces = Pieces(bulk_file(listed() for _ in range(2000)).getvalue())

    assert len(read_bulk_file(pieces).products) == 2000
    assert pieces.largest < len(pieces.getvalue()) / 4


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (replace(DEFAULT_LIMITS, max_bytes=500), "larger than its limit"),
        (replace(DEFAULT_LIMITS, max_products=2), "more products than its limit"),
    ],
)
def test_a_file_above_a_limit_is_refused(limits: Any, message: str) -> None:
    with pytest.raises(PriceListFileError, match=message):
        read_bulk_file(bulk_file([listed(), listed(), listed()]), limits)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b'{"offerCode": "AmazonBedrock", "products": {"a": {"attri',
        b'{"offerCode": "\xff"}',
        b'{"a": ' + b"[" * 100 + b"]" * 100 + b"}",
        b'{"offerCode": "x", "products": {"a": {"b": ' + b"[" * 100 + b"]" * 100 + b"}}}",
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_data_that_is_not_a_bulk_file_is_refused(content: bytes) -> None:
    with pytest.raises(PriceListFileError):
        read_bulk_file(io.BytesIO(content))


@pytest.mark.parametrize("number", [b"9" * 200_000, b"0." + b"9" * 200_000, b"9E" + b"9" * 200_000])
@pytest.mark.parametrize("piece", [700, 1 << 20])
def test_a_number_that_would_crash_the_parser_is_refused(number: bytes, piece: int) -> None:
    class Pieces(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(piece, size or 0))

    with pytest.raises(PriceListFileError, match="number of more than 1,000 digits"):
        read_bulk_file(Pieces(b'{"offerCode": ' + number + b"}"))


@given(
    st.recursive(
        st.none() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=2)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "attributes",
                        "usagetype",
                        "t",
                        "priceDimensions",
                        "pricePerUnit",
                        "USD",
                        "unit",
                    ]
                ),
                inner,
                max_size=3,
            )
        ),
    )
)
def test_malformed_products_and_terms_never_raise(value: Any) -> None:
    document = bulk_json([]) | {
        "products": {"a": value, "b": {"attributes": value}},
        "terms": {"OnDemand": {"a": value, "b": {"t": value}}},
    }

    assert read_bulk_file(as_file(document)).offer == "AmazonBedrock"


def test_products_that_cannot_be_priced_are_left_out_with_a_reason() -> None:
    tiered, without_terms, orphan = listed(), listed(), listed()
    tiered["terms"]["t"]["priceDimensions"]["t.s"] = {}
    long = listed(ROW | {"model": "x" * 2000})
    document = bulk_json([tiered, without_terms, orphan, long])
    del document["terms"]["OnDemand"]["SKU1"]
    del document["products"]["SKU2"]

    file = read_bulk_file(as_file(document))

    assert not file.products
    assert set(file.left_out) == {
        NotARow(LeftOut.VOLUME_TIER, MICRO),
        NotARow(LeftOut.NO_USD_PRICE, MICRO),
        NotARow(LeftOut.NO_PRODUCT, "SKU2"),
        NotARow(LeftOut.TEXT_TOO_LONG, MICRO),
    }


def test_the_price_list_reports_omitted_products() -> None:
    files = [
        read_bulk_file(
            bulk_file(
                [
                    listed(),
                    listed(),
                    listed(ROW | {"usagetype": "USE1-NovaMicro-output-tokens"}, "0.1"),
                    listed(ROW | {"usagetype": "USE1-NovaMicro-output-tokens"}, "0.2"),
                    listed({"usagetype": "USE1-Quark9-input-tokens", "model": "Quark 9"}),
                    listed({"usagetype": "USE1-Quark9-output-tokens", "model": "Quark 9"}),
                    listed({"usagetype": "USE1-Agents-Steps"}),
                    listed(effective="2026-12-01T00:00:00Z"),
                ]
            )
        )
    ]

    prices = read_price_list(files, TODAY)

    assert [row.usd for row in prices.prices.values()] == [Decimal("0.035")]
    assert [sorted(row.usd for row in rows) for rows in prices.ambiguous.values()] == [[100, 200]]
    assert prices.unmapped_names == {"Quark 9": 2}
    assert prices.reasons == {
        LeftOut.USAGE_TYPE_NOT_UNDERSTOOD: 1,
        LeftOut.UNMAPPED_MODEL: 2,
        LeftOut.NOT_YET_EFFECTIVE: 1,
    }
    assert prices.sources == {"AmazonBedrock": "AWS Price List AmazonBedrock 2026-10-06"}
    rows = sum(len(found) for found in prices.ambiguous.values()) + len(prices.prices)
    assert rows + prices.left_out.total() == 8 - 1  # one price is listed twice


def test_the_price_of_text_applies_to_all_tokens_only_if_it_is_the_only_one() -> None:
    sonic, pro = {"model": "Nova Sonic 2.0"}, {"model": "Nova 2.0 Pro"}
    products = [
        listed(sonic | {"usagetype": "USE1-NovaSonic2.0-text-input-tokens"}, "0.00033"),
        listed(sonic | {"usagetype": "USE1-NovaSonic2.0-speech-input-tokens"}, "0.003"),
        listed(pro | {"usagetype": "USE1-Nova2.0Pro-text-input-tokens"}, "0.00125"),
    ]

    prices = read_price_list([read_bulk_file(bulk_file(products))], TODAY)

    assert sorted((key.model_id, key.variant) for key in prices.prices) == [
        ("amazon.nova-2-pro-preview-20251202-v1:0", ""),
        ("amazon.nova-2-sonic-v1:0", "speech"),
        ("amazon.nova-2-sonic-v1:0", "text"),
    ]
    assert all(row.key == key for key, row in prices.prices.items())
