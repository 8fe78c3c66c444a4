"""Policies are stored in one item, read again after half a minute, and their marks noted once."""

from datetime import datetime, timedelta

import boto3
import pytest

from lambdas.adapters.cached_policies import CachedPolicies
from lambdas.adapters.dynamodb.brake_items import make_item_key
from lambdas.adapters.dynamodb.due_marks import DynamoDbDueMarks
from lambdas.adapters.dynamodb.limit_marks import DynamoDbMarks
from lambdas.adapters.dynamodb.policy_store import DynamoDbPolicies
from lambdas.adapters.dynamodb.policy_writer import DynamoDbPolicyWriter
from lambdas.domain.audit import AuditAction
from lambdas.domain.limit_notices import DueMark, DueMarkStore, write_due_mark
from lambdas.domain.limit_policies import (
    DUE_MARKS,
    NearMark,
    PoliciesChangedError,
    PoliciesUnavailableError,
    PolicyChange,
    PolicySet,
    StoredPolicies,
)
from tests.adapters.dynamodb.test_api_key_store import ACTOR, read_events
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.limit_marks import CALLERS, HOUR, InMemoryDueMarks, due_mark, near_mark
from tests.policies import InMemoryPolicies, policy, read

SECOND = timedelta(seconds=1)


def change(text: str, revision: int = 0) -> PolicyChange:
    return PolicyChange(text, revision, {"tokens": "old"} if revision else None, {"tokens": "new"})


@pytest.fixture
def table(aws: None) -> None:
    create_governance_table()


@pytest.mark.usefixtures("table")
def test_policies_are_replaced_all_at_once_and_recorded() -> None:
    client = boto3.client("dynamodb")
    store = DynamoDbPolicies(client, GOVERNANCE)
    writer = DynamoDbPolicyWriter(client, GOVERNANCE, ACTOR)
    assert store.read() == StoredPolicies(None, 0)
    assert writer.write(change("one"), NOON) == 1
    assert writer.write(change("two", 1), NOON) == 2
    assert store.read() == StoredPolicies("two", 2)
    first, second = read_events()
    assert (first.action, first.subject) == (AuditAction.CHANGE_LIMITS, "limits")
    assert (first.before, second.before) == (None, {"tokens": "old"})
    assert (second.after, second.changed_by) == ({"tokens": "new"}, ACTOR)


@pytest.mark.usefixtures("table")
@pytest.mark.parametrize("revision", [0, 1, 3])
def test_no_change_of_someone_else_is_overwritten(revision: int) -> None:
    client = boto3.client("dynamodb")
    writer = DynamoDbPolicyWriter(client, GOVERNANCE, ACTOR)
    writer.write(change("one"), NOON)
    writer.write(change("two", 1), NOON)
    with pytest.raises(PoliciesChangedError):
        writer.write(change("three", revision), NOON)
    assert DynamoDbPolicies(client, GOVERNANCE).read().text == "two"
    assert len(read_events()) == 2


@pytest.mark.usefixtures("aws")
def test_a_table_that_does_not_answer_has_no_policies_to_give() -> None:
    with pytest.raises(PoliciesUnavailableError):
        DynamoDbPolicies(boto3.client("dynamodb"), "no-table").read()


class SometimesThere(InMemoryPolicies):
    """A store that can be down."""

    is_down = False
    reads = 0

    def read(self) -> StoredPolicies:
        self.reads += 1
        if self.is_down:
            message = "down"
            raise PoliciesUnavailableError(message)
        return super().read()


def read_text(text: str) -> PolicySet:
    if text == "unreadable":
        raise PoliciesUnavailableError(text)
    return read(policy(text))


def make_cached() -> tuple[SometimesThere, CachedPolicies, list[str]]:
    store, failures = SometimesThere(), list[str]()
    return store, CachedPolicies(store, read_text, failures.append), failures


def test_policies_are_read_again_after_half_a_minute() -> None:
    store, policies, _ = make_cached()
    assert policies.get(NOON) == PolicySet()
    store.write(change("one"), NOON)
    assert policies.get(NOON + 29 * SECOND) == PolicySet()
    assert store.reads == 1
    assert policies.get(NOON + 30 * SECOND) == read_text("one")
    assert policies.get(NOON + 61 * SECOND) is policies.get(NOON + 62 * SECOND)


@pytest.mark.parametrize("is_down", [True, False])
def test_the_last_policies_stay_in_force_while_new_ones_cannot_be_read(is_down: bool) -> None:
    store, policies, failures = make_cached()
    store.write(change("one"), NOON)
    policies.get(NOON)
    store.is_down = is_down
    store.write(change("unreadable", 1), NOON)
    assert policies.get(NOON + 31 * SECOND) == read_text("one")
    assert failures == ["down" if is_down else "unreadable"]
    store.is_down = False
    store.write(change("two", 2), NOON)
    assert policies.get(NOON + 62 * SECOND) == read_text("two")


def test_policies_that_were_never_read_admit_nothing() -> None:
    store, policies, failures = make_cached()
    store.is_down = True
    for _ in range(2):
        with pytest.raises(PoliciesUnavailableError):
            policies.get(NOON)
    assert failures == ["down", "down"]


MARK = near_mark()


def make_marks(
    logged: list[NearMark], table: str = GOVERNANCE, failures: list[str] | None = None
) -> DynamoDbMarks:
    failed = [] if failures is None else failures

    def write(mark: NearMark, at: datetime) -> DueMark:
        return write_due_mark(mark, CALLERS, at)

    client = boto3.client("dynamodb")
    return DynamoDbMarks(client, table, write, logged.append, failed.append)


@pytest.mark.usefixtures("table")
def test_a_mark_is_due_once_whatever_process_reports_it() -> None:
    logged = list[NearMark]()
    first, other = make_marks(logged), make_marks(logged)
    higher = near_mark(percent=95)
    assert [each.report([MARK], NOON) for each in (first, other, first)] == [1, 0, 0]
    assert other.report([MARK, higher], NOON) == 1
    assert logged == [MARK, higher]
    client = boto3.client("dynamodb")
    assert len(list(DynamoDbDueMarks(client, GOVERNANCE).list_due())) == 2
    for item in client.scan(TableName=GOVERNANCE)["Items"]:
        assert int(item["expires_at"]["N"]) > (NOON + HOUR).timestamp()


@pytest.mark.usefixtures("table")
def test_a_mark_that_was_sent_is_not_due_again() -> None:
    make_marks([]).report([MARK], NOON)
    due = DynamoDbDueMarks(boto3.client("dynamodb"), GOVERNANCE)
    due.remove(MARK.id)
    assert make_marks([]).report([MARK], NOON) == 0
    assert list(due.list_due()) == []


@pytest.mark.usefixtures("aws")
def test_no_call_fails_because_a_mark_cannot_be_noted() -> None:
    failures = list[str]()
    marks = make_marks([], "no-table", failures)
    seconds = (0, 1, 59, 60, 61)
    assert [marks.report([MARK], NOON + second * SECOND) for second in seconds] == [0] * 5
    assert len(failures) == 2  # it is tried again after a minute
    assert "ResourceNotFound" in failures[0]


@pytest.fixture(params=["in memory", "DynamoDB"])
def due_marks(request: pytest.FixtureRequest) -> DueMarkStore:
    """A store with the same marks, in either place."""
    if request.param == "in memory":
        return InMemoryDueMarks(due_mark(), due_mark("ben", at=NOON - SECOND))
    request.getfixturevalue("table")
    marks = make_marks([])
    marks.report([MARK], NOON)
    marks.report([near_mark("ben")], NOON - SECOND)
    return DynamoDbDueMarks(boto3.client("dynamodb"), GOVERNANCE)


def test_marks_are_listed_in_order_claimed_once_and_removed(due_marks: DueMarkStore) -> None:
    ben, ana = due_marks.list_due()
    assert (ben, ana) == (due_mark("ben", at=NOON - SECOND), due_mark())
    assert due_marks.claim(ana.id, NOON)
    assert not due_marks.claim(ana.id, NOON + SECOND)
    due_marks.postpone(ana.id, NOON + 5 * SECOND)
    assert not due_marks.claim(ana.id, NOON + 4 * SECOND)
    assert due_marks.claim(ana.id, NOON + 5 * SECOND)
    for _ in range(2):
        due_marks.remove(ana.id)
    assert not due_marks.claim(ana.id, NOON + HOUR)
    assert list(due_marks.list_due()) == [ben]


@pytest.mark.usefixtures("table")
def test_a_mark_of_another_version_is_left_out() -> None:
    client = boto3.client("dynamodb")
    for number, detail in enumerate(("{", "{}", '{"at": "noon"}')):
        item = {**make_item_key(DUE_MARKS, str(number)), "detail": {"S": detail}}
        client.put_item(TableName=GOVERNANCE, Item=item)
    make_marks([]).report([MARK], NOON)
    assert list(DynamoDbDueMarks(client, GOVERNANCE).list_due()) == [due_mark()]
