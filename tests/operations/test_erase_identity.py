"""`make erase-identity` takes one person's name out of both tables and keeps every count."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from dashboards.command_line.entry_point import FailedCommand
from lambdas.adapters.dynamodb.brake_store import DynamoDbDenies
from lambdas.adapters.dynamodb.identity_registry import DynamoDbIdentityRegistry
from lambdas.adapters.dynamodb.named_identity import DynamoDbNamedIdentity
from lambdas.adapters.dynamodb.sent_notices import DynamoDbSentNotices
from lambdas.adapters.dynamodb.unpriced_calls import DynamoDbUnpricedNotes
from lambdas.adapters.dynamodb.usage_counters import DynamoDbUsageCounters
from lambdas.adapters.dynamodb.usage_item import from_item
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.brake import (
    PrincipalKind,
    PrincipalTarget,
    SessionTarget,
    describe_release,
)
from lambdas.domain.counters import CellKey, CellSpan, Chunk, Sums, UsageTotals
from lambdas.domain.invocations import CONFLICTING_IDENTITY, UsageRecord
from lambdas.domain.ledger import state_table
from lambdas.domain.ledger.readings import join
from tests.adapters.dynamodb.test_usage_counters import COUNTERS, create_table
from tests.aws import LEDGER, STATE, create_sorted_table
from tests.brake import ACCOUNT
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import ANA, BEN, NOON, usage_record
from tests.command_line import call_command
from tests.infrastructure.synthesis import ROOT
from tests.operations.deployed import deploy
from tests.unit.brake.builders import deny
from tests.unit.budgets.builders import LABELS

PAGE = (ROOT / "docs" / "personal-data.md").read_text(encoding="utf-8")
WITHOUT_PEOPLE = {"unpriced#", "correction#", "identities#", "sessions#", "turn#", "summary#"}
"""Kinds of state that name calls, editions, months, weeks, roles and locks."""
RETENTION = timedelta(days=90)
LONGER = f"{ANA}bel"
MONTH = "2026-09"


def write_calls(*records: UsageRecord) -> None:
    DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, RETENTION).write(records)


def read_calls() -> dict[str, UsageRecord]:
    items = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
    return {item["request_id"]["S"]: from_item(item) for item in items}


def read_items() -> list[Any]:
    client = boto3.client("dynamodb")
    return [item for table in (LEDGER, STATE) for item in client.scan(TableName=table)["Items"]]


@pytest.fixture(autouse=True)
def counting_tables(aws: None) -> None:
    create_table()
    create_governance_table()
    create_sorted_table("limits")


def erase(monkeypatch: pytest.MonkeyPatch, identity: str = ANA, answer: str = "erase") -> None:
    deploy(stack_names.STORAGE)
    monkeypatch.setattr("builtins.input", lambda _: answer)
    call_command("erase-identity", "--identity", identity)


@pytest.mark.usefixtures("aws")
def test_a_name_is_replaced_in_every_call_and_counts_stay(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hers = [usage_record(request_id=f"hers-{number}", identity_arn=ANA) for number in range(3)]
    write_calls(*hers, usage_record(request_id="his", identity_arn=BEN))
    before = read_calls()
    erase(monkeypatch)
    after = read_calls()
    pseudonyms = {after[call.request_id].identity_arn for call in hers}
    assert len(pseudonyms) == 1
    assert pseudonyms.pop().startswith(f"{ANA.rpartition('/')[0]}/erased-")
    assert {name: call._replace(identity_arn="") for name, call in after.items()} == {
        name: call._replace(identity_arn="") for name, call in before.items()
    }
    assert after["his"] == before["his"]
    assert "\n3 calls\n" in capsys.readouterr().out


@pytest.mark.usefixtures("aws")
def test_a_name_leaves_the_list_of_a_disputed_call_which_stays_disputed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reading = usage_record(request_id="disputed", identity_arn=ANA)
    write_calls(reading, reading._replace(identity_arn=BEN))
    erase(monkeypatch)
    (call,) = read_calls().values()
    assert call.tokens == reading.tokens
    assert call.identity_arn == CONFLICTING_IDENTITY
    assert join(call, reading._replace(identity_arn=BEN)).identity_arn == CONFLICTING_IDENTITY
    assert ANA not in str(read_items())


@pytest.mark.usefixtures("aws")
def test_a_name_leaves_the_state_table_and_calls_still_wait_for_their_price(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = boto3.client("dynamodb")
    registry = DynamoDbIdentityRegistry(client, STATE, bound=9)
    for identity in (ANA, BEN, LONGER):
        registry.admit(MONTH, identity, None)
    DynamoDbSentNotices(client, STATE).add(f"async/a-model/2026-09-08/{ANA}", NOON)
    notes, unpriced = DynamoDbUnpricedNotes(client, STATE), usage_record(identity_arn=ANA)
    notes.write([unpriced], NOON)
    erase(monkeypatch)
    items = read_items()
    assert ANA not in str(items).replace(LONGER, "")
    assert {f"identity#{MONTH}#{BEN}", f"identity#{MONTH}#{LONGER}"} <= {
        item["pk"]["S"] for item in items
    }
    assert notes.get_waiting([unpriced])


@pytest.mark.usefixtures("aws")
def test_a_name_leaves_exact_counters(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    key = CellKey(CellSpan.HOUR, NOON, LABELS._replace(identity_arn=ANA))
    chunk = Chunk(1, "shard", 1, 1, Sums({key: UsageTotals(calls=3)}), (), NOON)
    DynamoDbUsageCounters(boto3.client("dynamodb"), COUNTERS, LEDGER).commit(chunk)
    erase(monkeypatch)
    printed = capsys.readouterr().out
    assert "0 items of the state table, 1 cells of counters, for good." in printed
    assert "\n1 cells of counters\n" in printed
    assert ANA not in str(boto3.client("dynamodb").scan(TableName=COUNTERS)["Items"])
    assert "run the command again in a few minutes" not in printed


@pytest.mark.usefixtures("aws")
def test_a_name_leaves_the_sample_of_a_disputed_call(monkeypatch: pytest.MonkeyPatch) -> None:
    hers = usage_record(request_id="disputed", identity_arn=ANA)
    disputed = join(hers, hers._replace(identity_arn=BEN))
    notes = DynamoDbUnpricedNotes(boto3.client("dynamodb"), STATE)
    notes.write([disputed], NOON)
    assert ANA in str(read_items())
    erase(monkeypatch)
    assert ANA not in str(read_items())
    assert notes.get_waiting([disputed])


@pytest.mark.usefixtures("aws")
def test_a_name_that_no_item_has_is_refused_before_the_question(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    DynamoDbIdentityRegistry(boto3.client("dynamodb"), STATE, bound=9).admit(MONTH, LONGER, None)
    write_calls(usage_record(identity_arn=BEN))
    before = read_items()
    with pytest.raises(FailedCommand, match=r"no call and no item .* has arn:.*check the ARN"):
        erase(monkeypatch, answer="nothing is asked")
    assert read_items() == before


@pytest.mark.usefixtures("aws")
def test_the_question_says_how_much_is_changed_and_who_still_sees_the_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = boto3.client("dynamodb")
    hers = [usage_record(request_id=name, identity_arn=ANA) for name in ("a", "b")]
    write_calls(*hers)
    DynamoDbUnpricedNotes(client, STATE).write(hers, NOON)
    DynamoDbIdentityRegistry(client, STATE, bound=9).admit(MONTH, ANA, None)
    with pytest.raises(FailedCommand):
        erase(monkeypatch, answer="no")
    printed = capsys.readouterr().out
    assert " in 2 calls of the ledger and 2 items of the state table, for good." in printed
    assert "the ledger's stream (one day) and recovery copies (35 days) still show it" in printed
    assert "Do not run make replay over the time of these calls" in printed
    assert "delivered again" not in printed


@pytest.mark.usefixtures("aws")
def test_a_late_copy_is_announced_and_a_second_run_takes_the_name_out_again(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    hers = usage_record(identity_arn=ANA, timestamp=an_hour_ago)
    write_calls(hers)
    erase(monkeypatch)
    printed = capsys.readouterr().out
    assert f"The last call was at {an_hour_ago.isoformat()}." in printed
    assert "Wait a day after the last call, or run the command again then." in printed
    write_calls(hers)
    (linked,) = read_calls().values()
    assert linked.conflicts is not None
    assert ANA in linked.conflicts.identity_arns
    call_command("erase-identity", "--identity", ANA)
    (call,) = read_calls().values()
    assert call.tokens == hers.tokens
    assert "ana" not in str(read_items())


@pytest.mark.usefixtures("aws")
def test_a_call_changed_meanwhile_is_not_overwritten() -> None:
    write_calls(usage_record(request_id="hers", identity_arn=ANA))

    class LateClient:
        """Finds the call, which another process replaces before it is updated."""

        exceptions = boto3.client("dynamodb").exceptions
        get_paginator = staticmethod(boto3.client("dynamodb").get_paginator)

        @staticmethod
        def update_item(**request: Any) -> None:
            boto3.client("dynamodb").delete_item(TableName=LEDGER, Key=request["Key"])
            boto3.client("dynamodb").update_item(**request)

    eraser = DynamoDbNamedIdentity(LateClient(), LEDGER, STATE, ANA)  # type: ignore[arg-type]
    found = eraser.find()
    assert len(found.calls) == 1
    assert dict(eraser.erase(found, f"{BEN}-pseudonym"))["calls"] == 0
    assert read_calls() == {}


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("answer", ["", "yes"])
def test_without_the_typed_confirmation_nothing_changes(
    monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    write_calls(usage_record(identity_arn=ANA))
    before = read_items()
    with pytest.raises(FailedCommand, match="nothing was changed"):
        erase(monkeypatch, answer=answer)
    assert read_items() == before


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    "identity",
    [
        "ana",
        "arn:aws:iam::111122223333:role/app",
        "arn:aws:iam::111122223333:root",
        "arn:aws:sts::111122223333:assumed-role/app",
        "conflicting",
    ],
)
def test_only_the_arn_of_a_user_or_session_is_accepted(
    monkeypatch: pytest.MonkeyPatch, identity: str
) -> None:
    with pytest.raises(FailedCommand, match="give the ARN of a user"):
        erase(monkeypatch, identity)


def test_the_page_lists_each_kind_of_state_that_can_name_people() -> None:
    kinds = {value for name, value in vars(state_table).items() if name.endswith("_PREFIX")}
    assert len(kinds) > len(WITHOUT_PEOPLE)
    assert [kind for kind in sorted(kinds - WITHOUT_PEOPLE) if f"`{kind}" not in PAGE] == []


def test_the_runbook_of_the_alarm_that_an_erasure_starts_warns_of_replay() -> None:
    runbook = (ROOT / "docs" / "runbooks" / "TamperedCalls.md").read_text(encoding="utf-8")
    first, _, _ = runbook.partition("Run this query")
    assert "make erase-identity" in first
    assert "Do not run `make replay`" in first


@pytest.mark.usefixtures("aws")
def test_a_denied_person_is_released_before_the_name_is_erased(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write_calls(usage_record(identity_arn=ANA))
    _, role, name = ANA.split("/")
    target = SessionTarget(PrincipalTarget("aws", ACCOUNT, PrincipalKind.ROLE, role), name)
    assert target.arn == ANA
    denies = DynamoDbDenies(boto3.client("dynamodb"), GOVERNANCE)
    stored = denies.write(deny(target=target), None)
    with pytest.raises(FailedCommand, match=r"is denied\. Run bedrock-meter deny release"):
        erase(monkeypatch, answer="nothing is asked")
    assert list(denies.list_denies()) == [stored]
    assert {call.identity_arn for call in read_calls().values()} == {ANA}
    denies.delete(stored, describe_release(target, stored, at=NOON, by="meter:brake_controller"))
    monkeypatch.setattr("builtins.input", lambda _: "erase")
    call_command("erase-identity", "--identity", ANA)
    items = boto3.client("dynamodb").scan(TableName=GOVERNANCE)["Items"]
    assert name not in str(items)
