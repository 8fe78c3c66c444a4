"""Events in messages of a bounded size, such as those of a topic."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

from lambdas.domain.events.documents import write_event
from lambdas.domain.events.event import MeterEvent

EVENTS_ATTRIBUTE: Final = "events"
"""The attribute of a message with its events, as an array of JSON."""
MAX_MESSAGE_BYTES: Final = 200_000
"""The bytes of a message with its events, as a queue of the topic gets them.

A topic takes 256 KB. A queue gets the message as text in JSON, in which each quotation mark takes
two bytes, in an envelope with signatures and addresses. Sources:
https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html
"""
MAX_EVENT_BYTES: Final = 60_000
"""The bytes of an event, counted likewise."""
_MAX_TEXT_LETTERS: Final = 3_000  # of 14 bytes at most: two escapes, escaped once more
_MAX_TITLE_LETTERS: Final = 300


def split_events(events: Iterable[MeterEvent], room: int) -> list[list[MeterEvent]]:
    """Split events by message, in their order. No event is lost; the text of a huge one is cut.

    Args:
        events: The events.
        room: The bytes that the first message has for events; the others have
            `MAX_MESSAGE_BYTES`. May be too small for any: then the first message has none.
    """
    messages: list[list[MeterEvent]] = [[]]
    for event in map(shorten_event, events):
        size = count_bytes(event)
        if size > room:
            messages.append([])
            room = MAX_MESSAGE_BYTES
        messages[-1].append(event)
        room -= size
    return messages


def shorten_event(event: MeterEvent) -> MeterEvent:
    """Cut the text of an event over `MAX_EVENT_BYTES`, then leave out its detail and its scope."""
    if count_bytes(event) <= MAX_EVENT_BYTES:
        return event
    cut = replace(
        event,
        title=_cut(event.title, _MAX_TITLE_LETTERS),
        text=_cut(event.text, _MAX_TEXT_LETTERS),
    )
    return cut if count_bytes(cut) <= MAX_EVENT_BYTES else replace(cut, detail={}, scope={})


def count_bytes(event: MeterEvent) -> int:
    """Count the bytes of an event in a message that a queue gets."""
    return count_text_bytes(json.dumps(write_event(event), separators=(",", ":"))) + 1


def count_text_bytes(text: str) -> int:
    """Count the bytes of a text in a message that a queue gets."""
    return len(json.dumps(text))


def list_types(events: Sequence[MeterEvent]) -> list[str]:
    """List the types of events, each once."""
    return sorted({event.type.value for event in events})


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else f"{text[:letters]}..."
