"""Alerts of credits that are low or exhausted: their details, messages, events and store."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol, TypeAlias

from lambdas.domain.alerts import MAX_LINES, Notice
from lambdas.domain.budgets import to_usd
from lambdas.domain.budgets.budget_alerts import DeliveryWay
from lambdas.domain.credits.balances import Burn
from lambdas.domain.credits.documents import read_usd, write_usd
from lambdas.domain.credits.status import BurnRates, CreditAlert, CreditLevel, ScopeCredits
from lambdas.domain.events import EventType, MeterEvent, make_event_id
from lambdas.domain.money import dollars
from lambdas.domain.times import read_time, write_seconds, write_time
from lambdas.domain.words import break_links, cut, plural, printable

CreditAlertDetail: TypeAlias = dict[str, Any]
CREDIT_ALERT_EVENT = "Bedrock Meter Credit Alert"
"""The detail type of the event."""
DETAIL_VERSION = "1"
"""The version of the form. A new field keeps it; a field that changes its meaning does not."""
_MAX_SUBJECT_LETTERS = 100
"""Source: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html"""
_MAX_NAME_LETTERS = 200
_MAX_NAMES = 50
_TYPES = {
    CreditLevel.LOW: EventType.CREDITS_LOW,
    CreditLevel.EXHAUSTED: EventType.CREDITS_EXHAUSTED,
}
_VERBS = {CreditLevel.LOW: "low", CreditLevel.EXHAUSTED: "exhausted"}
_RUNBOOKS = {CreditLevel.LOW: "CreditsLow", CreditLevel.EXHAUSTED: "CreditsExhausted"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CreditFigures:
    """The figures of a scope.

    Attributes:
        scope: Its credits.
        rates: Usage a day, with overage.
        burned: Usage that was booked in the last 24 hours.
        days_left: The days until its credits are exhausted; `None` if there is no usage.
        overage_picodollars: All usage that no grant paid for.
    """

    scope: ScopeCredits
    rates: BurnRates
    burned: Burn
    days_left: float | None
    overage_picodollars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredCreditAlert:
    """An alert of a scope in the store.

    Attributes:
        alert: The alert.
        detail: Its content, which does not change once it is due; empty without a message.
        version: The number of its writes; 0 for one that is not stored yet.
        delivered: The ways that have taken it, while another has not.
    """

    alert: CreditAlert
    detail: CreditAlertDetail
    version: int = 0
    delivered: frozenset[DeliveryWay] = frozenset()


class CreditAlertStore(Protocol):
    """The alerts of scopes whose credits are not sufficient, one for each scope."""

    def list_alerts(self) -> Sequence[StoredCreditAlert]:
        """List those that can be read, by the keys of their scopes."""

    def remove_unreadable(self) -> Sequence[str]:
        """Remove those that cannot be read, so that they are made again; returns their keys."""

    def write(self, stored: StoredCreditAlert) -> bool:
        """Write an alert over the version that it was read with; `False` if it has changed."""

    def remove(self, stored: StoredCreditAlert) -> bool:
        """Remove an alert in the version that it was read with; `False` if it has changed."""

    def claim(self, stored: StoredCreditAlert, now: datetime) -> bool:
        """Claim a due alert for sending, unless another run has claimed it lately."""

    def postpone(
        self, stored: StoredCreditAlert, until: datetime, delivered: Collection[DeliveryWay]
    ) -> None:
        """Let no run claim an alert for a time, and note who has taken it."""

    def mark_sent(self, stored: StoredCreditAlert) -> None:
        """Mark an alert sent, unless a worse one has replaced it."""


def write_credit_detail(
    alert: CreditAlert, figures: CreditFigures, low_percent: int
) -> CreditAlertDetail:
    """Write the detail of an alert.

    Args:
        alert: The alert.
        figures: The figures of its scope.
        low_percent: The part of the amounts at which credits are low.
    """
    scope, rates, days_left = figures.scope, figures.rates, figures.days_left
    shown = scope.effective[:MAX_LINES]
    return {
        "version": DETAIL_VERSION,
        "id": make_event_id(_TYPES[alert.level], alert.key, write_time(alert.since)),
        "level": _VERBS[alert.level],
        "scope": {
            field.value: list(names[:_MAX_NAMES]) for field, names in scope.scope.conditions.items()
        },
        "covers": cut(scope.name, _MAX_NAME_LETTERS),
        "balance_usd": write_usd(scope.balance_picodollars),
        "granted_usd": write_usd(scope.granted_picodollars),
        "overage_usd": write_usd(figures.overage_picodollars),
        "burned_usd": {"last_day": write_usd(rates.day), "a_day_last_week": write_usd(rates.week)},
        "days_left": None if days_left is None else f"{days_left:.1f}",
        "low_percent": low_percent,
        "grants": [
            {
                "id": balance.grant.id,
                "amount_usd": write_usd(balance.grant.picodollars),
                "balance_usd": write_usd(balance.picodollars),
                "expires_at": (
                    None
                    if balance.grant.expires_at is None
                    else write_seconds(balance.grant.expires_at)
                ),
            }
            for balance in shown
        ],
        "more_grants": len(scope.effective) - len(shown),
        "at": write_seconds(alert.since),
    }


def write_credit_notice(detail: CreditAlertDetail, dashboard_url: str) -> Notice:
    """Write the message of an alert for people, with its event for webhooks.

    Args:
        detail: The detail, see `write_credit_detail`.
        dashboard_url: The address of the dashboard with credits.
    """
    level = _read_level(detail)
    subject = f"Bedrock credits {_VERBS[level]}: {_show(detail['covers'])}"
    subject = "".join(letter if " " <= letter <= "~" else "?" for letter in subject)
    subject = subject[:_MAX_SUBJECT_LETTERS]
    text = "\n".join(map(printable, _list_lines(detail, level, dashboard_url)))
    event = MeterEvent(
        id=detail["id"],
        type=_TYPES[level],
        at=read_time(detail["at"]),
        title=subject,
        text=text,
        scope={label: tuple(names) for label, names in detail["scope"].items()},
        detail={**detail, "dashboard_url": dashboard_url},
        link=dashboard_url,
    )
    return Notice(subject, f"{text}\nAlert id: {printable(detail['id'])}", events=(event,))


def _list_lines(detail: CreditAlertDetail, level: CreditLevel, dashboard_url: str) -> Iterator[str]:
    yield f"Credits for {_show(detail['covers'])} are {_VERBS[level]}."
    if level is CreditLevel.EXHAUSTED:
        yield "No grant that is effective now has anything left. More usage is booked as overage."
    else:
        yield f"At most {detail['low_percent']}% of the amounts that are being used up is left."
    yield ""
    yield f"Balance: {_dollars(detail['balance_usd'])}"
    yield f"Granted: {_dollars(detail['granted_usd'])}"
    yield f"Overage: {_dollars(detail['overage_usd'])}"
    burned = detail["burned_usd"]
    yield (
        f"Usage: {_dollars(burned['last_day'])} in the last 24 hours,"
        f" {_dollars(burned['a_day_last_week'])} a day in the last 7 days"
    )
    if level is CreditLevel.LOW:
        days = detail["days_left"]
        yield "Days left: unknown, there was no usage" if days is None else f"Days left: {days}"
    for grant in detail["grants"]:
        expires = grant["expires_at"]
        end = "" if expires is None else f", expires {read_time(expires):%Y-%m-%d %H:%M} UTC"
        rest, amount = _dollars(grant["balance_usd"]), _dollars(grant["amount_usd"])
        yield f"- {grant['id']}: {rest} of {amount}{end}"
    if detail["more_grants"]:
        yield f"- and {plural(detail['more_grants'], 'more grant')}"
    yield ""
    yield f"Since: {read_time(detail['at']):%Y-%m-%d %H:%M} UTC"
    yield f"Dashboard: {dashboard_url}"
    yield (
        f"What to do: docs/runbooks/{_RUNBOOKS[level]}.md in the Bedrock Meter repository. To add"
        " credits, run bedrock-meter credits grant."
    )


def _read_level(detail: CreditAlertDetail) -> CreditLevel:
    return next(level for level, verb in _VERBS.items() if verb == detail["level"])


def _dollars(text: str) -> str:
    return dollars(to_usd(read_usd(text)))


def _show(name: str) -> str:
    """Show the name of a scope, which may have names that a caller chose."""
    return cut(break_links(name), _MAX_NAME_LETTERS)
