"""Counted usage, booked on credits at every run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from lambdas.adapters.dynamodb.changed_hours import DynamoDbChangedHours
from lambdas.adapters.dynamodb.counters import DynamoDbCounters
from lambdas.adapters.dynamodb.credit_store import DynamoDbCreditStore
from lambdas.services.book_credits import CreditBooker
from tests.simulation.account import COUNTERS, GOVERNANCE, Account
from tests.simulation.drivers.counting import SPANS
from tests.simulation.drivers.credits import (
    CreditsWatch,
    find_unbooked,
    find_wrong_books,
    plan_credits,
    read_book,
)
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END, FAULTS_END
from tests.simulation.traffic import RETENTION
from tests.simulation.world import START


class CreditBookerDriver(Driver):
    """Books usage, with operators who grant credits and void them. Two runs may be at work."""

    function = "credit_booker"

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._watch = CreditsWatch(account)
        self._wrong: list[str] = []

    def make(self) -> CreditBooker:
        return CreditBooker(
            store=DynamoDbCreditStore(
                self.dynamodb, GOVERNANCE, self.account.pause, changed_by=self.function
            ),
            counters=DynamoDbCounters(self.dynamodb, COUNTERS, self.account.pause),
            hours=DynamoDbChangedHours(self.dynamodb, COUNTERS),
            span=SPANS[0],
            ledger_retention=RETENTION,
        )

    def run(self, _event: Any) -> None:
        report = self.service.book(self.account.now, self.has_time)
        self._wrong += [f"{hour} differed without a note" for hour in report.mismatches]
        if report.reason is None:
            self._wrong += find_unbooked(self.account, report.book, read_book(self.account))

    def start(self) -> None:
        plan_credits(self.account)
        first = START + timedelta(minutes=3)
        self.every(timedelta(minutes=20), first, FAULTS_END, retries=0)
        self.every(timedelta(minutes=60), first, FAULTS_END, retries=0)  # at the same time
        random = self.account.world.random
        for package in self.account.traffic.packages:  # while they are counted
            moment = package.at + timedelta(seconds=random.uniform(0, 20))
            self.account.world.at(moment, self.invoke, {}, 0)
        self.every(timedelta(minutes=61), FAULTS_END, END, retries=0)

    def check(self) -> Iterator[str]:
        yield from self._wrong[:3]
        yield from [f"changed: {entry}" for entry in self._watch.changed[:3]]
        yield from find_wrong_books(self.account)
