"""The summary of a week as a notice: text that a person reads in ten seconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from decimal import Decimal

from lambdas.domain.alerts import Notice
from lambdas.domain.events import EventType, MeterEvent, make_event_id
from lambdas.domain.invocations.short_names import shorten_identities, shorten_models
from lambdas.domain.money import UNPRICED, dollars
from lambdas.domain.pricing import UNPRICED_MEANINGS, Cost
from lambdas.domain.reports.weekly.anomalies import MEDIAN_DAYS, MIN_FACTOR, MIN_USD
from lambdas.domain.reports.weekly.detail import write_summary_detail
from lambdas.domain.reports.weekly.summary import (
    MAX_RANKED,
    Ranking,
    WeeklySummary,
)
from lambdas.domain.reports.weekly.tally import NameKind
from lambdas.domain.reports.weekly.unusual_days import UnusualDay, group_anomalies
from lambdas.domain.reports.weekly.week import LOOK_BACK
from lambdas.domain.unlogged import UnloggedUsage
from lambdas.domain.usage import UsageTotals
from lambdas.domain.words import break_links, cut, plural, printable

_MIN_PERCENT = Decimal("0.1")
_MAX_NAME_LETTERS = 200
_MAX_SUBJECT_LETTERS = 99  # https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
_SHORT_MONTH = "%b"
_LONG_MONTH = "%B"
_PLURALS = {
    NameKind.IDENTITY: "identities",
    NameKind.PROJECT: "projects",
    NameKind.MODEL: "models",
}
_WEEK_BEFORE = "the week before"
_NOT_INCLUDED = "Not included above (not in the logs)"
_RULE = (
    f"more than {MIN_FACTOR} times the median of the {MEDIAN_DAYS} days before, and more than"
    f" ${MIN_USD}"
)
_FOOTER = (
    "Costs are estimates from list or contracted prices; your bill may differ. This summary comes"
    " every Monday, even after a week without calls: if it does not arrive, run make doctor."
)


def weekly_notice(summary: WeeklySummary, dashboard_url: str, place: str) -> Notice:
    """Write the summary of a week.

    Args:
        summary: The summary.
        place: The account and the Region, for the subject. Identities of other accounts are named
            with theirs.
        dashboard_url: The address of the dashboard that shows more.
    """
    reported, week = summary.reported, summary.week
    account, _, _ = place.partition(" ")
    names = _Names(summary, account)
    period = _write_days(reported.first_day, reported.last_day)
    parts = [
        [f"Amazon Bedrock, {period} (week {reported.name}, UTC)", *_write_totals(summary)],
        [*_write_doubts(summary)],
        [*_write_anomalies(summary, names)],
        *([*_write_ranking(kind, ranking, names)] for kind, ranking in summary.rankings.items()),
        [*_write_new_names(summary, names)],
        [f"Dashboard: {dashboard_url}", _FOOTER],
    ]
    days = _write_days(reported.first_day, reported.last_day, _SHORT_MONTH)
    subject = f"Bedrock Meter: {place}, {_write_cost(week)}, {days}"
    if len(subject) > _MAX_SUBJECT_LETTERS:
        subject = f"Bedrock Meter: {place}, week {reported.name}"
    text = "\n\n".join("\n".join(lines) for lines in parts if lines)
    event = MeterEvent(
        id=make_event_id(EventType.SUMMARY_WEEKLY, reported.name),
        type=EventType.SUMMARY_WEEKLY,
        at=reported.end,
        title=subject,
        text=text,
        detail=write_summary_detail(summary),
        link=dashboard_url,
    )
    return Notice(subject, text, events=(event,))


class _Names:
    """The names in a summary, as short as they stay different within it."""

    def __init__(self, summary: WeeklySummary, account: str) -> None:
        """Shorten all names; identities of the account are named without it."""
        found: dict[NameKind, set[str]] = {kind: set() for kind in NameKind}
        for kind, ranking in summary.rankings.items():
            found[kind].update(usage.name for usage in ranking.largest)
        for kind, usages in (summary.new or {}).items():
            found[kind].update(usage.name for usage in usages)
        for entry in summary.anomalies:
            found[entry.kind].add(entry.name)
        self._account = account
        self._short: dict[NameKind, Mapping[str, str]] = {
            NameKind.IDENTITY: shorten_identities(found[NameKind.IDENTITY]),
            NameKind.MODEL: shorten_models(found[NameKind.MODEL]),
        }

    def write(self, kind: NameKind, name: str) -> str:
        """Write a name in one line: callers choose names, of any length."""
        shown = self._short.get(kind, {}).get(name, name)
        if kind is NameKind.IDENTITY:
            shown = shown.removeprefix(f"{self._account} ")
        return cut(break_links(printable(shown)), _MAX_NAME_LETTERS)


def _write_totals(summary: WeeklySummary) -> Iterator[str]:
    week, before, month = summary.week, summary.before, summary.reported.month
    if _has_calls(week):
        cost = _compare(week.cost_usd, before.cost_usd, before, _WEEK_BEFORE)
        yield f"Cost: {_write_cost(week)}{cost}"
        tokens = _compare(week.total_tokens, before.total_tokens, before, _WEEK_BEFORE)
        yield f"Tokens: {week.total_tokens:,}{tokens}"
        failed = f", and {week.invocation_errors:,} failed" if week.invocation_errors else ""
        yield f"Calls: {week.invocations:,}{failed}"
    else:
        yield f"No calls. The week before: {_write_usage(before)}."
    days = _write_days(month, summary.reported.last_day)
    compared = _compare_month(summary)
    yield f"Month so far, {days}: {_write_cost(summary.month)}{compared}"


def _compare_month(summary: WeeklySummary) -> str:
    """Compare the cost of the month so far with the same days of the month before."""
    month, then = summary.month, summary.last_month
    days = _write_days(*summary.reported.last_month)
    if then is None:
        return f" ({days}: not metered in full)"
    return _compare(month.cost_usd if month.invocations else None, then.cost_usd, then, days)


def _compare(
    now: Decimal | int | None, then: Decimal | int | None, before: UsageTotals, days: str
) -> str:
    """Compare an amount with that of other days, which are named."""
    if not before.invocations:
        return f" ({days}: {_write_cost(before)})"
    if then is None:
        return f" ({days}: {UNPRICED})"
    shown = dollars(then) if isinstance(then, Decimal) else f"{then:,}"
    if not then or now is None:
        return f" ({days}: {shown})"
    percent = (now - then) * Decimal(100) / then
    if not percent:
        return f" (as in {days}: {shown})"
    more = "more" if percent > 0 else "less"
    return f" ({_write_percent(abs(percent))} {more} than {days}: {shown})"


def _write_percent(percent: Decimal) -> str:
    """Write a difference that is not 0: rounded, and small ones with one decimal."""
    if percent < _MIN_PERCENT:
        return f"less than {_MIN_PERCENT}%"
    return f"{percent:.1f}%" if percent < 1 else f"{percent:,.0f}%"


def _write_doubts(summary: WeeklySummary) -> Iterator[str]:
    """Say what the costs leave out, and what is uncertain in them."""
    week, reported = summary.week, summary.reported
    if summary.unpriced:
        several = len(summary.unpriced) > 1
        reasons = "; ".join(
            f"{f'{calls:,}: ' if several else ''}{UNPRICED_MEANINGS[reason]}"
            for reason, calls in sorted(summary.unpriced.items())
        )
        calls = plural(week.unpriced_invocations, "unpriced call")
        yield f"Not in the cost: {calls} ({reasons})."
    if week.assumed_price_invocations:
        calls = plural(week.assumed_price_invocations, "call")
        yield f"At assumed prices (~): {calls}, {dollars(week.assumed_cost_usd)}."
    if summary.unreadable_items:
        items = plural(summary.unreadable_items, "item")
        yield f"Not counted: {items} of the ledger that cannot be read as calls."
    yield from _write_unlogged(summary.unlogged)
    compared_from = min(reported.before.first_day, reported.month)
    if summary.complete_from > compared_from:
        yield (
            f"The ledger keeps calls from {_write_day(summary.complete_from)} on: totals of"
            " earlier days are incomplete (ledger_retention_days)."
        )


def _write_unlogged(unlogged: UnloggedUsage) -> Iterator[str]:
    """Say what Bedrock bills beside the calls in the logs, as far as it is known."""
    if unlogged.batch_jobs:
        costs = [job.cost for job in unlogged.batch_jobs if isinstance(job.cost, Cost)]
        usd = sum((cost.effective_usd for cost in costs), Decimal(0)) if costs else None
        shown = dollars(usd, is_assumed=any(cost.is_assumed for cost in costs))
        unpriced = len(unlogged.batch_jobs) - len(costs)
        more = f", {unpriced:,} of them unpriced" if costs and unpriced else ""
        jobs = plural(len(unlogged.batch_jobs), "batch job")
        yield f"{_NOT_INCLUDED}: {jobs}, {shown}{more}."
    if unlogged.mantle:
        tokens = sum((row.input or 0) + (row.output or 0) for row in unlogged.mantle)
        yield (f"{_NOT_INCLUDED}: {plural(tokens, 'token')} through bedrock-mantle, {UNPRICED}.")
    for reason in unlogged.unread:
        yield f"Usage that is not in the logs could not be read: {printable(reason)}"


def _write_anomalies(summary: WeeklySummary, names: _Names) -> Iterator[str]:
    judged_from, reported = summary.judged_from, summary.reported
    if judged_from is None:
        return
    if judged_from > reported.last_day:
        yield (
            f"Unusual days are not evaluated before {_write_day(judged_from)}, when there are"
            f" {MEDIAN_DAYS} days to compare with."
        )
        return
    since = f" since {_write_day(judged_from)}" if judged_from > reported.first_day else ""
    if not summary.anomalies:
        yield f"Unusual days{since}: none."
        return
    yield f"Unusual days{since} ({_RULE}):"
    days = group_anomalies(summary.anomalies)
    for day in days[:MAX_RANKED]:
        yield f"- {_write_unusual_day(day, names)}"
    yield from _write_more(days)


def _write_unusual_day(day: UnusualDay, names: _Names) -> str:
    """Write an event: the names with about the same cost, and the largest of these costs."""
    anomaly = day.anomalies[0].anomaly
    in_order = sorted(day.anomalies, key=lambda entry: [*NameKind].index(entry.kind))
    causes = ", ".join(f"{entry.kind} {names.write(entry.kind, entry.name)}" for entry in in_order)
    differ = any(entry.anomaly[1:] != anomaly[1:] for entry in day.anomalies)
    return (
        f"{anomaly.day:%A} {_write_day(anomaly.day)}, {causes}: {'up to ' if differ else ''}"
        f"{dollars(anomaly.usd)}, which is {dollars(anomaly.excess_usd)} above the median of"
        f" {dollars(anomaly.usual_usd)}"
    )


def _write_ranking(kind: NameKind, ranking: Ranking, names: _Names) -> Iterator[str]:
    if not ranking.largest:
        return
    yield f"{_PLURALS[kind].capitalize()} by cost (the week before in brackets):"
    for place, usage in enumerate(ranking.largest, 1):
        name, cost = names.write(kind, usage.name), _write_cost(usage.week)
        tokens = plural(usage.week.total_tokens, "token")
        yield f"{place}. {name}: {cost} ({_write_cost(usage.before)}), {tokens}"
    if ranking.others:
        yield f"{ranking.others:,} more: {_write_usage(ranking.rest)}"


def _write_new_names(summary: WeeklySummary, names: _Names) -> Iterator[str]:
    if summary.new is None:
        if _has_calls(summary.week):
            yield "New identities and models: unknown: nothing was metered before this week."
        return
    for kind, found in summary.new.items():
        title = f"New {_PLURALS[kind]}, without a call in the {LOOK_BACK.days} days before"
        if not found:
            yield f"{title}: none."
            continue
        yield f"{title}:"
        for usage in found[:MAX_RANKED]:
            yield f"- {names.write(kind, usage.name)}: {_write_cost(usage.week)}"
        yield from _write_more(found)


def _write_more(found: Sequence[object]) -> Iterator[str]:
    more = len(found) - MAX_RANKED
    if more > 0:
        yield f"- and {more:,} more"


def _write_usage(totals: UsageTotals) -> str:
    cost = _write_cost(totals)
    return f"{cost}, {plural(totals.total_tokens, 'token')}" if totals.invocations else cost


def _write_cost(totals: UsageTotals) -> str:
    """Write a cost, with the calls that are not in it."""
    if not totals.invocations:
        return "no successful calls" if totals.invocation_errors else "no calls"
    cost = dollars(totals.cost_usd, is_assumed=totals.assumed_price_invocations > 0)
    if totals.cost_usd is None or not totals.unpriced_invocations:
        return cost
    return f"{cost} and {plural(totals.unpriced_invocations, 'unpriced call')}"


def _has_calls(totals: UsageTotals) -> bool:
    return bool(totals.invocations or totals.invocation_errors)


def _write_day(day: date, month: str = _LONG_MONTH) -> str:
    return f"{day.day} {day:{month}} {day.year}"


def _write_days(first: date, last: date, month: str = _LONG_MONTH) -> str:
    """Write some days, naming month and year once where they are the same."""
    end = _write_day(last, month)
    if first == last:
        return end
    if first.year != last.year:
        return f"{_write_day(first, month)} to {end}"
    named = "" if first.month == last.month else f" {first:{month}}"
    return f"{first.day}{named} to {end}"
