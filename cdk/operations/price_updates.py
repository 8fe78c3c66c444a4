"""Lists held prices and decides on them: `make price-updates [ACCEPT="ID ..."] [REJECT=...]`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import boto3
from rich.console import Console
from rich.table import Table

from cdk.operations.deployment import Deployment
from cdk.operations.invocation import FunctionFailedError, invoke, open_functions
from cdk.operations.price_state import DamagedPriceStateError, describe_held, read_price_state
from cdk.operations.terminal import CommandError, open_console, printable
from lambdas.domain.pricing.editions import HeldPrice, HoldReason, PriceUpdates
from lambdas.domain.words import exact_text, plural

_MEANINGS = {
    HoldReason.LARGE_CHANGE: "changes by more than a factor of 2",
    HoldReason.NEW_ZERO: "is 0 now",
    HoldReason.REMOVED: "is no longer listed",
    HoldReason.UNMAPPED_NAME: "has an unknown model name",
    HoldReason.AMBIGUOUS: "is listed with several prices",
    HoldReason.SUPERSEDED: "was in a superseded edition",
}
_MAX_EDITIONS = 10
_MAX_REJECTED = 20


def read_request(
    *,
    accept: str = "",
    reject: str = "",
    supersede: str = "",
    reason: str = "",
    check: bool = False,
) -> dict[str, Any] | None:
    """Read a decision, or the wish for a check, as an event for the function.

    Args:
        accept: Ids of held prices, or `all`.
        reject: Ids of held prices, or `all`.
        supersede: The edition whose changes are removed.
        reason: The reason for superseding it.
        check: Read the AWS Price List now.

    Returns:
        The event; `None` to only list held prices.

    Raises:
        CommandError: The arguments contradict each other.
    """
    decisions = {"accept": accept, "reject": reject, "supersede": supersede}
    names = [name for name, value in decisions.items() if value]
    if len(names) + check > 1:
        message = "use only one of --accept, --reject, --supersede and --check."
        raise CommandError(message)
    if reason and not supersede:
        message = "--reason needs --supersede EDITION."
        raise CommandError(message)
    if supersede and not reason:
        message = 'give the reason: --supersede EDITION --reason "...".'
        raise CommandError(message)
    if supersede:
        return {"decision": {"supersede": supersede, "reason": reason}}
    if check:
        return {}
    if not names:
        return None
    (name,) = names
    return {"decision": {name: decisions[name].replace(",", " ").split()}}


def update_prices(
    session: boto3.Session,
    event: dict[str, Any] | None,
    find_person: Callable[[boto3.Session], str | None],
) -> None:
    """Carry out a decision or a check if there is one, then list the held prices.

    Args:
        session: The credentials.
        event: The event of `read_request`.
        find_person: Finds the id of the person who decides, for the audit trail; `None` where
            governance is off.

    Raises:
        CommandError: It cannot be carried out.
    """
    deployment = Deployment(session.client("cloudformation"))
    if event is not None:
        function = deployment.price_updater
        if function is None:
            message = "price updates are off: set price_updates to true in cdk.json and deploy."
            raise CommandError(message)
        if "decision" in event and (person := find_person(session)) is not None:
            event = {"decision": event["decision"] | {"made_by": person}}
        try:
            answer: dict[str, Any] = invoke(open_functions(session), function, event)
        except FunctionFailedError as error:
            message = f"{error}: its log group says more."
            raise CommandError(message) from None
        _print_answer(answer)
    try:
        state = read_price_state(session, deployment)
    except DamagedPriceStateError as error:
        raise CommandError(str(error)) from None
    _print_state(open_console(), state)


def _print_answer(answer: dict[str, Any]) -> None:
    for problem in ("refused", "unavailable"):
        if problem in answer:
            raise CommandError(printable(answer[problem]))
    if answer["edition"] is None:
        print("Prices are unchanged.")
    elif answer["changes"]:
        print(f"Edition {answer['edition']} has {plural(answer['changes'], 'change')}.")
    else:
        print(
            f"Edition {answer['edition']} removes the changes. Functions use it within 10 minutes."
        )


def _print_state(console: Console, state: PriceUpdates) -> None:
    if state.held:
        table = Table("Name", "Price", "Known, USD", "Listed, USD", "Why it is held", "Since")
        for entry in state.held:
            table.add_row(*_row(entry))
        console.print(table)
        console.print("The known prices stay until you decide: --accept NAME or --reject NAME.")
    else:
        console.print("No prices wait for a decision.")
    for rejected in state.settled[-_MAX_REJECTED:]:
        console.print(f"Rejected: {rejected.id}, {printable(describe_held(rejected))}")
    if len(state.settled) > _MAX_REJECTED:
        console.print(f"Rejected earlier: {len(state.settled) - _MAX_REJECTED:,} more.")
    for summary in state.editions[-_MAX_EDITIONS:]:
        console.print(
            f"Edition {summary.id}: {plural(summary.changes, 'change')}, from {summary.first_day}"
            f" on, UTC;"
            f" {printable(summary.reason)}"
        )
    checked = f"{state.checked_at:%F %H:%M} UTC" if state.checked_at else "not yet"
    console.print(
        f"Last check of the AWS Price List: {checked}. In force:"
        f" {state.edition or 'the shipped prices'}."
    )


def _row(entry: HeldPrice) -> tuple[str, ...]:
    return (
        entry.id,
        printable(describe_held(entry)),
        "" if entry.usd_before is None else exact_text(entry.usd_before),
        "" if entry.rate is None else exact_text(entry.rate.usd),
        _MEANINGS[entry.reason],
        f"{entry.since:%F}",
    )
