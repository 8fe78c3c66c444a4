"""Verifies and exports the audit trail: `bedrock-meter audit`."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import IO, NamedTuple

import boto3

from cdk.config import stack_names
from cdk.config.governance import AuditLock
from cdk.operations.deployment import Deployment
from cdk.operations.terminal import CommandError, DamageError, IncompleteError, printable
from lambdas.domain.audit import (
    AnchorLock,
    AnchorStore,
    AuditAction,
    AuditAnchor,
    AuditedChange,
    AuditEntry,
    AuditStore,
    ChainProblem,
    InvalidEntryError,
    Json,
    PersonDirectory,
    Verification,
    read_entry,
    replace_people,
    verify_trail,
    write_canonical,
)
from lambdas.domain.brake import (
    SWITCH_SUBJECT,
    BrakeStateStore,
    write_release,
    write_switch,
)
from lambdas.domain.budgets import BudgetStore, StoredBudget, write_budget
from lambdas.domain.budgets.governance_table import DEFINITION, GENERATION, STATE
from lambdas.domain.words import plural

_BUDGET = "budget:"
_RELEASE = "release of "
_MAX_NAMED = 20


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


class _Changes:
    """The changes of a chain that a verification compares or names.

    The last changes of a thing are those of the latest time, which the stream has to the second:
    batches that were sent again may be out of order in the chain.

    Attributes:
        last: The last changes of each budget, of the switch, and of each release.
        unclaimed: The changes without an actor after those that were reviewed.
    """

    def __init__(self, reviewed: int) -> None:
        self._reviewed = reviewed
        self.last: dict[str, list[AuditedChange]] = {}
        self.unclaimed: list[str] = []

    def add(self, entry: AuditEntry) -> None:
        change = entry.change
        if change.changed_by is None and entry.sequence > self._reviewed:
            text = f"{entry.sequence}: {change.action.value} of {change.subject}"
            self.unclaimed.append(f"{text} at {change.changed_at:%Y-%m-%d %H:%M} UTC")
        name = _name_changed(change)
        if name is None:
            return
        known = self.last.setdefault(name, [])
        if known and change.changed_at > known[0].changed_at:
            known.clear()
        if not known or change.changed_at == known[0].changed_at:
            known.append(change)


def _name_changed(change: AuditedChange) -> str | None:
    """Name what has changed, if it is stored and can be compared."""
    if change.subject.startswith(_BUDGET) or change.subject == SWITCH_SUBJECT:
        return change.subject
    return _name_release(change.after) if change.action is AuditAction.RELEASE_BY_HAND else None


def _name_release(document: Json) -> str | None:
    """Name a release by its caller, and by the sum for which the caller is released."""
    if not isinstance(document, dict):
        return None
    return f"{_RELEASE}{document.get('target_arn')} {write_canonical(document.get('key'))}"


class AuditTrail(NamedTuple):
    """The audit trail, and what it is about.

    Attributes:
        store: The chain.
        anchors: Its anchors.
        lock: The protection that new anchors should have.
        budgets: The budgets.
        brake: The switch of the brake, and releases by hand.
        people: The names of people.
    """

    store: AuditStore
    anchors: AnchorStore
    lock: ConfiguredLock
    budgets: BudgetStore
    brake: BrakeStateStore
    people: PersonDirectory


def verify_audit(trail: AuditTrail, now: datetime, *, reviewed: int = 0) -> None:
    """Verify the whole chain with all anchors, compare what is stored, and print the outcome.

    Args:
        trail: The audit trail.
        now: The time.
        reviewed: The place up to which changes without an actor were reviewed.

    Raises:
        DamageError: The chain or its anchors were tampered with, anchors are missing, or something
            is not stored as its last entry has it.
        IncompleteError: Changes after the reviewed ones have no actor.
    """
    found, changes = trail.anchors.read_all(), _Changes(reviewed)
    verification = verify_trail(trail.store, found.anchors, now, on_entry=changes.add)
    _print_outcome(verification, len(found.anchors))
    if found.anchors:
        print(f"The last anchor is of {found.anchors[-1].hour:%Y-%m-%d %H:00} UTC.")
    differing = [*_find_differing(trail, changes.last)]
    _print_list(f"{plural(len(changes.unclaimed), 'change')} without an actor", changes.unclaimed)
    _print_list("Not stored as the audit trail has it", differing)
    others = [f"  {name} in the bucket of anchors is not an anchor" for name in found.foreign]
    others += [f"  {problem}" for problem in _check_last_anchor(trail, found.anchors)]
    if count := verification.problem_count + len(others):
        message = f"the audit trail is damaged in {plural(count, 'place')}:"
        problems = [*map(_describe, verification.problems), *others]
        raise DamageError(message, *map(printable, problems))
    if differing:
        message = (
            "the chain is intact, but not everything is stored as it has it. The chain may be a"
            " minute behind: verify again, then see docs/runbooks/AuditProblems.md."
        )
        raise DamageError(message)
    if changes.unclaimed:
        message = (
            "the audit trail is intact, but lacks the actors of changes: the meter's commands did"
            f" not make them. Once you have reviewed them: --reviewed {verification.head.sequence}"
        )
        raise IncompleteError(message)
    print("The audit trail is intact.")


def _print_list(title: str, lines: Sequence[str]) -> None:
    """Print the first lines of a list, and the number of the others."""
    if lines:
        print(f"{title}:")
        print("\n".join(f"  {printable(line)}" for line in lines[:_MAX_NAMED]))
    if (others := len(lines) - _MAX_NAMED) > 0:
        print(f"  and {others:,} more")


def _check_last_anchor(trail: AuditTrail, anchors: Sequence[AuditAnchor]) -> Iterator[str]:
    """Check that there is an anchor, and that the last one is protected."""
    if not anchors:
        yield (
            "there is no anchor: AuditWriter writes the first one an hour after its deployment. If"
            " that is not over yet, nothing is wrong: run the command again then"
        )
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


def _count(number: int) -> str:
    return f"{number:,} entry" if number == 1 else f"{number:,} entries"


def _describe(problem: ChainProblem) -> str:
    return f"  {problem.kind.value}: {problem.text}"


def _find_differing(
    trail: AuditTrail, last: Mapping[str, Sequence[AuditedChange]]
) -> Iterator[str]:
    """Name what is not stored as its last entries have it: budgets, the switch, releases.

    A release that is not stored has expired, or its caller is denied again.
    """
    book, ids = trail.budgets.read(), {arn: id_ for id_, arn in trail.people.read_names().items()}

    def replace_names(document: Json) -> Json:
        return replace_people(document, lambda arn: ids.get(arn, arn))

    stored: list[tuple[str, Json]] = [
        (f"{_BUDGET}{budget.budget.name}", replace_names(_write_budget(budget))) for budget in book
    ]
    unreadable = {f"{_BUDGET}{name}" for name in book.unreadable}
    known = {name for name, _ in stored} | unreadable
    stored += [(name, None) for name in last if name.startswith(_BUDGET) and name not in known]
    switch = trail.brake.read_switch()
    stored.append(
        (SWITCH_SUBJECT, None if switch.by is None else replace_names(write_switch(switch)))
    )
    for release in trail.brake.list_releases():
        document = replace_names(write_release(release))
        stored.append((str(_name_release(document)), document))
    for name, state in sorted(stored, key=itemgetter(0)):
        recorded = [change.after for change in last.get(name, ())] or [None]
        if not any(_is_same(state, after) for after in recorded):
            yield name


def _write_budget(stored: StoredBudget) -> Json:
    """Write what is compared of a budget, as the stream has it."""
    return {
        DEFINITION: write_budget(stored.budget),
        GENERATION: str(stored.generation),
        STATE: stored.state.value,
    }


def _is_same(stored: Json, state: Json) -> bool:
    """Say if a recorded state has all that is compared of what is stored."""
    if stored is None or not isinstance(state, dict):
        return stored is None and state is None
    return write_canonical({name: state.get(name) for name in stored}) == write_canonical(stored)


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
