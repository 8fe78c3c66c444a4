"""Starts the functions that act on budgets right after usage was counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from lambdas.domain.pace import Pace
from lambdas.domain.runs import RunNotStartedError, RunStarter
from lambdas.observability import logger

STEP = timedelta(seconds=10)
"""The time in which a process starts one evaluation at once. Later ones wait for their window."""
_DUE = "is_evaluation_due"


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluationStarter:
    """Starts evaluations, few of them where many batches are counted.

    The first batch starts one at once. Batches that follow within the step note in the state of
    their tumbling window that one is due, and the window's last event starts it, in whichever
    process. So the last calls of a burst wait until the end of their window, and not for the next
    call.

    Attributes:
        runs: Starts the functions that evaluate budgets and deny callers.
        has_budgets: Says if a budget is active, as far as the process knows.
        pace: The times of the process's starts.
    """

    runs: Sequence[RunStarter]
    has_budgets: Callable[[], bool]
    pace: Pace = field(default_factory=lambda: Pace(STEP))

    def follow(
        self, counted: int, state: Mapping[str, Any], now: datetime, *, is_last: bool
    ) -> dict[str, Any]:
        """Start an evaluation after a batch, if one is due.

        A failure is logged, and the window's last event tries again. If that fails as well, the
        next run of the schedule evaluates budgets.

        Args:
            counted: The number of changes that the batch added.
            state: The state of the batch's window.
            now: The time.
            is_last: True for the last event of the window.

        Returns:
            The next state of the window.
        """
        if not state.get(_DUE) and not (counted and self.has_budgets()):
            return {}
        if not is_last and not self.pace.is_due(now):
            return {_DUE: True}
        self.pace.note(now)
        has_failed = False
        for run in self.runs:
            try:
                run.start()
            except RunNotStartedError as error:
                logger.warning("An evaluation of budgets was not started", reason=str(error))
                has_failed = True
        return {_DUE: True} if has_failed else {}
