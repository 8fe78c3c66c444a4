"""Verifies and exports the audit trail: `bedrock-meter audit`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import IO, NamedTuple

import boto3

from cdk.config import stack_names
from cdk.config.governance import AuditLock
from cdk.operations.deployment import Deployment
from cdk.operations.terminal import CommandError, DamageError, printable
from lambdas.domain.audit import (
    AnchorLock,
    AnchorStore,
    AuditAnchor,
    AuditedChange,
    AuditEntry,
    AuditStore,
    ChainProblem,
    InvalidEntryError,
    PersonDirectory,
    Verification,
    read_entry,
    replace_people,
    verify_trail,
    write_canonical,
)
from lambdas.domain.budgets import BudgetBook, BudgetStore, StoredBudget, write_budget
from lambdas.domain.budgets.governance_table import DEFINITION, GENERATION, STATE
from lambdas.domain.words import plural

_BUDGET = "budget:"


class ConfiguredLock(NamedTuple):
    """The protection of new anchors, as it was deployed.

    Attributes:
        mode: The setting `audit_lock`.
        days: The setting `audit_lock_days`.
    """

    mode: AuditLock
    days: int

    def is_kept(self, anchor: AuditAnchor, lock: AnchorLock | None) -> bool:
        """Say if an anchor is protected as it should be, or better."""
        if self.mode is AuditLock.NONE:
            return True
        return (
            lock is not None
            and lock.mode.lower() in (self.mode, AuditLock.COMPLIANCE)
            and lock.until >= anchor.hour + timedelta(days=self.days)
        )


class AuditPlaces(NamedTuple):
    """The places of the audit trail.

    Attributes:
        audit: The table of the chain.
        anchors: The bucket of its anchors.
        governance: The table of budgets and of people.
        lock: The protection of new anchors.
    """

    audit: str
    anchors: str
    governance: str
    lock: ConfiguredLock


def find_places(session: boto3.Session) -> AuditPlaces:
    """Find the deployed places. They stay when governance is switched off."""
    deployment = Deployment(session.client("cloudformation"))

    def read(name: str) -> str:
        return deployment.output(stack_names.STORAGE, name)

    return AuditPlaces(
        audit=read("AuditTableName"),
        anchors=read("AnchorBucketName"),
        governance=read("GovernanceTableName"),
        lock=ConfiguredLock(AuditLock(read("AuditLock")), int(read("AuditLockDays"))),
    )


def find_actor(
    session: boto3.Session, open_people: Callable[[boto3.Session, str], PersonDirectory]
) -> str | None:
    """Find the id by which the audit trail knows whoever runs a command.

    Args:
        session: The credentials.
        open_people: Opens the directory of people in a table.

    Returns:
        The id; `None` where governance is off, so that there is no audit trail.
    """
    deployment = Deployment(session.client("cloudformation"))
    if deployment.status(stack_names.GOVERNANCE) is None:
        return None
    table = deployment.output(stack_names.STORAGE, "GovernanceTableName")
    arn = session.client("sts").get_caller_identity()["Arn"]
    return open_people(session, table).get_or_create_id(arn)


class _LastChanges:
    """The last changes of each budget, by its subject.

    They are those of the latest time, which the stream has to the second: batches that were sent
    again may be out of order in the chain.
    """

    def __init__(self) -> None:
        self.budgets: dict[str, list[AuditedChange]] = {}

    def add(self, entry: AuditEntry) -> None:
        change = entry.change
        if not change.subject.startswith(_BUDGET):
            return
        known = self.budgets.setdefault(change.subject, [])
        if known and change.changed_at > known[0].changed_at:
            known.clear()
        if not known or change.changed_at == known[0].changed_at:
            known.append(change)


class AuditTrail(NamedTuple):
    """The audit trail, and what it is about.

    Attributes:
        store: The chain.
        anchors: Its anchors.
        lock: The protection that new anchors should have.
        budgets: The budgets.
        people: The names of people.
    """

    store: AuditStore
    anchors: AnchorStore
    lock: ConfiguredLock
    budgets: BudgetStore
    people: PersonDirectory


def verify_audit(trail: AuditTrail, now: datetime) -> None:
    """Verify the whole chain with all anchors, compare budgets with it, and print the outcome.

    Args:
        trail: The audit trail.
        now: The time.

    Raises:
        DamageError: The chain or its anchors were tampered with, or anchors are missing.
    """
    found = trail.anchors.read_all()
    last = _LastChanges()
    verification = verify_trail(trail.store, found.anchors, now, on_entry=last.add)
    _print_outcome(verification, len(found.anchors))
    if found.anchors:
        print(f"The last anchor is of {found.anchors[-1].hour:%Y-%m-%d %H:00} UTC.")
    names = trail.people.read_names()
    for line in _compare_budgets(trail.budgets.read(), last.budgets, names):
        print(line)
    others = [f"  {name} in the bucket of anchors is not an anchor" for name in found.foreign]
    others += [f"  {problem}" for problem in _check_last_anchor(trail, found.anchors)]
    if count := verification.problem_count + len(others):
        message = f"the audit trail is damaged in {plural(count, 'place')}:"
        problems = [*map(_describe, verification.problems), *others]
        raise DamageError(message, *map(printable, problems))
    print("The audit trail is intact.")


def _check_last_anchor(trail: AuditTrail, anchors: Sequence[AuditAnchor]) -> Iterator[str]:
    """Check that there is an anchor, and that the last one is protected."""
    if not anchors:
        yield "there is no anchor: AuditWriter writes the first one an hour after its deployment"
    elif not trail.lock.is_kept(anchors[-1], trail.anchors.read_lock(anchors[-1])):
        yield (
            f"the last anchor is not locked for {plural(trail.lock.days, 'day')} in mode"
            f" {trail.lock.mode}, or s3:GetObjectRetention is not allowed"
        )


def _print_outcome(verification: Verification, anchors: int) -> None:
    after = verification.head.sequence - verification.anchored
    print(
        f"Verified {_count(verification.entries)} with {plural(anchors, 'anchor')}:"
        f" {_count(verification.anchored)} confirmed, {after:,} after the last anchor that confirms"
        " any. Whether later entries were removed or rewritten, only the next anchor shows."
    )
    if verification.unclaimed:
        print(
            f"{plural(verification.unclaimed, 'change')} without an actor: not made by the meter's"
            " commands. bedrock-meter audit export lists them, with changed_by null."
        )


def _count(number: int) -> str:
    return f"{number:,} entry" if number == 1 else f"{number:,} entries"


def _describe(problem: ChainProblem) -> str:
    return f"  {problem.kind.value}: {problem.text}"


def _compare_budgets(
    book: BudgetBook, last: Mapping[str, Sequence[AuditedChange]], names: Mapping[str, str]
) -> Iterator[str]:
    """Name budgets that are not as their last entries have them."""
    ids = {arn: person_id for person_id, arn in names.items()}
    stored = {f"{_BUDGET}{each.budget.name}": each for each in book}
    unreadable = {f"{_BUDGET}{name}" for name in book.unreadable}
    differing = [
        subject.removeprefix(_BUDGET)
        for subject in sorted({*stored, *last} - unreadable)
        if not any(
            _is_same(stored.get(subject), change, ids) for change in last.get(subject, (None,))
        )
    ]
    if differing:
        yield (
            f"Not as the audit trail has them: {', '.join(map(printable, differing))}. It is up to"
            " a minute behind. If they stay so, changes did not reach it: check the alarms AuditAge"
            " and AuditWriterErrors. Budgets from before governance recorded changes differ until"
            " they are applied again."
        )


def _is_same(
    stored: StoredBudget | None, last: AuditedChange | None, ids: Mapping[str, str]
) -> bool:
    state = None if last is None else last.after
    if stored is None or not isinstance(state, dict):
        return stored is None and state is None
    definition = replace_people(write_budget(stored.budget), lambda arn: ids.get(arn, arn))
    return (
        write_canonical(state.get(DEFINITION)) == write_canonical(definition)
        and state.get(GENERATION) == str(stored.generation)
        and state.get(STATE) == stored.state.value
    )


def export_audit(
    store: AuditStore, people: PersonDirectory, out: IO[str], *, with_names: bool
) -> int:
    """Write each entry as a line of JSON, with its hash; returns the number of entries.

    The hash is that of the line without the keys `hash` and `name`.

    Args:
        store: The chain.
        people: The names of people.
        out: The file.
        with_names: True to add the name of each actor who has one, as `name`.

    Raises:
        CommandError: An entry is damaged. Those before it are written.
    """
    names = people.read_names() if with_names else {}
    count = 0
    for entry in store.read_entries():
        try:
            change = read_entry(entry.text).change
        except InvalidEntryError as error:
            message = f"entry {entry.place} is damaged ({error}): run bedrock-meter audit verify."
            raise CommandError(message) from None
        added = {"hash": entry.hash}
        if change.changed_by in names:
            added["name"] = names[change.changed_by]
        out.write(f"{write_canonical({**json.loads(entry.text), **added})}\n")
        count += 1
    return count
