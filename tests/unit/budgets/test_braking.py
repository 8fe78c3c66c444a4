"""A brake is for budgets whose overuse belongs to callers, so that it stops no other work."""

from typing import Any

import pytest

from lambdas.domain.budgets import (
    BudgetScope,
    BudgetSubject,
    find_brake_obstacle,
    list_named_callers,
)
from tests.builders import ANA, BEN

CHAT = "arn:aws:iam::111122223333:role/chat"


@pytest.mark.parametrize(
    ("scope", "per"),
    [
        ({}, BudgetSubject.IDENTITY),
        ({}, BudgetSubject.PRINCIPAL),
        ({"region": ("eu-*",)}, BudgetSubject.PRINCIPAL),
        ({"principal": (CHAT,)}, BudgetSubject.IDENTITY),
        ({"identity": ("arn:aws:sts::*:assumed-role/chat/*",)}, BudgetSubject.IDENTITY),
        ({"principal": (CHAT,)}, None),
        ({"identity": (ANA, BEN)}, None),
    ],
)
def test_budgets_of_callers_can_be_enforced(
    scope: dict[str, Any], per: BudgetSubject | None
) -> None:
    assert find_brake_obstacle(BudgetScope(**scope), per) is None


@pytest.mark.parametrize(
    ("scope", "per", "reason"),
    [
        ({}, None, "names no caller"),
        ({"region": ("eu-*",)}, None, "names no caller"),
        ({}, BudgetSubject.PROJECT, "names no caller"),
        ({"principal": ("arn:aws:iam::*:role/chat",)}, None, "names no caller"),
        ({"identity": (ANA, "arn:*")}, None, "names no caller"),
        ({"identity": ("*",), "principal": (CHAT,)}, None, "names no caller"),
        ({"identity": (BEN,), "principal": (CHAT,)}, None, "names no caller"),
        ({"project": ("chat",)}, BudgetSubject.IDENTITY, "not only that of scope.project"),
        ({"department": ("x",)}, BudgetSubject.IDENTITY, "not only that of scope.department"),
        ({"use_case": ("x",)}, BudgetSubject.IDENTITY, "not only that of scope.use_case"),
        ({"model": ("amazon.*",), "principal": (CHAT,)}, None, "not only that of scope.model"),
        ({"identity": (ANA,)}, BudgetSubject.PRINCIPAL, "not only those of scope.identity"),
    ],
)
def test_budgets_whose_deny_would_stop_other_work_cannot(
    scope: dict[str, Any], per: BudgetSubject | None, reason: str
) -> None:
    obstacle = find_brake_obstacle(BudgetScope(**scope), per)
    assert obstacle is not None
    assert reason in obstacle


def test_identities_of_other_principals_than_those_of_the_scope_are_no_callers_of_it() -> None:
    scope = BudgetScope(identity=(ANA, BEN), principal=(CHAT,))
    assert list_named_callers(scope) == (ANA,)
