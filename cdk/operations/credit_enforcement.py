"""Sets and shows the switch of credits, with what it stops: `bedrock-meter credits enforce`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cdk.operations.terminal import printable, show_time
from lambdas.domain.brake import BrakeSwitch
from lambdas.domain.budgets import LATE_LABELS, BudgetScope, ScopeField
from lambdas.domain.credits import (
    CreditStore,
    CreditSwitch,
    CreditSwitchStore,
    ExhaustedAction,
    ExhaustedScopes,
    UnpaidScope,
    describe_scope,
    find_unpaid,
)

DRY_RUN = "This was a dry run: nothing is changed."
_OFTEN_LATE = frozenset({ScopeField.PROJECT, ScopeField.MODEL})
"""The labels that the gateway does not know of each call: docs/gateway.md#budgets."""


class BrakeSwitchReader(Protocol):
    """Reads the switch of the brake."""

    def read_switch(self) -> BrakeSwitch:
        """Read it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Enforcement:
    """All that decides if usage without credits is stopped.

    Attributes:
        switch: The switch of credits.
        brake: The switch of the brake.
        actions: The parts that the deployed setting `credits_exhausted` names.
        exhausted: The scopes whose credits are exhausted.
        store: The books.
    """

    switch: CreditSwitchStore
    brake: BrakeSwitchReader
    actions: Sequence[ExhaustedAction]
    exhausted: ExhaustedScopes
    store: CreditStore


def show_switch(enforcement: Enforcement, now: datetime) -> None:
    """Print the state of the switch, the exhausted scopes, and what is or would be stopped."""
    state = enforcement.switch.read()
    word = "on" if state.is_on else "off"
    if state.at is None:
        print("Enforcement is off. It was never switched on: bedrock-meter credits enforce on")
    else:
        print(f"Enforcement has been {word} since {show_time(state.at)}.")
    for scope in enforcement.exhausted.list_exhausted():
        name = printable(describe_scope(scope.scope))
        print(f"Exhausted since {show_time(scope.since)}: {name} ({printable(scope.because)})")
    _print_effects(enforcement, now, is_on=state.is_on)


def set_switch(enforcement: Enforcement, *, is_on: bool, by: str | None, now: datetime) -> None:
    """Set the switch, and print what follows.

    Args:
        enforcement: The switches and the credits.
        is_on: True to let the parts that `credits_exhausted` names stop usage.
        by: Who sets it; `None` for a dry run.
        now: The time.
    """
    before = enforcement.switch.read()
    again = " already" if before.at is not None and before.is_on == is_on else ""
    if is_on:
        print(f"Enforcement is on{again}: usage without credits is stopped.")
        names = [describe_scope(each.scope) for each in enforcement.exhausted.list_exhausted()]
        print(f"Exhausted now: {', '.join(map(printable, names)) or 'no scope'}.")
        _print_effects(enforcement, now, is_on=True)
    else:
        print(
            f"Enforcement is off{again}: exhausted credits are only reported, and callers are"
            " released."
        )
    if by is None:
        print(DRY_RUN)
        return
    enforcement.switch.write(CreditSwitch(is_on=is_on, by=by, at=now))
    print("The gateway follows within 5 seconds, the brake within a minute.")


def explain_late_labels(scope: BudgetScope) -> str | None:
    """Explain which calls the gateway does not refuse for a scope; `None` if it knows its labels.

    A label that is not known before the call meets no condition of exhausted credits.
    """
    if late := [field for field in scope.conditions if field in LATE_LABELS]:
        return (
            f"The gateway does not know the {_list_labels(late)} of a call before it is made: it"
            " refuses no call because these credits are exhausted."
        )
    if late := [field for field in scope.conditions if field in _OFTEN_LATE]:
        return (
            f"The gateway does not know the {_list_labels(late)} of each call before it is made:"
            " once these credits are exhausted, it refuses only calls whose label it knows"
            " (docs/gateway.md#exhausted-credits)."
        )
    return None


def _list_labels(fields: Iterable[ScopeField]) -> str:
    return " and the ".join(field.value.replace("_", " ") for field in fields)


def _print_effects(enforcement: Enforcement, now: datetime, *, is_on: bool) -> None:
    if not enforcement.actions:
        print(
            "The setting credits_exhausted names no part, so nothing is stopped: name brake or"
            " gateway there, and run make deploy."
        )
        return
    book = enforcement.store.read_book()
    if book.unreadable:
        names = ", ".join(map(printable, book.unreadable))
        print(f"{names} cannot be read, and may pay: nothing more is stopped until it can.")
        return
    unpaid = find_unpaid(enforcement.exhausted.list_exhausted(), book, now)
    if ExhaustedAction.BRAKE in enforcement.actions:
        print(*_explain_brake(enforcement, unpaid, is_on=is_on), sep="\n")
    if ExhaustedAction.GATEWAY in enforcement.actions:
        print(*_explain_gateway(unpaid, is_on=is_on), sep="\n")


def _explain_brake(
    enforcement: Enforcement, unpaid: Sequence[UnpaidScope], *, is_on: bool
) -> Iterator[str]:
    is_brake_on = enforcement.brake.read_switch().is_on
    callers = sorted({arn for each in unpaid for arn in each.callers})
    verb = "denies" if is_on and is_brake_on else "would deny"
    yield f"The brake {verb} {', '.join(map(printable, callers)) or 'no caller'}."
    if not is_brake_on:
        yield "The brake's own switch is off, so it denies no caller: bedrock-meter deny switch on"
    for each in unpaid:
        name = printable(describe_scope(each.scope))
        if not each.names_callers:
            yield f"  {name} names no caller with all of its usage: the brake denies none for it."
        elif not each.callers:
            yield f"  {name}: another grant pays for all usage of these callers."


def _explain_gateway(unpaid: Sequence[UnpaidScope], *, is_on: bool) -> Iterator[str]:
    names = [printable(describe_scope(each.scope)) for each in unpaid]
    verb = "refuses" if is_on else "would refuse"
    if not names:
        yield f"The gateway {verb} no call."
        return
    yield (
        f"The gateway {verb} calls of {', '.join(names)}, if no other grant may pay for them and"
        " their callers are not in break_glass."
    )
    for name, each in zip(names, unpaid, strict=True):
        if explanation := explain_late_labels(each.scope):
            yield f"  {name}: {explanation}"
