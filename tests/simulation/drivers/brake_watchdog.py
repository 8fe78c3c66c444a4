"""Attachments that outlast their deny, which the watchdog takes off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from lambdas.adapters.dynamodb.audit_events import DynamoDbAuditEvents
from lambdas.adapters.dynamodb.brake_store import DynamoDbDenies
from lambdas.domain.brake import ChangeRefusedError
from lambdas.services.release_ended_denies import BrakeWatchdog
from tests.simulation.account import GOVERNANCE
from tests.simulation.drivers.brake import find_orphans, open_attachments, plan_brake
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END, FAULTS_END
from tests.simulation.world import START


class BrakeWatchdogDriver(Driver):
    """Takes off what has ended."""

    function = "brake_watchdog"
    expected_errors = (ChangeRefusedError,)

    def make(self) -> BrakeWatchdog:
        return BrakeWatchdog(
            attachments=open_attachments(self.account),
            denies=DynamoDbDenies(self.dynamodb, GOVERNANCE),
            trail=DynamoDbAuditEvents(self.dynamodb, GOVERNANCE),
        )

    def run(self, _event: Any) -> None:
        self.service.release_ended(self.account.now)

    def start(self) -> None:
        plan_brake(self.account)
        self.every(timedelta(minutes=11), START + timedelta(minutes=6), FAULTS_END, retries=0)
        self.every(timedelta(minutes=97), FAULTS_END + timedelta(minutes=9), END, retries=0)

    def check(self) -> Iterator[str]:
        yield from find_orphans(self.account)
