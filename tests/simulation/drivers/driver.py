"""The base of all drivers: a process that can restart, and a schedule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from tests.simulation.account import Account
from tests.simulation.cloud.errors import UNAVAILABLE, refused
from tests.simulation.faults import Fault

_OUT_OF_TIME_SHARE = 0.15
_FAILED_SHARE = 0.1


class Driver(ABC):
    """Runs one function as its handler does, over the simulated account.

    Attributes:
        function: The name of the function in `lambdas.functions`.
        expected_errors: The errors with which it fails when AWS does.
        account: The account.
        started_at: The time at which the process began.
    """

    function: ClassVar[str]
    expected_errors: tuple[type[Exception], ...] = ()

    def __init__(self, account: Account) -> None:
        self.account = account
        self.started_at = account.now
        self._service: Any = None

    @abstractmethod
    def make(self) -> Any:
        """Make the service, as wiring does."""

    @abstractmethod
    def run(self, event: Any) -> Any:
        """Do what the handler does."""

    @abstractmethod
    def start(self) -> None:
        """Plan what starts the function."""

    def check(self) -> Iterable[str]:
        """Find what does not hold at the end of a run."""
        return ()

    @property
    def service(self) -> Any:
        """The service of this process."""
        if self._service is None:
            self._service = self.account.plant.change_service(self.function, self.make())
        return self._service

    @property
    def dynamodb(self) -> Any:
        """The client of DynamoDB."""
        return self.account.plant.change_client(self.function, self.account.dynamodb)

    def handle(self, event: Any) -> Any:
        """Handle an event."""
        return self.account.plant.call(self.function, self._run_or_fail, event)

    def _run_or_fail(self, event: Any) -> Any:
        """Run, but for batches of a stream that fail at once and are then halved."""
        is_batch = isinstance(event, dict) and event.get("Records")
        if is_batch and self.account.world.strikes(Fault.BISECT, _FAILED_SHARE):
            raise refused(UNAVAILABLE, "any")
        return self.run(event)

    def restart(self) -> None:
        """Begin a new process: nothing in memory is left."""
        self._service = None
        self.started_at = self.account.now

    def has_time(self) -> bool:
        """Say if there is time for another step."""
        return not self.account.world.strikes(Fault.PARTIAL_ANSWERS, _OUT_OF_TIME_SHARE)

    def every(
        self,
        interval: timedelta,
        first: datetime,
        last: datetime,
        make_event: Callable[[datetime], Any] = lambda _: {},
        *,
        retries: int = 2,
    ) -> None:
        """Start the function on a schedule; a failed run is tried again as Lambda does."""
        moment = first
        while moment <= last:
            self.account.world.at(moment, self.invoke, make_event(moment), retries)
            moment += interval

    def invoke(self, event: Any, retries: int) -> None:
        """Invoke the function asynchronously."""
        if not self.account.functions.try_call(self.function, event) and retries:
            self.account.world.after(60, self.invoke, event, retries - 1)
