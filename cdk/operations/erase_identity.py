"""Replaces one person's name by a pseudonym in both tables: `make erase-identity`."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3

from cdk.config import stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.terminal import CommandError, confirm, printable
from lambdas.domain.ledger.table import PARTITION_KEY
from lambdas.domain.metrics.catalog import TAMPERED_CALLS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PERSON = re.compile(r"arn:aws[a-z-]*:(iam|sts)::\d{12}:(user|assumed-role|federated-user)/\S+")
_NEXT_STEPS = (
    "docs/personal-data.md in the Bedrock Meter repository describes the remaining steps: old"
    " versions of reports, the quarantine bucket, and logs."
)


@dataclass(frozen=True, slots=True)
class _Place:
    """A place of an identity in items, and the update that removes it.

    Attributes:
        items: The items, as the command prints them.
        condition: True for the items that have the identity `:old`.
        update: The update that removes it.
        names: The names of attributes that are reserved words.
    """

    items: str
    condition: str
    update: str
    names: dict[str, str] = field(default_factory=dict)


_LEDGER_PLACES = (
    _Place("calls", "identity_arn = :old", "SET identity_arn = :new"),
    _Place(
        "calls whose records name several callers",
        "contains(conflicts.identity_arns, :old)",
        "REMOVE conflicts.identity_arns",
    ),
)
_SAMPLES = _Place(
    "samples of calls without a price",
    "#sample.identity_arn = :old",
    "SET #sample.identity_arn = :new",
    {"#sample": "sample"},
)


class IdentityEraser:
    """Takes an identity out of the ledger and the state table; counts and costs stay."""

    def __init__(self, client: DynamoDBClient, identity_arn: str, pseudonym: str) -> None:
        """Replace an identity by a pseudonym."""
        self._client = client
        self._values = {":old": {"S": identity_arn}, ":new": {"S": pseudonym}}
        self._key_endings = (f"#{identity_arn}", f"/{identity_arn}")

    def erase_from_ledger(self, table: str) -> Iterator[tuple[str, int]]:
        """Replace the identity in calls; yields what was changed, and the number."""
        for place in _LEDGER_PLACES:
            yield place.items, self._update_all(table, place)

    def erase_from_state(self, table: str) -> Iterator[tuple[str, int]]:
        """Replace the identity in samples, and delete the items whose key has it."""
        yield _SAMPLES.items, self._update_all(table, _SAMPLES)
        found = self._scan(table, "contains(pk, :old)", {})
        keys = [key for key in found if key.endswith(self._key_endings)]
        for key in keys:
            self._client.delete_item(TableName=table, Key={PARTITION_KEY: {"S": key}})
        yield "items of the state table", len(keys)

    def _update_all(self, table: str, place: _Place) -> int:
        keys = self._scan(table, place.condition, place.names)
        return sum(self._update(table, key, place) for key in keys)

    def _update(self, table: str, key: str, place: _Place) -> bool:
        """Update an item; False if it expired or changed meanwhile."""
        options: dict[str, Any] = {
            "ExpressionAttributeValues": self._values_in(place.condition + place.update)
        }
        if place.names:
            options["ExpressionAttributeNames"] = place.names
        try:
            self._client.update_item(
                TableName=table,
                Key={PARTITION_KEY: {"S": key}},
                UpdateExpression=place.update,
                ConditionExpression=place.condition,
                **options,
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _scan(self, table: str, condition: str, names: dict[str, str]) -> Iterator[str]:
        options: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        pages = self._client.get_paginator("scan").paginate(
            TableName=table,
            FilterExpression=condition,
            ExpressionAttributeValues=self._values_in(condition),
            ConsistentRead=True,
            **options,
        )
        return (item[PARTITION_KEY]["S"] for page in pages for item in page["Items"])

    def _values_in(self, expression: str) -> dict[str, Any]:
        return {name: value for name, value in self._values.items() if name in expression}


def erase_identity(session: boto3.Session, identity_arn: str) -> None:
    """Ask, then replace an identity with a random pseudonym, and print what was changed.

    Raises:
        CommandError: The ARN is not that of a person, or the answer was not to erase.
    """
    if _PERSON.fullmatch(identity_arn) is None:
        message = (
            "give the ARN of a user, of a role's session or of a federated user, such as"
            " IDENTITY=arn:aws:sts::111122223333:assumed-role/ROLE/SESSION."
        )
        raise CommandError(message)
    deployment = Deployment(session.client("cloudformation"))
    ledger, state = (
        deployment.output(stack_names.STORAGE, name)
        for name in ("LedgerTableName", "StateTableName")
    )
    beginning = identity_arn.rpartition("/")[0]
    pseudonym = f"{beginning}/erased-{secrets.token_hex(4)}"
    print(
        f"This permanently replaces {printable(identity_arn)} with {printable(pseudonym)} in the"
        " ledger and the state table. The link between name and pseudonym is not stored. The alarm"
        f" {TAMPERED_CALLS.name} is raised, as for every change to a call."
    )
    confirm("erase", otherwise="nothing was changed.")
    eraser = IdentityEraser(session.client("dynamodb"), identity_arn, pseudonym)
    for items, count in (*eraser.erase_from_ledger(ledger), *eraser.erase_from_state(state)):
        print(f"{count:,} {items}")
    print(_NEXT_STEPS)
