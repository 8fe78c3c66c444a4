"""Budgets whose field gateway says so are limits of the gateway."""

from dataclasses import replace
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.budgets import (
    BrakeMode,
    Budget,
    BudgetAmount,
    BudgetBook,
    BudgetScope,
    BudgetState,
    BudgetSubject,
    BudgetUnit,
    DayPeriods,
    GatewayBudgets,
    HourPeriods,
    MonthPeriods,
    PeriodRule,
    RollingHours,
    ScopeField,
    StoredBudget,
    find_gateway_subject,
    make_weeks,
)
from lambdas.domain.limits import Limit, LimitMode, LimitUnit, to_moment
from tests.builders import ANA, BEN
from tests.unit.budgets.builders import LABELS, budget, minutes, stored, zones

EACH = budget("each", per=BudgetSubject.IDENTITY, gateway=LimitMode.ENFORCE)


def get_limit(made: Budget) -> Limit | None:
    subject = find_gateway_subject(stored(made))
    return None if subject is None else subject.limits[0]


@pytest.mark.parametrize(
    ("amount", "unit"),
    [
        (BudgetAmount(BudgetUnit.USD, 10**12), LimitUnit.USD),
        (BudgetAmount(BudgetUnit.TOTAL_TOKENS, 500), LimitUnit.TOTAL),
        (BudgetAmount(BudgetUnit.QUOTA_TOKENS, 500), LimitUnit.QUOTA_TOKENS),
    ],
)
def test_an_enforced_budget_is_an_enforced_limit(amount: BudgetAmount, unit: LimitUnit) -> None:
    limit = get_limit(budget(amount=amount, gateway=LimitMode.ENFORCE))
    assert limit is not None
    assert (limit.unit, limit.amount, limit.mode) == (unit, amount.limit, LimitMode.ENFORCE)


def test_a_budget_in_shadow_mode_refuses_nothing() -> None:
    limit = get_limit(budget(gateway=LimitMode.SHADOW))
    assert limit is not None
    assert not limit.is_enforced


@pytest.mark.parametrize(
    "made",
    [
        budget(),
        budget(brake=BrakeMode.DENY, per=BudgetSubject.IDENTITY),
        budget(gateway=LimitMode.ENFORCE, periods=RollingHours(24)),
        budget(gateway=LimitMode.ENFORCE, periods=DayPeriods("UTC", 2, date(2026, 1, 1))),
        budget(gateway=LimitMode.ENFORCE, periods=MonthPeriods("UTC", 3)),
        budget(gateway=LimitMode.ENFORCE, periods=make_weeks("UTC", "sunday")),
    ],
)
def test_other_budgets_are_no_limits(made: Budget) -> None:
    assert get_limit(made) is None


def test_a_budget_that_still_builds_is_no_limit() -> None:
    building = stored(budget(gateway=LimitMode.ENFORCE), state=BudgetState.BUILDING)
    assert find_gateway_subject(building) is None


@given(
    periods=st.builds(HourPeriods, zones)
    | st.builds(DayPeriods, zones)
    | zones.map(lambda zone: make_weeks(zone, "monday"))
    | st.builds(MonthPeriods, zones),
    moment=minutes,
)
def test_a_limit_has_the_periods_of_its_budget(periods: PeriodRule, moment: datetime) -> None:
    limit = get_limit(budget(gateway=LimitMode.ENFORCE, periods=periods))
    assert limit is not None
    assert limit.window is not None
    number = limit.window.number_at(to_moment(moment))
    period = periods.period_at(moment)
    assert limit.window.begins_at(number) == to_moment(period.start)
    assert limit.window.leaves_at(number) == to_moment(period.end)


def test_values_and_generations_are_subjects_of_their_own() -> None:
    subjects = [
        find_gateway_subject(stored(EACH, generation), value)
        for generation in (1, 2)
        for value in (ANA, BEN)
    ]
    assert len({subject.id for subject in subjects if subject is not None}) == 4


def list_names(*budgets: StoredBudget, unknown: tuple[ScopeField, ...] = ()) -> list[str | None]:
    book = BudgetBook(9, {each.budget.name: each for each in budgets})
    covering = GatewayBudgets(book).list_covering(LABELS, unknown)
    return [None if each.subject is None else each.subject.id for each in covering]


def test_a_call_has_the_subjects_of_the_budgets_that_cover_it() -> None:
    other = budget("other", scope=BudgetScope(project=("search",)), gateway=LimitMode.ENFORCE)
    team = budget("team", scope=BudgetScope(project=("chat",)), gateway=LimitMode.ENFORCE)
    found = list_names(stored(EACH), stored(other), stored(team), stored(budget()))
    assert found == [f"budget#each#1#{ANA}", "budget#team#1"]


def test_a_budget_by_name_replaces_the_default_one() -> None:
    named = replace(EACH, name="ana", per=None, scope=BudgetScope(identity=(ANA,)))
    assert list_names(stored(EACH), stored(named)) == ["budget#ana#1"]


def test_budgets_of_the_same_labels_are_found_once() -> None:
    budgets = GatewayBudgets(BudgetBook(1, {"each": stored(EACH)}))
    assert budgets.list_covering(LABELS) is budgets.list_covering(LABELS)
    assert budgets.list_covering(LABELS) != budgets.list_covering(LABELS._replace(identity_arn=BEN))


def test_a_label_that_is_not_known_yet_meets_every_condition() -> None:
    other = budget("other", scope=BudgetScope(project=("search",)), gateway=LimitMode.ENFORCE)
    away = budget("away", scope=BudgetScope(region=("eu-*",)), gateway=LimitMode.ENFORCE)
    found = list_names(stored(other), stored(away), unknown=(ScopeField.PROJECT,))
    assert found == ["budget#other#1"]


def test_a_default_budget_of_a_label_that_is_not_known_has_no_subject() -> None:
    each = budget("each", per=BudgetSubject.PROJECT, gateway=LimitMode.ENFORCE)
    assert list_names(stored(each), unknown=(ScopeField.PROJECT,)) == [None]
    assert list_names(stored(each), unknown=(ScopeField.MODEL,)) == ["budget#each#1#chat"]
    quiet = replace(each, gateway=LimitMode.SHADOW)
    assert list_names(stored(quiet), unknown=(ScopeField.PROJECT,)) == []
