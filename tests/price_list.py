"""Bulk files of the AWS Price List, made of its recorded rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests.unit.pricing.price_list.bulk_files import bulk_json, listed

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
