"""Joins the use in logs and in the bill, line by line, and explains the differences."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from lambdas.domain.invocations.model import APPLICATION_PROFILE
from lambdas.domain.pricing import TokenKind
from lambdas.domain.pricing.price_entry import RESERVED_TIER
from lambdas.domain.reports.reconciliation.amounts import NOTHING, ZERO, Amounts, UsageKey
from lambdas.domain.reports.reconciliation.bill import ApartKey, Bill
from lambdas.domain.reports.reconciliation.metered import Caller, Metered
from lambdas.domain.reports.reconciliation.reasons import LineClass, Reason

TOKEN_TOLERANCE = Decimal("0.001")
"""The share by which tokens may differ and still agree."""
MAX_TOKENS_A_DAY = Decimal(1000)
"""The tokens by which all lines of a caller and a day together may differ.

All that is tolerated of a model and kind may not add up to more, or to more than its share.
"""
USD_TOLERANCE = Decimal("0.01")
"""The share by which dollars, or dollars a token, may differ and still agree."""
ROUNDING_USD = Decimal("0.000001")
"""The dollars by which each line may differ and still agree, as bills are rounded."""
MONTH_CLOSES_AFTER = timedelta(days=10)
"""The time after the end of a month in which its bill may still get use.

Our choice: AWS closes a month in the first days of the next one and promises no day.
"""

_DAYS_INTO_NEXT_MONTH = timedelta(days=31)
_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)
_ONE_TENTH = Decimal("0.1")
_OTHER_PLANS = (
    "provisioned-model/",
    "custom-model/",
    "custom-model-deployment/",
    "imported-model/",
)
_Uses: TypeAlias = Mapping[UsageKey, Amounts]
_Coarser: TypeAlias = Callable[[UsageKey], UsageKey]
_CACHE_WRITES = frozenset({TokenKind.CACHE_WRITE_5M, TokenKind.CACHE_WRITE_1H})


@dataclass(frozen=True, slots=True)
class Line:
    """A use, as each side has it.

    Attributes:
        key: The use.
        line_class: The side that has it, and whether both agree.
        ours: The use in the logs.
        theirs: The use in the bill.
        reason: The likely reason of a difference; `None` where both agree.
    """

    key: UsageKey
    line_class: LineClass
    ours: Amounts
    theirs: Amounts
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """Logs against a bill.

    Attributes:
        now: The moment of the comparison, UTC.
        settled_before: The first day that is too new to be compared, on both sides.
        lines: Every use, by day and caller.
        apart: The lines of the bill that are not compared.
        ours_not_settled: The use in the logs on the days that are too new.
        bill_lines: The number of lines of the bill.
        has_identities: Whether the bill names callers.
        calls: The number of successful calls in the logs.
        failed_calls: The number of calls that failed, which count on no side.
    """

    now: datetime
    settled_before: date
    lines: tuple[Line, ...]
    apart: Mapping[ApartKey, Amounts]
    ours_not_settled: Amounts
    bill_lines: int
    has_identities: bool
    calls: int
    failed_calls: int

    @property
    def billed_usd(self) -> Decimal:
        """All dollars of the bill, after discounts."""
        compared = sum((line.theirs.effective_usd for line in self.lines), ZERO)
        return compared + sum((amounts.effective_usd for amounts in self.apart.values()), ZERO)

    @property
    def provisional_month(self) -> str:
        """The month whose bill is not final yet, as `2026-09`."""
        return f"{self.now:%Y-%m}"

    def is_provisional(self, line: Line) -> bool:
        """Say if AWS may still change a line of the bill."""
        return f"{line.key.day:%Y-%m}" >= self.provisional_month


def reconcile(bill: Bill, metered: Metered, now: datetime) -> Reconciliation:
    """Compare logs with a bill.

    Days that are too new are cut off on both sides. Where the bill names no caller on a day of an
    account, callers are left out on both sides.
    """
    ours: defaultdict[UsageKey, Amounts] = defaultdict(Amounts)
    not_settled = NOTHING
    for key, amounts in metered.uses.items():
        if key.day >= bill.settled_before:
            not_settled += amounts
        else:
            ours[_as_billed(key, bill)] += amounts
    lines = [line for group in _groups(ours, bill.uses) for line in _compare(*group)]
    lines += [
        Line(key, LineClass.THEIRS_ONLY, NOTHING, amounts, reason)
        for (reason, key), amounts in bill.off_log.items()
    ]
    tolerated = list(_mark_tolerated(lines))
    explain = _Explanation(bill, metered, tolerated, now)
    explained = [replace(line, reason=explain.reason(line)) for line in tolerated]
    return Reconciliation(
        now=now,
        settled_before=bill.settled_before,
        lines=tuple(sorted(explained, key=_order)),
        apart=dict(bill.apart),
        ours_not_settled=not_settled,
        bill_lines=bill.lines,
        has_identities=bool(bill.named_days),
        calls=metered.calls,
        failed_calls=metered.failed_calls,
    )


def _as_billed(key: UsageKey, bill: Bill) -> UsageKey:
    """A use without its caller, where the bill names no caller on that day."""
    day = key.account_id, key.day
    has_no_callers = day in bill.unnamed_days and day not in bill.named_days
    return key._replace(identity_arn="") if has_no_callers else key


def _groups(ours: _Uses, theirs: _Uses) -> Iterator[tuple[_Uses, _Uses]]:
    """The uses of each caller, model, day and kind of tokens, however they were served."""
    groups: defaultdict[UsageKey, tuple[dict[UsageKey, Amounts], dict[UsageKey, Amounts]]]
    groups = defaultdict(lambda: ({}, {}))
    for side, uses in enumerate((ours, theirs)):
        for key, amounts in uses.items():
            groups[_without_routing(key)][side][key] = amounts
    yield from groups.values()


def _without_tier(key: UsageKey) -> UsageKey:
    return key._replace(service_tier=None)


def _without_lifetime(key: UsageKey) -> UsageKey:
    """A use without what a log without bodies cannot know: the tier, and the time in the cache."""
    is_write = key.measure in _CACHE_WRITES
    return _without_tier(key)._replace(
        measure=TokenKind.CACHE_WRITE_5M if is_write else key.measure
    )


def _without_routing(key: UsageKey) -> UsageKey:
    return _without_lifetime(key)._replace(routing=None)


_COARSER = (
    (_without_tier, Reason.TIER_NOT_IN_LOGS),
    (_without_lifetime, Reason.LIFETIME_NOT_IN_LOGS),
    (_without_routing, Reason.ROUTING_NOT_IN_LOGS),
)


def _compare(ours: _Uses, theirs: _Uses) -> Iterator[Line]:
    """Compare the uses of a group as finely as both sides agree on tokens, else most finely."""
    finest = list(_pair(ours, theirs))
    if _tokens_agree(finest):
        yield from finest
        return
    for coarser, reason in _COARSER:
        lines = list(_pair(_merge(ours, coarser), _merge(theirs, coarser)))
        if _tokens_agree(lines):
            yield from (replace(line, reason=reason) for line in lines)
            return
    yield from finest


def _pair(ours: _Uses, theirs: _Uses) -> Iterator[Line]:
    for key in ours.keys() | theirs.keys():
        our, their = ours.get(key), theirs.get(key)
        if our is None:
            line_class = LineClass.THEIRS_ONLY
        elif their is None:
            line_class = LineClass.OURS_ONLY
        else:
            line_class = LineClass.DIFFERS
        yield Line(key, line_class, our or NOTHING, their or NOTHING)


def _merge(uses: _Uses, coarser: _Coarser) -> _Uses:
    merged: defaultdict[UsageKey, Amounts] = defaultdict(Amounts)
    for key, amounts in uses.items():
        merged[coarser(key)] += amounts
    return merged


def _tokens_agree(lines: Iterable[Line]) -> bool:
    return all(
        line.line_class is LineClass.DIFFERS
        and _is_close(line.ours.quantity, line.theirs.quantity, TOKEN_TOLERANCE)
        for line in lines
    )


def _is_close(one: Decimal, other: Decimal, tolerance: Decimal) -> bool:
    return abs(one - other) <= tolerance * max(abs(one), abs(other))


def _mark_tolerated(lines: Sequence[Line]) -> Iterator[Line]:
    """Mark lines of both sides that agree, or that differ by few tokens in a caller's whole day.

    Few tokens are tolerated only at the same price, and only if they do not add up over callers
    and days: a wrong price, or a kind that is always counted short, is no rounding.
    """
    few = {line.key for line in _lines_of_few_tokens(lines)}
    for group in _by(lines, _model_and_kind):
        tolerated = [line for line in group if line.key in few]
        excess = sum((line.ours.quantity - line.theirs.quantity for line in tolerated), ZERO)
        total = sum((line.theirs.quantity for line in group), ZERO)
        if abs(excess) > max(MAX_TOKENS_A_DAY, TOKEN_TOLERANCE * total):
            few -= {line.key for line in tolerated}
    for line in lines:
        agrees = _is_comparable(line) and (line.key in few or _agrees(line))
        yield replace(line, line_class=LineClass.AGREES) if agrees else line


def _lines_of_few_tokens(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines that differ by few tokens in a day of a caller, at the same price."""
    of_tokens = filter(_counts_tokens, lines)
    for day in _by(of_tokens, _caller_and_day):
        differing = [line for line in day if _is_comparable(line) and not _agrees(line)]
        tokens = sum((abs(line.ours.quantity - line.theirs.quantity) for line in differing), ZERO)
        if tokens <= MAX_TOKENS_A_DAY:
            yield from (line for line in differing if _prices_agree(line))


def _counts_tokens(line: Line) -> bool:
    return isinstance(line.key.measure, TokenKind)


def _caller_and_day(line: Line) -> Hashable:
    return line.key.day, line.key.account_id, line.key.identity_arn


def _model_and_kind(line: Line) -> Hashable:
    return line.key.model_id, line.key.measure


def _by(lines: Iterable[Line], key_of: Callable[[Line], Hashable]) -> Iterable[list[Line]]:
    groups: defaultdict[Hashable, list[Line]] = defaultdict(list)
    for line in lines:
        groups[key_of(line)].append(line)
    return groups.values()


def _is_comparable(line: Line) -> bool:
    return line.line_class is LineClass.DIFFERS and not line.ours.unpriced


def _agrees(line: Line) -> bool:
    ours, theirs = line.ours, line.theirs
    return (
        _is_close(ours.quantity, theirs.quantity, TOKEN_TOLERANCE)
        and _is_same_usd(ours.list_usd, theirs.list_usd)
        and _is_same_usd(ours.effective_usd, theirs.effective_usd)
    )


def _is_same_usd(one: Decimal, other: Decimal) -> bool:
    return abs(one - other) <= ROUNDING_USD or _is_close(one, other, USD_TOLERANCE)


def _prices_agree(line: Line) -> bool:
    """Say if the dollars of both sides would be the same for the same number of tokens."""
    ours, theirs = line.ours, line.theirs
    if not ours.quantity or not theirs.quantity:
        return False
    share = theirs.quantity / ours.quantity
    return _is_same_usd(ours.list_usd * share, theirs.list_usd) and _is_same_usd(
        ours.effective_usd * share, theirs.effective_usd
    )


class _Explanation:
    """Finds likely reasons by what each side covers."""

    def __init__(self, bill: Bill, metered: Metered, lines: Iterable[Line], now: datetime) -> None:
        self._bill = bill
        self._now = now
        self._metered = metered
        self._uncounted = metered.uncounted | {
            caller._replace(identity_arn="") for caller in metered.uncounted
        }
        self._excess = {
            line.key: line.ours.quantity - line.theirs.quantity
            for line in lines
            if line.line_class is not LineClass.AGREES and line.reason is None
        }

    def reason(self, line: Line) -> Reason | None:
        if line.line_class is LineClass.AGREES:
            return None
        if line.reason is not None:
            return line.reason
        is_close = _is_close(line.ours.quantity, line.theirs.quantity, TOKEN_TOLERANCE)
        if line.line_class is LineClass.DIFFERS and is_close:
            return _price_reason(line)
        if self._is_on_other_day(line.key):
            return Reason.OTHER_DAY
        if line.line_class is LineClass.OURS_ONLY:
            return self._ours_only(line.key)
        is_late = line.line_class is LineClass.DIFFERS and line.ours.quantity > line.theirs.quantity
        return self._late(line.key) if is_late else self._theirs_only(line.key)

    def _is_on_other_day(self, key: UsageKey) -> bool:
        """Say if a day beside it has the same difference the other way round."""
        excess = self._excess[key]
        if not excess or not date.min < key.day < date.max:
            return False
        return any(
            _is_close(-excess, self._excess.get(key._replace(day=key.day + days), ZERO), _ONE_TENTH)
            for days in (-_DAY, _DAY)
        )

    def _ours_only(self, key: UsageKey) -> Reason:
        days = self._bill.days.get(key.account_id)
        if not days:
            return Reason.NO_BILL
        if key.day < min(days):
            return Reason.BEFORE_BILL
        if key.model_id.startswith(_OTHER_PLANS) or key.service_tier == RESERVED_TIER:
            return Reason.OTHER_PLAN
        if key.model_id.startswith(APPLICATION_PROFILE):
            return Reason.PROFILE_HIDES_MODEL
        return self._late(key)

    def _late(self, key: UsageKey) -> Reason:
        """The reason why the bill lacks a use, or a part of it."""
        if (key.account_id, key.day) in self._bill.unread_days:
            return Reason.BILL_NOT_UNDERSTOOD
        first = key.day.replace(day=1)
        next_month = (first + _DAYS_INTO_NEXT_MONTH).replace(day=1)
        if self._now.date() < next_month + MONTH_CLOSES_AFTER:
            return Reason.LATE_BILL
        days = self._bill.days.get(key.account_id, ())
        is_month_billed = any(first <= day < next_month for day in days)
        return Reason.NOT_ON_BILL if is_month_billed else Reason.NO_BILL

    def _theirs_only(self, key: UsageKey) -> Reason:
        has_callers = (key.account_id, key.day) in self._bill.named_days
        outside = self._find_outside_reason(key)
        if outside is not None:
            return outside
        if not key.identity_arn and has_callers:
            return Reason.NO_IDENTITY_IN_BILL
        caller = Caller(key.day, key.account_id, key.region, key.identity_arn, key.model_id)
        is_uncounted = caller in self._uncounted
        return Reason.NO_COUNTS_IN_LOGS if is_uncounted else Reason.DELIVERY_FAILURE

    def _find_outside_reason(self, key: UsageKey) -> Reason | None:
        """The reason why logs do not have a use at all, or have a part of its time alone."""
        logged = self._metered.periods.get((key.account_id, key.region))
        if logged is None:
            return Reason.NO_LOGS
        begins, ends = self._bill.period(key)
        first, last = (moment.replace(minute=0, second=0, microsecond=0) for moment in logged)
        if ends <= first:
            return Reason.BEFORE_LOGGING
        if begins > last:
            return Reason.AFTER_LOGS
        is_whole = first <= begins and ends <= last + _HOUR
        return None if is_whole else Reason.PARTLY_LOGGED


def _price_reason(line: Line) -> Reason:
    ours, theirs = line.ours, line.theirs
    if ours.unpriced:
        return Reason.UNPRICED
    if _is_close(ours.list_usd, theirs.list_usd, USD_TOLERANCE):
        return Reason.DISCOUNT
    return Reason.ASSUMED_PRICE if ours.assumed else Reason.LIST_PRICE


def _order(line: Line) -> tuple[str, ...]:
    return tuple(str(part or "") for part in line.key)
