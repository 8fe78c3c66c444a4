"""Lists and releases denied callers, and sets the switch: `bedrock-meter deny`."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import boto3

from cdk.config import stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.terminal import CommandError, open_console, printable
from lambdas.domain.audit import PersonDirectory
from lambdas.domain.brake import (
    BrakeDecisionStore,
    BrakeSwitch,
    CauseKey,
    Deny,
    DenyReader,
    DenyState,
    Release,
    SessionTarget,
    Target,
    describe_usage,
    make_releases,
)
from lambdas.domain.budgets import BrakeMode, BudgetBook, BudgetStore, RollingHours, read_principal
from lambdas.domain.runs import RunNotStartedError, RunStarter
from lambdas.domain.words import plural

_NONE_DENIED = "No caller is denied."
_NOT_COUNTED = {DenyState.NO_ROOM, DenyState.CONTESTED}
"""The states in which a stored deny is not in force, so that nothing is released."""
_LATER = "It takes effect within a minute."
_NOW = "It takes effect in some seconds."


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedBrake:
    """The deployed brake, as commands use it.

    Attributes:
        denies: The stored denies.
        decisions: The switch and releases by hand.
        runs: Starts the brake at once.
        budgets: The stored budgets.
        account_id: The account.
        region: The Region.
        operator_arn: The ARN of the credentials.
        people: The ids of people, by which decisions and the audit trail refer to them.
    """

    denies: DenyReader
    decisions: BrakeDecisionStore
    runs: RunStarter
    budgets: BudgetStore
    account_id: str
    region: str
    operator_arn: str
    people: PersonDirectory

    def identify_operator(self) -> str:
        """Return the id of whoever decides."""
        return self.people.get_or_create_id(self.operator_arn)


class OpenBrake(Protocol):
    """Opens the deployed brake of a Region."""

    def __call__(self, session: boto3.Session, region: str | None = None) -> DeployedBrake:
        """Open it; by default that of the session's Region.

        Raises:
            CommandError: It is not deployed.
        """


class BrakeNames(NamedTuple):
    """The names of deployed resources of the brake.

    Attributes:
        table: The table of denies and decisions.
        controller: The function that denies callers.
    """

    table: str
    controller: str


def find_brake(session: boto3.Session, region: str | None = None) -> BrakeNames:
    """Find the deployed brake of a Region; by default that of the session.

    Raises:
        CommandError: It is not deployed.
    """
    cloudformation = session.client("cloudformation", region_name=region)
    deployment = Deployment(cloudformation)
    controller = deployment.brake_controller
    if controller is None:
        message = (
            f"the brake is not deployed in {cloudformation.meta.region_name}: set AWS_REGION, or"
            " set governance and brake to true in cdk.json and run make bootstrap and make deploy."
        )
        raise CommandError(message)
    return BrakeNames(deployment.output(stack_names.STORAGE, "GovernanceTableName"), controller)


def list_denies(brake: DeployedBrake, now: datetime) -> None:
    """Print the state of the switch, the denied callers, and the releases that are in force.

    Each ARN has a line of its own, which is never cut: the other commands need all of it.
    """
    names = brake.people.read_names()
    print(f"Account {brake.account_id}, Region {brake.region}")
    _print_paragraph(_describe_switch(brake.decisions.read_switch(), names))
    denies = sorted(brake.denies.list_denies(), key=lambda deny: deny.target.arn)
    if not denies:
        print(_NONE_DENIED)
    for deny in denies:
        _print_caller(deny.target.arn, _list_facts(deny))
    if denies:
        print("\nTo release a caller: bedrock-meter deny release ARN")
    book = brake.budgets.read()
    releases = _find_releases(brake, book, now)
    if releases:
        print("\nReleased by hand:")
    for arn, found in releases.items():
        _print_caller(arn, (_describe_release(release, book, names) for release in found))
    if releases:
        print("\nTo end a release: bedrock-meter deny release --undo ARN")


def _find_releases(
    brake: DeployedBrake, book: BudgetBook, now: datetime
) -> dict[str, list[Release]]:
    """Find the releases that are in force, by the ARNs of their callers."""
    found: dict[str, list[Release]] = {}
    for release in sorted(brake.decisions.list_releases(), key=lambda each: each.target_arn):
        if release.is_in_force(book, now):
            found.setdefault(release.target_arn, []).append(release)
    return found


def _print_caller(arn: str, facts: Iterable[str]) -> None:
    print(f"\n{printable(arn)}")
    for fact in facts:
        _print_paragraph(fact, indent="  ")


def _print_paragraph(text: str, indent: str = "") -> None:
    """Print a text in lines that fit the terminal; names are not broken."""
    lines = textwrap.wrap(
        text,
        open_console().width,
        initial_indent=indent,
        subsequent_indent=indent * 2,
        break_long_words=False,
        break_on_hyphens=False,
    )
    print("\n".join(lines))


def release_callers(
    brake: DeployedBrake, arns: Sequence[str], *, until: datetime | None, now: datetime
) -> None:
    """Release callers, and print until when.

    A session is not released where its whole role stays denied. A role is released for the sessions
    without room, too, for which it is denied.

    Args:
        brake: The brake.
        arns: The callers; none for all of them.
        until: The time at which the release ends; `None` for the end of each budget's period.
        now: The time.

    Raises:
        CommandError: A caller is not denied, or the time has passed. Nothing is released then.
    """
    if until is not None and until <= now:
        message = f"--until has passed: {_write_time(until)}."
        raise CommandError(message)
    denies = {deny.target.arn: deny for deny in brake.denies.list_denies()}
    _check_known(arns, denies, "denied")
    if not denies:
        print(_NONE_DENIED)
        return
    operator, released = brake.identify_operator(), arns or sorted(denies)
    for deny in denies.values():
        is_waiting = deny.state is DenyState.NO_ROOM and _get_role_arn(deny.target) in released
        if deny.target.arn in released or is_waiting:
            for release in make_releases(deny, by=operator, at=now, until=until):
                brake.decisions.add_release(release)
    for arn in released:
        role = _get_role_arn(denies[arn].target)
        if role in denies and role not in released:
            print(f"Still denied with its role: {printable(arn)}.", end=" ")
            print(f"To release the role: bedrock-meter deny release {role}")
        else:
            made = make_releases(denies[arn], by=operator, at=now, until=until)
            print(f"Released: {printable(arn)}, {_describe_end(denies[arn], made)}.")
    print(_start(brake))


def undo_releases(brake: DeployedBrake, arns: Sequence[str], *, now: datetime) -> None:
    """End releases by hand now, and print whose.

    Args:
        brake: The brake.
        arns: The callers; none for all of them.
        now: The time.

    Raises:
        CommandError: A caller is not released. No release is ended then.
    """
    found = _find_releases(brake, brake.budgets.read(), now)
    _check_known(arns, found, "released")
    if not found:
        print("No caller is released by hand.")
        return
    operator = brake.identify_operator()
    for arn in arns or found:
        for release in found[arn]:
            brake.decisions.add_release(release.end(by=operator, at=now))
        print(f"No longer released: {printable(arn)}. It is denied again if a budget is used up.")
    print(_start(brake))


def _check_known(arns: Iterable[str], known: Collection[str], state: str) -> None:
    """Check that callers are in the list of denied or released ones.

    Raises:
        CommandError: Some are not.
    """
    if missing := [_explain_missing(arn, known, state) for arn in arns if arn not in known]:
        message = f"not {state}: {'; '.join(missing)}. bedrock-meter deny list shows who is."
        raise CommandError(message)


def set_switch(brake: DeployedBrake, *, is_on: bool, now: datetime) -> None:
    """Set the switch, and print what follows.

    Args:
        brake: The brake.
        is_on: True to let budgets with the brake `deny` deny callers.
        now: The time.
    """
    brake.decisions.write_switch(BrakeSwitch(is_on=is_on, by=brake.identify_operator(), at=now))
    denied = sum(deny.state not in _NOT_COUNTED for deny in brake.denies.list_denies())
    if is_on:
        print("The brake is on: callers whose budgets are used up are denied.")
        if all(stored.budget.brake is not BrakeMode.DENY for stored in brake.budgets.read()):
            print('No budget has "brake": "deny", so no caller is denied yet.')
    else:
        print(f"The brake is off: {plural(denied, 'caller')} will be released, and none is denied.")
    print(_start(brake))


def _get_role_arn(target: Target) -> str | None:
    return target.role.arn if isinstance(target, SessionTarget) else None


def _start(brake: DeployedBrake) -> str:
    """Start the brake at once; returns when it takes effect."""
    try:
        brake.runs.start()
    except RunNotStartedError:
        return _LATER
    return _NOW


def _describe_switch(switch: BrakeSwitch, names: Mapping[str, str]) -> str:
    state = "on" if switch.is_on else "off"
    if switch.by is None or switch.at is None:
        return f"The brake is {state}. It was never switched on: bedrock-meter deny switch on"
    by = printable(names.get(switch.by, switch.by))
    return f"The brake has been {state} since {_write_time(switch.at)}, by {by}."


def _list_facts(deny: Deny) -> Iterator[str]:
    """List what is known of a deny, with the reason for which IAM refused to change it."""
    yield f"State: {_describe_state(deny)}"
    if deny.obstacle is not None:
        yield f"Obstacle: {deny.obstacle.value}"
    last = max(deny.causes, key=lambda cause: cause.until)
    later = " or later: the window moves by the hour" if last.is_window else ""
    yield f"Until: {_write_time(deny.until)}{later}"
    for cause in deny.causes:
        usage = describe_usage(cause.amount, cause.used, cause.reserve)
        yield f"{_capitalize(cause.key)}: {usage}"


def _describe_state(deny: Deny) -> str:
    attached_at = deny.attached_at or deny.decided_at
    match deny.state:
        case DenyState.ATTACHING | DenyState.NO_ROOM:
            since = deny.decided_at
        case DenyState.CONTESTED:
            since = deny.contested_at or attached_at
        case DenyState.RELEASING:
            return f"{deny.state.value}, denied since {_write_time(attached_at)}"
        case _:
            since = attached_at
    return f"{deny.state.value} since {_write_time(since)}"


def _describe_release(release: Release, book: BudgetBook, names: Mapping[str, str]) -> str:
    """Describe a release that is in force."""
    key = release.key
    is_window = not key.is_credits and isinstance(
        book.budgets[key.budget].budget.periods, RollingHours
    )
    until = _write_time(release.find_end(is_window=is_window))
    by = printable(names.get(release.by, release.by))
    return f"{_capitalize(key)}: until {until}, by {by}"


def _describe_end(deny: Deny, releases: Sequence[Release]) -> str:
    """Describe when the releases of a deny end: one for each of its budgets."""
    ends = {
        release.find_end(is_window=cause.is_window)
        for cause, release in zip(deny.causes, releases, strict=True)
    }
    until = " and ".join(map(_write_time, sorted(ends)))
    budgets = {printable(cause.key.name) for cause in deny.causes if not cause.key.is_credits}
    if not budgets:
        return f"until {until}"
    return f"until {until}, unless the {' or the '.join(sorted(budgets))} is lowered or built again"


def _capitalize(key: CauseKey) -> str:
    name = printable(key.name)
    return name[:1].upper() + name[1:]


def _explain_missing(arn: str, known: Collection[str], state: str) -> str:
    """Explain that a caller is not denied, or not released; its role or user may be."""
    principal = read_principal(arn)
    if principal == arn or principal not in known:
        return printable(arn)
    return f"{printable(arn)}, but {printable(principal)} is {state}, with all its sessions"


def _write_time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
