"""Calls that were published without their cost, until there is a price for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple, Protocol, TypeAlias

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.invocations.usage_record import CallVariant
from lambdas.domain.pricing import tokens_by_kind

CallKey: TypeAlias = tuple[str, str, str]
"""Account, Region and request id."""
NOTHING_PAID: Mapping[CallKey, Decimal] = MappingProxyType({})
GROUP_RENEWAL = timedelta(hours=1)
"""The time for which a writer of notes takes a group that it wrote as still stored."""
MIN_GROUP_AGE = 2 * GROUP_RENEWAL
"""The age at which a group without waiting calls is deleted: no writer relies on it any more."""


class PriceNeed(NamedTuple):
    """The properties that decide whether a call can be priced, apart from its size.

    Attributes:
        day: The day of the call, UTC.
        region: The Region that was called.
        variants: The models and service tiers, several where readings of a call disagree.
        is_cut_off: Whether there were more of these than are kept.
        has_counts: Whether its tokens are known at all.
        kinds: The kinds of tokens and the other units that the call used.
    """

    day: date
    region: str
    variants: tuple[CallVariant, ...]
    is_cut_off: bool
    has_counts: bool
    kinds: tuple[str, ...]


class WaitingGroup(NamedTuple):
    """Calls that need the same prices.

    Attributes:
        name: Its name where it is stored.
        sample: One of the calls. While it has no price, neither have the others.
    """

    name: str
    sample: UsageRecord


def price_need(record: UsageRecord) -> PriceNeed:
    """Get the prices that a call needs."""
    own = CallVariant(record.model_id, record.invoked_model_id, record.service_tier)
    conflicts = record.conflicts
    return PriceNeed(
        day=record.timestamp.date(),
        region=record.region,
        variants=(conflicts.variants if conflicts else ()) or (own,),
        is_cut_off=conflicts is not None and conflicts.is_cut_off,
        has_counts=not record.tokens.is_missing,
        kinds=(
            *(str(kind) for kind, _ in tokens_by_kind(record.tokens)),
            *(unit for unit, _ in record.billed_units),
        ),
    )


@dataclass(frozen=True, slots=True)
class RepricedModel:
    """The calls of one model that got their cost.

    Attributes:
        calls: Calls whose cost was published.
        usd: Their cost, exactly.
        prices: The prices that were used: their source, and the first day on which they apply.
    """

    calls: int
    usd: Decimal
    prices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RepriceReport:
    """The result of a run.

    Attributes:
        by_model: The foundation models that have a price now.
        too_old: Calls that have a price, but that CloudWatch takes no metrics of any more; reports
            from the ledger have their cost.
        waiting: The models without a price, with the service tier, and the first day of the calls
            that wait for it.
        reason: The reason why it ended before all were done; `None` if it did not.
        is_refused: Whether CloudWatch refused the rest.
        is_other_run: Whether it did nothing because another run was active.
    """

    by_model: Mapping[str, RepricedModel] = field(default_factory=dict)
    too_old: int = 0
    waiting: Mapping[str, date] = field(default_factory=dict)
    reason: str | None = None
    is_refused: bool = False
    is_other_run: bool = False


class RunLock(Protocol):
    """A lock that lets one run at a time publish missing cost."""

    def acquire_lock(self, now: datetime) -> bool:
        """Acquire the lock; `False` while another run has it."""

    def release_lock(self) -> None:
        """Release the lock."""


class UnpricedNotes(Protocol):
    """Notes of calls that were published without a cost, for as long as CloudWatch takes it."""

    def write(self, records: Sequence[UsageRecord], now: datetime) -> None:
        """Note calls, which wait for a price from then on."""

    def get_noted(self, records: Sequence[UsageRecord]) -> frozenset[CallKey]:
        """Get the keys of those calls that were noted, whether or not they are priced by now."""

    def get_waiting(self, records: Sequence[UsageRecord]) -> frozenset[CallKey]:
        """Get the keys of those calls that were noted and still wait for a price."""

    def get_paid(self, records: Sequence[UsageRecord]) -> Mapping[CallKey, Decimal]:
        """Get the cost, in US dollars, with which noted calls were marked as priced."""


class UnpricedCalls(UnpricedNotes, RunLock, Protocol):
    """Notes, and the groups that their calls wait in.

    A group is stored before the notes of its calls, and looked at before these are looked for: a
    model without a price costs one read an hour, however many calls wait for it.
    """

    def get_groups(self) -> Sequence[WaitingGroup]:
        """Get the groups that calls may wait in."""

    def scan_group(self, group: WaitingGroup) -> Iterator[Sequence[UsageRecord]]:
        """Read the calls of a group that still wait, as the ledger has them, batch by batch."""

    def mark_priced(
        self, records: Sequence[UsageRecord], paid: Mapping[CallKey, Decimal] = NOTHING_PAID
    ) -> None:
        """Mark calls as priced: their cost was published, or can no longer be.

        Args:
            records: The calls.
            paid: The published cost of each, in US dollars.
        """

    def delete_group(self, group: WaitingGroup, written_before: datetime) -> None:
        """Delete a group in which no call waits, unless a writer renewed it since a time."""
