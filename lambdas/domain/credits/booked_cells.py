"""The booked part of a cell of counters: the amount, and the accounts that have paid it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from lambdas.domain.counters import UsageLabels
from lambdas.domain.credits.entries import Account


class CellId(NamedTuple):
    """The usage of one hour with the same labels.

    Attributes:
        hour: The start of the hour, UTC.
        labels: The labels.
    """

    hour: datetime
    labels: UsageLabels


class Payment(NamedTuple):
    """A part of the cost of a cell.

    Attributes:
        account: The grant that has paid it, or an account of overage.
        picodollars: The part, above 0.
    """

    account: Account
    picodollars: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BookedCell:
    """The booked part of a cell.

    Attributes:
        id: The cell.
        payments: Who has paid, in the order of booking. A correction that lowers the cost takes
            back the last payments first, whatever the order of grants is today.
        version: A number that increases with each change; 0 before the first.
    """

    id: CellId
    payments: tuple[Payment, ...] = ()
    version: int = 0

    @property
    def picodollars(self) -> int:
        """The cost that is booked."""
        return sum(payment.picodollars for payment in self.payments)
