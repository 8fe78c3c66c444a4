"""The contract of every store of anchors, run on each of them."""

from collections.abc import Iterator
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.s3.audit_anchors import S3AuditAnchors
from lambdas.domain.audit import AnchorStore, AuditAnchor, ChainHead, FoundAnchors
from tests.audit import ANCHORS, InMemoryAnchorStore, chain, create_anchor_bucket
from tests.builders import NOON

HOUR = timedelta(hours=1)
MADE = [
    AuditAnchor.at(NOON + number * HOUR, ChainHead(entry.place, entry.hash))
    for number, entry in enumerate(chain(4))
]


@pytest.fixture(params=["in memory", "s3"])
def anchors(request: pytest.FixtureRequest) -> Iterator[AnchorStore]:
    if request.param == "in memory":
        yield InMemoryAnchorStore()
        return
    request.getfixturevalue("aws")
    create_anchor_bucket()
    yield S3AuditAnchors(boto3.client("s3"), ANCHORS)


def test_anchors_are_read_in_their_order(anchors: AnchorStore) -> None:
    assert anchors.read_all() == FoundAnchors([], [])
    for anchor in reversed(MADE):
        anchors.write(anchor)
    assert anchors.read_all() == FoundAnchors(MADE, [])


def test_anchors_are_read_from_an_hour_on(anchors: AnchorStore) -> None:
    for anchor in MADE:
        anchors.write(anchor)
    assert (
        anchors.read_recent(NOON + HOUR + timedelta(minutes=20), NOON + 9 * HOUR).anchors
        == MADE[1:]
    )


def test_an_anchor_is_stored_once(anchors: AnchorStore) -> None:
    for _ in range(3):
        anchors.write(MADE[0])
    assert anchors.read_all().anchors == MADE[:1]


def test_two_anchors_of_an_hour_are_both_kept(anchors: AnchorStore) -> None:
    first, second = (AuditAnchor.at(NOON, made.head) for made in MADE[:2])
    for anchor in (first, second):
        anchors.write(anchor)
    assert anchors.read_all().anchors == [first, second]


def test_an_anchor_is_locked_and_a_deletion_does_not_hide_it(aws: None) -> None:
    create_anchor_bucket()
    s3 = boto3.client("s3")
    anchors = S3AuditAnchors(s3, ANCHORS)
    anchors.write(MADE[0])
    (version,) = s3.list_object_versions(Bucket=ANCHORS)["Versions"]
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_object(Bucket=ANCHORS, Key=MADE[0].name, VersionId=version["VersionId"])
    lock = anchors.read_lock(MADE[0])
    assert lock is not None
    assert (lock.mode, lock.until) == ("COMPLIANCE", version["LastModified"] + 365 * 24 * HOUR)
    s3.delete_object(Bucket=ANCHORS, Key=MADE[0].name)
    assert anchors.read_all().anchors == MADE[:1]
    assert anchors.read_lock(MADE[0]) is None


def test_an_anchor_in_a_bucket_without_a_retention_is_not_locked(aws: None) -> None:
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=ANCHORS, ObjectLockEnabledForBucket=True)
    anchors = S3AuditAnchors(s3, ANCHORS)
    anchors.write(MADE[0])
    assert anchors.read_lock(MADE[0]) is None
    with pytest.raises(ClientError, match="NoSuchBucket"):
        S3AuditAnchors(s3, "no-such-bucket").read_lock(MADE[0])


def test_an_object_that_is_no_anchor_is_reported(aws: None) -> None:
    create_anchor_bucket()
    s3 = boto3.client("s3")
    s3.put_object(
        Bucket=ANCHORS, Key="anchors/2026-11-29T18Z/x.json", Body=b"", ChecksumAlgorithm="SHA256"
    )
    assert S3AuditAnchors(s3, ANCHORS).read_all() == FoundAnchors(
        [], ["anchors/2026-11-29T18Z/x.json"]
    )


def test_anchors_of_several_pages_are_all_read(aws: None) -> None:
    create_anchor_bucket()
    s3 = boto3.client("s3")
    anchors = S3AuditAnchors(s3, ANCHORS)
    made = [AuditAnchor.at(NOON + number * HOUR, ChainHead()) for number in range(1_005)]
    for anchor in made:
        anchors.write(anchor)
    assert anchors.read_all().anchors == made


def test_a_refusal_is_raised(aws: None) -> None:
    with pytest.raises(ClientError, match="NoSuchBucket"):
        S3AuditAnchors(boto3.client("s3"), "no-such-bucket").write(MADE[0])
