"""`make erase-identity` takes one person's name out of both tables and keeps every count."""

from datetime import timedelta
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.operations.erase_identity import IdentityEraser
from dashboards.command_line.entry_point import FailedCommand
from lambdas.adapters.dynamodb.identity_registry import DynamoDbIdentityRegistry
from lambdas.adapters.dynamodb.sent_notices import DynamoDbSentNotices
from lambdas.adapters.dynamodb.unpriced_calls import DynamoDbUnpricedNotes
from lambdas.adapters.dynamodb.usage_item import from_item
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.invocations import CONFLICTING_IDENTITY, UsageRecord
from lambdas.domain.ledger import state_table
from lambdas.domain.ledger.readings import join
from tests.aws import LEDGER, STATE
from tests.builders import ANA, BEN, NOON, usage_record
from tests.command_line import call_command
from tests.infrastructure.synthesis import ROOT
from tests.operations.deployed import deploy

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

    eraser = IdentityEraser(LateClient(), ANA, f"{BEN}-pseudonym")  # type: ignore[arg-type]
    (calls, _) = eraser.erase_from_ledger(LEDGER)
    assert calls == ("calls", 0)
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
    ["ana", "arn:aws:iam::111122223333:role/app", "arn:aws:iam::111122223333:root", "conflicting"],
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
