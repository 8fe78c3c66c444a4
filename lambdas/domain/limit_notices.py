"""Marks of limits that are to be sent: their JSON, their messages for people, and their ports.

They hold no prompt and no secret. `docs/limit-near.schema.json` is the JSON Schema of the detail,
and `docs/limit-reached.schema.json` that of a refusal.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple, Protocol, TypeAlias

from lambdas.domain.alerts import MAX_LINES, Notice
from lambdas.domain.api_keys import make_session_arn
from lambdas.domain.events import EventScope, EventType, MeterEvent, make_event_id
from lambdas.domain.limit_policies import NearMark, Partition
from lambdas.domain.limits import LimitMode, LimitUnit, to_time
from lambdas.domain.money import PICODOLLARS, dollars
from lambdas.domain.times import read_time, write_seconds
from lambdas.domain.words import break_links, cut, exact_text, printable

MarkDetail: TypeAlias = dict[str, Any]
LIMIT_NEAR_EVENT = "Bedrock Meter Limit Near"
LIMIT_REACHED_EVENT = "Bedrock Meter Limit Reached"
"""The detail types of the events."""
DETAIL_VERSION = "1"
"""The version of the form. A new field keeps it; a field that changes its meaning does not."""
MAX_DELAY = timedelta(minutes=15)
"""The time for which a mark is worth sending after its window has ended."""
_REACHED = "reached"
_SCOPES = {
    Partition.CALLER.value: "identity",
    Partition.PROJECT.value: "project",
    Partition.MODEL.value: "model",
}
"""The labels of usage that stand for what a limit counts by."""
_MAX_SUBJECT_LETTERS = 100
_MAX_NAME_LETTERS = 200
_WHAT_TO_DO = "What to do: docs/runbooks/LimitsNear.md in the Bedrock Meter repository."


class DueMark(NamedTuple):
    """A mark that is to be sent.

    Attributes:
        id: A text that no other mark has, by which receivers notice repeated messages.
        detail: The content.
    """

    id: str
    detail: MarkDetail

    def has_expired(self, now: datetime) -> bool:
        """Say if its window ended so long ago that nothing can be done about it."""
        at, ends_at = (read_time(self.detail[name]) for name in ("at", "window_ends_at"))
        return now >= max(at + MAX_DELAY, ends_at)


class MarksNotDeliveredError(Exception):
    """A way of delivery has not taken marks. The text says which, and why."""


class DueMarkStore(Protocol):
    """The marks that are to be sent."""

    def list_due(self) -> Iterator[DueMark]:
        """List the marks that are due and can be read, in the order of their times."""

    def claim(self, mark_id: str, now: datetime) -> bool:
        """Claim a mark for sending; `False` if another run has claimed it lately, or sent it."""

    def postpone(self, mark_id: str, until: datetime) -> None:
        """Let a mark that was not delivered be claimed from a time on."""

    def remove(self, mark_id: str) -> None:
        """Remove a mark that was sent, or has expired; to repeat it changes nothing."""


class MarkPublisher(Protocol):
    """Delivers marks to people and programs."""

    def publish(self, notice: Notice, details: Sequence[MarkDetail]) -> None:
        """Deliver marks: one message for all, and an event for each; see `name_event`.

        Raises:
            MarksNotDeliveredError: A way has not taken them.
        """


def write_due_mark(mark: NearMark, caller_role_arn: str, at: datetime) -> DueMark:
    """Write a mark that was reached just now.

    Args:
        mark: The mark.
        caller_role_arn: The role of the gateway's calls. Callers are shown as the log names them,
            and so as budgets do.
        at: The time.
    """
    counted_by = {
        name.value: make_session_arn(caller_role_arn, value)
        if name is Partition.CALLER and value is not None
        else value
        for name, value in mark.counted_by
    }
    detail = {
        "version": DETAIL_VERSION,
        "id": mark.id,
        "at": write_seconds(at),
        "limit": mark.limit,
        "percent": mark.percent,
        "mode": (LimitMode.ENFORCE if mark.is_enforced else LimitMode.SHADOW).value,
        "unit": mark.unit.value,
        "amount": _write_amount(mark.amount, mark.unit),
        "used": _write_amount(mark.used, mark.unit),
        "counted_by": counted_by,
        "window_ends_at": write_seconds(to_time(mark.ends_at)),
    }
    if mark.is_refusal:
        detail["kind"] = _REACHED
    return DueMark(mark.id, detail)


def name_event(detail: MarkDetail) -> str:
    """Name the detail type of the event of a mark."""
    return LIMIT_REACHED_EVENT if _is_reached(detail) else LIMIT_NEAR_EVENT


def write_marks_notice(details: Sequence[MarkDetail], link: str | None = None) -> Notice:
    """Write one message for marks, with an event for each: refusals, then those with most usage.

    Args:
        details: The details of the marks.
        link: The address of a dashboard, for webhooks.
    """
    by_usage = _sort(details)
    subject, text = _write_message(by_usage)
    ids = ", ".join(printable(detail["id"]) for detail in by_usage[:MAX_LINES])
    return Notice(
        subject,
        f"{text}\n\nEvent ids: {ids}",
        events=tuple(_write_event(detail, link) for detail in details),
    )


def _write_event(detail: MarkDetail, link: str | None) -> MeterEvent:
    event_type = EventType.LIMIT_REACHED if _is_reached(detail) else EventType.LIMIT_NEAR
    title, text = _write_message([detail])
    return MeterEvent(
        id=make_event_id(event_type, detail["id"]),
        type=event_type,
        at=read_time(detail["at"]),
        title=title,
        text=text,
        scope=_read_scope(detail),
        detail=detail,
        link=link,
    )


def _read_scope(detail: MarkDetail) -> EventScope:
    return {
        _SCOPES[name]: (value,)
        for name, value in detail["counted_by"].items()
        if name in _SCOPES and value is not None
    }


def _is_reached(detail: MarkDetail) -> bool:
    return detail.get("kind") == _REACHED


def _sort(details: Iterable[MarkDetail]) -> list[MarkDetail]:
    """Sort refusals first, then by usage."""
    return sorted(
        details,
        key=lambda detail: (not _is_reached(detail), -detail["percent"], detail["id"]),
    )


def _write_message(by_usage: Sequence[MarkDetail]) -> tuple[str, str]:
    more = len(by_usage) - MAX_LINES
    lines = [
        *(f"- {_describe(detail)}" for detail in by_usage[:MAX_LINES]),
        *([f"- and {more:,} more; EventBridge has an event of each"] if more > 0 else []),
    ]
    heading = "Limits of the gateway that are nearly used up:"
    if any(map(_is_reached, by_usage)):
        heading = "Limits of the gateway that are used up and refuse calls, or nearly so:"
    paragraphs = ([heading, *lines], [_WHAT_TO_DO])
    text = "\n\n".join("\n".join(map(printable, each)) for each in paragraphs)
    return _write_subject(by_usage), text


def _write_subject(details: Sequence[MarkDetail]) -> str:
    """Write a line of at most 100 ASCII letters: names of limits have less than 90."""
    first = details[0]
    reached = sum(map(_is_reached, details))
    if len(details) == 1:
        state = "refuses calls" if reached else f"{first['percent']}%"
        return f"Bedrock limit {first['limit']}: {state}"[:_MAX_SUBJECT_LETTERS]
    parts = [
        *([f"{reached:,} refuse calls"] if reached else []),
        *([f"{len(details) - reached:,} nearly used up"] if reached < len(details) else []),
    ]
    return f"Bedrock limits: {', '.join(parts)}"


def _describe(detail: MarkDetail) -> str:
    unit = LimitUnit(detail["unit"])
    used, amount = (_show_amount(detail[name], unit) for name in ("used", "amount"))
    unit_name = "" if unit is LimitUnit.USD else f" {unit.value}"
    values = "".join(
        f", {name} {cut(break_links(value or 'none'), _MAX_NAME_LETTERS)}"
        for name, value in detail["counted_by"].items()
    )
    mode = "; it is in shadow mode" if detail["mode"] == LimitMode.SHADOW else ""
    state = f"{detail['percent']}% reached"
    if _is_reached(detail):
        state = f"a call was refused; its window ends at {detail['window_ends_at']}"
    return (
        f"{detail['limit']}{values}: {used} of {amount}{unit_name} used at {detail['at']},"
        f" {state}{mode}"
    )


def _write_amount(amount: int, unit: LimitUnit) -> str:
    return exact_text(Decimal(amount) / PICODOLLARS) if unit is LimitUnit.USD else str(amount)


def _show_amount(text: str, unit: LimitUnit) -> str:
    return dollars(Decimal(text)) if unit is LimitUnit.USD else f"{int(text):,}"
