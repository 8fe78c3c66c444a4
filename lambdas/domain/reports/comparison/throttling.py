"""Failed and throttled calls, and calls that were made again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeAlias

from lambdas.domain.reports.comparison.calls import ObservedCall
from lambdas.domain.reports.comparison.waste import WasteKind, WasteSummary

RETRY_WINDOW = timedelta(minutes=1)
"""A call that soon after a throttled one is taken as the same one, made again."""
THROTTLED = frozenset({"ThrottlingException", "TooManyRequestsException"})
"""Codes of throttled calls.

Source: https://docs.aws.amazon.com/bedrock/latest/userguide/troubleshooting-api-error-codes.html
"""
_MAX_CALLERS = 100_000
_Caller: TypeAlias = tuple[str, str, str, str]


@dataclass(slots=True)
class Throttling:
    """Counts failed calls, and keeps the last throttled call of each caller and model."""

    waste: WasteSummary
    _throttled_at: dict[_Caller, datetime] = field(default_factory=dict)

    def observe(self, call: ObservedCall) -> None:
        """Take in a call; calls come in order of time."""
        model_id = call.priced.model_id
        caller = (call.account_id, call.region, call.identity_arn, model_id)
        throttled_at = self._throttled_at.pop(caller, None)
        if throttled_at is not None and call.timestamp - throttled_at <= RETRY_WINDOW:
            self.waste.get(call.project, model_id, WasteKind.RETRIED_CALLS).add_without_money()
        if not call.is_failed:
            return
        is_throttled = call.error_code in THROTTLED
        waste = WasteKind.THROTTLED_CALLS if is_throttled else WasteKind.FAILED_CALLS
        totals = self.waste.get(call.project, model_id, waste)
        totals.add(call.tokens.total or 0, call.usd)
        if is_throttled:
            if len(self._throttled_at) >= _MAX_CALLERS:
                self._throttled_at.pop(next(iter(self._throttled_at)))
            self._throttled_at[caller] = call.timestamp
