"""What a watch over invocation logging remembers, and what it tells."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Self

from lambdas.domain.logging_configuration.change import WATCHED, LoggingChange
from lambdas.domain.logging_configuration.drift import Difference
from lambdas.domain.notifications import Notice

_EVENTS_REMEMBERED = 50


@dataclass(frozen=True, slots=True)
class WatchState:
    """What was found last.

    Attributes:
        differences: What was not as deployed, in words.
        events: The newest changes by somebody else that were told, by CloudTrail's ids.
        is_told: Whether all of it was told. While it is not, it is told again.
    """

    differences: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    is_told: bool = True

    def after(self, differences: Iterable[Difference], change: LoggingChange | None) -> WatchState:
        """The state in which these differences, and this change, are yet to be told."""
        events = self.events
        if change is not None and change.event_id not in events:
            events = (*events, change.event_id)[-_EVENTS_REMEMBERED:]
        return WatchState(tuple(it.text for it in differences), events, is_told=False)

    def to_text(self) -> str:
        """The state as text, to be kept."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read kept text."""
        state = json.loads(text)
        return cls(tuple(state["differences"]), tuple(state["events"]), state["is_told"])


def watch_notice(
    differences: Sequence[Difference], change: LoggingChange | None, *, is_mended: bool
) -> Notice:
    """Say what is not as it was deployed, or that all is, and who did it.

    Args:
        differences: All that there are.
        change: What brought it about, where CloudTrail knows.
        is_mended: Whether there were differences before.
    """
    if differences:
        subject = "Bedrock Meter: invocation logging was changed"
        lines = [
            "Invocation logging is not as it was deployed:",
            *(f"- {it.text}" for it in differences),
            _who(change) if change else _where_to_look(differences),
            "Calls may go uncounted until this is mended: make doctor says what to do.",
        ]
    else:
        subject = (
            "Bedrock Meter: invocation logging is as deployed again"
            if is_mended
            else "Bedrock Meter: somebody touched invocation logging"
        )
        lines = [
            "Configuration, memory, log group, subscription and role are as they were deployed.",
            *([_who(change)] if change else []),
            "Calls of the time between may not be logged.",
        ]
    return Notice(subject, "\n".join(lines))


def _who(change: LoggingChange) -> str:
    of = f" of {', '.join(change.targets)}" if change.targets else ""
    return f"Who: {change.who}, by {change.action}{of} at {change.at:%Y-%m-%d %H:%M:%S} UTC."


def _where_to_look(differences: Sequence[Difference]) -> str:
    actions = {action: 0 for it in differences for action in WATCHED[it.subject].actions}
    return (
        "Who: not known yet. CloudTrail's event history will have it, by the event names"
        f" {', '.join(actions)}."
    )
