"""Replaces one person's name by a pseudonym in all tables: `make erase-identity`."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import NamedTuple, Protocol, TypeAlias

import boto3

from cdk.config import stack_names
from cdk.config.gateway_names import caller_role_name
from cdk.operations.deployment import Deployment
from cdk.operations.limits import read_stored_policies
from cdk.operations.terminal import CommandError, confirm, printable
from lambdas.domain.ledger.named_items import NamedItems
from lambdas.domain.limit_policies import PolicyStore
from lambdas.domain.metrics.catalog import TAMPERED_CALLS
from lambdas.domain.words import plural

_PERSON = re.compile(
    r"arn:aws[a-z-]*:(iam::\d{12}:user|sts::\d{12}:(assumed-role/[^/\s]+|federated-user))/\S+"
)
_NEXT_STEPS = (
    "docs/personal-data.md in the Bedrock Meter repository describes the remaining steps: old"
    " versions of reports, the quarantine bucket, and logs."
)


class NamedIdentity(Protocol):
    """An identity in the ledger and in the state table."""

    def find(self) -> NamedItems:
        """Find the items that have the identity; reads each table once."""

    def erase(self, found: NamedItems, pseudonym: str) -> Iterator[tuple[str, int]]:
        """Replace the identity; yields what was changed, and the number."""


class CountedIdentity(Protocol):
    """An identity in exact counters, sums of budgets, alerts, the brake and the audit trail."""

    def count(self) -> Mapping[str, int]:
        """Count the items of each kind that name the identity."""

    def is_denied(self) -> bool:
        """Say if the identity is denied now."""

    def list_budgets(self) -> Sequence[str]:
        """List the budgets whose definition names the identity."""

    def list_grants(self) -> Sequence[str]:
        """List the grants of credits whose scope names the identity."""

    def erase(self, pseudonym: str) -> Iterator[tuple[str, int]]:
        """Replace the identity; yields each kind of items, and the number that was changed."""


class LimitedIdentity(Protocol):
    """An identity in API keys and in limits of the gateway."""

    def count(self) -> Mapping[str, int]:
        """Count the items of each kind that name the identity."""

    def list_valid_keys(self, now: datetime) -> Sequence[str]:
        """List the prefixes of the identity's keys that the gateway accepts."""

    def erase(self, pseudonym: str) -> Iterator[tuple[str, int]]:
        """Replace the identity; yields each kind of items, and the number that was changed."""


@dataclass(frozen=True, slots=True)
class NamingTables:
    """The tables that can name an identity.

    Attributes:
        ledger: The table of calls.
        state: The state table.
        counters: The table of exact counters.
        governance: The table of budgets, alerts, API keys and policies.
        limits: The table of the gateway's limits.
    """

    ledger: str
    state: str
    counters: str
    governance: str
    limits: str


class NamedPerson(NamedTuple):
    """A person to erase.

    Attributes:
        arn: The identity.
        session_name: The name of its sessions, if it is a caller of the gateway.
    """

    arn: str
    session_name: str | None


class StoredIdentity(NamedTuple):
    """An identity in all tables."""

    named: NamedIdentity
    counted: CountedIdentity
    limited: LimitedIdentity
    policies: PolicyStore


OpenIdentity: TypeAlias = Callable[[boto3.Session, NamingTables, NamedPerson], StoredIdentity]
"""Opens an identity in these tables."""
_TABLE_OUTPUTS = (
    *("LedgerTableName", "StateTableName"),
    *("CounterTableName", "GovernanceTableName", "LimitTableName"),
)


def erase_identity(session: boto3.Session, identity_arn: str, open_identity: OpenIdentity) -> None:
    """Ask, then replace an identity with a random pseudonym, and print what was changed.

    Raises:
        CommandError: The ARN is not that of a person, it is denied, no item has it, or the answer
            was not to erase. Nothing is changed.
    """
    if _PERSON.fullmatch(identity_arn) is None:
        message = (
            "give the ARN of a user, of a role's session or of a federated user, such as"
            " IDENTITY=arn:aws:sts::111122223333:assumed-role/ROLE/SESSION."
        )
        raise CommandError(message)
    deployment = Deployment(session.client("cloudformation"))
    tables = NamingTables(
        *(deployment.output(stack_names.STORAGE, name) for name in _TABLE_OUTPUTS)
    )
    person = _read_person(identity_arn, str(session.region_name))
    named, counted, limited, policies = open_identity(session, tables, person)
    _require_no_valid_key(limited, identity_arn)
    if counted.is_denied():
        message = (
            f"{printable(identity_arn)} is denied. Run bedrock-meter deny release, and this command"
            " again in a few minutes: a deny without its name could not be released."
        )
        raise CommandError(message)
    found = named.find()
    counts = {**counted.count(), **limited.count()}
    _print_budgets(counted.list_budgets())
    _print_grants(counted.list_grants())
    if person.session_name is not None:
        _print_policies(policies, person.session_name)
    if found.are_none and not any(counts.values()):
        message = (
            f"no call and no item of the other tables has {printable(identity_arn)}: check the ARN"
            " (docs/personal-data.md says how to find it)."
        )
        raise CommandError(message)
    pseudonym = f"{identity_arn.rpartition('/')[0]}/erased-{secrets.token_hex(4)}"
    print(
        f"This replaces {printable(identity_arn)} with {printable(pseudonym)} in"
        f" {_describe_named(found)}{_describe_counted(counts)}, for good. No table records which"
        " name the pseudonym stands for; the ledger's stream (one day) and recovery copies (35"
        " days) still show it. The alarm"
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
    for items, count in named.erase(found, pseudonym):
        print(f"{count:,} {items}")
    for items, count in chain(counted.erase(pseudonym), limited.erase(pseudonym)):
        if counts[items]:
            print(f"{count:,} {items}")
    left = sum(chain(counted.count().values(), limited.count().values()))
    if left:
        print(
            f"{plural(left, 'item')} of counters, alerts, the brake and limits changed at the same"
            " time, or are about to be sent: run the command again in a few minutes."
        )
    print(_NEXT_STEPS)


def _read_person(identity_arn: str, region: str) -> NamedPerson:
    """Read the name of the person's sessions, if the ARN is that of a caller of the gateway."""
    role, _, session_name = identity_arn.partition(":assumed-role/")[2].partition("/")
    is_caller = role == caller_role_name(region)
    return NamedPerson(identity_arn, session_name if is_caller else None)


def _require_no_valid_key(limited: LimitedIdentity, identity_arn: str) -> None:
    """Refuse a person whose next call through the gateway would write the name again.

    Raises:
        CommandError: A key of the person is valid.
    """
    if keys := limited.list_valid_keys(datetime.now(UTC)):
        message = (
            f"{printable(identity_arn)} has valid API keys: {', '.join(keys)}. Run bedrock-meter"
            " keys revoke for each of them, and this command again a day later."
        )
        raise CommandError(message)


def _describe_named(found: NamedItems) -> str:
    """Say how many items there are in each table."""
    entries = plural(len(found.samples) + len(found.entries), "item")
    return f"{plural(len(found.calls), 'call')} of the ledger and {entries} of the state table"


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


def _print_grants(ids: Sequence[str]) -> None:
    """Name the grants of credits that name the person, with their entries, for good."""
    if ids:
        print(
            f"These grants of credits name the person in their scope: {', '.join(ids)}. A grant and"
            " its entries never change, and keep the name; this command leaves them. For usage"
            " from now on, void them and grant the rest to a scope without the name"
            " (bedrock-meter credits void)."
        )


def _print_policies(store: PolicyStore, session_name: str) -> None:
    """Name the policies of the gateway that only an operator can change."""
    policies = read_stored_policies(store)
    if names := list(policies.list_naming(session_name)):
        print(
            f"These policies of the gateway name the person, or match the name by a pattern:"
            f" {', '.join(map(printable, names))}. Take the name out of their file and apply it"
            " (bedrock-meter limits apply); this command leaves them."
        )
