"""Publishes the difference in cost of calls that were published at superseded prices."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.calls import CurrentBooks
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger import (
    CorrectionProgress,
    CorrectionReport,
    CostCorrections,
    ProgressChangedError,
    RecordedCalls,
    RunLock,
    ScannedCall,
)
from lambdas.domain.metrics import (
    NO_TIME,
    OLDEST,
    DimensionNamer,
    MeteredCall,
    MetricPublishing,
    PublishingStop,
    is_taken,
)
from lambdas.domain.metrics.catalog import ESTIMATED_COST
from lambdas.domain.pricing import Cost, Pricing
from lambdas.domain.pricing.editions import Edition, SupersededEdition
from lambdas.domain.pricing.superseding import (
    PriceCorrection,
    PublishedBooks,
    end_of_superseded,
    is_correctable,
)

_OTHER_RUN = PublishingStop("another run is in progress")


@dataclass(frozen=True, slots=True)
class CostCorrector:
    """Reads the calls of the time of a superseded edition, and publishes what they cost more.

    Progress is saved after each call of `PutMetricData`: a run that is cut off in between publishes
    that one again. What calls cost less is reported alone, since metrics only add up; reports from
    the ledger have every call at its right price at once.

    Attributes:
        books: The books that enrich calls.
        namer: Names the dimensions of calls, within the limits of a month.
        publishing: Sends calls.
        pricing: The shipped price book, with contracted prices.
        calls: The ledger.
        corrections: The progress of each correction.
        lock: Keeps two runs from correcting at a time.
    """

    books: CurrentBooks
    namer: DimensionNamer
    publishing: MetricPublishing
    pricing: Pricing
    calls: RecordedCalls
    corrections: CostCorrections
    lock: RunLock

    def correct(
        self, edition: Edition, now: datetime, has_time: Callable[[], bool] = lambda: True
    ) -> CorrectionReport:
        """Publish the cost differences that superseded prices caused.

        Args:
            edition: The edition in force, which lists the superseded editions.
            now: The current time; CloudWatch rejects metrics that are too old.
            has_time: Returns whether there is time for another page of the ledger or chunk.
        """
        recent = [entry for entry in edition.superseded if end_of_superseded(entry) > now - OLDEST]
        if not recent:
            return CorrectionReport()
        if not self.lock.acquire_lock(now):
            return CorrectionReport(reason=_OTHER_RUN.reason)
        try:
            return self._correct(edition, recent, now, has_time)
        finally:
            self.lock.release_lock()

    def _correct(
        self,
        edition: Edition,
        recent: Sequence[SupersededEdition],
        now: datetime,
        has_time: Callable[[], bool],
    ) -> CorrectionReport:
        books = PublishedBooks(self.pricing.book, edition)
        found = [self.corrections.get_progress(entry.edition) for entry in recent]
        published_before = sum(progress.raised_calls for progress in found)
        stop = None
        for place, entry in enumerate(recent):
            if found[place].is_done or not is_correctable(entry, now):
                continue
            run = _Run(self.corrections, found[place])
            stop = self._publish(books.get_correction(entry), run, now, has_time)
            found[place] = run.progress
            if stop:
                break
        published = sum(progress.raised_calls for progress in found) - published_before
        if stop is None:
            return CorrectionReport(tuple(found), published)
        return CorrectionReport(tuple(found), published, *stop)

    def _publish(
        self,
        correction: PriceCorrection,
        run: _Run,
        now: datetime,
        has_time: Callable[[], bool],
    ) -> PublishingStop | None:
        """Publish differences for as long as there is time; returns why the rest waits."""
        pages = self.calls.scan_range(correction.start, correction.end, run.progress.cursor)
        try:
            while has_time() and (page := next(pages, None)) is not None:
                outcomes = self._compare(page.calls, correction, now)
                if stop := self._publish_page(outcomes, page.cursor, run, has_time):
                    return stop
        except ProgressChangedError:
            return _OTHER_RUN
        return None if run.progress.is_done else NO_TIME

    def _compare(
        self, calls: Sequence[ScannedCall], correction: PriceCorrection, now: datetime
    ) -> list[_Outcome]:
        enricher = self.books.get().open([call.record for call in calls], now)
        before = replace(enricher, prices=replace(self.pricing, book=correction.before))
        after = replace(enricher, prices=replace(self.pricing, book=correction.after))
        outcomes = []
        for cursor, record in calls:
            call, published = after.enrich(record), before.enrich(record)
            old, new = published.cost, call.cost
            if not isinstance(old, Cost):
                outcomes.append(_Outcome(cursor, record))
            elif not isinstance(new, Cost):
                outcomes.append(_Outcome(cursor, record, is_unpriced=True))
            else:
                usd = new.effective_usd - old.effective_usd
                is_published = usd > 0 and is_taken(record.timestamp, now)
                metered = self.namer.meter(call, replaced=published) if is_published else None
                outcomes.append(_Outcome(cursor, record, usd, metered))
        return outcomes

    def _publish_page(
        self,
        outcomes: Sequence[_Outcome],
        cursor: str | None,
        run: _Run,
        has_time: Callable[[], bool],
    ) -> PublishingStop | None:
        """Publish what the calls of a page cost more, and save the progress after each chunk."""
        places = [place for place, outcome in enumerate(outcomes) if outcome.metered]
        saved = 0

        def save(published: int) -> None:
            nonlocal saved
            end = places[published - 1] + 1
            run.save(outcomes[saved:end], outcomes[end - 1].cursor)
            saved = end

        metered = [outcome.metered for outcome in outcomes if outcome.metered]
        _, stop = self.publishing.publish(
            metered, has_time, metrics=(ESTIMATED_COST,), after_chunk=save
        )
        if stop is None:
            run.save(outcomes[saved:], cursor)
        return stop


class _Outcome(NamedTuple):
    """The difference that superseded prices make to one call.

    Attributes:
        cursor: The place of the call in the ledger.
        record: The call.
        usd: The difference in its cost; below 0 where it costs less.
        metered: The call as it is published; `None` where nothing is.
        is_unpriced: True if it has no cost without the superseded prices.
    """

    cursor: str
    record: UsageRecord
    usd: Decimal = Decimal(0)
    metered: MeteredCall | None = None
    is_unpriced: bool = False


@dataclass(slots=True)
class _Run:
    """The progress of a correction, as it is saved.

    Attributes:
        corrections: Has the progress of each correction.
        progress: The progress of this one.
    """

    corrections: CostCorrections
    progress: CorrectionProgress

    def save(self, outcomes: Sequence[_Outcome], cursor: str | None) -> None:
        """Save that calls were looked at, up to a place in the ledger or to its end.

        Raises:
            ProgressChangedError: Another run has gone on with it.
        """
        progress = self.progress
        raised = [outcome for outcome in outcomes if outcome.metered]
        lowered = [outcome for outcome in outcomes if outcome.usd < 0]
        following = progress._replace(
            revision=progress.revision + 1,
            cursor=cursor,
            is_done=cursor is None,
            raised_calls=progress.raised_calls + len(raised),
            raised_usd=progress.raised_usd + _total(raised),
            lowered_calls=progress.lowered_calls + len(lowered),
            lowered_usd=progress.lowered_usd + _total(lowered),
            too_old_calls=progress.too_old_calls
            + sum(outcome.usd > 0 and not outcome.metered for outcome in outcomes),
            unpriced_calls=progress.unpriced_calls
            + sum(outcome.is_unpriced for outcome in outcomes),
        )
        self.corrections.save_progress(following)
        self.progress = following


def _total(outcomes: Sequence[_Outcome]) -> Decimal:
    return sum((outcome.usd for outcome in outcomes), Decimal(0))
