"""Every event follows the published schema of its type, and every type is documented."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError
from referencing import Registry, Resource

from lambdas.domain.events import EventType, MeterEvent, read_event, write_event
from lambdas.domain.webhooks.standard_payload import write_standard_payload
from tests.unit.events.every_event import CREDITS, list_every_event
from tests.unit.webhooks.any_events import ORIGIN

DOCS = Path(__file__).parents[3] / "docs"
ROOT = "webhook-event.schema.json"
SCHEMAS: dict[str, dict[str, Any]] = {
    path.name: json.loads(path.read_text(encoding="utf-8")) for path in DOCS.glob("*.schema.json")
}
PAGE = (DOCS / "webhook-events.md").read_text(encoding="utf-8")
(EXAMPLE,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


_MORE = "additionalProperties"


def close(schema: Any) -> Any:
    """Refuse fields that a schema does not describe. Published ones let receivers take new ones."""
    if isinstance(schema, list):
        return [close(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {name: close(value) for name, value in schema.items()}
    return closed | ({_MORE: False} if closed.get(_MORE) is True else {})


def make_validator(schemas: Mapping[str, Any]) -> Draft202012Validator:
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(schema)) for name, schema in schemas.items()
    )
    return Draft202012Validator({"$ref": ROOT}, registry=registry)


PUBLISHED = make_validator(SCHEMAS)
VALIDATOR = make_validator(close(SCHEMAS))
EVENTS = list_every_event()


def write_payload(event: MeterEvent) -> dict[str, Any]:
    payload: dict[str, Any] = json.loads(write_standard_payload(event, ORIGIN))
    return payload


def list_families() -> dict[str, str]:
    """List the schema of the detail of each type."""
    return {
        event_type: part["then"]["properties"]["data"]["properties"]["detail"]["$ref"]
        for part in SCHEMAS[ROOT]["allOf"]
        for event_type in part["if"]["properties"]["type"]["enum"]
    }


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_every_event_follows_the_schema_of_its_type(event: MeterEvent) -> None:
    payload = write_payload(event)
    assert payload["data"]["detail"]
    VALIDATOR.validate(payload)
    assert read_event(json.loads(json.dumps(write_event(event)))) == event


def test_there_is_an_event_of_every_type() -> None:
    assert {event.type for event in EVENTS} == set(EventType) - set(CREDITS)


def test_ids_differ() -> None:
    # Examples of the brake's events are about one deny.
    ids = [event.id for event in EVENTS if not event.type.startswith("brake.")]
    assert len(set(ids)) == len(ids)


def test_every_type_has_a_schema_that_exists_and_a_row_in_the_documentation() -> None:
    families = list_families()
    assert set(families) == set(EventType) == set(SCHEMAS[ROOT]["properties"]["type"]["examples"])
    assert set(families.values()) <= set(SCHEMAS)
    rows = dict(
        re.findall(r"^\| `([a-z_.]+)` \|.*\(([a-z-]+\.schema\.json)\) \|$", PAGE, re.MULTILINE)
    )
    assert rows == families


@pytest.mark.parametrize("name", sorted(SCHEMAS))
def test_every_schema_is_one(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name])


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_a_field_that_the_schema_does_not_know_is_noticed(event: MeterEvent) -> None:
    payload = write_payload(event)
    payload["data"]["detail"]["surprise"] = 1
    with pytest.raises(ValidationError):
        VALIDATOR.validate(payload)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.type)
def test_receivers_accept_fields_types_and_labels_that_come_later(event: MeterEvent) -> None:
    payload = write_payload(event)
    payload["data"]["detail"]["surprise"] = payload["data"]["surprise"] = payload["new"] = 1
    payload["data"]["scope"]["surprise"] = ["name"]
    PUBLISHED.validate(payload)
    PUBLISHED.validate(payload | {"type": "surprise.reached"})
    with pytest.raises(ValidationError):
        PUBLISHED.validate(payload | {"data": {}})


def test_the_page_says_how_to_check_an_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(DOCS.parent)
    example: dict[str, Any] = {}
    exec(EXAMPLE, example)  # noqa: S102  # the example of our own page
    payload = write_payload(EVENTS[0])
    example["validator"].validate(payload)
    del payload["data"]["detail"]["version"]
    with pytest.raises(ValidationError):
        example["validator"].validate(payload)


def test_a_shortened_event_follows_the_schema_too() -> None:
    for event in EVENTS:
        payload = write_payload(event)
        payload["data"] |= {"detail": {}, "scope": {}, "truncated": True}
        VALIDATOR.validate(payload)


def test_scopes_have_labels_of_budgets() -> None:
    assert any(event.scope for event in EVENTS)
    labels = set(
        SCHEMAS[ROOT]["properties"]["data"]["properties"]["scope"]["propertyNames"]["examples"]
    )
    assert all(set(event.scope) <= labels for event in EVENTS)
