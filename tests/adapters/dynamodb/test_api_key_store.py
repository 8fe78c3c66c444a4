"""The contract of every store of API keys, run on each of them."""

from dataclasses import replace
from datetime import timedelta
from typing import Any, NamedTuple

import boto3
import pytest

from lambdas.adapters.dynamodb.api_key_changes import DynamoDbApiKeyChanges
from lambdas.adapters.dynamodb.api_key_store import DynamoDbApiKeys, write_key
from lambdas.adapters.dynamodb.audit_events import read_audit_event
from lambdas.domain.api_keys import (
    ApiKeyChanges,
    ApiKeyStore,
    KeyExistsError,
    Scope,
    create_key,
    rotate_key,
)
from lambdas.domain.audit import AuditAction, AuditedChange
from lambdas.domain.budgets.governance_table import AUDIT_EVENTS
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.gateway import KEY, SECRET, InMemoryApiKeys

HOUR = timedelta(hours=1)
ACTOR = "person-0123456789abcdef"
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


class Keys(NamedTuple):
    """Stored keys, and what changes them."""

    stored: ApiKeyStore
    changes: ApiKeyChanges


@pytest.fixture(params=["in memory", "dynamodb"])
def keys(request: pytest.FixtureRequest) -> Keys:
    if request.param == "in memory":
        in_memory = InMemoryApiKeys()
        return Keys(in_memory, in_memory)
    request.getfixturevalue("aws")
    return create_keys()


def create_keys() -> Keys:
    create_governance_table()
    client = boto3.client("dynamodb")
    return Keys(
        DynamoDbApiKeys(client, GOVERNANCE), DynamoDbApiKeyChanges(client, GOVERNANCE, ACTOR)
    )


def read_events() -> list[AuditedChange]:
    """Read the events for the audit trail, in order of their sources."""
    items = boto3.client("dynamodb").scan(TableName=GOVERNANCE)["Items"]
    events = [item for item in items if item["pk"]["S"] == AUDIT_EVENTS]
    plain = [{name: value.get("S") for name, value in item.items()} for item in events]
    return sorted(
        (read_audit_event(item, source=str(item["sk"]), changed_at=NOON) for item in plain),
        key=lambda event: event.source,
    )


def test_keys_are_stored_once_and_found_by_their_hashes(keys: Keys) -> None:
    for key in (FULL, BARE):
        keys.changes.create(key)
        assert keys.stored.get(key.digest) == key
    listed = {key.digest: key for key in keys.stored.list_keys()}
    assert listed == {FULL.digest: FULL, BARE.digest: BARE}
    with pytest.raises(KeyExistsError, match=KEY.prefix):
        keys.changes.create(KEY)
    assert keys.stored.get("unknown") is None


def test_a_rotated_key_has_a_successor_and_an_end(keys: Keys) -> None:
    keys.changes.create(BARE)
    _, successor, ending = rotate_key(BARE, bytes(range(1, 33)), NOON, HOUR)
    assert keys.changes.rotate(successor, ending)
    assert keys.stored.get(successor.digest) == successor
    assert keys.stored.get(BARE.digest) == replace(BARE, expires_at=NOON + HOUR)


def test_a_key_that_was_revoked_meanwhile_gets_no_successor(keys: Keys) -> None:
    keys.changes.create(BARE)
    _, successor, ending = rotate_key(BARE, bytes(range(1, 33)), NOON, HOUR)
    assert keys.changes.revoke(BARE, NOON)
    assert not keys.changes.rotate(successor, ending)
    assert keys.stored.get(successor.digest) is None


def test_an_end_never_comes_later(keys: Keys) -> None:
    soon = replace(BARE, expires_at=NOON + HOUR)
    keys.changes.create(soon)
    _, successor, _ = rotate_key(BARE, bytes(range(1, 33)), NOON, HOUR)
    assert not keys.changes.rotate(successor, replace(BARE, expires_at=NOON + 2 * HOUR))
    assert keys.stored.get(BARE.digest) == soon


def test_a_key_is_revoked_once_and_for_good(keys: Keys) -> None:
    keys.changes.create(BARE)
    assert keys.changes.revoke(BARE, NOON)
    assert not keys.changes.revoke(BARE, NOON + HOUR)
    assert keys.stored.get(BARE.digest) == replace(BARE, revoked_at=NOON)
    assert not keys.changes.revoke(FULL, NOON)


def test_the_last_use_only_grows_and_makes_no_key(keys: Keys) -> None:
    keys.changes.create(BARE)
    for at in (NOON + HOUR, NOON):
        keys.stored.mark_used(BARE.digest, at)
    assert keys.stored.get(BARE.digest) == replace(BARE, last_used_at=NOON + HOUR)
    keys.stored.mark_used("unknown", NOON)
    assert keys.stored.get("unknown") is None


def test_each_change_is_recorded_without_the_name_of_the_owner(aws: None) -> None:
    keys = create_keys()
    keys.changes.create(KEY)
    _, successor, ending = rotate_key(KEY, bytes(range(1, 33)), NOON, HOUR)
    keys.changes.rotate(successor, ending)
    keys.changes.revoke(successor, NOON)
    keys.changes.revoke(successor, NOON)
    created, revoked, rotated = read_events()
    assert [each.action for each in (created, revoked, rotated)] == [
        AuditAction.CREATE_KEY,
        AuditAction.REVOKE_KEY,
        AuditAction.ROTATE_KEY,
    ]
    assert {each.changed_by for each in (created, revoked, rotated)} == {ACTOR}
    assert (created.subject, created.before) == (f"key:{KEY.prefix}", None)
    assert rotated.after["replaces"] == KEY.prefix
    assert rotated.before["expires_at"] == "2026-09-08T13:00:00.000000+00:00"
    assert "revoked_at" in revoked.after
    assert KEY.owner not in str([created, revoked, rotated])


@pytest.mark.parametrize(
    "change",
    [
        {"owner": {"S": ""}},
        {"created_at": {"S": "soon"}},
        {"owner": None},
        {"project": {"S": "Ärger"}},
    ],
)
def test_an_item_that_cannot_be_read_is_no_key(aws: None, change: dict[str, Any]) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    keys = DynamoDbApiKeys(client, GOVERNANCE)
    item: Any = write_key(KEY)
    changed: Any = {name: value for name, value in (item | change).items() if value}
    client.put_item(TableName=GOVERNANCE, Item=changed)
    assert keys.get(KEY.digest) is None
    assert list(keys.list_keys()) == []


def test_no_text_of_a_key_is_stored(aws: None) -> None:
    create_governance_table()
    client = boto3.client("dynamodb")
    DynamoDbApiKeyChanges(client, GOVERNANCE, ACTOR).create(KEY)
    assert SECRET.text not in str(client.scan(TableName=GOVERNANCE)["Items"])


def test_a_call_does_not_fail_because_its_use_cannot_be_stored(aws: None) -> None:
    client = boto3.client("dynamodb")
    asked = list[str]()
    client.meta.events.register("before-call.dynamodb", lambda model, **_: asked.append(model.name))
    DynamoDbApiKeys(client, "no-table").mark_used(KEY.digest, NOON)
    assert asked == ["UpdateItem"]
