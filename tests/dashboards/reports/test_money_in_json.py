"""Money in the meter's documents is text, so that no JSON parser rounds it."""

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from cdk.config import Config
from cdk.operations.price_book_json import write_price_book
from dashboards.reports import compare, focus, usage_json
from dashboards.reports.commands import meter_files
from dashboards.reports.local_meter import open_local_meter
from dashboards.reports.logs.log_files import find_log_files
from dashboards.reports.reconciliation_json import report_json as reconciliation_json
from lambdas.adapters.report_layouts.comparison_json import report_json as comparison_json
from lambdas.domain.pricing import shipped_prices
from lambdas.wiring.contracted_prices import ContractedPriceSetting
from tests.builders import NO_ATTRIBUTION, NOON, SONNET_4, usage_record
from tests.focus_calls import build_charges
from tests.unit.pricing.editions import listing, rate
from tests.unit.reports.reconciliation import bill_rows

SAMPLES = Path(__file__).parents[2] / "fixtures" / "invocation-logs.ndjson"
NO_MONEY = frozenset({"as_cached_saves", "uncached_saves", "days"})


def summary(_: Path) -> str:
    with open_local_meter() as meter:
        meter_files(meter, find_log_files([SAMPLES]))
        return "".join(usage_json.summary_json(meter, now=NOON))


def comparison(_: Path) -> str:
    with open_local_meter() as meter:
        report, counts = compare.compare(meter, find_log_files([SAMPLES]), Config())
        return comparison_json(report, {**counts})


def manifest(folder: Path) -> str:
    out = folder / "focus.csv"
    focus.write_costs(build_charges([(usage_record(model_id=SONNET_4), NO_ATTRIBUTION)]), out, None)
    return focus.manifest_path(out).read_text()


def reconciliation(_: Path) -> str:
    return "".join(
        reconciliation_json(bill_rows.compare([bill_rows.row()], [bill_rows.call()]), {})
    )


def price_book(_: Path) -> str:
    return write_price_book(shipped_prices())


def price_listing(_: Path) -> str:
    return listing(rate("0.0000001")).model_dump_json()


def contracted_price(_: Path) -> str:
    price = {"model": "m", "effective_from": "2026-01-01", "usd_per_million": {"input": 0.1}}
    return ContractedPriceSetting.model_validate(price).model_dump_json()


def amounts(document: Any, *, is_money: bool = False) -> Iterator[Any]:
    """Yield the values of keys about dollars, at any depth."""
    if isinstance(document, dict):
        for name, value in document.items():
            yield from amounts(value, is_money=is_money or "usd" in name.split("_"))
    elif isinstance(document, list):
        for value in document:
            yield from amounts(value, is_money=is_money)
    elif is_money:
        yield document


def floats(document: Any, name: str = "") -> Iterator[str]:
    """The keys of numbers that are not whole."""
    if isinstance(document, dict):
        for inner, value in document.items():
            yield from floats(value, inner)
    elif isinstance(document, list):
        for value in document:
            yield from floats(value, name)
    elif isinstance(document, float):
        yield name


@pytest.mark.parametrize(
    "write",
    [
        *(summary, comparison, manifest, reconciliation),
        *(price_book, price_listing, contracted_price),
    ],
)
def test_money_is_text_that_parses_as_a_decimal(
    write: Callable[[Path], str], tmp_path: Path
) -> None:
    document = json.loads(write(tmp_path))
    known = [amount for amount in amounts(document) if amount is not None]
    assert any(Decimal(amount) for amount in known)
    assert [amount for amount in known if not isinstance(amount, str)] == []
    assert set(floats(document)) <= NO_MONEY
