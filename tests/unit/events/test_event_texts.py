"""Texts of events have no ids of messages: a delivery has an id of its own."""

import pytest

from lambdas.domain.events import MeterEvent
from tests.unit.events.every_event import list_every_event


@pytest.mark.parametrize("event", list_every_event(), ids=lambda event: event.type.value)
def test_a_text_has_no_id_that_no_command_takes(event: MeterEvent) -> None:
    ids = [event.id, *event.detail.get("alert_ids", ()), event.detail.get("id", event.id)]
    assert not any(each in event.text for each in ids)
    assert event.text == event.text.strip()
