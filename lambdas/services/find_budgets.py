"""Finds the budgets that cover calls of the gateway, as subjects that limit them.

It takes long to import, as all of budgets: the gateway does so once there is a budget.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls import BedrockPath
from lambdas.domain.budgets import GatewayBudgets, ScopeField
from lambdas.domain.budgets.call_labels import CallLabels
from lambdas.domain.limit_policies import CallNotCountableError, PolicySubject, adopt_subject

_PREFIX = "budget:"
_PROJECT = ScopeField.PROJECT


@dataclass(frozen=True, slots=True)
class BudgetSubjects:
    """Finds the budgets of a book that cover calls.

    Attributes:
        budgets: The budgets.
        labels: The labels of calls.
    """

    budgets: GatewayBudgets
    labels: CallLabels

    def find(
        self,
        key: ApiKey,
        path: BedrockPath | None,
        at: datetime,
        *,
        is_released: bool,
        invoked_model_id: str | None = None,
    ) -> Sequence[PolicySubject]:
        """Find the subjects of the budgets that cover a call, or may cover it.

        Raises:
            CallNotCountableError: An enforced default budget counts by a label that is not known.
        """
        labels, unknown = self.labels.read(key, path, at, invoked_model_id)
        subjects = []
        for name, value, subject in self.budgets.list_covering(labels, unknown):
            if subject is not None:
                shown = _show(value) if value else None
                subjects.append(
                    adopt_subject(_PREFIX + name, subject, shown, is_released=is_released)
                )
            elif not is_released and path is not None:
                raise CallNotCountableError(_PREFIX + name, _PROJECT)
        return subjects


def _show(value: str) -> str:
    """Show the value of a default budget to its caller: of an ARN, the session or the role."""
    return value.rpartition("/")[2] if value.startswith("arn:") else value
