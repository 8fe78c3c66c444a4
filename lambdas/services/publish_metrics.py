"""Publishes calls as CloudWatch metrics, in the order of the ledger's stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple, TypeAlias

from lambdas.domain.attribution.tags import profile_arn
from lambdas.domain.calls import CallBooks, EnrichedCall
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import (
    CallKey,
    LedgerChange,
    TamperedCall,
    Tampering,
    UnpricedNotes,
    is_gateway_call,
)
from lambdas.domain.metrics import (
    DimensionNamer,
    MeteredCall,
    MetricPublishing,
    PublishReport,
    get_metric_time,
)
from lambdas.domain.pricing import CallCost, Cost, Unpriced
from lambdas.domain.pricing.cost import WAITING_FOR_A_PRICE

_CallAndBefore: TypeAlias = tuple[EnrichedCall, EnrichedCall | None]
"""A call as it stands, and as it was published before."""
_PublishedCosts: TypeAlias = tuple[CallCost, CallCost]
"""The cost that is published of a call now, and the one that was published of it before."""


class _Publication(NamedTuple):
    """A change to be published.

    Attributes:
        place: Its place among the changes.
        record: The call as it stands now.
        time: The time at which metrics show the call.
        replaced: The call as it was published before; `None` for one that is new to metrics.
    """

    place: int
    record: UsageRecord
    time: datetime
    replaced: UsageRecord | None


@dataclass(frozen=True, slots=True)
class MetricPublisher:
    """Publishes what changed in the ledger.

    Of a call that was published before, what its further readings raise is published: tokens and
    cost at the minute of the call, without a second invocation. A change that no reading makes
    changes no metric.

    A call without a price is noted before it is published. Noted afterwards, its cost would be lost
    where that fails, and its tokens would count twice where the batch is tried again. So an error
    of the notes fails the whole batch, which comes again: late, but exact. Batches without such
    calls, without corrections, and without calls of application inference profiles, touch no note
    the first time. Lambda halves a failing batch each time, which lets the calls before such a call
    through; after hours it gives up, and stores the batch in the failure bucket. Alarms notify of
    each: `MetricPublisherErrors`, `StreamAge`, `UnpublishedBatches`.

    Attributes:
        books: The books that enrich calls.
        namer: Names the dimensions of calls, within the limits of a month.
        publishing: Sends calls.
        unpriced: The notes of calls that wait for a price.
        caller_role: The name of the role of the gateway's calls; `None` without a gateway. Calls of
            others are then counted as calls around it.
    """

    books: CallBooks
    namer: DimensionNamer
    publishing: MetricPublishing
    unpriced: UnpricedNotes
    caller_role: str | None = None

    def publish(
        self,
        changes: Sequence[LedgerChange | TamperedCall],
        now: datetime,
        has_time: Callable[[], bool] = lambda: True,
        *,
        is_retried: bool = False,
    ) -> PublishReport:
        """Publish changes, each once, up to the first chunk that cannot be sent.

        Naming identities may fail, and so may noting calls without a price. Both happen before
        anything is sent.

        Args:
            changes: The changes of the ledger.
            now: The time, against which CloudWatch compares that of a call.
            has_time: Asked before each chunk.
            is_retried: True if they may have been tried before, at other prices. A call that was
                noted then gets its cost from its note alone. Calls of profiles always count as
                retried, since the model behind a profile may become known at any moment.
        """
        publications, too_old = _select(changes, now)
        metered = self._meter(publications, now, is_retried=is_retried)
        sent, stop = self.publishing.publish(metered, has_time)
        new = [call for call in publications[:sent] if call.replaced is None]
        first_unsent = publications[sent].place if sent < len(publications) else None
        done = changes[:first_unsent]
        tampered = tuple(_find_tampered(done))
        around = [call.record for call in new if self._is_around_gateway(call.record)]
        return PublishReport(
            published=len(new),
            unpublished=sum(call.tampering is Tampering.UNREADABLE for call in tampered)
            + sum(place < len(done) for place in too_old),
            conflicting=tuple(
                change
                for change in done
                if isinstance(change, LedgerChange) and change.is_possible and change.is_conflict
            ),
            tampered=tampered,
            oldest=min((call.time for call in new), default=None),
            first_unsent=first_unsent,
            reason=stop.reason if stop else None,
            overflowing=sum(call.is_overflowing for call in metered[:sent]),
            around_gateway=len(around),
            tokens_around_gateway=sum(record.tokens.total or 0 for record in around),
        )

    def _is_around_gateway(self, record: UsageRecord) -> bool:
        if self.caller_role is None or record.is_failed:
            return False
        return not is_gateway_call(record, self.caller_role)

    def _meter(
        self, publications: Sequence[_Publication], now: datetime, *, is_retried: bool
    ) -> list[MeteredCall]:
        """Enrich calls, as they stand and as they were published; note those without a price."""
        replaced = [call.replaced for call in publications if call.replaced]
        records = [call.record for call in publications]
        enricher = self.books.open([*records, *replaced], now)
        calls = [
            (
                enricher.enrich(publication.record),
                enricher.enrich(publication.replaced) if publication.replaced else None,
            )
            for publication in publications
        ]
        costs = self._note(publications, calls, now, is_retried=is_retried)
        return [
            MeteredCall(
                call, publication.time, self.namer.name(call, publication.time), cost, before, paid
            )
            for publication, (call, before), (cost, paid) in zip(
                publications, calls, costs, strict=True
            )
        ]

    def _note(
        self,
        publications: Sequence[_Publication],
        calls: Sequence[_CallAndBefore],
        now: datetime,
        *,
        is_retried: bool,
    ) -> list[_PublishedCosts]:
        """Note calls that wait for a price; returns what is published of the cost of each.

        A correction of a call that waits moves its note to what the call now waits for: all its
        cost comes from there.
        """
        noted = self._find_notes(publications, is_retried=is_retried)
        waiting = self._find_waiting(publications, noted)
        repriced = self._find_repriced(publications, noted - waiting)
        to_note: dict[CallKey, UsageRecord] = {}
        costs: list[_PublishedCosts] = []
        for call, before in calls:
            record, cost, paid = call.record, call.cost, before.cost if before else None
            if before is None:
                cost = Unpriced.NO_PRICE if record.key in noted else cost
            elif record.key in waiting:
                cost = Unpriced.NO_PRICE
                if paid is not None:
                    paid = Unpriced.NO_PRICE
                to_note[record.key] = record
            elif record.key in noted and not isinstance(paid, Cost):
                cost = Unpriced.NO_PRICE  # the note was of this correction, and has paid
            elif record.key in repriced and isinstance(paid, Cost):
                # The ledger had this correction already when the note was paid.
                paid_usd = max(paid.effective_usd, repriced[record.key])
                paid = paid._replace(effective_usd=paid_usd)
            if cost in WAITING_FOR_A_PRICE and record.key not in noted:
                to_note[record.key] = record
                noted.add(record.key)
                waiting.add(record.key)
            costs.append((cost, paid))
        self.unpriced.write(list(to_note.values()), now)
        return costs

    def _find_notes(
        self, publications: Sequence[_Publication], *, is_retried: bool
    ) -> set[CallKey]:
        """Find calls that may have been noted before and were."""
        asked = [
            call.record
            for call in publications
            if is_retried or call.replaced or profile_arn(call.record.invoked_model_id)
        ]
        return set(self.unpriced.get_noted(asked)) if asked else set()

    def _find_waiting(
        self, publications: Sequence[_Publication], noted: set[CallKey]
    ) -> set[CallKey]:
        """Find corrected calls whose cost was not published so far."""
        asked = [call.record for call in publications if call.replaced and call.record.key in noted]
        return set(self.unpriced.get_waiting(asked)) if asked else set()

    def _find_repriced(
        self, publications: Sequence[_Publication], priced: set[CallKey]
    ) -> Mapping[CallKey, Decimal]:
        """Find what was published of corrected calls when their notes were paid."""
        asked = [
            call.record for call in publications if call.replaced and call.record.key in priced
        ]
        return self.unpriced.get_paid(asked) if asked else {}


def _find_tampered(changes: Iterable[LedgerChange | TamperedCall]) -> Iterator[TamperedCall]:
    for change in changes:
        if isinstance(change, TamperedCall):
            yield change
        elif not change.is_possible:
            yield TamperedCall(Tampering.CHANGED, change.record)


def _select(
    changes: Sequence[LedgerChange | TamperedCall], now: datetime
) -> tuple[list[_Publication], list[int]]:
    """Select the changes to publish; also returns the places of those that are too old."""
    publications: list[_Publication] = []
    too_old: list[int] = []
    for place, change in enumerate(changes):
        if not isinstance(change, LedgerChange):
            continue
        if change.replaced == change.record or not change.is_possible:
            continue
        replaced = change.replaced
        if replaced is not None and get_metric_time(replaced, now) is None:
            replaced = None  # metrics do not show the call so far
        time = get_metric_time(change.record, now)
        if time is None:
            too_old.append(place)
        else:
            publications.append(_Publication(place, change.record, time, replaced))
    return publications, too_old
