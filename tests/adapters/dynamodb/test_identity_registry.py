"""The contract of every identity registry, run on each of them."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

import boto3
import pytest
from botocore.exceptions import ClientError

from lambdas.adapters.dynamodb import identity_registry
from lambdas.adapters.dynamodb.identity_registry import (
    DynamoDbIdentityRegistry,
    RegistryUnavailableError,
)
from lambdas.domain.metrics.role_roll_up import SESSIONS_PER_ROLE, Admission, IdentityRegistry
from tests.aws import STATE
from tests.fakes import InMemoryIdentityRegistry

OpenRegistry: TypeAlias = Callable[[int], IdentityRegistry]


@pytest.fixture(params=["in memory", "dynamodb", "dynamodb, another writer each time"])
def open_registry(request: pytest.FixtureRequest) -> OpenRegistry:
    if request.param == "in memory":
        return lambda bound: InMemoryIdentityRegistry(bound, SESSIONS_PER_ROLE)
    request.getfixturevalue("aws")
    client = boto3.client("dynamodb")
    if request.param == "dynamodb":
        return lambda bound: DynamoDbIdentityRegistry(client, STATE, bound)

    class Anew:
        def __init__(self, bound: int) -> None:
            self._bound = bound

        def admit(self, month: str, value: str, role: str | None) -> Admission:
            return DynamoDbIdentityRegistry(client, STATE, self._bound).admit(month, value, role)

    return Anew


def test_identities_are_admitted_up_to_the_limit_and_stay_admitted(
    open_registry: OpenRegistry,
) -> None:
    registry = open_registry(2)
    answers = [registry.admit("2026-09", value, None) for value in ("a", "b", "c", "a", "b")]
    assert [answer is Admission.ADMITTED for answer in answers] == [True, True, False, True, True]
    assert answers[2] is Admission.FULL


def test_each_month_is_counted_separately(open_registry: OpenRegistry) -> None:
    registry = open_registry(1)
    assert registry.admit("2026-09", "a", None) is Admission.ADMITTED
    assert registry.admit("2026-10", "b", None) is Admission.ADMITTED


def test_sessions_of_a_role_are_admitted_up_to_a_limit(open_registry: OpenRegistry) -> None:
    registry = open_registry(200)
    sessions = [f"session-{number}" for number in range(SESSIONS_PER_ROLE + 1)]
    answers = [registry.admit("2026-09", session, "role") for session in sessions]
    assert answers == [Admission.ADMITTED] * SESSIONS_PER_ROLE + [Admission.ROLE_IS_FULL]
    assert registry.admit("2026-09", sessions[0], "role") is Admission.ADMITTED
    assert registry.admit("2026-09", "session", "another role") is Admission.ADMITTED


def test_a_refused_identity_does_not_use_up_the_limit(open_registry: OpenRegistry) -> None:
    registry = open_registry(SESSIONS_PER_ROLE + 1)
    for number in range(SESSIONS_PER_ROLE + 5):
        registry.admit("2026-09", f"session-{number}", "role")
    assert registry.admit("2026-09", "role", None) is Admission.ADMITTED
    assert registry.admit("2026-09", "one too many", None) is Admission.FULL


class CrowdedDynamoDb:
    """Fails with a conflict a number of times."""

    class exceptions:  # noqa: N801  # as boto3 names it
        TransactionCanceledException = ClientError

    def __init__(self, times: int, reason: str) -> None:
        self.times = times
        self.reason = reason

    def transact_write_items(self, **_: Any) -> None:
        self.times -= 1
        if self.times >= 0:
            reasons = [{"Code": "None"}, {"Code": self.reason}]
            response: Any = {"Error": {}, "CancellationReasons": reasons}
            raise ClientError(response, "TransactWriteItems")


@pytest.mark.parametrize("reason", ["TransactionConflict", "ThrottlingError"])
def test_a_throttled_table_is_retried_for_a_limited_time(reason: str) -> None:
    pauses: list[float] = []

    def admit(times: int) -> Admission:
        client: Any = CrowdedDynamoDb(times, reason)
        registry = DynamoDbIdentityRegistry(client, STATE, 200, pauses.append)
        return registry.admit("2026-09", "a", None)

    assert admit(times=3) is Admission.ADMITTED
    assert len(pauses) == 3
    assert pauses == sorted(pauses)
    with pytest.raises(RegistryUnavailableError):
        admit(times=100)


def test_the_cache_of_answers_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_registry, "MAX_ANSWERS", 2)
    asked: list[str] = []

    class Counting(CrowdedDynamoDb):
        def transact_write_items(self, **transaction: Any) -> None:
            asked.append(transaction["TransactItems"][0]["Put"]["Item"]["pk"]["S"][-1])

    client: Any = Counting(0, "")
    registry = DynamoDbIdentityRegistry(client, STATE, 200)
    for value in ("a", "b", "b", "c", "c", "a"):
        assert registry.admit("2026-09", value, None) is Admission.ADMITTED
    assert "".join(asked) == "abca"


@pytest.mark.usefixtures("aws")
def test_a_registry_expires_well_after_its_month() -> None:
    client = boto3.client("dynamodb")
    DynamoDbIdentityRegistry(client, STATE, 200).admit("2026-09", "session", "role")
    first_of_december = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    items = client.scan(TableName=STATE)["Items"]
    assert len(items) == 3
    assert all(int(item["expires_at"]["N"]) > first_of_december for item in items)
