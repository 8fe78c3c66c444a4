"""Shows what the brake would have done with the usage in log files, for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdk.operations.terminal import printable_name
from dashboards.reports.budget_usage import BudgetUsage
from lambdas.domain.brake import (
    NotEnforceable,
    PastDeny,
    PrincipalTarget,
    SessionTarget,
    TargetRules,
    list_callers,
    list_own_roles,
    replay_brake,
)
from lambdas.domain.budgets import BrakeMode, Budget, describe_time
from lambdas.domain.invocations.identity import CallerIdentity
from lambdas.domain.invocations.short_names import shorten_identities
from lambdas.domain.words import exact_text, plural
from lambdas.meter_name import METER_NAME


def print_brake(usage: BudgetUsage, budget: Budget, console: Console, top: int) -> None:
    """Print whom the brake of a budget would have denied, when, and what was spent by then.

    Args:
        usage: The usage.
        budget: The budget; nothing is printed if it has no brake.
        console: Prints.
        top: The number of rows.
    """
    if budget.brake is BrakeMode.NOTIFY:
        return
    denies = sorted(_replay(usage, budget), key=lambda deny: (deny.minute, deny.caller.arn))
    if not denies:
        console.print("The brake would have denied no caller.")
        return
    console.print(Text(f"The brake would have acted {plural(len(denies), 'time')}:"))
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Caller", overflow="fold")
    for name in ("Denied from", "Used then", "%", "Used later"):
        table.add_column(name, justify="left" if name == "Denied from" else "right", no_wrap=True)
    table.add_column("Result")
    short = shorten_identities(deny.caller.arn for deny in denies)
    for deny in denies[:top]:
        table.add_row(Text(printable_name(short[deny.caller.arn])), *_write(budget, deny))
    console.print(table)
    if (more := len(denies) - top) > 0:
        console.print(f"and {more:,} more, later", style="dim")


def _replay(usage: BudgetUsage, budget: Budget) -> Iterator[PastDeny]:
    for value, minutes in usage.minutes_by_value(budget).items():
        callers = (CallerIdentity.from_arn(arn) for arn in list_callers(budget, value))
        known = next((caller for caller in callers if caller.account_id), None)
        rules = TargetRules(
            account_id=(known and known.account_id) or "",
            partition=(known and known.partition) or "aws",
            own_roles=list_own_roles(METER_NAME),
            has_sessions=True,
        )
        yield from replay_brake(budget, value, minutes, rules)


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
        amount.describe(cause.used),
        exact_text(amount.get_percentage(cause.used)),
        amount.describe(deny.later),
        Text(result),
    )
