"""The steps of docs/personal-data.md remove a name from both tables and keep all counts."""

import json
import re
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest

from lambdas.adapters.dynamodb.identity_registry import DynamoDbIdentityRegistry
from lambdas.adapters.dynamodb.unpriced_calls import DynamoDbUnpricedNotes
from lambdas.adapters.dynamodb.usage_item import from_item
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.invocations import CONFLICTING_IDENTITY, UsageRecord
from lambdas.domain.ledger.readings import join
from tests.aws import LEDGER, STATE
from tests.builders import ANA, BEN, NOON, usage_record

PAGE = Path(__file__).parents[3] / "docs" / "personal-data.md"
COMMAND = re.compile(r"^ *aws dynamodb (?:[^\n]*\\\n)*[^\n]*$", re.MULTILINE)
PSEUDONYM = "arn:aws:iam::111122223333:user/erased-1a2b3c4d"
RETENTION = timedelta(days=90)
VALUES = {":old": {"S": ANA}, ":new": {"S": PSEUDONYM}}


class Step(NamedTuple):
    """A command of the page: its action, its table, its expressions and the names in them."""

    action: str
    table: str
    expressions: dict[str, str]
    names: dict[str, str]

    @property
    def values(self) -> dict[str, dict[str, str]]:
        texts = " ".join(self.expressions.values())
        return {name: value for name, value in VALUES.items() if name in texts}


def read_steps() -> list[Step]:
    return [
        Step(
            re.findall(r"aws dynamodb ([a-z-]+)", command)[0],
            {"LEDGER": LEDGER, "STATE": STATE}[re.findall(r'--table-name "\$(\w+)"', command)[0]],
            dict(re.findall(r"--(\w+)-expression '([^']+)'", command)),
            {
                name: text
                for names in re.findall(r"--expression-attribute-names '([^']+)'", command)
                for name, text in json.loads(names).items()
            },
        )
        for command in COMMAND.findall(PAGE.read_text(encoding="utf-8"))
    ]


def follow_page() -> None:
    """Run each scan of the page, and the next command on each item that it finds."""
    steps = read_steps()
    for scan, change in zip(steps[::2], steps[1::2], strict=True):
        assert (scan.action, scan.table) == ("scan", change.table)
        for key in find_keys(scan):
            CHANGES[change.action](change, key)


def find_keys(step: Step) -> list[str]:
    names: dict[str, Any] = {"ExpressionAttributeNames": step.names} if step.names else {}
    found = boto3.client("dynamodb").scan(
        TableName=step.table,
        FilterExpression=step.expressions["filter"],
        ExpressionAttributeValues=step.values,
        **names,
    )
    return [item["pk"]["S"] for item in found["Items"]]


def update(step: Step, key: str) -> None:
    names: dict[str, Any] = {"ExpressionAttributeNames": step.names} if step.names else {}
    boto3.client("dynamodb").update_item(
        TableName=step.table,
        Key={"pk": {"S": key}},
        UpdateExpression=step.expressions["update"],
        ConditionExpression=step.expressions["condition"],
        ExpressionAttributeValues=step.values,
        **names,
    )


def delete(step: Step, key: str) -> None:
    boto3.client("dynamodb").delete_item(TableName=step.table, Key={"pk": {"S": key}})


CHANGES: dict[str, Callable[[Step, str], None]] = {"update-item": update, "delete-item": delete}


def read_tables() -> str:
    client = boto3.client("dynamodb")
    return str([client.scan(TableName=table)["Items"] for table in (LEDGER, STATE)])


def read_calls() -> dict[str, UsageRecord]:
    items = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
    return {item["request_id"]["S"]: from_item(item) for item in items}


@pytest.mark.usefixtures("aws")
def test_the_name_leaves_both_tables_and_every_count_stays() -> None:
    client = boto3.client("dynamodb")
    ledger = DynamoDbUsageLedger(client, LEDGER, RETENTION)
    disputed = usage_record(request_id="disputed", identity_arn=ANA)
    ledger.put(
        [
            usage_record(request_id="hers", identity_arn=ANA),
            usage_record(request_id="his", identity_arn=BEN),
            disputed,
            disputed._replace(identity_arn=BEN),
        ]
    )
    registry = DynamoDbIdentityRegistry(client, STATE, bound=9)
    registry.admit("2026-09", ANA, None)
    registry.admit("2026-09", BEN, None)
    notes = DynamoDbUnpricedNotes(client, STATE)
    notes.write([usage_record(request_id="hers", identity_arn=ANA)], NOON)
    before = read_calls()
    assert ANA in read_tables()

    follow_page()

    assert ANA not in read_tables()
    after = read_calls()
    assert after["hers"] == before["hers"]._replace(identity_arn=PSEUDONYM)
    assert after["his"] == before["his"]
    assert after["disputed"].tokens == before["disputed"].tokens
    assert after["disputed"].identity_arn == CONFLICTING_IDENTITY
    assert notes.get_waiting([before["hers"]])
    assert BEN in read_tables()


@pytest.mark.usefixtures("aws")
def test_a_disputed_call_stays_disputed_when_another_reading_arrives() -> None:
    ledger = DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, RETENTION)
    first = usage_record(request_id="disputed", identity_arn=ANA)
    ledger.put([first, first._replace(identity_arn=BEN)])
    follow_page()
    (call,) = read_calls().values()
    assert join(call, first._replace(identity_arn=BEN)).identity_arn == CONFLICTING_IDENTITY
