"""Exhausted credits deny the callers that they name, by the rules of budgets."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from lambdas.domain.brake import (
    BrakeSwitch,
    Deny,
    DenyState,
    Exemption,
    ReleaseReason,
    Target,
    explain_release,
    find_wanted,
    make_releases,
    read_deny,
    report_denied,
    report_refusal,
    report_released,
    report_shadow,
    write_brake_notice,
    write_deny,
)
from lambdas.domain.brake.credit_causes import make_credit_cause
from lambdas.domain.budgets import BudgetBook, BudgetScope
from lambdas.domain.credits import CreditState
from tests.builders import ANA, BEN, NOON
from tests.exhausted_credits import (
    CALLERS,
    CHAT_PROJECT,
    USD,
    make_balance,
    make_state,
)
from tests.unit.brake.builders import ANA_SESSION, BEN_USER, active, deny, inputs, status

SCHEMA = json.loads(Path("docs/brake-event.schema.json").read_text())
BEN_ALONE = BudgetScope(identity=(BEN,))
EXHAUSTED = make_state(make_balance("june", CALLERS))
OFF = make_state(make_balance("june", CALLERS), is_on=False)
GATEWAY = "arn:aws:sts::111122223333:assumed-role/BedrockMeter-GatewayCaller-us-east-1/ana"


def find_denied(**changes: Any) -> set[Target]:
    return set(find_wanted(inputs(**changes)).denies)


def deny_now(state: CreditState = EXHAUSTED, **changes: Any) -> Deny:
    causes = find_wanted(inputs(credits=state)).denies[BEN_USER]
    return deny(causes=causes, state=DenyState.DENIED, attached_at=NOON, **changes)


def test_the_callers_of_exhausted_credits_are_denied() -> None:
    wanted = find_wanted(inputs(credits=EXHAUSTED))
    assert set(wanted.denies) == {ANA_SESSION, BEN_USER}
    (cause,) = wanted.denies[BEN_USER]
    assert cause.key.name == f"credits of identity {BEN}, {ANA}"
    assert (cause.amount.limit, cause.used) == (10 * USD, 10 * USD)
    assert cause.until == NOON.replace(hour=0) + timedelta(days=2)
    assert (wanted.shadows, wanted.refusals) == ([], [])


@pytest.mark.parametrize(
    "changes",
    [{"credits": OFF}, {"credits": EXHAUSTED, "switch": BrakeSwitch()}],
)
def test_a_switch_that_is_off_only_reports(changes: dict[str, Any]) -> None:
    wanted = find_wanted(inputs(**changes))
    assert not wanted.denies
    assert {shadow.target for shadow in wanted.shadows} == {ANA_SESSION, BEN_USER}
    event = report_shadow(wanted.shadows[0], NOON)
    Draft202012Validator(SCHEMA).validate(event.detail)
    assert "credits enforce" in event.detail["explanation"]


def test_credits_and_a_budget_deny_a_caller_together() -> None:
    wanted = find_wanted(inputs(status(active(), 10), credits=EXHAUSTED))
    assert [cause.key.budget for cause in wanted.denies[BEN_USER]] == ["credits", "daily"]


def test_a_scope_without_callers_is_reported_once_with_what_to_do() -> None:
    state = make_state(make_balance("june", CHAT_PROJECT))
    wanted = find_wanted(inputs(credits=state))
    assert not wanted.denies
    (refusal,) = wanted.refusals
    assert refusal.caller.exemption is Exemption.NO_CALLER
    event = report_refusal(refusal, NOON)
    Draft202012Validator(SCHEMA).validate(event.detail)
    assert event.detail["caller"]["arn"] == "credits of project chat"
    notice = write_brake_notice(event.detail)
    text = notice.text
    assert [each.scope for each in notice.events] == [{"project": ("chat",)}]
    assert "credits_exhausted" in text
    assert "Credits of project chat are exhausted: $10.00 of $10.00 used, 100%" in text
    later = NOON + timedelta(days=29, hours=22)
    (again,) = find_wanted(inputs(credits=state, now=later)).refusals
    assert report_refusal(again, later).id == event.id
    (next_month,) = find_wanted(inputs(credits=state, now=NOON + timedelta(days=31))).refusals
    assert report_refusal(next_month, NOON).id != event.id


def test_a_caller_of_the_gateway_is_left_to_the_gateway() -> None:
    state = make_state(make_balance("june", BudgetScope(identity=(GATEWAY,))))
    (refusal,) = find_wanted(inputs(credits=state)).refusals
    assert refusal.caller.exemption is Exemption.GATEWAY_CALLER
    assert "credits_exhausted has gateway" in report_refusal(refusal, NOON).detail["advice"]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (make_state(make_balance("june", CALLERS, rest=1)), ReleaseReason.CREDITS_AVAILABLE),
        (
            make_state(make_balance("june", CALLERS, is_voided=True)),
            ReleaseReason.CREDITS_AVAILABLE,
        ),
        (OFF, ReleaseReason.CREDITS_OFF),
        (CreditState(), ReleaseReason.CREDITS_OFF),
    ],
)
def test_a_caller_is_released_once_there_is_credit_or_a_switch_is_off(
    state: CreditState, reason: ReleaseReason
) -> None:
    changes = {"credits": state, "denies": [deny_now()]}
    assert find_denied(**changes) == set()
    assert explain_release(deny_now(), inputs(**changes)) is reason
    released = report_released(deny_now(), reason, NOON)
    Draft202012Validator(SCHEMA).validate(released.detail)


def test_denies_stay_while_credits_are_not_known() -> None:
    changes = {"credits": None, "denies": [deny_now()]}
    assert find_denied(**changes) == {BEN_USER}
    assert find_denied(**changes, switch=BrakeSwitch()) == set()
    assert find_denied(**changes, now=NOON + timedelta(days=3)) == set()


def test_a_caller_who_was_released_by_hand_is_not_denied_for_the_same_credits() -> None:
    releases = make_releases(deny_now(), by="ops", at=NOON, until=NOON + timedelta(hours=2))
    assert find_denied(credits=EXHAUSTED, releases=releases) == {ANA_SESSION}
    later = NOON + timedelta(hours=2)
    assert find_denied(credits=EXHAUSTED, releases=releases, now=later) == {ANA_SESSION, BEN_USER}
    assert releases[0].is_in_force(BudgetBook(0, {}), NOON)
    assert not releases[0].is_in_force(BudgetBook(0, {}), later)
    held = {"credits": EXHAUSTED, "releases": releases, "denies": [deny_now()]}
    assert explain_release(deny_now(), inputs(**held)) is ReleaseReason.BY_HAND


def test_a_deny_goes_on_from_day_to_day_as_the_same_one() -> None:
    (unpaid, *_) = EXHAUSTED.unpaid
    today, tomorrow = (make_credit_cause(unpaid, NOON + timedelta(days=n)) for n in (0, 1))
    assert today.key == tomorrow.key
    assert tomorrow.until - today.until == timedelta(days=1)
    assert not today.is_window


def test_a_deny_is_stored_and_reported_as_credits() -> None:
    made = deny_now(make_state(make_balance("june", BEN_ALONE)))
    assert read_deny(json.loads(json.dumps(write_deny(made))), 0) == made
    event = report_denied(made, NOON)
    Draft202012Validator(SCHEMA).validate(event.detail)
    notice = write_brake_notice(event.detail)
    assert notice.subject == "Bedrock brake, credits: denied"
    assert "grant credits, or run bedrock-meter deny release" in notice.text
    assert f"Credits of identity {BEN} are exhausted" in notice.text
