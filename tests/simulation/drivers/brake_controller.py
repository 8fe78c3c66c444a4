"""Denies of callers, brought to what budgets want at every run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from lambdas.adapters.dynamodb.audit_events import DynamoDbAuditEvents
from lambdas.adapters.dynamodb.brake_events import DynamoDbBrakeEvents
from lambdas.adapters.dynamodb.brake_store import DynamoDbBrakeState, DynamoDbDenies
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.domain.brake import (
    BurnRates,
    ChangeRefusedError,
    SessionPolicyNames,
    TargetRules,
)
from lambdas.domain.budgets import BudgetsChangedError
from lambdas.domain.counters import CountersUnavailableError
from lambdas.services.brake_principals import BrakeSettings, PrincipalBrake
from tests.brake import ACCOUNT, Effects, FakeRoles, FakeSessionPolicies
from tests.simulation.account import COUNTERS, GOVERNANCE
from tests.simulation.drivers.brake import (
    find_orphans,
    find_wrong_denies,
    open_attachments,
    plan_brake,
)
from tests.simulation.drivers.budgets import store_budgets
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END, FAULTS_END
from tests.simulation.world import START

NAMES = SessionPolicyNames("BedrockMeter", "us-east-1")


class BrakeControllerDriver(Driver):
    """Denies and releases callers."""

    function = "brake_controller"
    expected_errors = (BudgetsChangedError, ChangeRefusedError, CountersUnavailableError)

    def make(self) -> PrincipalBrake:
        return PrincipalBrake(
            budgets=store_budgets(self),
            sums=DynamoDbCounters(self.dynamodb, COUNTERS, self.account.pause),
            attachments=open_attachments(self.account),
            policies=FakeSessionPolicies(self.account.iam, NAMES, Effects()),
            roles=FakeRoles(self.account.iam),
            denies=DynamoDbDenies(self.dynamodb, GOVERNANCE),
            state=DynamoDbBrakeState(self.dynamodb, GOVERNANCE),
            events=DynamoDbBrakeEvents(self.dynamodb, GOVERNANCE),
            trail=DynamoDbAuditEvents(self.dynamodb, GOVERNANCE),
            settings=BrakeSettings(
                rules=TargetRules(account_id=ACCOUNT),
                names=NAMES,
            ),
            rates=BurnRates(),
        )

    def run(self, _event: Any) -> None:
        report = self.service.reconcile(self.account.now, self.has_time)
        for failure in report.failures:
            raise failure.error

    def start(self) -> None:
        plan_brake(self.account)
        self.every(timedelta(minutes=7), START + timedelta(minutes=4), FAULTS_END, retries=0)
        self.every(timedelta(minutes=97), FAULTS_END + timedelta(minutes=6), END, retries=0)

    def check(self) -> Iterator[str]:
        yield from find_wrong_denies(self.account)
        yield from find_orphans(self.account)
