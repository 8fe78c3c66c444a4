"""A subscription that breaks a rule is refused, and the refusal says what to write instead."""

from typing import Any

import pytest

from lambdas.domain.webhooks import (
    EventFilter,
    InvalidWebhookError,
    NewWebhook,
    WebhookFormat,
    check_webhook,
)
from lambdas.domain.webhooks.subscription_rules import MAX_FILTER_NAMES, MAX_NAME_LETTERS
from tests.webhooks import URL, make_subscription

TEMPLATE = '{"text": "{title}"}'


def new_webhook(**changes: Any) -> NewWebhook:
    return NewWebhook(**{"id": "pager", "url": URL, **changes})


@pytest.mark.parametrize(
    "new",
    [
        new_webhook(),
        new_webhook(id="a"),
        new_webhook(id="9" * 40),
        new_webhook(filter=EventFilter(types=("budget.*", "health.alarm"))),
        new_webhook(filter=EventFilter(scope={"project": ("chat-*",), "region": ("us-east-1",)})),
        new_webhook(format=WebhookFormat.SLACK),
        new_webhook(format=WebhookFormat.TEMPLATE, template=TEMPLATE),
    ],
    ids=lambda new: new.id[:5] + new.format,
)
def test_subscriptions_that_follow_the_rules_are_accepted(new: NewWebhook) -> None:
    assert check_webhook(new).host == "receiver.example"


@pytest.mark.parametrize(
    ("new", "advice"),
    [
        *(
            (new_webhook(id=wrong), "lower-case letters, digits and hyphens")
            for wrong in ("", "Pager", "-a", "a-", "a_b", "a#b", "a b", "a\n", "é", "a" * 41)
        ),
        (new_webhook(url="http://receiver.example/x"), "https://"),
        (new_webhook(url="https://127.0.0.1/x"), "public"),
        (new_webhook(filter=EventFilter(types=("budgets.*",))), "budget.threshold_reached"),
        (new_webhook(filter=EventFilter(types=("",))), "budget.threshold_reached"),
        (new_webhook(filter=EventFilter(scope={"team": ("a",)})), "project, department"),
        (new_webhook(filter=EventFilter(scope={"project": ()})), "leave the label out"),
        (new_webhook(filter=EventFilter(scope={"project": ("",)})), "pattern such as"),
        (
            new_webhook(filter=EventFilter(scope={"project": ("a" * (MAX_NAME_LETTERS + 1),)})),
            "1,000 letters",
        ),
        (
            new_webhook(
                filter=EventFilter(scope={"project": ("a",) * MAX_FILTER_NAMES}, types=("*",))
            ),
            "use 100 at most",
        ),
        (new_webhook(template=TEMPLATE), "leave it out"),
        (new_webhook(format=WebhookFormat.SLACK, template=TEMPLATE), "leave it out"),
        (new_webhook(format=WebhookFormat.TEMPLATE), "add a JSON file"),
        (new_webhook(format=WebhookFormat.TEMPLATE, template="{"), "write a JSON object"),
    ],
)
def test_a_broken_rule_is_refused_with_advice(new: NewWebhook, advice: str) -> None:
    with pytest.raises(InvalidWebhookError, match=advice):
        check_webhook(new)


@pytest.mark.parametrize("url", ["https://receiver.example:22/url-token", "https://x/url-token"])
@pytest.mark.parametrize("place", ["id", "url"])
def test_no_refusal_shows_an_address(place: str, url: str) -> None:
    new = new_webhook(**{place: url})
    with pytest.raises(InvalidWebhookError) as refusal:
        check_webhook(new)
    assert "url-token" not in f"{refusal.value!r}{refusal.value.__context__!r}"


def test_the_address_is_not_in_the_repr() -> None:
    assert "url-token" not in repr(new_webhook())


def test_a_filter_fits_into_an_item() -> None:
    names = tuple(chr(0x1F600 + number) * MAX_NAME_LETTERS for number in range(MAX_FILTER_NAMES))
    with pytest.raises(InvalidWebhookError, match="too long: use patterns"):
        check_webhook(new_webhook(filter=EventFilter(scope={"project": names})))


def test_no_object_shows_a_template_which_may_have_a_key() -> None:
    template = '{"routing_key": "r-secret", "text": "{title}"}'
    shown = repr((new_webhook(template=template), make_subscription(template=template)))
    assert "r-secret" not in shown
