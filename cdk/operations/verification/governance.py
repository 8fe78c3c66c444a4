"""Governance of the verified meter, as operators use it: budgets and the brake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import boto3

from cdk.operations.denies import DeployedBrake
from lambdas.domain.budgets import BudgetStore


@dataclass(frozen=True, slots=True)
class Governance:
    """The stored budgets and the brake of a deployment.

    Attributes:
        budgets: The budgets.
        brake: The brake.
    """

    budgets: BudgetStore
    brake: DeployedBrake


GovernanceOpener: TypeAlias = Callable[[boto3.Session], Governance]
"""Opens them by the names of deployed resources."""
