"""Replaces one person's name by a pseudonym in both tables: `make erase-identity`."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import boto3

from cdk.config import stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.terminal import CommandError, confirm, printable
from lambdas.domain.ledger.table import PARTITION_KEY
from lambdas.domain.metrics.catalog import TAMPERED_CALLS
from lambdas.domain.words import plural

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_PERSON = re.compile(
    r"arn:aws[a-z-]*:(iam::\d{12}:user|sts::\d{12}:(assumed-role/[^/\s]+|federated-user))/\S+"
)
_NEXT_STEPS = (
    "docs/personal-data.md in the Bedrock Meter repository describes the remaining steps: old"
    " versions of reports, the quarantine bucket, and logs."
)
# Subscriptions of CloudWatch Logs repeat a delivery for up to 24 hours:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
_REDELIVERY = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class _Place:
    """A place of an identity in items, and the update that removes it.

    Attributes:
        items: The items, as the command prints them.
        condition: True for the items that have the identity `:old`.
        update: The update that removes it, or replaces it by the pseudonym `:new`.
    """

    items: str
    condition: str
    update: str


def _list_places(items: str, call: str = "") -> tuple[_Place, ...]:
    """List the places of an identity in a call, which an item is or holds under a name."""
    return (
        _Place(items, f"{call}identity_arn = :old", f"SET {call}identity_arn = :new"),
        _Place(
            f"{items} whose records name several callers",
            f"contains({call}conflicts.identity_arns, :old)",
            f"REMOVE {call}conflicts.identity_arns",
        ),
    )


_SAMPLE = "sample"
_CALLS = _list_places("calls")
_SAMPLES = _list_places("samples of calls without a price", "#sample.")
_NAMES: dict[str, str] = {"#sample": _SAMPLE}  # a reserved word of DynamoDB


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedItems:
    """The items that have an identity.

    Attributes:
        calls: The keys of calls in the ledger.
        samples: The keys of state items with a sample of the identity's calls.
        entries: The keys of state items whose key has the identity.
        last_call_at: When the last of the calls was made, as it is stored; empty without calls.
    """

    calls: tuple[str, ...]
    samples: tuple[str, ...]
    entries: tuple[str, ...]
    last_call_at: str

    @property
    def are_none(self) -> bool:
        """True if no item has the identity."""
        return not (self.calls or self.samples or self.entries)

    def describe(self) -> str:
        """Say how many items there are in each table."""
        entries = plural(len(self.samples) + len(self.entries), "item")
        return f"{plural(len(self.calls), 'call')} of the ledger and {entries} of the state table"

    def may_come_again(self, now: datetime) -> bool:
        """Say if the record of a call may still be delivered again."""
        return self.last_call_at > (now - _REDELIVERY).isoformat()


class IdentityEraser:
    """Takes an identity out of the ledger and the state table; counts and costs stay."""

    def __init__(self, client: DynamoDBClient, ledger: str, state: str, identity_arn: str) -> None:
        """Find and replace an identity in both tables."""
        self._client = client
        self._ledger = ledger
        self._state = state
        self._old = {":old": {"S": identity_arn}}
        self._key_endings = (f"#{identity_arn}", f"/{identity_arn}")

    def find(self) -> NamedItems:
        """Find the items that have the identity; reads each table once."""
        calls = [
            (item[PARTITION_KEY]["S"], item.get("timestamp", {}).get("S", ""))
            for item in self._scan(self._ledger, [place.condition for place in _CALLS], {})
        ]
        conditions = [*(place.condition for place in _SAMPLES), f"contains({PARTITION_KEY}, :old)"]
        items = {
            item[PARTITION_KEY]["S"]: item for item in self._scan(self._state, conditions, _NAMES)
        }
        entries = tuple(key for key in items if key.endswith(self._key_endings))
        return NamedItems(
            calls=tuple(key for key, _ in calls),
            samples=tuple(
                key for key, item in items.items() if _SAMPLE in item and key not in entries
            ),
            entries=entries,
            last_call_at=max((called_at for _, called_at in calls), default=""),
        )

    def erase(self, found: NamedItems, pseudonym: str) -> Iterator[tuple[str, int]]:
        """Replace the identity; yields what was changed, and the number."""
        for place in _CALLS:
            yield place.items, self._update_all(self._ledger, found.calls, place, pseudonym, {})
        for place in _SAMPLES:
            changed = self._update_all(self._state, found.samples, place, pseudonym, _NAMES)
            yield place.items, changed
        for key in found.entries:
            self._client.delete_item(TableName=self._state, Key={PARTITION_KEY: {"S": key}})
        yield "items of the state table", len(found.entries)

    def _update_all(
        self,
        table: str,
        keys: Iterable[str],
        place: _Place,
        pseudonym: str,
        names: Mapping[str, str],
    ) -> int:
        new = {":new": {"S": pseudonym}} if place.update.endswith(" :new") else {}
        request: dict[str, Any] = {
            "TableName": table,
            "UpdateExpression": place.update,
            "ConditionExpression": place.condition,
            "ExpressionAttributeValues": self._old | new,
        }
        if names:
            request["ExpressionAttributeNames"] = names
        return sum(self._update(request, key) for key in keys)

    def _update(self, request: Mapping[str, Any], key: str) -> bool:
        """Update an item; False if it has no such place, or expired or changed meanwhile."""
        try:
            self._client.update_item(Key={PARTITION_KEY: {"S": key}}, **request)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def _scan(
        self, table: str, conditions: Sequence[str], names: Mapping[str, str]
    ) -> Iterator[dict[str, Any]]:
        options: dict[str, Any] = {"ExpressionAttributeNames": names} if names else {}
        pages = self._client.get_paginator("scan").paginate(
            TableName=table,
            FilterExpression=" OR ".join(conditions),
            ExpressionAttributeValues=self._old,
            ConsistentRead=True,
            **options,
        )
        return (item for page in pages for item in page["Items"])


class CountedIdentity(Protocol):
    """An identity in exact counters, sums of budgets and alerts."""

    def count(self) -> Mapping[str, int]:
        """Count the items of each kind that name the identity."""

    def list_budgets(self) -> Sequence[str]:
        """List the budgets whose definition names the identity."""

    def erase(self, pseudonym: str) -> Iterator[tuple[str, int]]:
        """Replace the identity; yields each kind of items, and the number that was changed."""


@dataclass(frozen=True, slots=True)
class CountingTables:
    """The tables of exact counters, and of budgets and alerts."""

    counters: str
    governance: str


FindCounted: TypeAlias = Callable[[boto3.Session, CountingTables, str], CountedIdentity]
"""Finds an identity in these tables."""


def erase_identity(session: boto3.Session, identity_arn: str, find_counted: FindCounted) -> None:
    """Ask, then replace an identity with a random pseudonym, and print what was changed.

    Raises:
        CommandError: The ARN is not that of a person, no item has it, or the answer was not to
            erase.
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
    tables = CountingTables(
        *(
            deployment.output(stack_names.STORAGE, name)
            for name in ("CounterTableName", "GovernanceTableName")
        )
    )
    eraser = IdentityEraser(session.client("dynamodb"), ledger, state, identity_arn)
    found = eraser.find()
    counted = find_counted(session, tables, identity_arn)
    counts = counted.count()
    _print_budgets(counted.list_budgets())
    if found.are_none and not any(counts.values()):
        message = (
            f"no call and no item of the other tables has {printable(identity_arn)}: check the ARN"
            " (docs/personal-data.md says how to find it)."
        )
        raise CommandError(message)
    pseudonym = f"{identity_arn.rpartition('/')[0]}/erased-{secrets.token_hex(4)}"
    print(
        f"This replaces {printable(identity_arn)} with {printable(pseudonym)} in"
        f" {found.describe()}{_describe_counted(counts)}, for good. No table records which name the"
        " pseudonym stands for; the ledger's stream (one day) and recovery copies (35 days) still"
        " show it. The alarm"
        f" {TAMPERED_CALLS.name} is raised, as for every change to a call. Do not run make"
        " replay over the time of these calls: it writes the name again."
    )
    if found.may_come_again(datetime.now(UTC)):
        print(
            f"The last call was at {printable(found.last_call_at)}. For 24 hours, its record may be"
            " delivered again. The call would then list the name beside the pseudonym. Wait a day"
            " after the last call, or run the command again then."
        )
    confirm("erase", otherwise="nothing was changed.")
    for items, count in eraser.erase(found, pseudonym):
        print(f"{count:,} {items}")
    for items, count in counted.erase(pseudonym):
        if counts[items]:
            print(f"{count:,} {items}")
    left = sum(counted.count().values())
    if left:
        print(
            f"{plural(left, 'item')} of counters and alerts changed at the same time, or are about"
            " to be sent: run the command again in a few minutes."
        )
    print(_NEXT_STEPS)


def _describe_counted(counts: Mapping[str, int]) -> str:
    """Name the items of counters and alerts, if there are any."""
    return "".join(f", {count:,} {items}" for items, count in counts.items() if count)


def _print_budgets(names: Sequence[str]) -> None:
    """Name the budgets that only their manager can change."""
    if names:
        print(
            f"These budgets name the person: {', '.join(map(printable, names))}. Take the name out"
            " of their file and apply it (bedrock-meter budgets apply); this command leaves them."
        )
