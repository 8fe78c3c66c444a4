"""Under faults, what a stopped gateway left open is settled by the ledger."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest

from lambdas.domain.limits import Amounts
from lambdas.services.settle_calls import OpenCallSettler
from tests.simulation.drivers.all_drivers import PIPELINE
from tests.simulation.drivers.driver import Driver
from tests.simulation.drivers.limit_settler import LimitSettlerDriver
from tests.simulation.planted.plant import Plant
from tests.simulation.simulation import run

DRIVERS: tuple[type[Driver], ...] = (*PIPELINE, LimitSettlerDriver)


class ForgetsTheLedger(Plant):
    """A bug: each call that is left open is given back, also if it has a record."""

    def change_service(self, function: str, service: Any) -> Any:
        if function != "limit_settler":
            return service
        assert isinstance(service, OpenCallSettler)
        return replace(service, recorded=self)

    def find(self, _: Collection[str]) -> Mapping[str, Amounts]:
        return {}


class SettlesTwice(Plant):
    """A bug: the use of a call is found a second time."""

    def change_service(self, function: str, service: Any) -> Any:
        return (
            replace(service, recorded=_Doubled(service.recorded))
            if function == "limit_settler"
            else service
        )


class _Doubled:
    def __init__(self, recorded: Any) -> None:
        self._recorded = recorded

    def find(self, reservation_ids: Collection[str]) -> Mapping[str, Amounts]:
        found = self._recorded.find(reservation_ids)
        return {
            name: replace(used, quota_tokens=2 * (used.quota_tokens or 0))
            for name, used in found.items()
        }


@pytest.mark.parametrize("seed", [1, 8, 12])
def test_open_calls_are_settled_by_the_ledger_under_faults(seed: int) -> None:
    assert run(seed, drivers=DRIVERS).violations == []


@pytest.mark.parametrize("bug", [ForgetsTheLedger, SettlesTwice])
def test_a_settlement_that_does_not_fit_the_ledger_is_found(bug: type[Plant]) -> None:
    violations = run(1, frozenset(), bug(), drivers=DRIVERS).violations
    assert any("was settled by" in violation for violation in violations)
