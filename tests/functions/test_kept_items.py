"""Functions access only the items that their roles allow."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import boto3
import pytest

from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.ledger import LedgerChange
from lambdas.functions.metric_publisher import handler as metric_publisher
from lambdas.functions.price_refresher import handler as price_refresher
from tests.aws import LEDGER, STATE, deploy_stack, lambda_context, set_log_processor_variables
from tests.builders import CONTRACTED, PRIVATE, usage_record
from tests.dynamodb import read_insertion
from tests.functions.deliveries import deliver
from tests.infrastructure.synthesis import as_list, deployment, statements
from tests.invocation_logs import log
from tests.price_editions import publish_bad_edition

CONTEXT = lambda_context(900_000)
NOW = datetime.now(UTC).replace(microsecond=0)
BEGUN = "2026-01-01T00:00:00Z"
RULES = {"patterns": [{"model_id": PRIVATE, "project": "apollo", "effective_from": BEGUN}]}
SESSION = "arn:aws:sts::111122223333:assumed-role/app/ana"
LEADING_KEYS = "dynamodb:LeadingKeys"
WRITES = {"BatchWriteItem", "DeleteItem", "PartiQLInsert", "PutItem", "UpdateItem"}
Asked = set[tuple[str, str, str]]
RESOURCES = {LEDGER: "UsageLedger", STATE: "MeterState"}
"""Parts of the names of tables in the template."""


@pytest.fixture
def asked(aws: None, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Actions on single items, and the keys of these, since the test began."""
    set_log_processor_variables(monkeypatch)
    for name, value in (
        ("STACK_ID", deploy_stack()),
        ("LEDGER_RETENTION_DAYS", "90"),
        ("ATTRIBUTION", json.dumps(RULES)),
    ):
        monkeypatch.setenv(name, value)
    seen: Asked = set()
    session = boto3.DEFAULT_SESSION  # the functions' clients come from it
    assert session is not None

    def record_items(params: dict[str, Any], model: Any, **_: Any) -> None:
        seen.update(_items(model.name, params))

    session.events.register("provide-client-params.dynamodb", record_items)
    return seen


def _items(action: str, params: dict[str, Any]) -> Iterator[tuple[str, str, str]]:
    for part in params.get("TransactItems", ()):
        for name, operation in part.items():
            yield from _items(f"{name}Item", operation)
    for name in ("Item", "Key"):
        if name in params:
            yield action, params["TableName"], params[name]["pk"]["S"]
    for statement in params.get("Statements", ()):  # `BatchExecuteStatement` is no action
        table, item = read_insertion(statement)
        yield "PartiQLInsert", table, item["pk"]["S"]
    for table, requests in params.get("RequestItems", {}).items():
        if isinstance(requests, dict):
            yield from ((action, table, key["pk"]["S"]) for key in requests["Keys"])
        else:
            items = (request["PutRequest"]["Item"] for request in requests)
            yield from ((action, table, item["pk"]["S"]) for item in items)


def granted(role: str) -> set[str]:
    return {
        action.removeprefix("dynamodb:")
        for statement in statements(deployment().ingestion, role)
        for action in as_list(statement["Action"])
        if action.startswith("dynamodb:")
    }


def is_allowed(role: str, action: str, table: str, key: str) -> bool:
    return any(
        f"dynamodb:{action}" in as_list(statement["Action"])
        and RESOURCES[table] in json.dumps(statement["Resource"])
        and has_key(statement.get("Condition"), key)
        for statement in statements(deployment().ingestion, role)
    )


def has_key(condition: dict[str, Any] | None, key: str) -> bool:
    """Say if a condition lets a key through: that of a grant on a whole table lets any."""
    if condition is None:
        return True
    patterns = condition["ForAllValues:StringLike"][LEADING_KEYS]
    return condition["Null"] == {LEADING_KEYS: "false"} and any(
        fnmatchcase(key, pattern) for pattern in patterns
    )


def test_the_log_processor_reads_and_writes_only_calls(asked: Asked) -> None:
    for code in ("", "ThrottlingException"):
        message = json.dumps(log(timestamp=NOW.isoformat(), errorCode=code))
        deliver(message)
    actions = {action for action, _, _ in asked}
    assert {table for _, table, _ in asked} == {LEDGER}
    assert actions == {"PartiQLInsert", "BatchGetItem", "PutItem"}
    assert all(is_allowed("LogProcessorRole", *access) for access in asked)
    assert not [
        action
        for action in actions
        if is_allowed("LogProcessorRole", action, STATE, "unpriced#call")
    ]
    assert granted("LogProcessorRole") == actions


def test_the_publisher_and_the_refresher_write_only_allowed_items(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("METRIC_DETAIL", "full")
    record = usage_record(model_id=PRIVATE, identity_arn=SESSION, timestamp=NOW)
    DynamoDbUsageLedger(boto3.client("dynamodb"), LEDGER, timedelta(days=90)).write([record])
    asked.clear()
    publisher = metric_publisher.publisher()
    publish = publisher.make_publisher(publisher.books.get()).publish
    for is_retried in (False, True):
        publish([LedgerChange(record)], NOW, lambda: True, is_retried=is_retried)
    kinds = {key.split("#")[0] for _, _, key in asked}
    assert {table for _, table, _ in asked} == {STATE}
    assert kinds == {
        *("identity", "identities", "sessions", "project-identity", "project-identities"),
        *("model-identity", "model-identities"),
        *("identity-model-identity", "identity-model-identities"),
        *("tags", "unpriced", "waiting"),
    }
    assert {access for access in asked if not is_allowed("MetricPublisherRole", *access)} == set()

    asked.clear()
    monkeypatch.setenv("CONTRACTED_PRICES", json.dumps([CONTRACTED]))
    boto3.client("s3").create_bucket(Bucket="prices")
    monkeypatch.setenv("PRICE_BUCKET", "prices")
    editions = S3PriceEditions(lambda: boto3.client("s3"), "prices")
    publish_bad_edition(editions, NOW, superseded_at=NOW - timedelta(hours=2))
    price_refresher.lambda_handler({}, CONTEXT)
    assert {key.split("#")[0] for _, table, key in asked if table == STATE} >= {
        "turn",
        "unpriced",
        "waiting",
        "correction",
    }
    assert {action for action, table, _ in asked if table == LEDGER} == {"BatchGetItem"}
    assert {access for access in asked if not is_allowed("PriceRefresherRole", *access)} == set()


@pytest.mark.parametrize("role", ["MetricPublisherRole", "PriceRefresherRole"])
def test_publishing_functions_cannot_change_calls(role: str) -> None:
    writes = granted(role) & WRITES
    assert writes >= {"BatchWriteItem", "PutItem", "UpdateItem"}
    assert not [
        action for action in writes if is_allowed(role, action, LEDGER, "account#region#id")
    ]
