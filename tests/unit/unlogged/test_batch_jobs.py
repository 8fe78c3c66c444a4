"""Manifests of batch jobs are found and read whatever is in them, and priced at batch prices."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.pricing import (
    ContractedPrice,
    ContractedPrices,
    Cost,
    PriceBasis,
    PriceBook,
    Pricing,
    Rates,
    TokenKind,
    Unpriced,
    shipped_prices,
)
from lambdas.domain.unlogged import (
    MAX_JOB_TOKENS,
    MAX_MANIFEST_BYTES,
    BatchTokens,
    price_batch_job,
    read_manifest,
)
from tests.builders import HAIKU_3, listed_price, usd_by_kind
from tests.unlogged import BUCKET, batch_job

MANIFEST = {
    "totalRecordCount": 3,
    "processedRecordCount": 3,
    "successRecordCount": 3,
    "errorRecordCount": 0,
    "inputTokenCount": 1200,
    "outputTokenCount": 340,
}
TOKENS = BatchTokens(1_000_000, 100_000)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda children: st.lists(children) | st.dictionaries(st.text(), children),
    max_leaves=10,
)


def manifest(**changes: Any) -> bytes:
    return json.dumps({**MANIFEST, **changes}).encode()


def test_a_manifest_reports_the_tokens_of_its_job() -> None:
    assert read_manifest(manifest()) == BatchTokens(1200, 340)


@pytest.mark.parametrize("count", [None, -1, 1.5, True, "12", [12], MAX_JOB_TOKENS + 1])
@pytest.mark.parametrize("name", ["inputTokenCount", "outputTokenCount"])
def test_a_job_with_an_invalid_count_has_no_tokens(name: str, count: Any) -> None:
    assert read_manifest(manifest(**{name: count})) is None


def test_a_missing_count_is_not_zero() -> None:
    assert read_manifest(b'{"inputTokenCount": 5}') is None
    assert read_manifest(manifest(outputTokenCount=0)) == BatchTokens(1200, 0)


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"prompt", b"\xff\xfe", b"[]", b"null", b'"inputTokenCount"'),
        b"[" * 30_000,
        b'{"inputTokenCount": ' + b"9" * 5_000 + b', "outputTokenCount": 1}',
        manifest(padding="x" * MAX_MANIFEST_BYTES),
    ],
    ids=lambda content: content[:12].decode(errors="replace"),
)
def test_a_malformed_manifest_has_no_tokens(content: bytes) -> None:
    assert read_manifest(content) is None


@given(st.binary(max_size=200) | json_values.map(lambda value: json.dumps(value).encode()))
def test_any_content_is_read_without_an_error(content: bytes) -> None:
    assert read_manifest(content) is None


@given(
    st.integers(0, MAX_JOB_TOKENS),
    st.integers(0, MAX_JOB_TOKENS),
    st.dictionaries(st.text(), json_values),
)
def test_counts_are_read_exactly_beside_any_other_fields(
    input_tokens: int, output_tokens: int, others: dict[str, Any]
) -> None:
    counts = {"inputTokenCount": input_tokens, "outputTokenCount": output_tokens}
    content = json.dumps({**others, **counts}).encode()
    expected = BatchTokens(input_tokens, output_tokens)
    assert read_manifest(content) == (expected if len(content) <= MAX_MANIFEST_BYTES else None)


@pytest.mark.parametrize(
    ("output_uri", "key"),
    [
        (f"s3://{BUCKET}/nightly/", "nightly/abcdefghwxyz/manifest.json.out"),
        (f"s3://{BUCKET}/a/b", "a/b/abcdefghwxyz/manifest.json.out"),
        (f"s3://{BUCKET}/", "abcdefghwxyz/manifest.json.out"),
        (f"s3://{BUCKET}", "abcdefghwxyz/manifest.json.out"),
    ],
)
def test_a_manifest_is_in_the_folder_of_its_job(output_uri: str, key: str) -> None:
    found = batch_job(output_uri=output_uri).manifest
    assert found == (BUCKET, key, "111122223333")


@pytest.mark.parametrize(
    "output_uri", ["", "https://host/x", "s3://", "s3://UPPER/x", "s3://a/x", f"s3://{'b' * 64}/x"]
)
def test_an_output_location_in_an_unknown_format_has_no_manifest(output_uri: str) -> None:
    assert batch_job(output_uri=output_uri).manifest is None


def test_a_key_invalid_in_s3_is_not_a_manifest() -> None:
    assert batch_job(output_uri=f"s3://{BUCKET}/{'x' * 1024}").manifest is None


def test_a_job_is_priced_only_at_batch_prices() -> None:
    standard = listed_price(HAIKU_3, Rates(0, usd_by_kind("3", "15")))
    batch = listed_price(HAIKU_3, Rates(0, usd_by_kind("1.5", "7.5")), service_tier="batch")
    job = batch_job(model=f"us.{HAIKU_3}")
    cost = price_batch_job(job, TOKENS, Pricing(PriceBook([standard, batch])))
    assert isinstance(cost, Cost)
    assert cost.effective_usd == Decimal("2.25")
    without = price_batch_job(job, TOKENS, Pricing(PriceBook([standard])))
    assert without is Unpriced.NO_PRICE_OF_THE_TIER


def test_the_shipped_book_has_batch_prices() -> None:
    cost = price_batch_job(batch_job(model=HAIKU_3), TOKENS, Pricing(shipped_prices()))
    assert isinstance(cost, Cost)
    assert cost.effective_usd == Decimal("0.1875")  # half of 0.25 and 1.25 dollars a million
    assert cost.basis is PriceBasis.REGION


def test_a_contracted_batch_price_is_enough() -> None:
    contracted = ContractedPrice(
        HAIKU_3,
        date(2026, 1, 1),
        {TokenKind.INPUT: Decimal(1), TokenKind.OUTPUT: Decimal(2)},
        service_tier="batch",
    )
    pricing = Pricing(PriceBook([]), ContractedPrices([contracted]))
    cost = price_batch_job(batch_job(), TOKENS, pricing)
    assert isinstance(cost, Cost)
    assert cost.effective_usd == Decimal("1.2")


def test_a_job_with_a_hidden_model_is_unpriced() -> None:
    profile = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc"
    cost = price_batch_job(batch_job(model=profile), TOKENS, Pricing(PriceBook([])))
    assert isinstance(cost, Unpriced)
