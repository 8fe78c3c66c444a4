"""The result of a run of the brake."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

from lambdas.domain.brake import ChangeRefusedError, DenyChangedError, Obstacle

CHANGED_MEANWHILE = "changed_meanwhile"
"""The reason of a change that was not made because another run has changed the deny."""
_WITHOUT_DELAY = frozenset({CHANGED_MEANWHILE, Obstacle.PRINCIPAL_GONE, Obstacle.PROTECTED})
"""The reasons that another run deals with, or that no later run can change."""

_T = TypeVar("_T")


class DelayedChange(NamedTuple):
    """A change that was not made, and is tried again by the next run.

    Attributes:
        arn: The ARN of the caller.
        reason: The obstacle in IAM, or that another run has changed the deny meanwhile.
    """

    arn: str
    reason: str


class BrakeFailure(NamedTuple):
    """An error that nothing explains.

    Attributes:
        name: The ARN of the caller, or the name of the budget.
        error: The error.
    """

    name: str
    error: Exception


@dataclass(slots=True)
class BrakeReport:
    """The result of a run.

    Attributes:
        is_on: True if the switch was on when the run began.
        denied: The number of callers that are denied now.
        is_above_limit: True if more are denied than the setting expects.
        attached: The callers that were denied in this run.
        released: The callers that were released in this run.
        swept: Attachments that no deny was stored for, which were taken off.
        contested: Callers that others let go again and again, in this run.
        contested_denies: The number of denies that are contested now, since this run or before.
        events: The number of events that are due since.
        skipped: The number of callers for which there was no time.
        delayed: The changes that were not made.
        failures: The errors that nothing explains.
    """

    is_on: bool = False
    denied: int = 0
    is_above_limit: bool = False
    attached: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    swept: list[str] = field(default_factory=list)
    contested: list[str] = field(default_factory=list)
    contested_denies: int = 0
    events: int = 0
    skipped: int = 0
    delayed: list[DelayedChange] = field(default_factory=list)
    failures: list[BrakeFailure] = field(default_factory=list)

    @property
    def delayed_denies(self) -> int:
        """The number of callers, roles and policies that later runs must change or report.

        Principals that are gone, and those that IAM lets no one change, are not among them.
        """
        refused = {change.arn for change in self.delayed if change.reason not in _WITHOUT_DELAY}
        return len(refused) + self.skipped

    @contextmanager
    def isolate(self, name: str) -> Iterator[None]:
        """Let an error that concerns one caller or budget stop that one alone."""
        try:
            yield
        except ChangeRefusedError as error:
            self.delayed.append(DelayedChange(name, error.obstacle.value))
        except DenyChangedError:
            self.delayed.append(DelayedChange(name, CHANGED_MEANWHILE))
        except Exception as error:  # noqa: BLE001  # the caller reports each
            self.failures.append(BrakeFailure(name, error))

    def take_while_time(self, entries: Sequence[_T], has_time: Callable[[], bool]) -> Iterator[_T]:
        """Yield entries while there is time, and count the others."""
        for number, entry in enumerate(entries):
            if not has_time():
                self.skipped += len(entries) - number
                return
            yield entry
