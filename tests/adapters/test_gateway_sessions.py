"""Keys that are found in memory, and sessions that are assumed once."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from lambdas.adapters import cached_api_keys
from lambdas.adapters.bedrock.runtime_relay import BedrockRuntimeRelay
from lambdas.adapters.cached_api_keys import MAX_AGE, CachedApiKeys
from lambdas.adapters.sts_role_sessions import StsRoleSessions
from lambdas.domain.api_keys import create_key
from lambdas.domain.bedrock_calls import (
    BedrockAnswerLostError,
    BedrockNotReachedError,
    BedrockRequest,
)
from tests.builders import NOON
from tests.gateway import KEY, REGION, FakeBedrock, InMemoryApiKeys

ROLE = "arn:aws:iam::123456789012:role/BedrockGatewayCaller"
SECOND = timedelta(seconds=1)
REQUEST = BedrockRequest("/model/a/converse", {}, b"{}", "ana")


def test_a_known_key_is_read_once_a_minute() -> None:
    store = InMemoryApiKeys(KEY)
    keys = CachedApiKeys(store)
    for at in (NOON, NOON + SECOND, NOON + MAX_AGE - SECOND):
        assert keys.find(KEY.digest, at) == KEY
    assert len(store.reads) == 1
    store.revoke(KEY, NOON)
    revoked = keys.find(KEY.digest, NOON + MAX_AGE)
    assert revoked is not None
    assert revoked.revoked_at == NOON


def test_an_unknown_key_is_looked_up_once_a_minute_and_found_later() -> None:
    store = InMemoryApiKeys()
    keys = CachedApiKeys(store)
    for at in (NOON, NOON + SECOND):
        assert keys.find(KEY.digest, at) is None
    assert len(store.reads) == 1
    store.create(KEY)
    assert keys.find(KEY.digest, NOON + MAX_AGE) == KEY


def test_a_flood_of_unknown_keys_displaces_no_known_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cached_api_keys, "MAX_UNKNOWN", 10)
    store = InMemoryApiKeys(KEY)
    keys = CachedApiKeys(store)
    keys.find(KEY.digest, NOON)
    for number in range(100):
        keys.find(str(number), NOON)
    assert keys.find(KEY.digest, NOON) == KEY
    assert store.reads.count(KEY.digest) == 1
    keys.find("99", NOON)
    keys.find("0", NOON)
    assert (store.reads.count("99"), store.reads.count("0")) == (1, 2)


def test_a_use_is_stored_once_an_hour() -> None:
    store = InMemoryApiKeys(KEY)
    keys = CachedApiKeys(store)
    for at in (NOON, NOON + 30 * SECOND):
        key = keys.find(KEY.digest, at)
        assert key is not None
        keys.note_use(key, at)
    assert store.keys[KEY.digest].last_used_at == NOON
    _, other = create_key(bytes(32), "ben", NOON)
    keys.note_use(other, NOON)
    assert other.digest not in store.keys


class Clock:
    def __init__(self) -> None:
        self.now = datetime.now(tz=NOON.tzinfo)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def sts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        yield


def test_a_session_is_assumed_once_and_renewed_before_its_end(sts: None) -> None:
    clock = Clock()
    sessions = StsRoleSessions(boto3.client("sts"), ROLE, clock)
    first = sessions.get_credentials("ana@example.com")
    assert sessions.get_credentials("ana@example.com") is first
    assert sessions.get_credentials("ben") is not first
    clock.now += timedelta(minutes=54)
    assert sessions.get_credentials("ana@example.com") is first
    clock.now += timedelta(minutes=2)
    assert sessions.get_credentials("ana@example.com") is not first


def test_a_session_has_the_name_of_its_caller(sts: None) -> None:
    credentials = StsRoleSessions(boto3.client("sts"), ROLE).get_credentials(KEY.session_name)
    session = boto3.Session(credentials.access_key, credentials.secret_key, credentials.token)
    arn = session.client("sts").get_caller_identity()["Arn"]
    assert arn == "arn:aws:sts::123456789012:assumed-role/BedrockGatewayCaller/ana@example.com"


def test_bedrock_is_not_reached_without_a_session() -> None:
    def refuse(_: str) -> object:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no"}}, "AssumeRole")

    relay = BedrockRuntimeRelay("http://127.0.0.1:1", REGION, refuse, 1)  # type: ignore[arg-type]  # raises
    with pytest.raises(BedrockNotReachedError, match="ClientError"):
        relay.send(REQUEST)


def test_bedrock_is_not_reached_where_no_server_listens(sts: None) -> None:
    sessions = StsRoleSessions(boto3.client("sts"), ROLE)
    relay = BedrockRuntimeRelay("http://127.0.0.1:1", REGION, sessions.get_credentials, 1)
    with pytest.raises(BedrockNotReachedError):
        relay.send(REQUEST)


def test_an_answer_that_takes_too_long_is_lost(sts: None) -> None:
    sessions = StsRoleSessions(boto3.client("sts"), ROLE)
    with FakeBedrock().serve() as bedrock:
        credentials = sessions.get_credentials("ana")
        relay = BedrockRuntimeRelay(bedrock.url, REGION, lambda _: credentials, 0.001)
        bedrock.is_silent = True
        with pytest.raises(BedrockAnswerLostError):
            relay.send(REQUEST)
