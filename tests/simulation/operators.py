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

    def start(self) -> None:
        """Plan to redrive what has failed, until nothing is left."""
        moment = START + _REDRIVES
        while moment <= END:
            self._account.world.at(moment, self.redrive)
            moment += _REDRIVES if moment < FAULTS_END else 4 * _REDRIVES
        moment = START + _SWEEPS
        while moment <= END:
            self._account.world.at(moment, self.expire)
            moment += _SWEEPS if moment < FAULTS_END else 8 * _SWEEPS

    def redrive(self) -> None:
        """Run `make redrive`."""
        if self._account.s3.has_objects(FAILURES):
            self.redriven += self._redrive.redrive_all().done

    def expire(self) -> None:
        """Let Time to Live delete what has expired."""
        self._account.tables[LEDGER].expire(self._account.now)
