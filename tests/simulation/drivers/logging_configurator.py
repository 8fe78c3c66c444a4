"""Deployments that switch logging on, and restore what was there before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from lambdas.domain.logging_configuration import (
    DamagedStateError,
    ExistingPolicy,
    LoggingConfiguration,
    VerifiedState,
)
from lambdas.domain.logging_configuration.ports import StateUnavailableError
from lambdas.services.configure_logging import LoggingConfigurator, LoggingResource
from tests.fakes import InMemoryLoggingApi, InMemoryStateCopy, InMemoryStateStore
from tests.simulation.account import Account
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END
from tests.simulation.ports import Port
from tests.simulation.world import START
from tests.unit.logging_configuration.deployed import CONFIGURATION

_FOREIGN: LoggingConfiguration = {
    **CONFIGURATION,
    "cloudWatchConfig": {"logGroupName": "audit", "roleArn": "arn:aws:iam::1:role/audit"},
}
_PAUSE = 120
_STATUS = {"Create": "CREATE_IN_PROGRESS", "Update": "UPDATE_IN_PROGRESS"}


class LoggingConfiguratorDriver(Driver):
    """Creates, updates and deletes; what fails, an operator does again."""

    function = "logging_configurator"
    expected_errors = (StateUnavailableError, DamagedStateError, ConnectionError)

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._api = InMemoryLoggingApi(_FOREIGN)
        self._store, self._copy = InMemoryStateStore(), InMemoryStateCopy()
        self._done: list[str] = []
        self._status = ""
        self._live_after: dict[str, LoggingConfiguration | None] = {}

    def make(self) -> LoggingResource:
        def port(twin: object, error: type[Exception]) -> Any:
            return Port(self.account.world, twin, error)

        state = VerifiedState(
            port(self._store, StateUnavailableError), port(self._copy, StateUnavailableError)
        )
        return LoggingResource(
            configurator=LoggingConfigurator(port(self._api, ConnectionError), state),
            wanted=CONFIGURATION,
            policy=ExistingPolicy.REPLACE,
            metered_log_group=CONFIGURATION["cloudWatchConfig"]["logGroupName"],
            read_stack_status=lambda: self._status,
        )

    def run(self, event: Any) -> None:
        self.service.respond(event["RequestType"])

    def start(self) -> None:
        self.account.world.at(START + timedelta(minutes=1), self._request, "Create")

    def _request(self, kind: str) -> None:
        """Deploy; the operator does again what failed."""
        self._status = _STATUS.get(kind, "DELETE_IN_PROGRESS")
        world = self.account.world
        if not self.account.functions.try_call(self.function, {"RequestType": kind}):
            world.after(_PAUSE, self._request, kind)
            return
        self._done.append(kind)
        self._live_after[kind] = self._api.live
        if len(self._done) < 4:
            world.after(world.random.uniform(600, 3600), self._request, "Update")
        elif kind != "Delete":
            world.at(END - timedelta(hours=2), self._request, "Delete")

    def check(self) -> Iterator[str]:
        expected = {"Create": CONFIGURATION, "Update": CONFIGURATION, "Delete": _FOREIGN}
        for kind, configuration in expected.items():
            if self._live_after.get(kind) != configuration:
                yield f"logging: {kind} left {self._live_after.get(kind)}"
