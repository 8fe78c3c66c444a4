"""The items of the ledger and of the state table that have an identity."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

# Subscriptions of CloudWatch Logs repeat a delivery for up to 24 hours:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
_REDELIVERY = timedelta(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedItems:
    """The items that have an identity.

    Attributes:
        calls: The keys of calls in the ledger.
        samples: The keys of state items with a sample of the identity's calls.
        entries: The keys of state items whose key has the identity.
        last_call_at: When the last of the calls was made, as it is stored; empty without calls.
    """

    calls: tuple[str, ...]
    samples: tuple[str, ...]
    entries: tuple[str, ...]
    last_call_at: str

    @property
    def are_none(self) -> bool:
        """True if no item has the identity."""
        return not (self.calls or self.samples or self.entries)

    def may_come_again(self, now: datetime) -> bool:
        """Say if the record of a call may still be delivered again."""
        return self.last_call_at > (now - _REDELIVERY).isoformat()
