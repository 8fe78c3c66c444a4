"""Changes of the ledger as its stream delivers them."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from lambdas.domain.ledger.tampering import TamperedCall
from lambdas.domain.ledger.usage_ledger import LedgerChange


class StreamedChange(NamedTuple):
    """A change of the ledger, and its place in the stream.

    Attributes:
        number: The sequence number, by which the stream delivers it again.
        changed_at: The time of the change.
        change: What became of a call.
    """

    number: str
    changed_at: datetime
    change: LedgerChange | TamperedCall
