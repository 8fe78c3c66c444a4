"""The audit trail: from the stream of budgets, and from prices, to the chain and its anchors."""

from __future__ import annotations

import copy
import json
from datetime import timedelta
from typing import Any

import boto3
import pytest
from moto.dynamodb.models import dynamodb_backends

from lambdas.adapters.dynamodb.audit_events import make_audit_event
from lambdas.adapters.dynamodb.audit_store import DynamoDbAuditStore
from lambdas.adapters.dynamodb.brake_items import query_partition, write_time
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState
from lambdas.adapters.dynamodb.braked_identity import DynamoDbBrakedIdentity
from lambdas.adapters.dynamodb.budget_store import DynamoDbBudgetStore
from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
from lambdas.adapters.dynamodb.item_names import ItemNames
from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
from lambdas.adapters.s3.audit_anchors import S3AuditAnchors
from lambdas.domain.audit import (
    AuditAction,
    AuditedChange,
    read_entry,
    verify_chain,
)
from lambdas.domain.brake import BrakeSwitch, make_releases, write_release
from lambdas.domain.budgets import BudgetAmount, BudgetChanges, BudgetScope, BudgetUnit
from lambdas.domain.budgets.governance_table import BRAKE, CREDIT_ENTRIES, CREDITS, RELEASES
from lambdas.domain.change_marks import (
    BRAKE_CONTROLLER,
    BUDGET_BUILDER,
    CREDIT_BOOKER,
    ERASURE,
)
from lambdas.domain.credits import CreditEntry, CreditGrant, EntryKind, grant_entry, void
from lambdas.domain.metrics.catalog import AUDIT_PROBLEMS
from lambdas.domain.pricing.editions import PriceUpdates
from lambdas.functions.audit_writer import handler
from tests.audit import (
    ANCHORS,
    AUDIT,
    PRICES,
    change,
    create_anchor_bucket,
    create_audit_table,
    create_price_bucket,
)
from tests.aws import REGION, clear_caches, embedded_metrics, lambda_context
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import ANA, BEN, NOON
from tests.unit.audit.test_changes import HELD
from tests.unit.brake.builders import ANA_SESSION, CHAT, deny
from tests.unit.budgets.builders import budget

CONTEXT = lambda_context()
JUNE = CreditGrant(id="june", picodollars=10**12, effective_from=NOON, created_at=NOON)
TERMS = [{"model": "anthropic.*", "effective_from": "2026-01-01", "discount_percent": "7.5"}]


@pytest.fixture(autouse=True)
def _deployed(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    create_governance_table(stream=True)
    create_audit_table()
    create_anchor_bucket()
    create_price_bucket()
    for name, value in {
        "AUDIT_TABLE": AUDIT,
        "ANCHOR_BUCKET": ANCHORS,
        "GOVERNANCE_TABLE": GOVERNANCE,
        "PRICE_BUCKET": PRICES,
    }.items():
        monkeypatch.setenv(name, value)
    clear_caches()


def people() -> DynamoDbPersonDirectory:
    return DynamoDbPersonDirectory(boto3.client("dynamodb"), GOVERNANCE)


def budgets(changed_by: str | None = None) -> DynamoDbBudgetStore:
    return DynamoDbBudgetStore(boto3.client("dynamodb"), GOVERNANCE, changed_by=changed_by)


def apply(changes: BudgetChanges, arn: str = ANA) -> None:
    store = budgets(people().get_or_create_id(arn))
    store.write(changes, store.read().revision)


def read_stream() -> list[dict[str, Any]]:
    """Read all records of the table's stream, as Lambda delivers them."""
    backend = dynamodb_backends[boto3.client("sts").get_caller_identity()["Account"]][REGION]
    shard = backend.get_table(GOVERNANCE).stream_shard
    assert shard is not None
    records = [copy.deepcopy(item.to_json()) for item in shard.items]
    for record in records:
        changed_at = record["dynamodb"]["ApproximateCreationDateTime"]
        record["dynamodb"]["ApproximateCreationDateTime"] = changed_at.timestamp()
    return records


def deliver() -> None:
    handler.lambda_handler({"Records": read_stream()}, CONTEXT)


def run_hourly() -> None:
    handler.lambda_handler({}, CONTEXT)


def read_problems(printed: str) -> list[float]:
    """Read the metric of damaged places in what was printed."""
    return [
        metric.value for metric in embedded_metrics(printed) if metric.name == AUDIT_PROBLEMS.name
    ]


def entries() -> list[AuditedChange]:
    store = DynamoDbAuditStore(boto3.client("dynamodb"), AUDIT)
    assert verify_chain(store.read_entries()).is_intact
    return [read_entry(entry.text).change for entry in store.read_entries()]


def test_every_change_of_a_budget_is_in_the_chain_with_its_actor() -> None:
    apply(BudgetChanges((budget("chat"),)))
    budgets(BUDGET_BUILDER).mark_active("chat", 1)
    raised = budget("chat", amount=BudgetAmount(BudgetUnit.USD, 2 * 10**14))
    apply(BudgetChanges(amended=(raised,)), BEN)
    apply(BudgetChanges(deleted=("chat",)))
    deliver()
    ana, ben = (people().get_or_create_id(arn) for arn in (ANA, BEN))
    assert [(each.action, each.changed_by) for each in entries()] == [
        (AuditAction.CREATE_BUDGET, ana),
        (AuditAction.ACTIVATE_BUDGET, BUDGET_BUILDER),
        (AuditAction.CHANGE_BUDGET, ben),
        (AuditAction.DELETE_BUDGET, ana),
    ]
    assert {each.subject for each in entries()} == {"budget:chat"}
    _, active, changed, deleted = entries()
    assert changed.before == active.after
    assert changed.after["definition"]["amount"] == {"usd": "200"}
    assert (deleted.before, deleted.after) == (changed.after, None)


def test_a_deletion_is_attributed_to_the_one_who_deleted_this_budget() -> None:
    for arn in (ANA, BEN):
        apply(BudgetChanges((budget("chat"), budget("other"))), BEN)
        apply(BudgetChanges(deleted=("other",)), BEN)
        apply(BudgetChanges(deleted=("chat",)), arn)
    deliver()
    deleted = [
        each.changed_by
        for each in entries()
        if each.action is AuditAction.DELETE_BUDGET and each.subject == "budget:chat"
    ]
    assert deleted == [people().get_or_create_id(arn) for arn in (ANA, BEN)]


def test_a_change_around_the_commands_is_in_the_chain_without_an_actor() -> None:
    apply(BudgetChanges((budget("chat"),)))
    dynamodb = boto3.client("dynamodb")
    key = {"pk": {"S": "budgets"}, "sk": {"S": "budget#chat"}}
    dynamodb.update_item(
        TableName=GOVERNANCE,
        Key=key,
        UpdateExpression="SET generation = :other, raw_bytes = :raw, parts = :parts",
        ExpressionAttributeValues={
            ":other": {"N": "9" * 30},
            ":raw": {"B": b"bytes"},
            ":parts": {"L": [{"NULL": True}, {"M": {"a": {"SS": ["b", "a"]}}}]},
        },
    )
    dynamodb.delete_item(TableName=GOVERNANCE, Key=key)
    deliver()
    created, changed, deleted = entries()
    assert created.changed_by is not None
    assert (changed.changed_by, deleted.changed_by) == (None, None)
    assert changed.after["parts"] == [None, {"a": ["a", "b"]}]


def decisions() -> DynamoDbBrakeState:
    return DynamoDbBrakeState(boto3.client("dynamodb"), GOVERNANCE)


def put_by_hand(partition: str, sort_key: str | None = None, **changes: Any) -> None:
    """Put an item of a partition with changes, as the console does; the rest stays."""
    dynamodb = boto3.client("dynamodb")
    (item,) = query_partition(dynamodb, GOVERNANCE, partition)
    key = {} if sort_key is None else {"sk": {"S": sort_key}}
    dynamodb.put_item(TableName=GOVERNANCE, Item={**item, **key, **changes})


def test_each_decision_on_the_brake_is_in_the_chain_once_with_its_actor() -> None:
    ana, ben = (people().get_or_create_id(arn) for arn in (ANA, BEN))
    decisions().write_switch(BrakeSwitch(is_on=True, by=ana, at=NOON))
    for by in (ana, ben):
        (release,) = make_releases(deny(target=CHAT), by=by, at=NOON, until=None)
        decisions().add_release(release)
    decisions().write_switch(BrakeSwitch(is_on=False, by=BRAKE_CONTROLLER, at=NOON))
    deliver()
    assert [(each.action, each.subject, each.changed_by) for each in entries()] == [
        (AuditAction.SWITCH_BRAKE, "brake", ana),
        (AuditAction.RELEASE_BY_HAND, f"principal:{CHAT.arn}", ana),
        (AuditAction.RELEASE_BY_HAND, f"principal:{CHAT.arn}", ben),
        (AuditAction.SWITCH_BRAKE, "brake", BRAKE_CONTROLLER),
    ]
    on, first, second, off = entries()
    assert (on.before, on.after["is_on"], on.after["set_by"]) == (None, True, ana)
    assert (first.before, first.after["by"]) == (None, ana)
    assert (second.before, second.after["by"]) == (first.after, ben)
    assert (off.before, off.after["is_on"]) == (on.after, False)


def test_a_switch_that_was_set_around_the_commands_has_no_actor() -> None:
    ana = people().get_or_create_id(ANA)
    decisions().write_switch(BrakeSwitch(is_on=True, by=ana, at=NOON))
    put_by_hand(BRAKE, is_on={"BOOL": False})
    key: Any = {"pk": {"S": BRAKE}, "sk": {"S": "switch"}}
    boto3.client("dynamodb").delete_item(TableName=GOVERNANCE, Key=key)
    deliver()
    on, off, deleted = entries()
    assert [each.changed_by for each in (on, off, deleted)] == [ana, None, None]
    assert (off.before["is_on"], off.after["is_on"], deleted.after) == (True, False, None)


def test_grants_and_voids_of_credits_are_recorded_with_their_actor() -> None:
    ana = people().get_or_create_id(ANA)
    books = DynamoDbCreditStore(boto3.client("dynamodb"), GOVERNANCE, changed_by=ana)
    granted = grant_entry(JUNE)
    books.add_grant(granted.grants[0], granted.entry)
    voided = void(granted.grants[0], NOON)
    assert voided is not None
    books.commit(*voided)
    deliver()
    made, ended = entries()
    assert [each.action for each in (made, ended)] == [
        AuditAction.GRANT_CREDITS,
        AuditAction.VOID_CREDITS,
    ]
    assert [each.subject for each in (made, ended)] == ["credits:grant-june", "credits:void-june"]
    assert (made.changed_by, ended.changed_by) == (ana, ana)
    assert made.before is None
    assert made.after["kind"] == "grant"


def test_usage_of_credits_is_not_recorded_but_changes_of_it_are() -> None:
    books = DynamoDbCreditStore(boto3.client("dynamodb"), GOVERNANCE, changed_by=CREDIT_BOOKER)
    usage = CreditEntry(id="usage-1", kind=EntryKind.USAGE, booked_at=NOON, hour=NOON, postings=())
    books.commit(usage, [])
    deliver()
    assert entries() == []
    put_by_hand(CREDIT_ENTRIES, content={"S": "{}"})
    deliver()
    (change,) = entries()
    assert (change.action, change.changed_by) == (AuditAction.CHANGE_CREDIT_BOOKS, None)
    key: Any = {
        "pk": {"S": CREDIT_ENTRIES},
        "sk": {"S": f"{write_time(NOON)}#usage-1"},
    }
    boto3.client("dynamodb").delete_item(TableName=GOVERNANCE, Key=key)
    deliver()
    assert entries()[1].after is None


def test_an_entry_of_credits_that_was_put_around_the_commands_has_no_actor() -> None:
    item: Any = {
        "pk": {"S": CREDIT_ENTRIES},
        "sk": {"S": f"{write_time(NOON)}#grant-forged"},
        "content": {"S": "not JSON"},
    }
    boto3.client("dynamodb").put_item(TableName=GOVERNANCE, Item=item)
    deliver()
    (forged,) = entries()
    assert (forged.action, forged.changed_by) == (AuditAction.CHANGE_CREDIT_BOOKS, None)
    assert forged.subject == "credits:grant-forged"


def test_the_switch_of_credits_is_recorded() -> None:
    item: Any = {"pk": {"S": CREDITS}, "sk": {"S": "switch"}, "is_on": {"BOOL": True}}
    boto3.client("dynamodb").put_item(TableName=GOVERNANCE, Item=item)
    boto3.client("dynamodb").delete_item(
        TableName=GOVERNANCE, Key={name: item[name] for name in ("pk", "sk")}
    )
    deliver()
    on, deleted = entries()
    assert {on.action, deleted.action} == {AuditAction.SWITCH_CREDITS}
    assert (on.after, deleted.after, on.changed_by) == ({"is_on": True}, None, None)


def test_a_release_that_was_put_around_the_commands_has_no_actor() -> None:
    ana = people().get_or_create_id(ANA)
    (release,) = make_releases(deny(target=CHAT), by=ana, at=NOON, until=None)
    decisions().add_release(release)
    (other,) = make_releases(deny(target=ANA_SESSION), by=ana, at=NOON, until=None)
    content = {"S": json.dumps(write_release(other))}
    put_by_hand(RELEASES, content=content)
    put_by_hand(RELEASES, content={"S": "not JSON"})
    item: Any = {"pk": {"S": RELEASES}, "sk": {"S": "x#1"}, "content": content}
    boto3.client("dynamodb").put_item(TableName=GOVERNANCE, Item=item)
    deliver()
    assert {each.action for each in entries()} == {AuditAction.RELEASE_BY_HAND}
    ids = {arn: person_id for person_id, arn in people().read_names().items()}
    session = f"principal:{ids[ANA_SESSION.arn]}"
    assert [(each.subject, each.changed_by) for each in entries()] == [
        (f"principal:{CHAT.arn}", ana),
        (session, None),
        (f"principal:{CHAT.arn}", None),
        (session, None),
    ]
    assert entries()[2].after == "not JSON"


def test_a_release_that_expires_makes_no_entry() -> None:
    (release,) = make_releases(deny(target=CHAT), by="ops", at=NOON, until=None)
    decisions().add_release(release)
    (item,) = query_partition(boto3.client("dynamodb"), GOVERNANCE, RELEASES)
    key: Any = {name: item[name] for name in ("pk", "sk")}
    boto3.client("dynamodb").delete_item(TableName=GOVERNANCE, Key=key)
    deliver()
    assert len(entries()) == 1


def test_an_erased_caller_of_a_release_is_not_named_again() -> None:
    ana = people().get_or_create_id(ANA)
    (release,) = make_releases(deny(target=ANA_SESSION), by=ana, at=NOON, until=None)
    decisions().add_release(release)
    deliver()
    known = read_stream()
    dynamodb, erased = boto3.client("dynamodb"), ANA_SESSION.arn
    names = ItemNames(erased)
    braked = DynamoDbBrakedIdentity(dynamodb, GOVERNANCE, [erased], names)
    pseudonym = erased.replace(ANA_SESSION.session_name, "erased-1")
    assert braked.erase({erased: pseudonym}) == 1
    people().delete(erased)
    later = [record for record in read_stream() if record not in known]
    assert len(later) == 3  # the release under both names, and the name itself
    handler.lambda_handler({"Records": later}, CONTEXT)
    assert erased not in people().read_names().values()
    assert [each.changed_by for each in entries()] == [ana, ERASURE]


def test_a_retried_batch_is_appended_once() -> None:
    apply(BudgetChanges((budget("chat"), budget("search"))))
    for _ in range(3):
        deliver()
    assert len(entries()) == 2


def test_a_batch_that_is_redriven_late_is_appended_once_and_the_chain_stays_valid() -> None:
    apply(BudgetChanges((budget("chat"),)))
    given_up = read_stream()
    apply(BudgetChanges((budget("search"),)))
    later = [record for record in read_stream() if record not in given_up]
    for batch in (later, given_up, given_up):
        handler.lambda_handler({"Records": batch}, CONTEXT)
    run_hourly()
    assert [each.subject for each in entries()] == ["budget:search", "budget:chat"]


def test_a_name_in_a_budget_never_reaches_the_chain_and_can_be_erased() -> None:
    apply(BudgetChanges((budget("anas", scope=BudgetScope(identity=(ANA, BEN))),)))
    deliver()
    scan = boto3.client("dynamodb").scan(TableName=AUDIT)["Items"]
    assert ANA not in json.dumps(scan)
    assert len(people().read_names()) == 2
    people().delete(ANA)
    assert len(entries()) == 1
    assert [*people().read_names().values()] == [BEN]


def test_an_event_of_another_function_is_appended_once() -> None:
    event = change(
        source="deny/ana/1", action=AuditAction.DENY, subject=f"principal:{ANA}", before=None
    )
    dynamodb = boto3.client("dynamodb")
    dynamodb.transact_write_items(TransactItems=[make_audit_event(GOVERNANCE, event)])
    with pytest.raises(dynamodb.exceptions.TransactionCanceledException):
        dynamodb.transact_write_items(TransactItems=[make_audit_event(GOVERNANCE, event)])
    (item,) = dynamodb.scan(TableName=GOVERNANCE)["Items"]
    assert int(item["expires_at"]["N"]) == int((NOON + timedelta(days=7)).timestamp())
    deliver()
    (found,) = entries()
    assert (found.action, found.changed_by, found.changed_at) == (
        *(AuditAction.DENY, event.changed_by, NOON),
    )
    assert (found.before, found.after) == (None, event.after)
    assert found.subject == f"principal:{people().get_or_create_id(ANA)}"


@pytest.mark.parametrize(
    "attributes",
    [
        {},
        {"action": {"S": "deny.forget"}},
        {"action": {"N": "1"}, "subject": {"L": []}},
        {"before": {"S": "{"}},
        {"after": {"S": "[" * 1_000}},
        {"changed_at": {"S": "2026-11-29T12:00:00"}},
        {"changed_at": {"S": "0001-01-01T00:00:00+23:59"}},
        {"changed_at": {"S": "9999-12-31T23:59:59-23:59"}},
    ],
)
def test_an_event_that_the_meter_did_not_write_stops_no_batch(
    attributes: dict[str, Any],
) -> None:
    item = make_audit_event(GOVERNANCE, change())["Put"]["Item"]
    written = {**item, **attributes} if attributes else {name: item[name] for name in ("pk", "sk")}
    dynamodb = boto3.client("dynamodb")
    dynamodb.put_item(TableName=GOVERNANCE, Item=written)
    apply(BudgetChanges((budget("chat"),)))
    deliver()
    unreadable, created = entries()
    assert (unreadable.action, unreadable.changed_by) == (AuditAction.UNREADABLE_EVENT, None)
    assert created.action is AuditAction.CREATE_BUDGET


@pytest.mark.parametrize("subject", ["x" * 3_000, "\U0001f600" * 500, "\x00", "budget:"])
def test_any_subject_is_recorded_and_can_be_verified(subject: str) -> None:
    dynamodb = boto3.client("dynamodb")
    made = change(subject=subject)
    item = make_audit_event(GOVERNANCE, made)["Put"]["Item"]
    dynamodb.put_item(TableName=GOVERNANCE, Item={**item, "subject": {"S": subject}})
    deliver()
    (found,) = entries()
    assert found.action is made.action
    stored = list(DynamoDbAuditStore(dynamodb, AUDIT).read_entries())
    assert verify_chain(stored, []).problem_count == 0


def test_what_is_no_change_of_a_budget_or_event_is_left_out() -> None:
    apply(BudgetChanges((budget("chat"),)))
    budgets().announce("chat", 1, NOON)
    put = make_audit_event(GOVERNANCE, change())["Put"]
    dynamodb = boto3.client("dynamodb")
    dynamodb.put_item(TableName=GOVERNANCE, Item=put["Item"])
    dynamodb.delete_item(TableName=GOVERNANCE, Key={n: put["Item"][n] for n in ("pk", "sk")})
    deliver()
    assert len(entries()) == 2  # the budget and the event; not the revision, the person, ...


def test_the_hourly_run_audits_prices_and_anchors_the_head(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CONTRACTED_PRICES", json.dumps(TERMS))
    clear_caches()
    for updates in (PriceUpdates(held=(HELD,)), PriceUpdates(settled=(HELD,))):
        boto3.client("s3").put_object(
            Bucket=PRICES, Key="current.json", Body=updates.model_dump_json().encode()
        )
    for _ in range(2):
        run_hourly()
    assert [each.action for each in entries()] == [
        AuditAction.CHANGE_CONTRACTED_PRICES,
        AuditAction.CHANGE_PRICES,
        AuditAction.CHANGE_PRICES,
    ]
    assert entries()[0].after == [{**TERMS[0], "usd_per_million": {}}]
    found = S3AuditAnchors(boto3.client("s3"), ANCHORS).read_all()
    assert {anchor.head.sequence for anchor in found.anchors} == {3}
    assert read_problems(capsys.readouterr().out) == [0, 0]


def test_damage_is_counted_and_logged(
    capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    apply(BudgetChanges((budget("chat"),)))
    deliver()
    run_hourly()
    key = {"pk": {"S": "chain"}, "sk": {"S": "000000000001"}}
    boto3.client("dynamodb").delete_item(TableName=AUDIT, Key=key)
    boto3.client("s3").put_object(
        Bucket=ANCHORS,
        Key=f"{NOON:anchors/%Y-%m-%d}/x",
        Body=b"",
        ChecksumAlgorithm="SHA256",
    )
    capsys.readouterr()
    run_hourly()
    assert read_problems(capsys.readouterr().out)[0] >= 1
    assert "removed end" in {vars(record).get("kind") for record in caplog.records}
