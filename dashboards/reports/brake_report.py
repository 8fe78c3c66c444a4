"""Shows what the brake would have done with the usage in log files, for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdk.operations.terminal import printable_name
from dashboards.reports.budget_outcomes import BudgetOutcome
from lambdas.domain.brake import NotEnforceable, PastDeny, PrincipalTarget, SessionTarget
from lambdas.domain.budgets import BrakeMode, Budget, describe_time
from lambdas.domain.invocations.short_names import shorten_identities
from lambdas.domain.words import exact_text, plural

_TITLES = {
    BrakeMode.DENY: "The brake would have acted {}:",
    BrakeMode.SHADOW: "The brake would have reported, and denied no caller, {}:",
    BrakeMode.NOTIFY: 'This budget only alerts. With "brake": "deny", it would have acted {}:',
}


def print_brake(outcome: BudgetOutcome, console: Console, top: int) -> None:
    """Print whom the brake of a budget would have denied, when, and what was used by then.

    Of a budget that only alerts, print whom a brake would have denied, if any.

    Args:
        outcome: The outcome of the budget.
        console: Prints.
        top: The number of rows.
    """
    budget, denies = outcome.budget, outcome.denies or ()
    if not denies:
        if budget.brake is not BrakeMode.NOTIFY:
            console.print("The brake would have denied no caller.")
        return
    console.print(Text(_TITLES[budget.brake].format(plural(len(denies), "time"))))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Caller", overflow="fold")
    for name in ("Denied from", "Until"):
        table.add_column(name, no_wrap=True)
    for name in ("Used then", "%", "Used later"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Result")
    short = shorten_identities(deny.caller.arn for deny in denies)
    for deny in denies[:top]:
        table.add_row(Text(printable_name(short[deny.caller.arn])), *_write(budget, deny))
    console.print(table)
    if (more := len(denies) - top) > 0:
        console.print(f"and {more:,} more, later", style="dim")


def _write(budget: Budget, deny: PastDeny) -> Sequence[str | Text]:
    amount, cause = budget.amount, deny.cause
    match deny.caller:
        case NotEnforceable():
            result = f"cannot be denied: {deny.caller.reason}"
        case SessionTarget():
            result = "session denied, if brake_sessions is on"
        case PrincipalTarget(kind=kind):
            result = f"{kind.value} denied"
    return (
        describe_time(budget.periods, deny.minute),
        describe_time(budget.periods, cause.until),
        amount.describe(cause.used),
        exact_text(amount.get_percentage(cause.used)),
        amount.describe(deny.later),
        Text(result),
    )
