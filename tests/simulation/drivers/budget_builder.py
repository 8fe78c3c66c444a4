"""Sums of new and changed budgets, completed from cells while calls are counted."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from lambdas.adapters.dynamodb.budget_sums import DynamoDbBudgetSums
from lambdas.domain.budgets import BudgetsChangedError
from lambdas.domain.counters import CountersUnavailableError
from lambdas.services.build_budgets import BudgetBuilder
from tests.simulation.account import COUNTERS, GOVERNANCE
from tests.simulation.drivers.budgets import find_wrong_sums, plan_budgets, store_budgets
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END, FAULTS_END
from tests.simulation.world import START


class BudgetBuilderDriver(Driver):
    """Builds budgets."""

    function = "budget_builder"
    expected_errors = (CountersUnavailableError, BudgetsChangedError)

    def __init__(self, account: Any) -> None:
        super().__init__(account)
        self.differences: list[str] = []

    def make(self) -> BudgetBuilder:
        return BudgetBuilder(
            budgets=store_budgets(self),
            sums=DynamoDbBudgetSums(self.dynamodb, COUNTERS, GOVERNANCE, self.account.pause),
            cell_minutes=60,
        )

    def run(self, _event: Any) -> None:
        self.service.build(self.account.now, self.has_time)
        checked = self.service.check(self.account.now)
        self.differences += [str(difference) for difference in checked.differences]

    def start(self) -> None:
        plan_budgets(self.account)
        self.every(timedelta(minutes=7), START + timedelta(minutes=3), FAULTS_END, retries=0)
        self.every(timedelta(minutes=97), FAULTS_END + timedelta(minutes=3), END, retries=0)

    def check(self) -> Iterator[str]:
        yield from find_wrong_sums(self.account)
        yield from self.differences[:3]
