"""The logging state of the watch over invocation logging and the meter, and its notices."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Self

from lambdas.domain.alerts import Notice, NoticeKind, add_event
from lambdas.domain.logging_configuration.change import WATCHED, LoggingChange
from lambdas.domain.logging_configuration.drift import Drift
from lambdas.domain.times import read_time, write_time
from lambdas.domain.words import cut, fingerprint, list_first

_MAX_EVENTS = 50
# SNS and EventBridge take 256 KB, an item of DynamoDB 400 KB.
_MAX_LISTED = 50
_MAX_LETTERS = 500
_MAX_NAMES = 5
_MAX_ACTIONS = 12
NO_DRIFT = "Invocation logging, alarms, notifications and functions match the deployment."
"""The text of a notice without drift."""
_LOGGING = "invocation logging"
_METER = "the meter itself"
_METER_ACTIONS = {
    action
    for subject, watched in WATCHED.items()
    if not subject.is_logging
    for action in watched.actions
}


@dataclass(frozen=True, slots=True)
class WatchState:
    """The result of the last run.

    Attributes:
        drifts: The drift, in words: a bounded list.
        events: The newest reported changes by others, by their ids in CloudTrail.
        is_reported: Whether people were notified of all of it. Until then each run notifies again.
        found_at: The time of the run that has found it first; empty before there was any.
    """

    drifts: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    is_reported: bool = True
    found_at: str = ""

    def after(
        self, drifts: Iterable[Drift], change: LoggingChange | None, now: datetime
    ) -> WatchState:
        """The state with this drift and this change, before people are notified of them."""
        events = self.events
        if change is not None and change.event_id not in events:
            events = (*events, change.event_id)[-_MAX_EVENTS:]
        unsent = replace(self, drifts=list_drifts(drifts), events=events, is_reported=False)
        is_repeated = unsent == self and self.found_at != ""  # versions before 0.3 stored none
        return unsent if is_repeated else replace(unsent, found_at=write_time(now))

    def to_text(self) -> str:
        """The state as text, for storage."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read stored text."""
        state = json.loads(text)
        found_at = state.get("found_at", "")
        return cls(tuple(state["drifts"]), tuple(state["events"]), state["is_reported"], found_at)


def list_drifts(drifts: Iterable[Drift]) -> tuple[str, ...]:
    """List the texts, within bounds; a fingerprint stands for what is left out."""
    texts = [cut(drift.text, _MAX_LETTERS) for drift in drifts]
    listed, rest = texts[:_MAX_LISTED], texts[_MAX_LISTED:]
    return (*listed, *([f"and {len(rest)} more ({fingerprint(rest)})"] if rest else []))


def add_watch_event(notice: Notice, state: WatchState) -> Notice:
    """Add the event of a notice about a state, with the same id until people are notified of it."""
    cause = (state.found_at, *state.drifts, *state.events)
    return add_event(notice, NoticeKind.LOGGING_DRIFT, *cause, at=read_time(state.found_at))


def watch_notice(
    drifts: Sequence[Drift], change: LoggingChange | None, *, is_resolved: bool
) -> Notice:
    """Describe the drift, or its end, and who caused it.

    Args:
        drifts: All drift.
        change: The change that caused it, if CloudTrail has it.
        is_resolved: Whether there was drift before.
    """
    if drifts:
        logging = [drift for drift in drifts if drift.subject.is_logging]
        meter = [drift for drift in drifts if not drift.subject.is_logging]
        parts = [name for name, found in ((_LOGGING, logging), (_METER, meter)) if found]
        subject = (
            f"Bedrock Meter: {' and '.join(parts)} {'were' if logging and meter else 'was'} changed"
        )
        lines = [
            *_list_changes(_LOGGING, logging),
            *_list_changes(_METER, meter),
            _describe_author(change) if change else _suggest_lookup(drifts),
            "Until this is fixed, calls might not be counted, and alarms might not notify.",
            "Runbook: docs/runbooks/DeploymentDrift.md in the Bedrock Meter repository.",
            *(["make doctor shows the state of invocation logging."] if logging else []),
        ]
    else:
        touched = _METER if change and change.action in _METER_ACTIONS else _LOGGING
        subject = (
            "Bedrock Meter: drift is resolved"
            if is_resolved
            else f"Bedrock Meter: a change to {touched} was undone or left no trace"
        )
        lines = [
            NO_DRIFT,
            *([_describe_author(change)] if change else []),
            "In the meantime, calls might not have been logged, or alarms might not have notified.",
        ]
    return Notice(subject, "\n".join(lines))


def _list_changes(name: str, drifts: Sequence[Drift]) -> list[str]:
    if not drifts:
        return []
    heading = f"{name.capitalize()} differs from the deployment:"
    return [heading, *(f"- {text}" for text in list_drifts(drifts))]


def _describe_author(change: LoggingChange) -> str:
    targets = [cut(target, _MAX_LETTERS) for target in change.targets]
    on = f" on {list_first(targets, _MAX_NAMES)}" if targets else ""
    at = f"{change.at:%Y-%m-%d %H:%M:%S} UTC"
    who, action = cut(change.who, _MAX_LETTERS), cut(change.action, _MAX_LETTERS)
    return f"Changed by: {who}, with {action}{on} at {at}."


def _suggest_lookup(drifts: Sequence[Drift]) -> str:
    actions = dict.fromkeys(action for drift in drifts for action in WATCHED[drift.subject].actions)
    rest = len(actions) - _MAX_ACTIONS
    names = ", ".join([*actions][:_MAX_ACTIONS])
    return (
        "Changed by: not known yet. CloudTrail's event history shows it within about 15 minutes:"
        " aws cloudtrail lookup-events --lookup-attributes"
        f" AttributeKey=EventName,AttributeValue=NAME, where NAME is one of {names}"
        + (f", or one of {rest} more in docs/tampering.md." if rest > 0 else ".")
    )
