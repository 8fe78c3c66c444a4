"""An apply shows what it changes, and touches only the budgets of its own manager."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.budgets import (
    MAX_CHANGES,
    BrakeMode,
    Budget,
    BudgetAmount,
    BudgetBook,
    BudgetPlanError,
    BudgetScope,
    BudgetSubject,
    BudgetThresholds,
    BudgetUnit,
    DayPeriods,
    UnpricedCeiling,
    UnreadableBudget,
    plan_changes,
    read_budget,
    write_budget,
)
from lambdas.domain.budgets.limits import count_budgets_of_a_call
from lambdas.domain.counters import MAX_ACCUMULATORS_OF_A_CALL, UsageLabels
from lambdas.domain.limits import LimitMode
from tests.unit.budgets.builders import budget, budgets, labels, stored

OURS = "platform"


def book(*made: Budget) -> BudgetBook:
    return BudgetBook(7, {each.name: stored(each) for each in made})


@given(budgets)
def test_a_budget_is_read_from_its_document(made: Budget) -> None:
    assert read_budget(write_budget(made)) == made


@pytest.mark.parametrize("period", [{}, {"every": "year", "time_zone": "UTC"}])
def test_a_budget_whose_period_cannot_be_read_has_no_other_period(period: dict[str, str]) -> None:
    document = write_budget(budget()) | {"period": period}
    with pytest.raises(ValueError, match="an unknown period"):
        read_budget(document)


def test_a_stored_budget_without_prices_of_units_has_the_default_ones() -> None:
    made = budget(unpriced_ceiling=UnpricedCeiling(Decimal(1), Decimal(2)))
    document = write_budget(made)
    del document["unpriced_usd_per_unit"]
    assert read_budget(document) == made


def test_a_budget_that_was_stored_before_there_was_a_brake_notifies() -> None:
    document = write_budget(budget(brake=BrakeMode.DENY))
    del document["brake"]
    assert read_budget(document).brake is BrakeMode.NOTIFY


def test_a_budget_that_was_stored_before_there_was_a_gateway_stays_as_it_is() -> None:
    document = write_budget(budget())
    assert "gateway" not in document
    assert read_budget(document).gateway is None
    assert write_budget(read_budget(document)) == document


def test_what_the_gateway_does_is_shown_as_a_change_and_keeps_sums() -> None:
    changed = budget(gateway=LimitMode.ENFORCE)
    (change,) = plan_changes(book(budget()), [changed], OURS).changed
    assert change.fields == {"gateway": ("not set", "enforce")}
    assert change.keeps_sums


def test_another_brake_is_shown_as_a_change_and_keeps_sums() -> None:
    changed = budget(brake=BrakeMode.SHADOW)
    (change,) = plan_changes(book(budget()), [changed], OURS).changed
    assert change.fields == {"brake": ("notify", "shadow")}
    assert change.keeps_sums


def test_new_changed_and_equal_budgets_are_distinguished() -> None:
    same, old = budget("same"), budget("raised")
    raised = budget("raised", amount=BudgetAmount.from_usd(Decimal(250)))
    plan = plan_changes(book(same, old), [same, raised, budget("new")], OURS)
    assert [made.name for made in plan.added] == ["new"]
    assert [change.after.name for change in plan.changed] == ["raised"]
    assert plan.unchanged == (same,)
    assert plan.changes.written == plan.added
    assert plan.changes.amended == (raised,)
    assert plan.changed[0].fields == {"amount.usd": ("100", "250")}


@pytest.mark.parametrize(
    ("changes", "keeps_sums"),
    [
        ({"amount": BudgetAmount.from_usd(Decimal(250))}, True),
        ({"thresholds": BudgetThresholds(actual=())}, True),
        ({"brake": BrakeMode.DENY}, True),
        ({"gateway": LimitMode.SHADOW}, True),
        ({"amount": BudgetAmount(BudgetUnit.TOTAL_TOKENS, 100 * 10**12)}, False),
        ({"scope": BudgetScope(project=("chat",))}, False),
        ({"per": BudgetSubject.PROJECT}, False),
        ({"periods": DayPeriods("UTC")}, False),
        ({"unpriced_ceiling": UnpricedCeiling(Decimal(1))}, False),
    ],
)
def test_a_budget_is_built_again_only_if_it_counts_otherwise(
    changes: dict[str, Any], keeps_sums: bool
) -> None:
    changed = budget("chat", **changes)
    plan = plan_changes(book(budget("chat")), [changed], OURS)
    assert (changed in plan.changes.amended) == keeps_sums
    assert (changed in plan.changes.written) != keeps_sums
    assert len(plan.changes) == 1


def test_fields_that_come_and_go_are_shown() -> None:
    old = budget(scope=BudgetScope(project=("chat", "search")))
    new = budget(scope=BudgetScope(region=("eu-*",)))
    plan = plan_changes(book(old), [new], OURS)
    assert plan.changed[0].fields == {
        "scope.project": ("chat, search", "not set"),
        "scope.region": ("not set", "eu-*"),
    }


def test_a_budget_that_leaves_the_file_stays_until_it_is_deleted_by_name() -> None:
    old = budget("old")
    plan = plan_changes(book(old), [], OURS)
    assert not plan.changes
    assert plan.left == (old,)
    plan = plan_changes(book(old), [], OURS, ["old"])
    assert plan.changes.deleted == ("old",)
    assert plan.left == ()


def test_budgets_of_another_manager_are_neither_changed_nor_listed() -> None:
    theirs = budget("theirs", managed_by="finance")
    assert plan_changes(book(theirs), [], OURS).left == ()
    with pytest.raises(BudgetPlanError) as refused:
        plan_changes(book(theirs), [budget("theirs")], OURS)
    (problem,) = refused.value.problems
    assert problem.startswith("theirs is managed by finance, not by platform: choose another name")


def test_deletions_that_cannot_be_done_are_all_named() -> None:
    found = book(budget("kept"), budget("theirs", managed_by="finance"))
    with pytest.raises(BudgetPlanError) as refused:
        plan_changes(found, [budget("kept")], OURS, ["kept", "missing", "theirs"])
    assert [problem.split(":")[0] for problem in refused.value.problems] == [
        "kept is to be deleted and is in the file",
        "missing is to be deleted, but there is no budget of this name",
        "theirs is to be deleted, but is managed by finance",
    ]


def name_projects(count: int) -> list[Budget]:
    """Budgets of as many projects, one of them for a call."""
    return [
        budget(f"project-{number}", scope=BudgetScope(project=(f"project-{number}",)))
        for number in range(count)
    ]


def test_an_unreadable_budget_is_replaced_and_deleted_by_its_own_manager_alone() -> None:
    stored_book = BudgetBook(7, {}, {"account": UnreadableBudget("damaged", OURS)})
    assert plan_changes(stored_book, [budget("account")], OURS).changes.written
    assert plan_changes(stored_book, [], OURS, ["account"]).changes.deleted == ("account",)
    for declared, deletions in (([budget("account")], []), ([], ["account"])):
        with pytest.raises(BudgetPlanError, match=f"is managed by {OURS}"):
            plan_changes(stored_book, declared, "another-team", deletions)


def test_an_unreadable_budget_of_an_unknown_manager_is_deleted_by_name_and_never_replaced() -> None:
    stored_book = BudgetBook(7, {}, {"account": UnreadableBudget("damaged")})
    with pytest.raises(BudgetPlanError, match=r"nor who manages it.* --delete account"):
        plan_changes(stored_book, [budget("account")], OURS)
    assert plan_changes(stored_book, [], OURS, ["account"]).changes.deleted == ("account",)
    assert plan_changes(stored_book, [budget("other")], OURS).changes.deleted == ()


def test_budgets_that_cannot_be_read_count_to_those_of_a_call() -> None:
    unreadable = {f"old-{n}": UnreadableBudget("damaged", OURS) for n in range(40)}
    stored_book = BudgetBook(7, {}, unreadable)
    declared = [budget(f"new-{n}") for n in range(7)]
    plan_changes(stored_book, declared[:6], OURS)
    with pytest.raises(BudgetPlanError, match="47 can"):
        plan_changes(stored_book, declared, OURS)
    plan_changes(stored_book, declared, OURS, ["old-0"])


def test_more_changes_than_one_transaction_takes_are_refused() -> None:
    assert plan_changes(book(), name_projects(MAX_CHANGES), OURS).changes
    with pytest.raises(BudgetPlanError, match="98 changes at a time"):
        plan_changes(book(), name_projects(MAX_CHANGES + 1), OURS)


def test_more_budgets_than_one_call_can_be_counted_for_are_refused() -> None:
    made = [budget(f"budget-{number}") for number in range(MAX_ACCUMULATORS_OF_A_CALL)]
    others = book(*name_projects(50))
    assert plan_changes(others, made[:-1], OURS).changes
    with pytest.raises(BudgetPlanError, match="46 budgets that can apply to the same call, and"):
        plan_changes(others, made, OURS)
    deletions = [f"project-{number}" for number in range(50)]
    broad = [budget(f"own-{number}") for number in range(45)]
    assert plan_changes(others, broad, OURS, deletions).changes


@given(st.lists(budgets, max_size=12, unique_by=lambda made: made.name), labels)
def test_no_call_meets_more_budgets_than_are_counted(
    made: list[Budget], chosen: UsageLabels
) -> None:
    met = sum(each.scope.includes(chosen) for each in made)
    assert met <= count_budgets_of_a_call(made)
