"""Each event says who, why, until when and what to do, and its id never changes."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from lambdas.domain.brake import (
    BrakeEvent,
    CauseKey,
    Exemption,
    NotEnforceable,
    Obstacle,
    OverflowMode,
    Refusal,
    ReleaseReason,
    ShadowDeny,
    report_contested,
    report_denied,
    report_not_attached,
    report_overflow,
    report_refusal,
    report_released,
    report_shadow,
    write_brake_notice,
)
from lambdas.domain.budgets import BudgetAmount, BudgetUnit, RollingHours
from tests.builders import ANA, BEN, NOON
from tests.unit.brake.builders import ANA_SESSION, BEN_USER, CHAT, DAY, cause, deny
from tests.unit.budgets.builders import DOLLAR

PAGE = Path(__file__).parents[3] / "docs" / "brake-event.schema.json"
SCHEMA = Draft202012Validator(json.loads(PAGE.read_text(encoding="utf-8")))
EARLY = cause(used=9 * DOLLAR, reserve=DOLLAR)
TOKENS = cause(amount=BudgetAmount(BudgetUnit.TOTAL_TOKENS, 2_000_000), used=2_000_001)
EVENTS: list[BrakeEvent] = [
    report_denied(deny(causes=(EARLY, TOKENS)), NOON),
    report_shadow(ShadowDeny(ANA_SESSION, EARLY, is_switched_off=False), NOON),
    report_shadow(ShadowDeny(ANA_SESSION, EARLY, is_switched_off=True), NOON),
    report_contested(deny(taken_off=3), NOON),
    *(report_released(deny(), reason, NOON) for reason in ReleaseReason),
    *(
        report_refusal(Refusal(NotEnforceable(ANA, exemption), EARLY), NOON)
        for exemption in Exemption
    ),
    *(report_not_attached(deny(), obstacle, "Wait.", NOON) for obstacle in Obstacle),
    *(report_overflow(CHAT, [EARLY, TOKENS], 7, mode, NOON) for mode in OverflowMode),
]


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.id.rpartition("#")[2])
def test_every_event_follows_the_schema_and_every_subject_fits(event: BrakeEvent) -> None:
    SCHEMA.validate(event.detail)
    notice = write_brake_notice(event.detail)
    assert notice.subject.isascii()
    assert len(notice.subject) <= 100
    assert event.id in notice.text


def test_every_reason_of_the_schema_is_used() -> None:
    reasons = {event.detail["reason"] for event in EVENTS}
    assert reasons == set(
        json.loads(PAGE.read_text(encoding="utf-8"))["properties"]["reason"]["enum"]
    )


def test_the_message_of_a_deny_says_who_why_until_when_and_how_to_end_it() -> None:
    event = report_denied(deny(causes=(EARLY,)), NOON)
    notice = write_brake_notice(event.detail)
    assert notice.subject == "Bedrock brake, daily: denied"
    effect = (
        "All its use of Bedrock in this Region is denied. IAM takes some seconds until every call"
        " is refused, and calls that have begun end normally."
    )
    reason = (
        "Budget daily: $9.00 of $10.00 used, 90%, and $1.00 expected before a deny takes effect;"
        " its period ends at 2026-09-09T00:00:00Z"
    )
    assert notice.text.splitlines() == [
        f"Denied: {BEN}",
        effect,
        reason,
        "Until: 2026-09-09T00:00:00Z",
        f"To release it earlier, raise the budget, or run bedrock-meter deny release {BEN}",
        "What to do: docs/runbooks/BrakeMessages.md in the Bedrock Meter repository.",
        f"Event id: {event.id}",
    ]


def test_the_message_of_a_refusal_says_what_to_do_instead() -> None:
    refused = NotEnforceable(ANA, Exemption.IDENTITY_CENTER)
    text = write_brake_notice(report_refusal(Refusal(refused, cause()), NOON).detail).text
    assert "It is not denied: IAM protects roles of IAM Identity Center." in text
    assert "Use a service control policy, or change the permission set" in text


def test_tokens_are_written_as_tokens() -> None:
    text = write_brake_notice(report_denied(deny(causes=(TOKENS,)), NOON).detail).text
    assert "Budget daily: 2,000,001 tokens of 2,000,000 tokens used, 100%; its period" in text


def test_names_that_steer_a_terminal_or_add_lines_are_made_printable() -> None:
    refused = NotEnforceable("a\nReleased: \x1b[31m", Exemption.UNKNOWN_CALLER)
    lines = write_brake_notice(report_refusal(Refusal(refused, cause()), NOON).detail).text
    assert lines.splitlines()[0].count("\N{REPLACEMENT CHARACTER}") == 2


@pytest.mark.parametrize(
    "make",
    [
        lambda now: report_shadow(ShadowDeny(BEN_USER, cause(), is_switched_off=False), now),
        lambda now: report_refusal(Refusal(NotEnforceable(BEN, Exemption.ROOT), cause()), now),
        lambda now: report_denied(deny(), now),
        lambda now: report_released(deny(), ReleaseReason.BY_HAND, now),
    ],
)
def test_an_event_has_the_same_id_whenever_it_is_made(
    make: Callable[..., BrakeEvent],
) -> None:
    assert make(NOON).id == make(NOON + timedelta(hours=3)).id


def test_what_is_reported_once_a_period_has_another_id_in_the_next_one() -> None:
    period = cause().key.period
    tomorrow = period._replace(id="2026-09-09", start=period.end, end=period.end + DAY)
    following = cause(key=CauseKey("daily", 1, BEN, tomorrow), until=tomorrow.end)
    ids = {
        report_shadow(ShadowDeny(BEN_USER, each, is_switched_off=False), NOON).id
        for each in (
            cause(),
            following,
            cause("other"),
            cause(key=CauseKey("daily", 2, BEN, period)),
        )
    }
    assert len(ids) == 4


def test_a_window_that_moves_by_the_hour_is_reported_once_in_its_length() -> None:
    rule, seen = RollingHours(24), list[str]()
    for hour in range(48):
        window = rule.period_at(NOON + timedelta(hours=hour))
        moved = cause(
            key=CauseKey("daily", 1, BEN, window), until=window.end + timedelta(minutes=10)
        )
        seen.append(report_shadow(ShadowDeny(BEN_USER, moved, is_switched_off=False), NOON).id)
    assert 2 <= len(set(seen)) <= 3


def test_two_denies_of_a_caller_have_different_ids() -> None:
    first, second = deny(), deny(decided_at=NOON + timedelta(microseconds=1))
    assert report_denied(first, NOON).id != report_denied(second, NOON).id


def test_every_kind_is_an_event_with_the_caller_as_scope() -> None:
    for event in EVENTS:
        (written,) = write_brake_notice(event.detail, "https://console.example").events
        assert written.type == f"brake.{event.detail['kind']}"
        assert (written.detail, written.link) == (event.detail, "https://console.example")
        assert (written.title, written.at) == (write_brake_notice(event.detail).subject, NOON)
    user = deny().target.arn
    (denied,) = write_brake_notice(report_denied(deny(), NOON).detail).events
    assert denied.scope == {"principal": (user,), "identity": (user,)}
    (shadow,) = write_brake_notice(EVENTS[1].detail).events
    assert shadow.scope == {"principal": (CHAT.arn,), "identity": (ANA_SESSION.arn,)}
    overflow = report_overflow(CHAT, [EARLY], 7, OverflowMode.ROLE, NOON)
    assert write_brake_notice(overflow.detail).events[0].scope == {"principal": (CHAT.arn,)}
