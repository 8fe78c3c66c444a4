"""Changes of the ledger as its stream delivers them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, TypeAlias

from lambdas.domain.ledger.tampering import TamperedCall
from lambdas.domain.ledger.usage_ledger import LedgerChange

StreamRecord: TypeAlias = Mapping[str, Any]
"""A change as the stream has it."""


class StreamedChange(NamedTuple):
    """A change of the ledger, and its place in the stream.

    Attributes:
        number: The sequence number, by which the stream delivers it again.
        changed_at: The time of the change.
        change: The change of a call.
    """

    number: str
    changed_at: datetime
    change: LedgerChange | TamperedCall
