"""The summary of a week: its totals, its largest names, what is new and what is unusual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import NamedTuple

from lambdas.domain.pricing import Unpriced
from lambdas.domain.reports.weekly.anomalies import MEDIAN_DAYS, CostAnomaly, find_anomalies
from lambdas.domain.reports.weekly.tally import OTHER_NAMES, NamedUsage, NameKind, WeeklyTally
from lambdas.domain.reports.weekly.week import ReportedWeek
from lambdas.domain.unlogged import UnloggedUsage
from lambdas.domain.usage import UsageTotals, add_up_totals

MAX_RANKED = 5
"""The names of a kind that a summary lists."""
_QUIET_DAYS = timedelta(days=3)
"""The days without calls, such as a weekend, with which a metered month may begin."""
_NOTHING_UNLOGGED = UnloggedUsage()


class Ranking(NamedTuple):
    """The names of a kind with calls in the week: the largest ones, and the rest together.

    Attributes:
        largest: The names that cost most, or with the most tokens where costs are equal.
        others: The number of the other names.
        rest: The usage of these in the week.
    """

    largest: Sequence[NamedUsage]
    others: int
    rest: UsageTotals


class NamedAnomaly(NamedTuple):
    """An unusual day of an identity, a project or a model.

    Attributes:
        kind: Which of these it is.
        name: Its name.
        anomaly: The day, and its cost.
    """

    kind: NameKind
    name: str
    anomaly: CostAnomaly


class WeeklySummary(NamedTuple):
    """The summary of a week.

    Attributes:
        reported: The week.
        week: The usage of the week.
        before: The usage of the week before.
        month: The usage from the first day of the month to the end of the week.
        last_month: The usage of the same days of the month before; `None` if the ledger no longer
            has them, or was younger and had no calls yet when they began.
        unpriced: Calls of the week whose cost is not known, by reason.
        rankings: The largest names of each kind.
        new: Names without a call in the days before, by kind, the largest first; `None` where
            nothing was metered before the week.
        anomalies: Unusual days, the largest excess first.
        judged_from: The first day with as many days before it as the rule for unusual days needs;
            `None` where nothing was metered.
        complete_from: The first day that the ledger still has in full.
        unreadable_items: Items of the ledger that cannot be read as calls.
        unlogged: The tokens of the week that no log has; they are in no other figure.
    """

    reported: ReportedWeek
    week: UsageTotals
    before: UsageTotals
    month: UsageTotals
    last_month: UsageTotals | None
    unpriced: Mapping[Unpriced, int]
    rankings: Mapping[NameKind, Ranking]
    new: Mapping[NameKind, Sequence[NamedUsage]] | None
    anomalies: Sequence[NamedAnomaly]
    judged_from: date | None
    complete_from: date
    unreadable_items: int
    unlogged: UnloggedUsage


def summarize(
    tally: WeeklyTally,
    *,
    complete_from: date,
    created_on: date | None = None,
    unreadable_items: int = 0,
    unlogged: UnloggedUsage = _NOTHING_UNLOGGED,
) -> WeeklySummary:
    """Summarize a week.

    Args:
        tally: The calls.
        complete_from: The first day that the ledger still has in full.
        created_on: The day on which the ledger was created. From then on, a day without calls cost
            nothing; `None` where it is not known, so that the first call counts.
        unreadable_items: Items of the ledger that cannot be read as calls.
        unlogged: The tokens of the week that no log has.
    """
    reported = tally.reported
    names = {kind: _rank(tally.get_names(kind)) for kind in NameKind}
    metered_from = min((day for day in (tally.first_day, created_on) if day), default=None)
    history_from = metered_from and max(metered_from, complete_from)
    has_last_month = _has_last_month(tally, metered_from, complete_from)
    has_history = history_from is not None and history_from < reported.first_day
    judged_from = history_from and history_from + timedelta(days=MEDIAN_DAYS)
    days = [day for day in reported.days if judged_from is not None and day >= judged_from]
    return WeeklySummary(
        reported=reported,
        week=tally.week,
        before=tally.before,
        month=tally.month,
        last_month=tally.last_month if has_last_month else None,
        unpriced=tally.unpriced,
        rankings={kind: _make_ranking(ranked) for kind, ranked in names.items()},
        new=_find_new(names) if has_history else None,
        anomalies=_find_anomalies(names, days),
        judged_from=judged_from,
        complete_from=complete_from,
        unreadable_items=unreadable_items,
        unlogged=unlogged,
    )


def _has_last_month(tally: WeeklyTally, metered_from: date | None, complete_from: date) -> bool:
    """Say if the ledger has the last month from its first days on, weekends without calls aside."""
    first_day, _ = tally.reported.last_month
    metered = (metered_from or date.max) <= first_day + _QUIET_DAYS
    return metered and complete_from <= first_day


def _rank(names: Sequence[NamedUsage]) -> list[NamedUsage]:
    """Sort the names with calls in the week: the largest first."""
    return sorted(
        (usage for usage in names if usage.has_calls),
        key=lambda usage: (-usage.week.priced_usd, -usage.week.total_tokens, usage.name),
    )


def _make_ranking(ranked: Sequence[NamedUsage]) -> Ranking:
    rest = ranked[MAX_RANKED:]
    return Ranking(ranked[:MAX_RANKED], len(rest), add_up_totals(usage.week for usage in rest))


def _find_new(
    names: Mapping[NameKind, Sequence[NamedUsage]],
) -> dict[NameKind, list[NamedUsage]]:
    return {
        kind: [usage for usage in names[kind] if usage.is_new and usage.name != OTHER_NAMES]
        for kind in (NameKind.IDENTITY, NameKind.MODEL)
    }


def _find_anomalies(
    names: Mapping[NameKind, Sequence[NamedUsage]], days: Sequence[date]
) -> list[NamedAnomaly]:
    found = [
        NamedAnomaly(kind, usage.name, anomaly)
        for kind, ranked in names.items()
        for usage in ranked
        for anomaly in find_anomalies(usage.usd_by_day, days)
    ]
    found.sort(key=lambda entry: (-entry.anomaly.excess_usd, entry.anomaly.day))
    return found
