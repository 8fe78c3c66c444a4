"""The contract of every store of price editions, run on each of them."""

import json
from collections.abc import Callable
from typing import Any

import boto3
import pytest

from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.pricing.editions import (
    Edition,
    InvalidPriceDocumentError,
    PointerMovedError,
    PriceEditions,
    PriceEditionsUnavailableError,
    PriceUpdates,
    StoredPointer,
)
from lambdas.domain.pricing.price_decisions import add_rates
from lambdas.domain.pricing.price_review import OfferedRate
from tests.fakes import InMemoryPriceEditions
from tests.unit.pricing.editions import NOW, listing, rate

BUCKET = "prices"


def s3_editions(bucket: str = BUCKET) -> S3PriceEditions:
    return S3PriceEditions(lambda: boto3.client("s3"), bucket)


@pytest.fixture(params=["memory", "s3"])
def editions(aws: None, request: pytest.FixtureRequest) -> PriceEditions:
    boto3.client("s3").create_bucket(Bucket=BUCKET)
    make: Callable[[], Any] = InMemoryPriceEditions if request.param == "memory" else s3_editions
    store: PriceEditions = make()
    return store


def edition() -> Edition:
    following = add_rates(
        PriceUpdates(),
        None,
        [OfferedRate("AmazonBedrock", rate("0.0000001"), NOW.date())],
        reason="tests",
        now=NOW,
    )
    assert following.edition is not None
    return following.edition


def test_the_pointer_is_empty_before_the_first_publication(editions: PriceEditions) -> None:
    assert editions.read_pointer() == StoredPointer(PriceUpdates(), None)
    assert editions.read_newer_pointer(None) is None


def test_the_pointer_is_downloaded_only_if_it_changed(
    editions: PriceEditions,
) -> None:
    editions.publish(PriceUpdates(checked_at=NOW), None)
    stored = editions.read_pointer()
    assert stored.updates == PriceUpdates(checked_at=NOW)
    assert editions.read_newer_pointer(stored.version) is None
    editions.publish(PriceUpdates(shipped_edition="newer"), stored.version)
    newer = editions.read_newer_pointer(stored.version)
    assert newer is not None
    assert newer.updates.shipped_edition == "newer"


def test_documents_are_read_as_they_were_written(editions: PriceEditions) -> None:
    said, made = listing(rate("0.0000001"), unmapped_names=["Nova 9"]), edition()
    editions.write_listing(said)
    editions.write_edition(made)
    assert editions.read_listing(said.key) == said
    assert editions.read_edition(made.id) == made


def test_a_missing_document_is_invalid(editions: PriceEditions) -> None:
    with pytest.raises(InvalidPriceDocumentError):
        editions.read_edition(edition().id)
    with pytest.raises(InvalidPriceDocumentError):
        editions.read_listing("AmazonBedrock-0")


def test_only_one_of_two_concurrent_writers_succeeds(editions: PriceEditions) -> None:
    editions.publish(PriceUpdates(shipped_edition="first"), None)
    with pytest.raises(PointerMovedError):
        editions.publish(PriceUpdates(shipped_edition="second"), None)
    stored = editions.read_pointer()
    editions.publish(PriceUpdates(shipped_edition="third"), stored.version)
    with pytest.raises(PointerMovedError):
        editions.publish(PriceUpdates(shipped_edition="fourth"), stored.version)
    assert editions.read_pointer().updates.shipped_edition == "third"


def test_a_deleted_pointer_is_not_replaced(editions: PriceEditions) -> None:
    with pytest.raises(PointerMovedError):
        editions.publish(PriceUpdates(), '"0123456789abcdef0123456789abcdef"')


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"format": 2}', b'{"held": [{}]}', b'{"unknown": 1}', b"\xff"]
)
def test_a_malformed_pointer_is_invalid(aws: None, text: bytes) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_object(Bucket=BUCKET, Key="current.json", Body=text)
    with pytest.raises(InvalidPriceDocumentError, match=r"current\.json is not valid"):
        s3_editions().read_pointer()


@pytest.mark.parametrize(
    "change",
    [
        {"item": "image", "above_input_tokens": 9},
        {"usd": "-1"},
        {"usd": "NaN"},
        {"usd": "1e9"},
        {"item": "wishes"},
        {"place": 1},
    ],
)
def test_an_edition_with_a_bad_price_is_invalid(aws: None, change: dict[str, Any]) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    made = edition()
    document = json.loads(made.model_dump_json())
    document["changes"][0] |= change
    client.put_object(
        Bucket=BUCKET, Key=f"editions/{made.id}.json", Body=json.dumps(document).encode()
    )
    with pytest.raises(InvalidPriceDocumentError):
        s3_editions().read_edition(made.id)


@pytest.mark.parametrize("time", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2026-11-28"])
@pytest.mark.parametrize("field", ["published_at", "superseded_at"])
def test_an_edition_with_an_out_of_range_time_is_invalid(aws: None, field: str, time: str) -> None:
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    made = edition()
    document = json.loads(made.model_dump_json())
    superseded = {
        "edition": made.id,
        "first_day": "2026-11-29",
        "superseded_at": NOW.isoformat(),
        "reason": "tests",
    }
    document["superseded"] = [superseded]
    (superseded if field in superseded else document)[field] = time
    client.put_object(
        Bucket=BUCKET, Key=f"editions/{made.id}.json", Body=json.dumps(document).encode()
    )
    with pytest.raises(InvalidPriceDocumentError):
        s3_editions().read_edition(made.id)


def test_an_inaccessible_bucket_is_unavailable(aws: None) -> None:
    with pytest.raises(PriceEditionsUnavailableError, match="cannot be read"):
        s3_editions("no-such-bucket").read_pointer()
    with pytest.raises(PriceEditionsUnavailableError, match="cannot be written"):
        s3_editions("no-such-bucket").write_edition(edition())
    with pytest.raises(PriceEditionsUnavailableError, match="cannot be written"):
        s3_editions("no-such-bucket").publish(PriceUpdates(), None)
