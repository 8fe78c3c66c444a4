"""Warnings of `bedrock-meter budgets`: budgets that stop less, or other calls, than they say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cdk.operations.terminal import printable
from lambdas.domain.brake import Exemption, find_never_denied, is_gateway_caller
from lambdas.domain.budgets import LATE_LABELS, BrakeMode, Budget, BudgetSubject
from lambdas.domain.limits import LimitMode
from lambdas.domain.patterns import is_pattern


def print_weak_budgets(budgets: Sequence[Budget]) -> None:
    """Name what the brake and the gateway cannot do for budgets, whatever is deployed."""
    _print_never_denied(budgets)
    for budget in budgets:
        if budget.gateway is not None:
            _print_late_labels(budget)
            _print_project(budget, budget.gateway)
            _print_callers_around(budget)


def print_missing_parts(budgets: Sequence[Budget], *, has_brake: bool, has_gateway: bool) -> None:
    """Name the budgets that need a part of the meter that is not deployed."""
    names = _list_names(each for each in budgets if each.brake is not BrakeMode.NOTIFY)
    if names and not has_brake:
        print(
            f"Warning: {names}: the brake is not deployed in this Region, so no caller is denied or"
            " reported. Set brake to true in cdk.json, then run make bootstrap and make deploy."
        )
    names = _list_names(each for each in budgets if each.gateway is not None)
    if names and not has_gateway:
        print(
            f"Warning: {names}: the gateway is not deployed in this Region, so no call is refused"
            " or reported. Set gateway to true in cdk.json, then run make bootstrap and make"
            " deploy."
        )


def _list_names(budgets: Iterable[Budget]) -> str:
    return ", ".join(printable(budget.name) for budget in budgets)


def _print_never_denied(budgets: Iterable[Budget]) -> None:
    """Name the callers that a budget with a brake is for and no deployment denies."""
    for budget in budgets:
        if budget.brake is BrakeMode.NOTIFY:
            continue
        for caller in find_never_denied(budget.scope):
            if caller.exemption is Exemption.GATEWAY_CALLER and budget.gateway is not None:
                continue  # the gateway does what the brake cannot
            print(
                f"Warning: {printable(budget.name)} cannot deny {printable(caller.arn)}:"
                f" {caller.reason}. {caller.advice}"
            )


def _print_late_labels(budget: Budget) -> None:
    late = [field for field in budget.scope.conditions if field in LATE_LABELS]
    if late:
        labels = " and ".join(field.value.replace("_", " ") for field in late)
        fields = " and ".join(f"scope.{field.value}" for field in late)
        print(
            f"Warning: {printable(budget.name)}: the gateway does not know the {labels} of a call"
            " before it is made. Each call through it that meets the other conditions counts for"
            f" this budget. Name projects or callers in place of {fields}."
        )


def _print_project(budget: Budget, mode: LimitMode) -> None:
    """Say when the gateway knows projects, and what happens to calls without a known project."""
    if budget.per is BudgetSubject.PROJECT:
        effect = "refused" if mode is LimitMode.ENFORCE else "not counted for any"
    elif budget.scope.project:
        effect = "counted for this budget"
    else:
        return
    print(
        f"Note: {printable(budget.name)}: the gateway knows the project of a call by its key, if"
        " gateway_project_name is set and attribution trusts the role of callers. A call without a"
        f" known project is {effect} (docs/gateway.md#budgets)."
    )


def _print_callers_around(budget: Budget) -> None:
    """Name a budget of callers that never call through the gateway."""
    names = budget.scope.identity or budget.scope.principal
    if names and not any(is_pattern(name) or is_gateway_caller(name) for name in names):
        print(
            f"Warning: {printable(budget.name)}: the scope names no caller of the gateway, so the"
            " gateway limits no call by this budget. Callers of the gateway have the role"
            " BedrockMeter-GatewayCaller-REGION."
        )
