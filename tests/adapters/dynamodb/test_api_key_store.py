"""The contract of every store of API keys, run on each of them."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.api_key_store import DynamoDbApiKeys
from lambdas.domain.api_keys import ApiKeyStore, KeyExistsError, Scope, create_key
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.gateway import KEY, SECRET, InMemoryApiKeys

HOUR = timedelta(hours=1)
_, BARE = create_key(bytes(32), "ben", NOON, scopes=())
FULL = replace(
    KEY,
    tenant="acme",
    tier="gold",
    scopes=frozenset({Scope.LIMITS}),
    expires_at=NOON + 9 * HOUR,
    revoked_at=NOON + 8 * HOUR,
    last_used_at=NOON,
    replaces="bmk_abcdefgh",
)


@pytest.fixture(params=["in memory", "dynamodb"])
def keys(request: pytest.FixtureRequest) -> Iterator[ApiKeyStore]:
    if request.param == "in memory":
        yield InMemoryApiKeys()
        return
    request.getfixturevalue("aws")
    create_governance_table()
    yield DynamoDbApiKeys(boto3.client("dynamodb"), GOVERNANCE)


def test_keys_are_stored_once_and_found_by_their_hashes(keys: ApiKeyStore) -> None:
    for key in (FULL, BARE):
        keys.create(key)
        assert keys.get(key.digest) == key
    assert {key.digest: key for key in keys.list_keys()} == {FULL.digest: FULL, BARE.digest: BARE}
    with pytest.raises(KeyExistsError, match=KEY.prefix):
        keys.create(KEY)
    assert keys.get("unknown") is None


def test_an_end_only_comes_nearer(keys: ApiKeyStore) -> None:
    keys.create(BARE)
    for at, expected in ((3, 3), (2, 2), (4, 2)):
        assert keys.end(BARE.digest, NOON + at * HOUR)
        assert keys.get(BARE.digest) == replace(BARE, expires_at=NOON + expected * HOUR)
    assert not keys.end("unknown", NOON)


def test_a_key_is_revoked_once_and_for_good(keys: ApiKeyStore) -> None:
    keys.create(BARE)
    for at in (NOON, NOON + HOUR):
        assert keys.revoke(BARE.digest, at)
    assert keys.get(BARE.digest) == replace(BARE, revoked_at=NOON)
    assert not keys.revoke("unknown", NOON)


def test_the_last_use_only_grows_and_makes_no_key(keys: ApiKeyStore) -> None:
    keys.create(BARE)
    for at in (NOON + HOUR, NOON):
        keys.mark_used(BARE.digest, at)
    assert keys.get(BARE.digest) == replace(BARE, last_used_at=NOON + HOUR)
    keys.mark_used("unknown", NOON)
    assert keys.get("unknown") is None


@pytest.mark.parametrize(
    "change", [{"owner": {"S": ""}}, {"created_at": {"S": "soon"}}, {"owner": None}]
)
def test_an_item_that_cannot_be_read_is_no_key(aws: None, change: dict[str, Any]) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    keys = DynamoDbApiKeys(client, GOVERNANCE)
    keys.create(KEY)
    (item,) = client.scan(TableName=GOVERNANCE)["Items"]
    changed: Any = {name: value for name, value in (item | change).items() if value}
    client.put_item(TableName=GOVERNANCE, Item=changed)
    assert keys.get(KEY.digest) is None
    assert list(keys.list_keys()) == []


def test_no_text_of_a_key_is_stored(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    DynamoDbApiKeys(client, GOVERNANCE).create(KEY)
    assert SECRET.text not in str(client.scan(TableName=GOVERNANCE)["Items"])


def test_a_call_does_not_fail_because_its_use_cannot_be_stored(aws: None) -> None:
    DynamoDbApiKeys(boto3.client("dynamodb"), "no-table").mark_used(KEY.digest, NOON)
