"""An apply shows what it changes, and touches only the budgets of its own manager."""

from decimal import Decimal

import pytest
from hypothesis import given

from lambdas.domain.budgets import (
    MAX_CHANGES,
    Budget,
    BudgetAmount,
    BudgetBook,
    BudgetPlanError,
    BudgetScope,
    plan_changes,
    read_budget,
    write_budget,
)
from tests.unit.budgets.builders import budget, budgets, stored

OURS = "platform"


def book(*made: Budget) -> BudgetBook:
    return BudgetBook(7, {each.name: stored(each) for each in made})


@given(budgets)
def test_a_budget_is_read_from_its_document(made: Budget) -> None:
    assert read_budget(write_budget(made)) == made


def test_new_changed_and_equal_budgets_are_distinguished() -> None:
    same, old = budget("same"), budget("raised")
    raised = budget("raised", amount=BudgetAmount.from_usd(Decimal(250)))
    plan = plan_changes(book(same, old), [same, raised, budget("new")], OURS)
    assert [made.name for made in plan.added] == ["new"]
    assert [change.after.name for change in plan.changed] == ["raised"]
    assert plan.unchanged == (same,)
    assert plan.changes.written == (*plan.added, raised)
    assert plan.changed[0].fields == {"amount.usd": ("100", "250")}


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


def test_more_changes_than_one_transaction_takes_are_refused() -> None:
    made = [budget(f"budget-{number}") for number in range(MAX_CHANGES + 1)]
    assert plan_changes(book(), made[:-1], OURS).changes
    with pytest.raises(BudgetPlanError, match="99 changes at a time"):
        plan_changes(book(), made, OURS)
