"""A change of usage, which counters and budgets add up."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from lambdas.domain.counters.labels import UsageLabels
from lambdas.domain.counters.totals import UsageTotals


class UsageChange(NamedTuple):
    """One change of usage: of a new call, a correction or a repricing.

    A correction that changes labels or the minute of a call is two changes: less what was counted,
    plus what is counted now.

    Attributes:
        labels: The labels of the call.
        minute: The minute of the call, UTC.
        totals: What is added; may be below 0.
    """

    labels: UsageLabels
    minute: datetime
    totals: UsageTotals
