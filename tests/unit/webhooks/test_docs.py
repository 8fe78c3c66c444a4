"""The examples of docs/webhooks.md work as they stand there."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from lambdas.domain.webhooks import (
    MAX_ATTEMPTS,
    MAX_DELIVERY_AGE,
    RETRY_WAITS,
    TEMPLATE_NAMES,
    make_secret,
)
from lambdas.domain.webhooks.signing import sign
from lambdas.domain.webhooks.standard_payload import write_standard_payload
from lambdas.domain.webhooks.templates import check_template, render_template
from lambdas.services.manage_webhooks import WebhookManager
from tests.hostile_names import HOSTILE_NAMES
from tests.unit.webhooks.any_events import ORIGIN
from tests.webhooks import (
    NOON,
    InMemoryDeliveries,
    InMemoryDeliveryQueue,
    InMemorySecretBox,
    InMemoryWebhooks,
    make_event,
    make_subscription,
)

PAGE = (Path(__file__).parents[3] / "docs" / "webhooks.md").read_text(encoding="utf-8")
PAYLOAD, TEAMS = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
(RECEIVER,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
SECRET = make_secret(b"s" * 32)


def write_test_event() -> bytes:
    webhooks = InMemoryWebhooks(make_subscription())
    manager = WebhookManager(
        webhooks, InMemoryDeliveries(), InMemoryDeliveryQueue(), InMemorySecretBox(), bytes
    )
    return write_standard_payload(manager.test("pager", NOON).event, ORIGIN)


def test_the_payload_is_what_is_sent() -> None:
    assert json.loads(write_test_event()) == json.loads(PAYLOAD)


def test_the_template_for_teams_is_an_adaptive_card() -> None:
    check_template(TEAMS)
    event = make_event()
    message = json.loads(render_template(TEAMS, event, ORIGIN))
    (attachment,) = message["attachments"]
    assert message["type"] == "message"
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    title, text, facts, link = attachment["content"]["body"]
    assert (title["text"], text["text"], link["text"]) == (event.title, event.text, event.link)
    assert {fact["title"]: fact["value"] for fact in facts["facts"]} == {
        "Scope": "project: chat",
        "Account": "111122223333 us-east-1",
        "Time": "2026-09-08T12:00:00Z",
    }


@pytest.mark.parametrize("name", HOSTILE_NAMES.values(), ids=HOSTILE_NAMES)
def test_the_template_for_teams_keeps_its_form_with_hostile_names(name: str) -> None:
    def outline(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: outline(part) for key, part in value.items()}
        return [outline(part) for part in value] if isinstance(value, list) else type(value)

    event = make_event(title=name, text=name, link=name, scope={"project": (name,), name: (name,)})
    assert outline(json.loads(render_template(TEAMS, event, ORIGIN))) == outline(json.loads(TEAMS))


def test_the_page_lists_every_name_of_templates() -> None:
    listed = {
        name
        for row in re.findall(r"^\| (`\{.*?) \|", PAGE, re.MULTILINE)
        for name in re.findall(r"\{(\w+)\}", row)
    }
    assert listed == set(TEMPLATE_NAMES)


def test_the_receiver_accepts_an_event_once_and_refuses_forged_ones() -> None:
    handled: list[Any] = []
    seen: set[str] = set()

    example: dict[str, Any] = {
        "SECRET": SECRET,
        "is_known": seen.__contains__,
        "store": seen.add,
        "handle": handled.append,
    }
    exec(RECEIVER, example)  # noqa: S102  # the example of our own page
    receive = example["receive"]
    body = write_test_event()
    headers = sign(body, "evt_1", [SECRET], datetime.now(UTC))
    titled = {name.title(): value for name, value in headers.items()}
    assert [receive(body, titled), receive(body, headers)] == [204, 204]
    assert handled == [json.loads(PAYLOAD)]
    assert receive(body + b" ", headers) == 401
    assert receive(body, {**headers, "webhook-signature": "v1"}) == 401
    assert receive(body, {**headers, "webhook-signature": "v1,?"}) == 401
    assert receive(body, {}) == 401
    assert len(handled) == 1


def test_the_page_has_the_schedule_of_attempts() -> None:
    (row,) = re.findall(r"^\| wait before it \| none \| (.*) \|$", PAGE, re.MULTILINE)
    seconds = {"s": 1, "min": 60, "h": 3600}
    waits = [int(number) * seconds[unit] for number, unit in map(str.split, row.split(" | "))]
    assert waits == [wait.total_seconds() for wait in RETRY_WAITS]
    assert "All ten attempts" in PAGE
    assert MAX_ATTEMPTS == 10
    shortest, longest = sum(waits) / 3600, sum(waits) * 1.1 / 3600
    assert f"take {shortest:.1f} to {longest:.1f}" in PAGE
    assert f"{MAX_DELIVERY_AGE.days} days after it was added" in PAGE
