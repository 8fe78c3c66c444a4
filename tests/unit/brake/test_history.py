"""Past usage is replayed by the rules that the brake itself follows."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.brake import (
    Exemption,
    MinuteUsage,
    NotEnforceable,
    PastDeny,
    replay_brake,
)
from lambdas.domain.budgets import (
    BrakeMode,
    Budget,
    BudgetAmount,
    BudgetScope,
    BudgetUnit,
    RollingHours,
)
from tests.builders import ANA, BEN, NOON
from tests.unit.brake.builders import ANA_SESSION, BEN_USER, DAY, MINUTE, RULES, daily
from tests.unit.budgets.builders import DOLLAR


def replay(
    spent: dict[datetime, float], made: Budget | None = None, value: str = BEN
) -> list[PastDeny]:
    usage = {minute: MinuteUsage(round(dollars * DOLLAR), 1) for minute, dollars in spent.items()}
    return replay_brake(made or daily(), value, usage, RULES)


def test_a_caller_is_denied_at_the_braking_point_and_the_rest_is_what_it_saved() -> None:
    spent = {NOON + minute * MINUTE: 1.0 for minute in range(15)}
    (denied,) = replay(spent)
    # From $7 on, two more dollars a reaction time and one call are expected: $2 at most.
    assert (denied.caller, denied.minute) == (BEN_USER, NOON + 7 * MINUTE)
    assert (denied.cause.used, denied.cause.reserve) == (8 * DOLLAR, 2 * DOLLAR)
    assert denied.later == 7 * DOLLAR


def test_slow_usage_is_denied_close_to_the_limit() -> None:
    spent = {NOON.replace(hour=0) + hour * timedelta(minutes=30): 0.5 for hour in range(30)}
    (denied,) = replay(spent)
    assert denied.cause.used == round(9.5 * DOLLAR)


@pytest.mark.parametrize("unit", BudgetUnit)
def test_every_unit_is_replayed(unit: BudgetUnit) -> None:
    made = daily(amount=BudgetAmount(unit, 1000))
    usage = {NOON + minute * MINUTE: MinuteUsage(50, 1) for minute in range(30)}
    (denied,) = replay_brake(made, BEN, usage, RULES)
    assert denied.cause.used + denied.cause.reserve >= 1000
    assert denied.cause.used + denied.later == 1500


def test_each_day_is_denied_by_itself() -> None:
    assert len(replay({NOON: 10, NOON + MINUTE: 10, NOON + DAY: 10, NOON + 2 * DAY: 1})) == 2


def test_a_window_that_moves_is_denied_again_once_it_has_moved_on() -> None:
    made = daily(periods=RollingHours(24))
    spent: dict[datetime, float] = {NOON + hour * timedelta(hours=1): 10 for hour in range(30)}
    assert [each.minute for each in replay(spent, made)] == [NOON, NOON + DAY]


def test_all_named_callers_are_denied_and_exempt_ones_are_named() -> None:
    eve = "arn:aws:sts::111122223333:assumed-role/cdk-x-deploy-role-111122223333-us-east-1/eve"
    scope = BudgetScope(identity=(ANA, BEN, eve))
    found = replay({NOON: 10}, daily(per=None, scope=scope, brake=BrakeMode.SHADOW), "")
    callers = {each.caller for each in found}
    assert callers == {ANA_SESSION, BEN_USER, NotEnforceable(eve, Exemption.METER_OR_CDK)}


@given(st.dictionaries(st.integers(0, 3000), st.floats(0, 4), max_size=30))
def test_a_caller_is_denied_between_80_percent_and_the_first_reading_above_the_limit(
    spent: dict[int, float],
) -> None:
    found = replay({NOON + number * MINUTE: dollars for number, dollars in spent.items()})
    assert all(each.cause.used >= 8 * DOLLAR for each in found)
    days: dict[object, float] = {}
    for number, dollars in spent.items():
        day = (NOON + number * MINUTE).date()
        days[day] = days.get(day, 0) + dollars
    denied = {each.minute.date() for each in found}
    assert {day for day, dollars in days.items() if dollars > 10.001} <= denied
