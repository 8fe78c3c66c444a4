"""Bills in the layout of CUR 2.0 exports, made from the documented columns, not recorded.

Columns: https://docs.aws.amazon.com/cur/latest/userguide/table-dictionary-cur2.html
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb

ACCOUNT = "111122223333"
ANA = f"arn:aws:iam::{ACCOUNT}:user/ana"
HAIKU_3 = "anthropic.claude-3-haiku-20240307-v1:0"
MARKETPLACE_PRODUCT = {
    "feature": "On-demand Inference",
    "provider": "Anthropic",
    "model": "Claude 3 Haiku",
    "inference_type": "Input tokens",
    "servicename": "Claude 3 Haiku (Amazon Bedrock Edition)",
}
_NUMBERS = (
    "line_item_usage_amount",
    "line_item_unblended_cost",
    "line_item_net_unblended_cost",
    "pricing_public_on_demand_cost",
)
_MAPS = ("product",)
_TIMES = ("line_item_usage_start_date", "line_item_usage_end_date")

Line = Mapping[str, Any]


def bill_line(**changes: Any) -> dict[str, Any]:
    """A day of 4,000 input tokens of Nova Micro in us-east-1 at list price, but for the changes."""
    return {
        "line_item_usage_start_date": "2026-09-08T00:00:00.000Z",
        "line_item_usage_end_date": "2026-09-09T00:00:00.000Z",
        "line_item_line_item_type": "Usage",
        "line_item_usage_account_id": ACCOUNT,
        "line_item_usage_type": "USE1-NovaMicro-input-tokens",
        "line_item_product_code": "AmazonBedrock",
        "line_item_usage_amount": "4",
        "line_item_unblended_rate": "0.000035",
        "line_item_unblended_cost": "0.00014",
        "line_item_net_unblended_cost": "0.00014",
        "line_item_currency_code": "USD",
        "line_item_iam_principal": ANA,
        "line_item_resource_id": "",
        "pricing_public_on_demand_cost": "0.00014",
        "pricing_public_on_demand_rate": "0.000035",
        "pricing_unit": "1K tokens",
        "product_product_family": "Amazon Bedrock",
        "product_servicecode": "AmazonBedrock",
        "product_region_code": "us-east-1",
        "product": {"model": "Nova Micro", "feature": "On-demand Inference"},
    } | changes


def marketplace_line(**changes: Any) -> dict[str, Any]:
    """A day of 4 million input tokens of Claude 3 Haiku, billed by AWS Marketplace."""
    return bill_line(
        **{
            "line_item_usage_type": "USE1-MP:USE1_InputTokenCount-Units",
            "line_item_product_code": "7zgyu5r4exampleproductcode",
            "line_item_usage_amount": "4",
            "line_item_unblended_rate": "0.25",
            "line_item_unblended_cost": "1",
            "line_item_net_unblended_cost": "1",
            "pricing_public_on_demand_cost": "",
            "pricing_public_on_demand_rate": "",
            "pricing_unit": "",
            "product_servicecode": "",
            "product": MARKETPLACE_PRODUCT,
        }
        | changes
    )


def without(lines: Iterable[Line], *columns: str) -> list[dict[str, Any]]:
    """Lines of an export that does not select some columns."""
    return [{name: value for name, value in line.items() if name not in columns} for line in lines]


def write_csv_bill(path: Path, lines: Sequence[Line]) -> Path:
    """Write a bill as CSV, gzipped if it is named so."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(lines[0]), quoting=csv.QUOTE_ALL)
    writer.writeheader()
    for line in lines:
        writer.writerow(
            {name: json.dumps(value) if name in _MAPS else value for name, value in line.items()}
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_parquet_bill(path: Path, lines: Sequence[Line]) -> Path:
    """Write a bill as Parquet, with the types that the columns have there."""
    names = list(lines[0])
    types = {name: _get_column_type(name) for name in names}
    fields = ", ".join(f"{name} {types[name]}" for name in names)
    marks = ", ".join("?" for _ in names)
    path.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as database:
        database.execute("SET TimeZone = 'UTC'")
        database.execute(f"CREATE TABLE bill ({fields})")
        for line in lines:
            values = [None if value == "" else value for value in line.values()]
            database.execute(f"INSERT INTO bill VALUES ({marks})", values)  # noqa: S608
        database.execute(f"COPY bill TO '{path}' (FORMAT parquet)")
    return path


def _get_column_type(column: str) -> str:
    if column in _MAPS:
        return "MAP(VARCHAR, VARCHAR)"
    if column in _TIMES:
        return "TIMESTAMP"
    return "DOUBLE" if column in _NUMBERS else "VARCHAR"
