"""Recorded rows of the AWS Price List as bulk files, and a `price_updater` that reads them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import boto3
import pytest

from cdk.local_cloud.price_list import PriceListServer, open_price_list
from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.pricing.editions import PriceUpdates
from tests.unit.pricing.price_list.bulk_files import bulk_json, listed

TOKYO = "ap-northeast-1"
OFFER = "AmazonBedrock"
NOVA_INPUT = "APN1-NovaLite-input-tokens"
"""The usage type of input tokens of Nova Lite in Tokyo."""
PRICE_BUCKET = "prices"
_RECORDED = Path(__file__).parent / "fixtures" / "price-list-rows.json"


def recorded_files(region: str) -> dict[str, dict[str, Any]]:
    """The bulk files of a Region by offer, with the recorded rows that name the Region."""
    rows = json.loads(_RECORDED.read_text(encoding="utf-8"))
    of_region = [row for row in rows if row["attributes"].get("regionCode") == region]
    return {
        offer: bulk_json(
            [
                listed(row["attributes"], row["usd"], row["unit"], row["effectiveDate"])
                for row in of_region
                if row["offer"] == offer
            ],
            offer,
        )
        for offer in sorted({row["offer"] for row in of_region})
    }


def with_price(document: Mapping[str, Any], usage_type: str, factor: str) -> dict[str, Any]:
    """The same bulk file, with the price of one usage type multiplied."""
    changed: dict[str, Any] = json.loads(json.dumps(document))
    (sku,) = (
        sku
        for sku, product in changed["products"].items()
        if product["attributes"]["usagetype"] == usage_type
    )
    for term in changed["terms"]["OnDemand"][sku].values():
        for dimension in term["priceDimensions"].values():
            usd = Decimal(dimension["pricePerUnit"]["USD"])
            dimension["pricePerUnit"] = {"USD": f"{usd * Decimal(factor):f}"}
    return changed


@contextmanager
def serve_recorded_prices() -> Iterator[PriceListServer]:
    """Serve the recorded rows of Tokyo."""
    with open_price_list() as server:
        for document in recorded_files(TOKYO).values():
            server.serve(TOKYO, document)
        yield server


def change_nova_price(server: PriceListServer, factor: str) -> None:
    """Serve another price of Nova Lite's input tokens."""
    server.serve(TOKYO, with_price(recorded_files(TOKYO)[OFFER], NOVA_INPUT, factor))


def set_price_updater_variables(monkeypatch: pytest.MonkeyPatch, server: PriceListServer) -> None:
    """Let `price_updater` read the prices of Tokyo, and make its bucket."""
    for name, value in (
        ("REGION", TOKYO),
        ("PRICE_BUCKET", PRICE_BUCKET),
        ("PRICE_LIST_URL", server.url),
    ):
        monkeypatch.setenv(name, value)
    boto3.client("s3").create_bucket(Bucket=PRICE_BUCKET)


def read_editions() -> S3PriceEditions:
    """The editions that it has written."""
    return S3PriceEditions(lambda: boto3.client("s3"), PRICE_BUCKET)


def read_updates() -> PriceUpdates:
    """Read the price updates that its pointer names."""
    return read_editions().read_pointer().updates
