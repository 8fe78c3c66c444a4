"""The watch over invocation logging, which someone switches off and on again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from lambdas.adapters.dynamodb.watch_state_store import DynamoDbWatchStateStore
from lambdas.domain.logging_configuration import LoggingChange, LoggingState, VerifiedState
from lambdas.domain.logging_configuration.watch_ports import WatchStateChangedError
from lambdas.domain.metrics.catalog import DEPLOYMENT_DRIFT
from lambdas.domain.safeguards.ports import NotReadableError
from lambdas.services.watch_logging import LiveLogging, LoggingWatcher
from tests.fakes import (
    InMemoryChangeHistory,
    InMemoryDeployments,
    InMemoryLoggingApi,
    InMemoryLogGroups,
    InMemoryRoles,
    InMemorySafeguards,
    InMemoryStateCopy,
    InMemoryStateStore,
)
from tests.simulation.account import STATE, Account
from tests.simulation.drivers.driver import Driver
from tests.simulation.faults import Fault
from tests.simulation.phases import FAULTS_END
from tests.simulation.world import START
from tests.unit.logging_configuration.deployed import (
    CONFIGURATION,
    CONFIGURATOR,
    DEPLOYED,
    GROUP,
    LIVE_GROUP,
    LIVE_ROLE,
    ROLE,
    trail_record,
)

_TRAIL_EVENT = "AWS API Call via CloudTrail"
_LAST = FAULTS_END + timedelta(hours=2)
_STEP = timedelta(minutes=15)
_CHANGED, _RESOLVED = "invocation logging was changed", "drift is resolved"
_UNTRACED = "left no trace"


class LoggingWatcherDriver(Driver):
    """Watches while logging is switched off, and on again hours later."""

    function = "logging_watcher"
    expected_errors = (NotReadableError, WatchStateChangedError, ConnectionError)

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self._api = InMemoryLoggingApi(CONFIGURATION)
        self._history = InMemoryChangeHistory()
        store, copy = InMemoryStateStore(), InMemoryStateCopy()
        store.logging_state = LoggingState((CONFIGURATION,))
        copy.states = (store.logging_state,)
        self._state = VerifiedState(store, copy)

    def make(self) -> LoggingWatcher:
        return LoggingWatcher(
            deployed=DEPLOYED,
            deploying_role_arn=CONFIGURATOR,
            verified_state=self._state,
            live=LiveLogging(
                self._api,
                InMemoryLogGroups({GROUP: LIVE_GROUP}),
                InMemoryRoles({ROLE: LIVE_ROLE}),
            ),
            safeguards=InMemorySafeguards(),
            history=self._history,
            deployments=InMemoryDeployments(),
            watch_state=DynamoDbWatchStateStore(self.dynamodb, STATE),
            notifier=self.account.topic.port,
        )

    def run(self, event: Any) -> None:
        is_change = event["detail-type"] == _TRAIL_EVENT
        change = LoggingChange.from_event(event["detail"]) if is_change else None
        result = self.service.check(change, datetime.fromisoformat(event["time"]))
        self.account.record_health({DEPLOYMENT_DRIFT: len(result.drifts)})

    def start(self) -> None:
        world = self.account.world
        self.every(_STEP, START + _STEP, _LAST, self._scheduled, retries=2)
        world.after(world.random.uniform(1, 3) * 3600, self._change, "off")
        world.after(world.random.uniform(5, 8) * 3600, self._change, "on")

    @staticmethod
    def _scheduled(moment: datetime) -> Any:
        return {"time": moment.isoformat(), "detail-type": "Scheduled Event"}

    def _change(self, switched: str) -> None:
        world, is_on = self.account.world, switched == "on"
        self._api.live = CONFIGURATION if is_on else None
        verb = "Put" if is_on else "Delete"
        detail = trail_record(
            f"{verb}ModelInvocationLoggingConfiguration",
            eventID=f"event-{switched}",
            eventTime=f"{self.account.now:%Y-%m-%dT%H:%M:%SZ}",
        )
        change = LoggingChange.from_event(detail)
        if change is not None:
            self._history.append(change)
        for _ in range(2 if world.strikes(Fault.DUPLICATES, 0.5) else 1):
            world.after(world.random.uniform(5, 900), self._report, detail)

    def _report(self, detail: Any) -> None:
        now = self.account.now.isoformat()
        self.invoke({"time": now, "detail-type": _TRAIL_EVENT, "detail": detail}, 20)

    def check(self) -> Iterator[str]:
        # Resolved drift and the change that resolved it may be two notices. After a failed one, the
        # drift is no longer known: the next notice says that the change left no trace.
        for subjects, most in (((_CHANGED,), 1), ((_RESOLVED, _UNTRACED), 2)):
            found = [self.account.topic.count(self.function, subject) for subject in subjects]
            sent, repeatable = (sum(counts) for counts in zip(*found, strict=True))
            if not 1 <= sent <= most + repeatable:
                yield f"watch: {sent} notices: {' or '.join(subjects)} (repeatable: {repeatable})"
