"""Events of the meter: what happened, as webhooks deliver it."""

from lambdas.domain.events.event import MAX_ID_LETTERS, EventScope, MeterEvent, make_event_id
from lambdas.domain.events.types import EventType

__all__ = ["MAX_ID_LETTERS", "EventScope", "EventType", "MeterEvent", "make_event_id"]
