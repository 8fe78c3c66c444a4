"""The text of the demo: who was notified of what, and who spent what."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

from rich.table import Table
from rich.text import Text

from cdk.alarms.thresholds import AlarmThreshold
from cdk.operations.terminal import printable, printable_name
from dashboards.demo.plain_sums import PlainSums, add_sums
from lambdas.domain.invocations.short_names import shorten_identity
from lambdas.domain.metrics.catalog import QUOTA_TOKENS
from lambdas.domain.money import count_places, dollars
from lambdas.domain.words import plural

_NAME_WIDTH = len("Bedrock Meter: invocation logging was changed")
_UNITS = {QUOTA_TOKENS.name: "quota tokens"}
_DRIFT = re.compile(r"^- (?P<what>[^\n]+)$.*^Changed by: (?P<who>[^,]+),", re.MULTILINE | re.DOTALL)


_USED = re.compile(r"^Used: (?P<used>.+), (?P<percent>[\d.]+)%$", re.MULTILINE)
_EXPECTED = re.compile(
    r"^Forecast for the end of the period: (?P<amount>[^;]+); (?P<probability>\d+% probability.+)$",
    re.MULTILINE,
)
_DENIED = re.compile(
    r"^Denied: (?P<who>\S+)$.*^Budget \S+: (?P<used>[^,]+ used), (?P<percent>[\d.]+)%.*"
    r"^Until: (?P<until>\S+)$",
    re.MULTILINE | re.DOTALL,
)


class Event(NamedTuple):
    """A notification that subscribers received, as a row of the story."""

    at: datetime
    name: str
    why: str


def describe_alarm(
    notification: Mapping[str, Any], thresholds: Mapping[str, AlarmThreshold], at: datetime
) -> Event:
    """Describe the notification of an alarm: its amount, unit and window, or its first sentence.

    Args:
        notification: The message of the topic.
        thresholds: The thresholds of usage alarms, by the alarm's name.
        at: The time of the evaluation.
    """
    alarm = json.loads(notification["Message"])
    name = alarm["AlarmName"]
    if name not in thresholds:
        sentence, _, _ = alarm["AlarmDescription"].partition(". ")
        return Event(at, name, f"{sentence}.")
    threshold = thresholds[name]
    label, _, reason = alarm["NewStateReason"].partition(": ")
    reached = Decimal(reason.split(", and ")[0].replace(",", ""))
    who = shorten_identity(label) if threshold.is_grouped else f"the {threshold.subject}"
    limit = Decimal(threshold.value)
    if threshold.is_of_cost:
        amounts = dollars(reached), dollars(limit)
    else:
        unit = _UNITS.get(threshold.metric_name, "tokens")
        amounts = f"{reached:,.0f} {unit}", f"{limit:,.0f}"
    amount, shown_limit = amounts
    why = (
        f"{who}: {amount} within one {threshold.window}, over the {threshold.severity} threshold of"
        f" {shown_limit}"
    )
    return Event(at, name, why)


def describe_drift(notification: Mapping[str, Any], at: datetime) -> Event:
    """Describe the notice of a change: what differs from the deployment, and who changed it."""
    text = notification["Message"]
    found = _DRIFT.search(text)
    why = f"{found['what']}; changed by {shorten_identity(found['who'])}" if found else text
    return Event(at, notification["Subject"], why)


def describe_budget(notification: Mapping[str, Any], at: datetime) -> Event:
    """Describe the alert of a budget: what is used of the amount, and the forecast.

    Args:
        notification: The message of the topic.
        at: The time of the evaluation.
    """
    text = notification["Message"]
    used, expected = _USED.search(text), _EXPECTED.search(text)
    if used is None:
        return Event(at, notification["Subject"], text)
    why = f"{used['used']} used, {used['percent']}%"
    if expected is not None:
        why += (
            f"; forecast for the end of the period: {expected['amount']}, with a"
            f" {expected['probability']}"
        )
    return Event(at, notification["Subject"], why)


def describe_brake(notification: Mapping[str, Any], at: datetime) -> Event:
    """Describe the notice of a deny: who is denied, what was used of the amount, and the end.

    Args:
        notification: The message of the topic.
        at: The time of the evaluation.
    """
    text = notification["Message"]
    found = _DENIED.search(text)
    why = text
    if found is not None:
        until = datetime.fromisoformat(found["until"])
        why = (
            f"{shorten_identity(found['who'])} until {until:%Y-%m-%d %H:%M} UTC: {found['used']},"
            f" {found['percent']}%"
        )
    return Event(at, notification["Subject"], why)


def write_event(event: Event) -> Text:
    """Write a notification in one line, in columns."""
    name = f"{printable(event.name):<{_NAME_WIDTH}}"
    return Text.assemble(
        f"{event.at:%Y-%m-%d %H:%M} UTC  ", (name, "bold red"), f"  {printable(event.why)}"
    )


def spending_table(sums: Mapping[str, PlainSums]) -> Table:
    """Make a table of identities, the most expensive first, with a total."""
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("Identity", overflow="fold")
    for name in ("Calls", "Failed", "Total tokens", "Cost"):
        table.add_column(name, justify="right", no_wrap=True)
    total = add_sums(sums.values())
    places = count_places(total.cost_usd)
    for name, part in _most_expensive_first(sums):
        table.add_row(Text(printable_name(shorten_identity(name))), *_cells(part, places))
    table.add_row("Total", *_cells(total, places), style="bold")
    return table


def list_projects(sums: Mapping[str, PlainSums]) -> str:
    """List the cost of each project, the most expensive first."""
    places = count_places(add_sums(sums.values()).cost_usd)
    return ", ".join(
        f"{printable(name)} {dollars(part.cost_usd, places=places)}"
        for name, part in _most_expensive_first(sums)
    )


def describe_failures(sums: Mapping[str, PlainSums]) -> str:
    """Describe failed calls, and who made most of them."""
    total = add_sums(sums.values()).failed_calls
    who = max(sums, key=lambda name: sums[name].failed_calls)
    return (
        f"{plural(total, 'failed call')}, counted separately, {sums[who].failed_calls:,} of them by"
        f" {shorten_identity(who)}"
    )


def describe_unpriced(calls_by_model: Mapping[str, float]) -> str:
    """Describe the calls of each model without a price."""
    return "; ".join(
        f"{plural(round(calls), 'call')} of {printable(model)}, which has no price: their tokens"
        " count, their cost is unknown"
        for model, calls in calls_by_model.items()
    )


def _most_expensive_first(sums: Mapping[str, PlainSums]) -> list[tuple[str, PlainSums]]:
    return sorted(sums.items(), key=lambda item: item[1].cost_usd, reverse=True)


def _cells(part: PlainSums, places: int) -> tuple[str, ...]:
    counts = (part.calls, part.failed_calls, part.total_tokens)
    return (*(f"{count:,}" for count in counts), dollars(part.cost_usd, places=places))
