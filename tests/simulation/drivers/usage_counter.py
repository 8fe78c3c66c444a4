"""The stream of the ledger, added to exact counters."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Any

from lambdas.adapters.dynamodb.items import TableUnavailableError
from lambdas.adapters.dynamodb.usage_stream import read_stream
from lambdas.domain.counters import CountersUnavailableError, StateChangedError
from lambdas.domain.pricing.editions import InvalidPriceDocumentError, PriceEditionsUnavailableError
from lambdas.domain.runs import AFTER_COUNTING, RunNotStartedError
from lambdas.services.count_usage import UsageCounter
from lambdas.services.start_evaluations import EvaluationStarter
from tests.simulation.account import Account
from tests.simulation.cloud.event_source import StreamMapping, is_no_removal
from tests.simulation.drivers.counting import (
    DEPLOYMENT,
    counters,
    current_sums,
    edition_books,
    sum_up,
)
from tests.simulation.drivers.driver import Driver
from tests.simulation.faults import Fault
from tests.simulation.ports import Port
from tests.simulation.traffic import RETENTION

MAPPING = StreamMapping(
    function="usage_counter",
    batch_size=10,
    max_attempts=10**6,
    max_age=timedelta(hours=23),
    window=timedelta(seconds=5),
    is_taken=is_no_removal,
)
"""As deployed, but for fewer records a batch."""
EVALUATOR = "budget_evaluator"
_DROPPED_SHARE, _DOUBLED_SHARE = 0.2, 0.2
COUNTING_ERRORS = (
    CountersUnavailableError,
    TableUnavailableError,
    StateChangedError,
    PriceEditionsUnavailableError,
    InvalidPriceDocumentError,
)


class EvaluatorEvents:
    """The asynchronous events of `budget_evaluator`. One may come twice, or never."""

    def __init__(self, account: Account) -> None:
        self._account = account

    def start(self) -> None:
        world, functions = self._account.world, self._account.functions.handlers
        if EVALUATOR not in functions or world.strikes(Fault.THROTTLES, _DROPPED_SHARE):
            return
        times = 2 if world.strikes(Fault.DUPLICATES, _DOUBLED_SHARE) else 1
        for _ in range(times):
            world.after(world.random.uniform(0, 2), self._deliver)

    def _deliver(self) -> None:
        self._account.functions.try_call(EVALUATOR, AFTER_COUNTING)


class UsageCounterDriver(Driver):
    """Counts what changes in the ledger, and has budgets evaluated."""

    function = "usage_counter"
    expected_errors = COUNTING_ERRORS

    def make(self) -> UsageCounter:
        sums = current_sums(self)
        runs: Any = Port(self.account.world, EvaluatorEvents(self.account), RunNotStartedError)
        self._evaluations = EvaluationStarter(runs=[runs], has_budgets=sums.has_active_budgets)
        return UsageCounter(
            read=partial(read_stream, retention=RETENTION),
            store=counters(self),
            books=edition_books(self.account),
            sums=sum_up(sums),
            deployment=DEPLOYMENT,
        )

    def run(self, event: Any) -> dict[str, Any]:
        outcome = self.service.count(
            event["Records"], event["shardId"], self.account.now, self.has_time
        )
        state = self._evaluations.follow(
            outcome.counted,
            event["state"],
            self.account.now,
            is_last=event["isFinalInvokeForWindow"],
        )
        first = outcome.first_uncounted
        failures = [] if first is None else [{"itemIdentifier": first}]
        return {"state": state, "batchItemFailures": failures}

    def start(self) -> None:
        self.account.map_stream(MAPPING)
        self.account.sources[self.function].start()
