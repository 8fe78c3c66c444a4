"""Builds bulk files of the AWS Price List."""

import io
import json
from collections.abc import Iterable, Mapping
from typing import Any

ROW = {
    "usagetype": "USE1-NovaMicro-input-tokens",
    "model": "Nova Micro",
    "regionCode": "us-east-1",
}


def listed(
    attributes: Mapping[str, Any] = ROW,
    usd: object = "0.000035",
    unit: object = "1K tokens",
    effective: object = "2026-04-01T00:00:00Z",
) -> dict[str, Any]:
    """A product and its terms."""
    price = {"unit": unit, "description": "", "pricePerUnit": {"USD": usd}}
    return {
        "attributes": dict(attributes),
        "terms": {"t": {"effectiveDate": effective, "priceDimensions": {"t.r": price}}},
    }


def bulk_json(
    products: Iterable[Mapping[str, Any]],
    offer: str = "AmazonBedrock",
    *,
    terms_first: bool = False,
) -> dict[str, Any]:
    """The document of a bulk file."""
    by_sku = {f"SKU{number}": product for number, product in enumerate(products)}
    parts: dict[str, Any] = {
        "products": {
            sku: {"sku": sku, "attributes": product["attributes"]}
            for sku, product in by_sku.items()
        },
        "terms": {"OnDemand": {sku: product["terms"] for sku, product in by_sku.items()}},
    }
    header = {
        "formatVersion": "v1.0",
        "offerCode": offer,
        "version": "20261006000000",
        "publicationDate": "2026-10-06T00:00:00Z",
    }
    return header | (dict(reversed(parts.items())) if terms_first else parts)


def bulk_file(
    products: Iterable[Mapping[str, Any]],
    offer: str = "AmazonBedrock",
    *,
    terms_first: bool = False,
) -> io.BytesIO:
    """A bulk file, opened."""
    return io.BytesIO(json.dumps(bulk_json(products, offer, terms_first=terms_first)).encode())
