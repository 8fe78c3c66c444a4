"""Changing a call in the ledger's table raises an alarm."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.usage_item import from_item, to_item
from lambdas.domain.invocations import TokenCounts
from tests.aws import (
    LEDGER,
    deploy_stack,
    health_metrics,
    published,
    set_log_processor_variables,
)
from tests.functions.deliveries import Table, deliver, publish
from tests.invocation_logs import log

NOW = datetime.now(UTC).replace(microsecond=0)
CALLER = "arn:aws:iam::111122223333:user/ana"
CALL = log("call", timestamp=NOW.isoformat(), identity={"arn": CALLER})


@pytest.fixture(autouse=True)
def environment(aws: None, monkeypatch: pytest.MonkeyPatch) -> None:
    set_log_processor_variables(monkeypatch)
    monkeypatch.setenv("STACK_ID", deploy_stack())


def get_item() -> Any:
    (item,) = boto3.client("dynamodb").scan(TableName=LEDGER)["Items"]
    return item


def write(item: dict[str, Any]) -> None:
    boto3.client("dynamodb").put_item(TableName=LEDGER, Item=item)


def delete() -> None:
    boto3.client("dynamodb").delete_item(TableName=LEDGER, Key={"pk": get_item()["pk"]})


def put_with_fewer_tokens() -> None:
    record = from_item(get_item())._replace(tokens=TokenCounts(0, 0))
    write(dict(to_item(record, timedelta(days=30))))


def update_caller() -> None:
    boto3.client("dynamodb").update_item(
        TableName=LEDGER,
        Key={"pk": get_item()["pk"]},
        UpdateExpression="SET identity_arn = :caller",
        ExpressionAttributeValues={":caller": {"S": "arn:aws:iam::111122223333:user/victim"}},
    )


def let_expire() -> None:
    write(get_item() | {"expires_at": {"N": str(int(NOW.timestamp()))}})


def let_expire_by_another_attribute() -> None:
    write(get_item() | {"x": {"N": str(int(NOW.timestamp()))}})


def make_unreadable() -> None:
    write({name: value for name, value in get_item().items() if name != "model_id"})


def copy_under_another_key() -> None:
    write(get_item() | {"pk": {"S": "111122223333#us-east-1#another"}})


@pytest.mark.parametrize(
    "tamper",
    [
        delete,
        put_with_fewer_tokens,
        update_caller,
        let_expire,
        let_expire_by_another_attribute,
        make_unreadable,
        copy_under_another_key,
    ],
)
def test_a_foreign_write_is_counted_and_changes_no_metric(
    tamper: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    table = Table()
    deliver(json.dumps(CALL))
    publish(table.changes())
    capsys.readouterr()
    tamper()
    publish(table.changes())
    assert published("TotalTokens", NOW, IdentityArn=CALLER) == 15
    health = health_metrics(capsys.readouterr().out)
    assert (health["TamperedCalls"], health["ConflictingDuplicates"]) == ([1], [0])


def test_an_item_without_a_call_keeps_no_call_out_of_ledger_and_metrics() -> None:
    table = Table()
    deliver(json.dumps(CALL))
    key = get_item()["pk"]
    delete()
    write({"pk": key})
    publish(table.changes())
    deliver(json.dumps(CALL))
    publish(table.changes())
    assert from_item(get_item()).tokens.total == 15
    assert published("TotalTokens", NOW, IdentityArn=CALLER) == 15


def test_a_replay_restores_a_removed_call_which_counts_twice_in_metrics(
    capsys: pytest.CaptureFixture[str],
) -> None:
    table = Table()
    deliver(json.dumps(CALL))
    publish(table.changes())
    delete()
    publish(table.changes())
    deliver(json.dumps(CALL))
    capsys.readouterr()
    publish(table.changes())
    assert from_item(get_item()).tokens.total == 15
    assert published("TotalTokens", NOW, IdentityArn=CALLER) == 30
    assert health_metrics(capsys.readouterr().out)["TamperedCalls"] == [0]
