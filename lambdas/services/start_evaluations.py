"""Starts an evaluation of budgets right after usage was counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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

    The first batch starts one at once. The batches that follow within the step note in the state of
    their tumbling window that one is due. The window's last event then starts it, whichever process
    gets that event. So usage waits for the length of a window, and not for the next batch, which
    may never come.

    Attributes:
        runs: Starts the function that evaluates budgets.
        has_budgets: Says if a budget is active, as far as the process knows.
        pace: The times of the process's starts.
    """

    runs: RunStarter
    has_budgets: Callable[[], bool]
    pace: Pace = field(default_factory=lambda: Pace(STEP))

    def follow(
        self, counted: int, state: Mapping[str, Any], now: datetime, *, is_last: bool
    ) -> dict[str, Any]:
        """Start an evaluation after a batch, if one is due.

        A failure is logged. The window's last event tries again, and after that the schedule is
        left.

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
        try:
            self.runs.start()
        except RunNotStartedError as error:
            logger.warning("Budgets are not evaluated before the next minute", reason=str(error))
            return {_DUE: True}
        return {}
