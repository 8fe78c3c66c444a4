"""Events of the meter: what happened, as webhooks deliver it."""

from lambdas.domain.events.documents import (
    EVENT_VERSION,
    EventDocument,
    InvalidEventError,
    read_event,
    read_events,
    read_json,
    write_event,
    write_events,
)
from lambdas.domain.events.event import MAX_ID_LETTERS, EventScope, MeterEvent, make_event_id
from lambdas.domain.events.messages import (
    EVENTS_ATTRIBUTE,
    MAX_EVENT_BYTES,
    MAX_MESSAGE_BYTES,
    count_text_bytes,
    list_types,
    split_events,
)
from lambdas.domain.events.types import EventType

__all__ = [
    "EVENTS_ATTRIBUTE",
    "EVENT_VERSION",
    "MAX_EVENT_BYTES",
    "MAX_ID_LETTERS",
    "MAX_MESSAGE_BYTES",
    "EventDocument",
    "EventScope",
    "EventType",
    "InvalidEventError",
    "MeterEvent",
    "count_text_bytes",
    "list_types",
    "make_event_id",
    "read_event",
    "read_events",
    "read_json",
    "split_events",
    "write_event",
    "write_events",
]
