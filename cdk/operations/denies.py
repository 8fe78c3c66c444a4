"""Lists and releases denied callers, and sets the switch: `bedrock-meter deny`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

import boto3
from rich.table import Table

from cdk.config import stack_names
from cdk.operations.deployment import Deployment
from cdk.operations.terminal import CommandError, open_console, printable
from lambdas.domain.audit import PersonDirectory
from lambdas.domain.brake import (
    BrakeDecisionStore,
    BrakeSwitch,
    Deny,
    DenyCause,
    DenyReader,
    DenyState,
    SessionTarget,
    Target,
    make_releases,
)
from lambdas.domain.runs import RunNotStartedError, RunStarter
from lambdas.domain.words import exact_text, plural

_NONE_DENIED = "No caller is denied."
_LATER = "It takes effect within a minute."
_NOW = "It takes effect in some seconds."


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployedBrake:
    """The deployed brake, as commands use it.

    Attributes:
        denies: The stored denies.
        decisions: The switch and releases by hand.
        runs: Starts the brake at once.
        operator_arn: The ARN of the credentials.
        people: The ids of people, by which decisions and the audit trail refer to them.
    """

    denies: DenyReader
    decisions: BrakeDecisionStore
    runs: RunStarter
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
    deployment = Deployment(session.client("cloudformation", region_name=region))
    controller = deployment.brake_controller
    if controller is None:
        message = (
            "the brake is not deployed in this Region: set governance and brake to true in"
            " cdk.json, then run make deploy."
        )
        raise CommandError(message)
    return BrakeNames(deployment.output(stack_names.STORAGE, "GovernanceTableName"), controller)


def list_denies(brake: DeployedBrake) -> None:
    """Print the denied callers, and the state of the switch."""
    print(_describe_switch(brake.decisions.read_switch(), brake.people.read_names()))
    denies = sorted(brake.denies.list_denies(), key=lambda deny: deny.target.arn)
    if not denies:
        print(_NONE_DENIED)
        return
    table = Table("Caller", "State", "Since", "Until", "Budgets")
    for deny in denies:
        table.add_row(
            printable(deny.target.arn),
            _describe_state(deny),
            "-" if deny.attached_at is None else _write_time(deny.attached_at),
            _write_time(deny.until),
            "\n".join(map(_describe_cause, deny.causes)),
        )
    open_console().print(table)


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
    if missing := [printable(arn) for arn in arns if arn not in denies]:
        message = f"not denied: {', '.join(missing)}. bedrock-meter deny list has those who are."
        raise CommandError(message)
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
            print(f"Released: {printable(arn)}, {_describe_end(denies[arn], until)}.")
    print(_start(brake))


def set_switch(brake: DeployedBrake, *, is_on: bool, now: datetime) -> None:
    """Set the switch, and print what follows.

    Args:
        brake: The brake.
        is_on: True to let budgets with the brake `deny` deny callers.
        now: The time.
    """
    brake.decisions.write_switch(BrakeSwitch(is_on=is_on, by=brake.identify_operator(), at=now))
    denied = sum(deny.state is not DenyState.NO_ROOM for deny in brake.denies.list_denies())
    if is_on:
        print("The brake is on: callers whose budgets are used up are denied.")
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
    return f"The brake is {state} since {_write_time(switch.at)}, by {by}."


def _describe_state(deny: Deny) -> str:
    """Describe the state, with the reason for which IAM refused to change it."""
    state = deny.state.value
    return state if deny.obstacle is None else f"{state},\n{deny.obstacle.value}"


def _describe_cause(cause: DenyCause) -> str:
    amount = cause.amount
    used = f"{amount.describe(cause.used)} of {amount.describe()} used"
    percent = exact_text(amount.get_percentage(cause.used))
    return f"{printable(cause.key.budget)}: {used} ({percent} %)"


def _describe_end(deny: Deny, until: datetime | None) -> str:
    periods = (cause.key.period.end for cause in deny.causes)
    ends = sorted({_write_time(min(until or end, end)) for end in periods})
    return f"until {' and '.join(ends)}, unless the budget {_list_budgets(deny)} is lowered"


def _list_budgets(deny: Deny) -> str:
    return " or ".join(sorted({printable(cause.key.budget) for cause in deny.causes}))


def _write_time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
