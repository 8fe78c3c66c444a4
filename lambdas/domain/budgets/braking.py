"""The budgets that a brake can enforce: those whose overuse belongs to principals or sessions."""

from __future__ import annotations

from lambdas.domain.budgets.budget import BudgetSubject
from lambdas.domain.budgets.scope import BudgetScope, read_principal
from lambdas.domain.patterns import is_pattern, matches
from lambdas.domain.scope_field import ScopeField

_CALLERS = {BudgetSubject.IDENTITY, BudgetSubject.PRINCIPAL}
_WORK = (ScopeField.PROJECT, ScopeField.DEPARTMENT, ScopeField.USE_CASE, ScopeField.MODEL)
_ADVICE = (
    "limit callers: per identity or principal, or a scope that names identities or principals"
    " without *"
)


def find_brake_obstacle(scope: BudgetScope, per: BudgetSubject | None) -> str | None:
    """Find why no brake can enforce a budget, with what to do; `None` if one can.

    A deny stops all Bedrock use of a caller in the Region. So a budget of a project or a model
    would stop other work, too, and one of the whole account would stop callers who used little.

    Args:
        scope: The scope of the budget.
        per: The label each of whose values has the amount for itself.
    """
    work = [field.value for field in _WORK if field in scope.conditions]
    names_callers = per in _CALLERS or bool(list_named_callers(scope))
    if work:
        fields = " and ".join(f"scope.{field}" for field in work)
        advice = "" if names_callers else f", and {_ADVICE}"
        return (
            f"a deny stops all Bedrock use of a caller, not only that of scope.{work[0]}; use"
            f" notify, or leave out {fields}{advice}"
        )
    if per is BudgetSubject.PRINCIPAL and ScopeField.IDENTITY in scope.conditions:
        return (
            "a deny of a principal stops all its sessions, not only those of scope.identity; use"
            " per identity, or leave out scope.identity"
        )
    if names_callers:
        return None
    return f"the budget names no caller whose use could be denied; use notify, or {_ADVICE}"


def list_named_callers(scope: BudgetScope) -> tuple[str, ...]:
    """List the identities that a scope names, or if it has no condition on them, the principals.

    None are listed if a name is a pattern: it stands for callers that are not known. Identities of
    other principals than those of the scope are left out, since it covers none of their usage.
    """
    names = scope.identity or scope.principal
    if any(map(is_pattern, names)):
        return ()
    if not (scope.identity and scope.principal):
        return names
    return tuple(
        name
        for name in names
        if any(matches(pattern, read_principal(name)) for pattern in scope.principal)
    )
