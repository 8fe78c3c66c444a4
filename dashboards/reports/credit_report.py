"""Shows the credits of log files: a table for people, and JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdk.operations.terminal import printable_name
from dashboards.reports.credit_outcomes import CreditOutcome, ScopeOutcome
from lambdas.domain.budgets import to_usd
from lambdas.domain.credits import GrantBalance, write_scope, write_usd
from lambdas.domain.money import dollars
from lambdas.domain.times import write_time
from lambdas.domain.words import plural

_MAX_HOURS = 3


def print_credits(outcome: CreditOutcome, console: Console) -> None:
    """Print the credits of each scope, its grants, and when they were exhausted."""
    for scope in outcome.scopes:
        _print_scope(scope, console)
        console.print()
    for grant in outcome.later:
        amount, start = _write_usd(grant.picodollars), _write_hour(grant.effective_from)
        _print_note(f"Grant {grant.id} of {amount} begins at {start}, after the logs.", console)


def credits_json(outcome: CreditOutcome) -> Iterator[dict[str, Any]]:
    """Write the credits of each scope; money as text."""
    for scope in outcome.scopes:
        credits_, days = scope.credits, scope.days_left
        yield {
            "scope": write_scope(credits_.scope),
            "at": write_time(credits_.at),
            "granted_usd": write_usd(credits_.granted_picodollars),
            "burned_usd": write_usd(scope.burn.paid_picodollars),
            "balance_usd": write_usd(credits_.balance_picodollars),
            "expired_usd": write_usd(scope.expired_picodollars),
            "overage_usd": write_usd(scope.burn.overage_picodollars),
            "exhausted_in": [write_time(hour) for hour in scope.exhausted_in],
            "last_day_usd": write_usd(scope.rates.day),
            "last_week_usd_per_day": write_usd(scope.rates.week),
            "days_left": None if days is None else round(days, 1),
            "unpriced_calls": scope.unpriced_calls,
            "grants": [
                {
                    "id": balance.grant.id,
                    "amount_usd": write_usd(balance.grant.picodollars),
                    "balance_usd": write_usd(_get_rest(scope, balance)),
                    "priority": balance.grant.priority,
                    "effective_from": write_time(balance.grant.effective_from),
                    "expires_at": (
                        None
                        if balance.grant.expires_at is None
                        else write_time(balance.grant.expires_at)
                    ),
                }
                for balance in credits_.grants
            ],
        }


def _print_scope(scope: ScopeOutcome, console: Console) -> None:
    credits_, burn = scope.credits, scope.burn
    amounts = [
        f"{_write_usd(credits_.granted_picodollars)} granted",
        f"{_write_usd(burn.paid_picodollars)} burned",
        f"{_write_usd(credits_.balance_picodollars)} left",
    ]
    if scope.expired_picodollars:
        amounts.append(f"{_write_usd(scope.expired_picodollars)} expired")
    if burn.overage_picodollars:
        amounts.append(f"{_write_usd(burn.overage_picodollars)} overage")
    title = f"Credits of {printable_name(credits_.name)} at {_write_hour(credits_.at)}: "
    console.print(Text(title + ", ".join(amounts)), soft_wrap=True)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Grant", overflow="fold")
    for name in ("Amount", "Left"):
        table.add_column(name, justify="right", no_wrap=True)
    for name in ("From", "Until"):
        table.add_column(name, no_wrap=True)
    for balance in credits_.grants:
        grant = balance.grant
        table.add_row(
            Text(grant.id),
            _write_usd(grant.picodollars),
            _write_usd(_get_rest(scope, balance)),
            _write_hour(grant.effective_from),
            "-" if grant.expires_at is None else _write_hour(grant.expires_at),
        )
    console.print(table)
    for note in _list_notes(scope):
        _print_note(note, console)


def _list_notes(scope: ScopeOutcome) -> Iterator[str]:
    if scope.exhausted_in:
        hours = ", ".join(map(_write_hour, scope.exhausted_in[:_MAX_HOURS]))
        more = len(scope.exhausted_in) - _MAX_HOURS
        yield f"Exhausted in the hour of {hours}" + (f" and {more:,} more." if more > 0 else ".")
    if scope.days_left is not None:
        rate = _write_usd(scope.rates.week)
        yield f"The rest lasts {scope.days_left:,.1f} days, at {rate} a day in the last 7 days."
    if scope.unpriced_calls:
        calls = plural(scope.unpriced_calls, "call")
        yield f"{calls} without a known price drew nothing down, which does not mean they are free."


def _get_rest(scope: ScopeOutcome, balance: GrantBalance) -> int:
    """Get what can still be used of a grant: nothing after its end."""
    return balance.picodollars if balance in scope.credits.effective else 0


def _print_note(text: str, console: Console) -> None:
    console.print(Text(text, style="dim"), soft_wrap=True)


def _write_usd(picodollars: int) -> str:
    return dollars(to_usd(picodollars))


def _write_hour(hour: datetime) -> str:
    return f"{hour:%Y-%m-%d %H:%M} UTC"
