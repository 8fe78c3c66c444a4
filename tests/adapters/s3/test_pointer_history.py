"""Versions of the pointer of price updates, the newest first."""

import boto3

from lambdas.adapters.s3.pointer_history import S3PointerHistory
from lambdas.domain.pricing.editions import PriceUpdates
from tests.audit import PRICES, create_price_bucket

KEY = "current.json"


def put(content: str, key: str = KEY) -> None:
    boto3.client("s3").put_object(Bucket=PRICES, Key=key, Body=content.encode())


def write(edition: str) -> PriceUpdates:
    updates = PriceUpdates(shipped_edition=edition)
    put(updates.model_dump_json(exclude_none=True))
    return updates


def read_all() -> list[PriceUpdates | None]:
    history = S3PointerHistory(boto3.client("s3"), PRICES)
    return [history.read_version(version) for version in history.list_versions()]


def test_all_versions_of_the_pointer_are_read(aws: None) -> None:
    create_price_bucket()
    assert read_all() == []
    made = [write(edition) for edition in ("1", "2", "3")]
    put("{}", f"{KEY}.backup")
    assert read_all() == made[::-1]


def test_deletions_and_damaged_versions_have_no_pointer(aws: None) -> None:
    create_price_bucket()
    first = write("1")
    boto3.client("s3").delete_object(Bucket=PRICES, Key=KEY)
    history = S3PointerHistory(boto3.client("s3"), PRICES)
    deletions = [version.is_deletion for version in history.list_versions()]
    assert sorted(deletions) == [False, True]
    put('{"format": 9}')
    assert sorted(read_all(), key=str) == [None, None, first]


def test_a_version_that_was_deleted_meanwhile_has_no_pointer(aws: None) -> None:
    create_price_bucket()
    write("1")
    s3 = boto3.client("s3")
    history = S3PointerHistory(s3, PRICES)
    (version,) = history.list_versions()
    s3.delete_object(Bucket=PRICES, Key=KEY, VersionId=version.id)
    assert history.read_version(version) is None
