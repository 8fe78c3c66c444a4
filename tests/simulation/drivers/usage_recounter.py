"""Recounts of the ledger: the first one, and one after the price of the new model is published."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from lambdas.adapters.dynamodb.recorded_calls import DynamoDbRecordedCalls
from lambdas.services.recount_usage import UsageRecounter
from tests.simulation.account import LEDGER
from tests.simulation.drivers.counting import (
    DEPLOYMENT,
    counters,
    current_sums,
    edition_books,
    sum_up,
)
from tests.simulation.drivers.driver import Driver
from tests.simulation.drivers.usage_counter import COUNTING_ERRORS
from tests.simulation.phases import END, FAULTS_END
from tests.simulation.world import START


class UsageRecounterDriver(Driver):
    """Counts calls again."""

    function = "usage_recounter"
    expected_errors = COUNTING_ERRORS

    def make(self) -> UsageRecounter:
        return UsageRecounter(
            calls=DynamoDbRecordedCalls(self.dynamodb, LEDGER),
            store=counters(self),
            books=edition_books(self.account),
            sums=sum_up(current_sums(self)),
            deployment=DEPLOYMENT,
        )

    def run(self, _event: Any) -> None:
        self.service.recount(self.account.now, self.has_time)

    def start(self) -> None:
        self.every(timedelta(minutes=40), START + timedelta(minutes=9), FAULTS_END, retries=0)
        self.every(timedelta(hours=2), FAULTS_END + timedelta(minutes=9), END, retries=0)
