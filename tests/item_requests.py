"""Notes the items that functions ask DynamoDB for, and says if a role may do so."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

import boto3
import pytest

from lambdas.domain.ledger.table import PARTITION_KEY
from lambdas.wiring.gateway_clients import share_session
from tests.infrastructure.synthesis import as_list

_ACTIONS = {"ConditionCheck": "ConditionCheckItem"}


class ItemRequest(NamedTuple):
    """A request for items of a table.

    Attributes:
        action: The IAM action that it takes.
        table: The name of the table.
        keys: The partition keys, of an index those of the index; none of a scan.
    """

    action: str
    table: str
    keys: tuple[str, ...]


class ItemRequests:
    """The requests of functions, by the names of their packages."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Note the requests of clients that are made from now on."""
        self.by_job: dict[str, set[ItemRequest]] = {}
        self._job: str | None = None
        session = boto3.Session()
        session.events.register("provide-client-params.dynamodb", self._note)
        monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
        # Those of the gateway are made by a session of their own.
        share_session().register("provide-client-params.dynamodb", self._note)  # type: ignore[arg-type]

    @contextmanager
    def made_by(self, job: str) -> Iterator[None]:
        """Note requests as those of a function."""
        self._job = job
        try:
            yield
        finally:
            self._job = None

    def _note(self, params: Mapping[str, Any], model: Any, **_: object) -> None:
        if self._job is not None:
            self.by_job.setdefault(self._job, set()).update(_read(model.name, params))


def _read(operation: str, params: Mapping[str, Any]) -> Iterator[ItemRequest]:
    """Read the actions and keys of a request.

    A transaction takes the permissions of its actions:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/transaction-apis-iam.html
    """
    match operation:
        case "TransactWriteItems":
            for entry in params["TransactItems"]:
                for name, part in entry.items():
                    yield from _read(_ACTIONS.get(name, f"{name}Item"), part)
        case "BatchGetItem":
            for table, part in params["RequestItems"].items():
                yield _request(operation, table, part["Keys"])
        case "Query":
            (name,) = re.findall(r"= (:\w+)", params["KeyConditionExpression"])[:1]
            key = {PARTITION_KEY: params["ExpressionAttributeValues"][name]}
            yield _request(operation, params["TableName"], [key])
        case "Scan":
            yield _request(operation, params["TableName"], [])
        case _:
            yield _request(operation, params["TableName"], [params.get("Key") or params["Item"]])


def _request(operation: str, table: str, items: Sequence[Mapping[str, Any]]) -> ItemRequest:
    keys = tuple(item[PARTITION_KEY]["S"] for item in items)
    return ItemRequest(f"dynamodb:{operation}", table, keys)


def find_grants(
    statements: Sequence[Mapping[str, Any]], request: ItemRequest, table: str
) -> list[str]:
    """Find the patterns of keys that allow a request; `*` for a statement on all keys.

    Args:
        statements: Those of a role in a template.
        request: The request.
        table: The logical name of the table there.
    """
    found = []
    for statement in statements:
        if table not in json.dumps(statement["Resource"]):
            continue
        if request.action not in as_list(statement["Action"]):
            continue
        patterns = list_keys(statement)
        if all(any(fnmatchcase(key, pattern) for pattern in patterns) for key in request.keys):
            found += [
                pattern
                for pattern in patterns
                if pattern == "*" or any(fnmatchcase(key, pattern) for key in request.keys)
            ]
    return found


def list_keys(statement: Mapping[str, Any]) -> list[str]:
    """List the patterns of keys that a statement is for; `*` if it is for all."""
    condition = statement.get("Condition", {}).get("ForAllValues:StringLike", {})
    return as_list(condition.get("dynamodb:LeadingKeys", "*"))
