"""The operator, who redrives failed events with the real command, and Time to Live."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from tests.simulation.account import LEDGER, Account
from tests.simulation.cloud.functions import FAILURES, SimulatedLambda
from tests.simulation.phases import END, FAULTS_END
from tests.simulation.world import START

_REDRIVES = timedelta(minutes=75)
_SWEEPS = timedelta(hours=2)
_PROMPT_SECONDS = 4
"""The time in which an operator redrives a failure at once. A stream that was not read goes on with
its next batches meanwhile."""


class Operator:
    """Redrives failures.

    Attributes:
        redriven: The number of events that succeeded.
    """

    def __init__(self, account: Account, known: frozenset[str]) -> None:
        self._account = account
        self._redrive = account.plant.redrive(
            cast("Any", account.s3),
            cast("Any", SimulatedLambda(account.functions)),
            FAILURES,
            known,
        )
        self.redriven = 0
        self._is_planned = self._is_redriving = False

    def start(self) -> None:
        """Plan to redrive what has failed: at once, and later until nothing is left."""
        self._account.functions.on_failure = self._plan_redrive
        moment = START + _REDRIVES
        while moment <= END:
            self._account.world.at(moment, self.redrive)
            moment += _REDRIVES if moment < FAULTS_END else 4 * _REDRIVES
        moment = START + _SWEEPS
        while moment <= END:
            self._account.world.at(moment, self.expire)
            moment += _SWEEPS if moment < FAULTS_END else 8 * _SWEEPS

    def _plan_redrive(self) -> None:
        if not self._is_planned:
            self._is_planned = True
            world = self._account.world
            world.after(world.random.uniform(0, _PROMPT_SECONDS), self._redrive_at_once)

    def _redrive_at_once(self) -> None:
        self._is_planned = False
        self.redrive()

    def redrive(self) -> None:
        """Run `make redrive`, but for a second time while it runs."""
        if self._account.s3.has_objects(FAILURES) and not self._is_redriving:
            self._is_redriving = True
            try:
                self.redriven += self._redrive.redrive_all().done
            finally:
                self._is_redriving = False

    def expire(self) -> None:
        """Let Time to Live delete what has expired."""
        self._account.tables[LEDGER].expire(self._account.now)
