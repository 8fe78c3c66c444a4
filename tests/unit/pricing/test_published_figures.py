"""Every published price of bedrock-runtime is the price of a logged call or of a batch job."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

import pytest

from lambdas.domain.invocations import UsageRecord, read_message
from lambdas.domain.pricing import (
    BATCH_TIER,
    Cost,
    PriceBasis,
    Pricing,
    Unpriced,
    shipped_prices,
)
from lambdas.domain.pricing.call_pricing import price_call
from lambdas.domain.unlogged import BatchTokens, EndedBatchJob, price_batch_job
from tests.infrastructure.synthesis import ROOT

FIXTURE = ROOT / "tests" / "fixtures" / "prices" / "published-figures.json.gz"
TOKENS = 10_000  # fewer than any model counts as a large call
_MILLION = 1_000_000
_RIGHT_BASES = {"region": PriceBasis.REGION, "global": PriceBasis.GLOBAL}


class Figure(NamedTuple):
    """A published figure: US dollars for a million tokens of a kind."""

    model_id: str
    region: str
    routing: str
    tier: str
    kind: str
    usd: Decimal
    source: str


def figures() -> Iterator[Figure]:
    for row in json.loads(gzip.decompress(FIXTURE.read_bytes())):
        # Of batch prices, those of the Price List: other sources take them for half of any price.
        if row["endpoint"] == "runtime" and (row["tier"] != BATCH_TIER or row["price_list"]):
            yield Figure(
                row["model_id"],
                row["region"],
                row["through"],
                row["tier"],
                row["kind"],
                Decimal(row["usd_per_million"]),
                row["source"],
            )


class Exemption(NamedTuple):
    """Published prices that the book does not follow.

    Attributes:
        models: The beginnings of the models' ids.
        kinds: The kinds of tokens.
        source: The beginning of the source's name.
        region: The Region; empty for any.
        figures: The number of such figures.
    """

    models: tuple[str, ...]
    kinds: tuple[str, ...]
    source: str
    region: str
    figures: int


NOVA = ("amazon.nova-micro-", "amazon.nova-lite-", "amazon.nova-pro-")
EXEMPTIONS = {
    "Portkey's cache reads of Nova are half the input price; AWS's rows are a quarter of it": (
        Exemption(NOVA, ("cache_read",), "Portkey-AI/models", "", 54)
    ),
    "Portkey's cache writes of Nova are twice the input price; AWS lists them at 0": (
        Exemption(NOVA, ("cache_write_5m", "cache_write_1h"), "Portkey-AI/models", "", 185)
    ),
    "litellm lists the 70B model's input price as the output price of Llama 3 8B": (
        Exemption(("meta.llama3-8b-",), ("output",), "litellm", "us-gov-east-1", 1)
    ),
    "Pegasus is also billed by the second of video, which logs do not report": (
        Exemption(("twelvelabs.pegasus-",), ("output",), "aToy0m0", "", 41)
    ),
}


def find_exemption(figure: Figure) -> str | None:
    return next(
        (
            reason
            for reason, each in EXEMPTIONS.items()
            if figure.model_id.startswith(each.models)
            and figure.kind in each.kinds
            and figure.source.startswith(each.source)
            and each.region in ("", figure.region)
        ),
        None,
    )


def message(figure: Figure) -> str:
    """A log message of a call that used tokens of one kind alone."""
    count = TOKENS if figure.kind.startswith("cache_write") else 0
    usage: dict[str, Any] = {"inputTokens": 0, "outputTokens": 0, "totalTokens": TOKENS}
    if figure.kind == "cache_write_1h":
        usage["cacheWriteInputTokens"] = TOKENS
        usage["cacheDetails"] = [{"ttl": "1h", "inputTokens": TOKENS}]
    prefix = "global." if figure.routing == "global" else ""
    return json.dumps(
        {
            "schemaType": "ModelInvocationLog",
            "timestamp": f"{_day(figure)}T10:00:00Z",
            "accountId": "111122223333",
            "region": figure.region,
            "requestId": "1",
            "operation": "Converse",
            "modelId": prefix + figure.model_id,
            "identity": {"arn": "arn:aws:iam::111122223333:user/reader"},
            "input": {
                "inputTokenCount": TOKENS if figure.kind == "input" else 0,
                "cacheReadInputTokenCount": TOKENS if figure.kind == "cache_read" else 0,
                "cacheWriteInputTokenCount": count,
            },
            "output": {
                "outputTokenCount": TOKENS if figure.kind == "output" else 0,
                "outputBodyJson": {
                    "usage": usage if figure.kind == "cache_write_1h" else {},
                    "serviceTier": {"type": figure.tier},
                },
            },
        }
    )


def price(figure: Figure, pricing: Pricing) -> Cost | Unpriced | None:
    if figure.tier == BATCH_TIER:
        return price_job(figure, pricing)
    record = read_message(message(figure))
    assert isinstance(record, UsageRecord)
    return price_call(record, pricing)


def price_job(figure: Figure, pricing: Pricing) -> Cost | Unpriced:
    prefix = "global." if figure.routing == "global" else ""
    job = EndedBatchJob(
        f"arn:aws:bedrock:{figure.region}:111122223333:model-invocation-job/abcdefghwxyz",
        prefix + figure.model_id,
        datetime.fromisoformat(f"{_day(figure)}T10:00:00+00:00"),
        "s3://results/",
    )
    tokens = BatchTokens(
        TOKENS if figure.kind == "input" else 0, TOKENS if figure.kind == "output" else 0
    )
    return price_batch_job(job, tokens, pricing)


def _day(figure: Figure) -> str:
    return "2025-11-01" if "claude-3-5-sonnet" in figure.model_id else "2026-11-20"


@pytest.fixture(scope="module")
def pricing() -> Pricing:
    return Pricing(shipped_prices())


@pytest.mark.parametrize("tier", ["standard", "flex", "priority", BATCH_TIER])
def test_every_published_price_is_the_price_of_a_call(tier: str, pricing: Pricing) -> None:
    wrong = []
    for figure in figures():
        if figure.tier != tier or find_exemption(figure):
            continue
        cost = price(figure, pricing)
        if not (
            isinstance(cost, Cost)
            and cost.effective_usd * _MILLION == figure.usd * TOKENS
            and cost.basis is _RIGHT_BASES[figure.routing]
        ):
            wrong.append((figure, cost))
    assert wrong == []


def test_exemptions_have_their_stated_number_and_are_all_needed(pricing: Pricing) -> None:
    exempt = [(find_exemption(figure), figure) for figure in figures()]
    counts = Counter(reason for reason, _ in exempt if reason)
    assert counts == {reason: each.figures for reason, each in EXEMPTIONS.items()}
    for reason, figure in exempt:
        cost = price(figure, pricing) if reason else None
        if isinstance(cost, Cost):
            assert cost.effective_usd * _MILLION != figure.usd * TOKENS


def test_published_prices_cover_many_models_and_regions() -> None:
    found = list(figures())
    assert len(found) == 5068 + 1559
    assert len({figure.model_id for figure in found}) > 120
    assert len({figure.region for figure in found}) == 36
