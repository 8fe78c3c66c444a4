"""The wanted denies follow from budgets and their usage now, and from decisions of people."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.brake import (
    BrakeSwitch,
    CauseKey,
    DenyState,
    Exemption,
    ReleaseReason,
    Target,
    explain_release,
    find_wanted,
    make_releases,
)
from lambdas.domain.budgets import (
    BrakeMode,
    BudgetBook,
    BudgetScope,
    BudgetState,
    BudgetSubject,
    DayPeriods,
    MonthPeriods,
    RollingHours,
    StoredBudget,
    UnreadableBudget,
)
from tests.builders import ANA, BEN, NOON
from tests.unit.brake.builders import (
    ANA_SESSION,
    BEN_USER,
    CHAT,
    DAY,
    MIDNIGHT,
    RULES,
    active,
    book,
    cause,
    daily,
    deny,
    dollars,
    inputs,
    status,
)
from tests.unit.budgets.builders import DOLLAR, stored

OFF = BrakeSwitch()


def find_targets(*statuses: Any, **changes: Any) -> set[Target]:
    return set(find_wanted(inputs(*statuses, **changes)).denies)


def test_a_caller_is_denied_once_its_budget_is_used_up_until_the_period_ends() -> None:
    assert find_targets(status(active(), 9.99)) == set()
    wanted = find_wanted(inputs(status(active(), 10)))
    assert wanted.denies == {BEN_USER: (cause(),)}
    assert wanted.denies[BEN_USER][0].until == MIDNIGHT


def test_a_user_is_denied_as_a_whole_and_a_session_of_a_role_by_itself() -> None:
    entry = active()
    assert find_targets(status(entry, 10), status(entry, 10, ANA)) == {BEN_USER, ANA_SESSION}


def test_a_role_is_denied_as_a_whole_by_a_budget_per_principal() -> None:
    entry = active(daily(per=BudgetSubject.PRINCIPAL))
    assert find_targets(status(entry, 10, CHAT.arn)) == {CHAT}


def test_all_callers_that_a_budget_names_are_denied_when_their_sum_is_used_up() -> None:
    made = daily(per=None, scope=BudgetScope(identity=(ANA, BEN)))
    assert find_targets(status(active(made), 10, "")) == {ANA_SESSION, BEN_USER}


def test_the_other_names_of_a_user_with_a_path_are_one_target() -> None:
    entry = active()
    value = "arn:aws:iam::111122223333:user/team/ben"
    assert find_targets(status(entry, 10, value)) == {BEN_USER}


# Each row of the lessons about enforcement, by name.


def test_the_new_period_denies_no_caller_for_the_old_one() -> None:
    """The rollover's own write made enforcement attach the old period's deny again, for good."""
    entry = active()
    yesterday = entry.budget.periods.period_at(NOON - DAY)
    past = cause(key=CauseKey("daily", 1, BEN, yesterday), until=yesterday.end)
    held = deny(state=DenyState.DENIED, causes=(past,))
    found = inputs(status(entry, 100, period=yesterday), status(entry, 0), denies=[held])
    assert find_wanted(found).denies == {}
    assert explain_release(held, found) is ReleaseReason.PERIOD_ENDED


def test_a_release_by_hand_is_not_undone_by_its_own_event_or_by_more_usage() -> None:
    """A manual release attached the deny again at once."""
    held = deny(state=DenyState.DENIED)
    releases = make_releases(held, by="ops", at=NOON, until=None)
    for spent in (10, 11, 1000):
        for stored_denies in ([held], []):
            found = inputs(status(active(), spent), releases=releases, denies=stored_denies)
            assert find_wanted(found).denies == {}
    assert explain_release(held, found) is ReleaseReason.BY_HAND


def test_a_record_that_came_late_denies_no_caller_today() -> None:
    """A record that came late, after the rollover, denied for ever."""
    entry = active()
    yesterday = entry.budget.periods.period_at(NOON - DAY)
    assert find_targets(status(entry, 1000, period=yesterday)) == set()


def test_a_raised_budget_lets_go() -> None:
    """Raising a budget left its deny in place."""
    held = deny(state=DenyState.DENIED)
    found = inputs(status(active(daily(limit=20)), 10), denies=[held])
    assert find_wanted(found).denies == {}
    assert explain_release(held, found) is ReleaseReason.BUDGET_RAISED


def test_a_deleted_budget_lets_go() -> None:
    """Deleting a budget left its deny in place."""
    held = deny(state=DenyState.DENIED)
    found = inputs(status(active(), 10), denies=[held], book=BudgetBook(2, {}))
    assert find_wanted(found).denies == {}
    assert explain_release(held, found) is ReleaseReason.BUDGET_DELETED


def test_a_failed_read_of_one_budget_changes_nothing_about_its_denies() -> None:
    """A failed read of one budget took its window as monthly."""
    entry, held = active(), deny(state=DenyState.DENIED)
    found = inputs(book=book(entry), uncertain={"daily"}, denies=[held])
    assert find_wanted(found).denies == {BEN_USER: (cause(),)}


def test_a_release_that_has_begun_is_not_undone_by_usage_that_is_not_known() -> None:
    held = deny(state=DenyState.RELEASING, release=ReleaseReason.USAGE_CORRECTED)
    found = inputs(book=book(active()), uncertain={"daily"}, denies=[held])
    assert find_wanted(found).denies == {}


def test_usage_over_all_models_is_one_sum_and_denies_all_use_of_its_caller() -> None:
    """A budget over all models limited each model by itself."""
    assert len(find_wanted(inputs(status(active(), 10))).denies) == 1


@pytest.mark.parametrize(
    ("periods", "until"),
    [
        (DayPeriods("Europe/Berlin"), NOON.replace(hour=22)),
        (MonthPeriods("UTC"), NOON.replace(month=10, day=1, hour=0)),
        (RollingHours(24), NOON.replace(hour=13, minute=10)),
    ],
)
def test_each_kind_of_period_has_an_end(periods: Any, until: Any) -> None:
    """Daily budgets denied no caller, and rates a minute denied until the end of the month."""
    wanted = find_wanted(inputs(status(active(daily(periods=periods)), 10)))
    assert wanted.denies[BEN_USER][0].until == until


# States of budgets


@pytest.mark.parametrize(
    "entry",
    [
        stored(daily(), state=BudgetState.BUILDING),
        StoredBudget(daily(), 1, BudgetState.ACTIVE, interrupted_at=NOON),
        active(daily(brake=BrakeMode.NOTIFY)),
    ],
)
def test_budgets_that_are_not_complete_or_have_no_brake_deny_no_caller(
    entry: StoredBudget,
) -> None:
    found = find_wanted(inputs(status(entry, 1000)))
    assert (found.denies, found.shadows) == ({}, [])


def test_a_budget_that_cannot_be_read_denies_no_caller() -> None:
    held = deny(state=DenyState.DENIED)
    unreadable = BudgetBook(2, {}, {"daily": UnreadableBudget("damaged")})
    found = inputs(status(active(), 10), denies=[held], book=unreadable)
    assert find_wanted(found).denies == {}
    assert explain_release(held, found) is ReleaseReason.BUDGET_CHANGED


def test_usage_of_an_earlier_generation_denies_no_caller() -> None:
    old, new = active(), active(generation=2)
    assert find_targets(status(old, 1000), book=book(new)) == set()


def test_a_budget_that_is_set_by_name_replaces_the_default() -> None:
    default = active()
    named = active(daily("ben", per=None, scope=BudgetScope(identity=(BEN,)), limit=50))
    both = book(default, named)
    found = inputs(status(default, 20), status(named, 20, ""), book=both)
    assert find_wanted(found).denies == {}
    assert find_targets(status(named, 50, ""), book=both) == {BEN_USER}


def test_two_budgets_deny_until_the_later_end_and_release_when_neither_wants_it() -> None:
    day, month = active(), active(daily("monthly", 30, periods=MonthPeriods("UTC")))
    wanted = find_wanted(inputs(status(day, 10), status(month, 30)))
    held = deny(causes=wanted.denies[BEN_USER], state=DenyState.DENIED)
    assert held.until == NOON.replace(month=10, day=1, hour=0)
    tomorrow = NOON + DAY
    found = inputs(status(month, 30), denies=[held], now=tomorrow)
    assert [each.key.budget for each in find_wanted(found).denies[BEN_USER]] == ["monthly"]


# Switch, shadow, exemptions


def test_nothing_is_denied_while_the_brake_is_off_and_what_would_be_is_reported() -> None:
    wanted = find_wanted(inputs(status(active(), 10), switch=OFF))
    assert wanted.denies == {}
    assert [(each.target, each.is_switched_off) for each in wanted.shadows] == [(BEN_USER, True)]


@pytest.mark.parametrize("switch", [OFF, BrakeSwitch(is_on=True)])
def test_a_shadow_reports_what_it_would_deny_whatever_the_switch(switch: BrakeSwitch) -> None:
    entry = active(daily(brake=BrakeMode.SHADOW))
    wanted = find_wanted(inputs(status(entry, 10), switch=switch))
    assert wanted.denies == {}
    assert [(each.target, each.is_switched_off) for each in wanted.shadows] == [(BEN_USER, False)]


def test_a_budget_that_turns_to_shadow_lets_go() -> None:
    held = deny(state=DenyState.DENIED)
    found = inputs(status(active(daily(brake=BrakeMode.SHADOW)), 10), denies=[held])
    assert find_wanted(found).denies == {}
    assert explain_release(held, found) is ReleaseReason.BUDGET_CHANGED


def test_a_switch_that_is_set_off_releases_even_if_budgets_are_uncertain() -> None:
    held = deny(state=DenyState.DENIED)
    found = inputs(book=book(active()), uncertain={"daily"}, denies=[held], switch=OFF)
    assert find_wanted(found).denies == {}
    assert explain_release(held, found) is ReleaseReason.SWITCHED_OFF


def test_a_caller_that_becomes_exempt_is_released_and_reported() -> None:
    rules = replace(RULES, break_glass=("arn:aws:iam::*:user/ben",))
    held = deny(state=DenyState.DENIED)
    found = inputs(status(active(), 10), denies=[held], rules=rules)
    wanted = find_wanted(found)
    assert wanted.denies == {}
    assert [each.caller.exemption for each in wanted.refusals] == [Exemption.BREAK_GLASS]
    assert explain_release(held, found) is ReleaseReason.EXEMPT


# Braking before the limit


def test_the_reserve_brakes_before_the_limit() -> None:
    found = inputs(status(active(), 9))
    assert find_wanted(found, lambda _: DOLLAR - 1).denies == {}
    (braked,) = find_wanted(found, lambda _: DOLLAR).denies[BEN_USER]
    assert (braked.used, braked.reserve) == (9 * DOLLAR, DOLLAR)


def test_usage_that_stops_because_of_the_deny_does_not_end_it() -> None:
    early = deny(causes=(cause(used=9 * DOLLAR, reserve=DOLLAR),), state=DenyState.DENIED)
    assert find_targets(status(active(), 9), denies=[early]) == {BEN_USER}
    assert find_targets(status(active(), 9), denies=[]) == set()


def test_a_correction_below_the_braking_point_ends_it() -> None:
    early = deny(causes=(cause(used=9 * DOLLAR, reserve=DOLLAR),), state=DenyState.DENIED)
    found = inputs(status(active(), 8.99), denies=[early])
    assert find_wanted(found).denies == {}
    assert explain_release(early, found) is ReleaseReason.USAGE_CORRECTED


def test_the_reserve_of_a_raised_budget_begins_anew() -> None:
    early = deny(causes=(cause(used=9 * DOLLAR, reserve=2 * DOLLAR),), state=DenyState.DENIED)
    assert find_targets(status(active(daily(limit=10.5)), 9), denies=[early]) == set()


# Releases by hand


def test_a_release_ends_when_the_budget_is_lowered_below_its_amount_then() -> None:
    releases = make_releases(deny(), by="ops", at=NOON, until=None)
    for limit, targets in ((10, set()), (12, set()), (9.99, {BEN_USER})):
        found = status(active(daily(limit=limit)), 100)
        assert find_targets(found, releases=releases) == targets


def test_a_release_ends_at_its_own_time_if_that_is_earlier() -> None:
    until = NOON + timedelta(hours=1)
    releases = make_releases(deny(), by="ops", at=NOON, until=until)
    entry = active()
    for now, targets in ((until - timedelta(seconds=1), set()), (until, {BEN_USER})):
        assert find_targets(status(entry, 10), releases=releases, now=now) == targets


def test_a_release_does_not_hold_in_the_next_period_or_for_another_caller_or_budget() -> None:
    releases = make_releases(deny(), by="ops", at=NOON, until=None)
    tomorrow = NOON + DAY
    entry, other = active(), active(daily("other"))
    found = status(entry, 10, now=tomorrow)
    assert find_targets(found, releases=releases, now=tomorrow) == {BEN_USER}
    assert find_targets(status(entry, 10, ANA), releases=releases) == {ANA_SESSION}
    assert find_targets(status(other, 10), releases=releases) == {BEN_USER}


def test_a_release_from_a_window_holds_until_the_window_has_moved_on() -> None:
    entry = active(daily(periods=RollingHours(24)))
    window = entry.budget.periods.period_at(NOON)
    held = deny(causes=(cause(key=CauseKey("daily", 1, BEN, window)),))
    releases = make_releases(held, by="ops", at=NOON, until=None)
    for hours, targets in ((1, set()), (23, set()), (24, {BEN_USER})):
        now = NOON + timedelta(hours=hours)
        found = find_targets(status(entry, 10, now=now), releases=releases, now=now)
        assert found == targets, hours
    assert [release.find_end(is_window=True) for release in releases] == [NOON + DAY]


# Uncertain usage


@pytest.mark.parametrize(
    ("changes", "now"),
    [
        ({"limit": 20}, NOON),
        ({"brake": BrakeMode.NOTIFY}, NOON),
        ({"scope": BudgetScope(principal=(CHAT.arn,)), "per": None}, NOON),
        ({}, MIDNIGHT),
    ],
)
def test_denies_of_a_budget_whose_usage_is_unknown_end_for_every_other_reason(
    changes: dict[str, Any], now: Any
) -> None:
    held = deny(state=DenyState.DENIED)
    found = inputs(book=book(active(daily(**changes))), uncertain={"daily"}, denies=[held], now=now)
    assert find_wanted(found).denies == {}


@given(
    st.lists(st.tuples(st.sampled_from(["a", "b"]), st.integers(0, 20)), max_size=4),
    st.booleans(),
)
def test_the_order_of_budgets_changes_nothing(used: list[tuple[str, int]], is_on: bool) -> None:
    entries = {name: active(daily(name)) for name in ("a", "b")}
    statuses = [status(entries[name], spent) for name, spent in dict(used).items()]
    switch = BrakeSwitch(is_on=is_on)
    every = book(*entries.values())
    one = find_wanted(inputs(*statuses, book=every, switch=switch))
    other = find_wanted(inputs(*reversed(statuses), book=every, switch=switch))
    assert one.denies == other.denies
    assert all(each.amount == dollars(10) for causes in one.denies.values() for each in causes)
