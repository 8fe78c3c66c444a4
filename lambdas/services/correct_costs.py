"""Publishes the differences of cost where calls were published at superseded prices."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple

from lambdas.domain.calls.attributed_calls import AttributedCalls
from lambdas.domain.invocations import UsageRecord
from lambdas.domain.ledger.cost_corrections import (
    CorrectionProgress,
    CostCorrections,
    ProgressChangedError,
)
from lambdas.domain.ledger.recorded_calls import RecordedCalls, ScannedCall
from lambdas.domain.ledger.unpriced_calls import RunLock
from lambdas.domain.metrics.aggregation import IdentityDimension, NameModel, keep_model
from lambdas.domain.metrics.catalog import ESTIMATED_COST, Detail, MeteredCall
from lambdas.domain.metrics.chunks import cut_into_chunks
from lambdas.domain.metrics.sink import OLDEST, MetricSink, MetricsUnavailableError, is_taken
from lambdas.domain.pricing import Cost, PriceBook, Pricing
from lambdas.domain.pricing.editions import Edition, SupersededEdition
from lambdas.domain.pricing.superseding import (
    PriceCorrection,
    PublishedBooks,
    end_of_superseded,
    is_correctable,
)

_NO_TIME = "there is no time left"
_OTHER_RUN = "another run is in progress"


@dataclass(frozen=True, slots=True)
class CorrectionReport:
    """The result of a run.

    Attributes:
        corrections: The progress of each edition that was superseded in the last two weeks.
        published: Calls whose difference was published by this run.
        reason: The reason why it ended before all were done; `None` if it did not.
        is_refused: Whether CloudWatch refused the rest.
    """

    corrections: tuple[CorrectionProgress, ...] = ()
    published: int = 0
    reason: str | None = None
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class CorrectCosts:
    """Reads the calls of the time of a superseded edition, and publishes what they cost more.

    Progress is saved after each call of `PutMetricData`: a run that is cut off in between publishes
    that one again. What calls cost less is reported alone, since metrics only add up; reports from
    the ledger have every call at its right price at once.
    """

    sink: MetricSink
    detail: Detail
    identity_dimension: IdentityDimension
    attribute: AttributedCalls
    pricing: Pricing
    shipped: PriceBook
    calls: RecordedCalls
    corrections: CostCorrections
    lock: RunLock
    name_model: NameModel = keep_model

    def correct(
        self, edition: Edition, now: datetime, has_time: Callable[[], bool] = lambda: True
    ) -> CorrectionReport:
        """Publish the differences that superseded prices make.

        Args:
            edition: The edition in force, which names the superseded ones.
            now: The time, against which CloudWatch compares that of a call.
            has_time: Asked before each page of the ledger and each chunk.
        """
        recent = [entry for entry in edition.superseded if end_of_superseded(entry) > now - OLDEST]
        if not recent:
            return CorrectionReport()
        if not self.lock.acquire_lock(now):
            return CorrectionReport(reason=_OTHER_RUN)
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
        books = PublishedBooks(self.shipped, edition)
        found = [self.corrections.get_progress(entry.edition) for entry in recent]
        published_before = sum(progress.raised_calls for progress in found)
        reason, is_refused = None, False
        try:
            for place, entry in enumerate(recent):
                if found[place].is_done or not is_correctable(entry, now):
                    continue
                correction = books.get_correction(entry)
                for progress in self._publish(correction, found[place], now, has_time):
                    found[place] = progress
                if not found[place].is_done:
                    reason = _NO_TIME
                    break
        except MetricsUnavailableError as error:
            reason, is_refused = str(error), True
        except ProgressChangedError:
            reason = _OTHER_RUN
        published = sum(progress.raised_calls for progress in found) - published_before
        return CorrectionReport(tuple(found), published, reason, is_refused)

    def _publish(
        self,
        correction: PriceCorrection,
        progress: CorrectionProgress,
        now: datetime,
        has_time: Callable[[], bool],
    ) -> Iterator[CorrectionProgress]:
        """Publish differences for as long as there is time; yields the progress as it is saved.

        Raises:
            MetricsUnavailableError: The rest waits for another run.
            ProgressChangedError: Another run has gone on with it.
        """
        pages = self.calls.scan_range(correction.start, correction.end, progress.cursor)
        while has_time() and (page := next(pages, None)) is not None:
            outcomes = self._compare(page.calls, correction, now)
            settled = 0
            for end in self._publish_chunks(outcomes, has_time):
                progress = self._save(progress, outcomes[settled:end], outcomes[end - 1].cursor)
                settled = end
                yield progress
            if any(outcome.metered for outcome in outcomes[settled:]):
                return
            progress = self._save(progress, outcomes[settled:], page.cursor)
            yield progress

    def _compare(
        self, calls: Sequence[ScannedCall], correction: PriceCorrection, now: datetime
    ) -> list[_Outcome]:
        known = self.attribute([call.record for call in calls], now)
        before = replace(self.pricing, book=correction.before)
        after = replace(self.pricing, book=correction.after)
        outcomes = []
        for cursor, record in calls:
            priced = known[record].priced
            old, new = before.cost_of(priced), after.cost_of(priced)
            if not isinstance(old, Cost):
                outcomes.append(_Outcome(cursor, record))
            elif not isinstance(new, Cost):
                outcomes.append(_Outcome(cursor, record, is_unpriced=True))
            else:
                usd = new.effective_usd - old.effective_usd
                difference = new._replace(list_usd=None, effective_usd=usd)
                is_published = usd > 0 and is_taken(record.timestamp, now)
                attribution = known[record].attribution
                metered = MeteredCall(priced, difference, attribution) if is_published else None
                outcomes.append(_Outcome(cursor, record, usd, metered))
        return outcomes

    def _publish_chunks(
        self, outcomes: Sequence[_Outcome], has_time: Callable[[], bool]
    ) -> Iterator[int]:
        """Publish what calls cost more; yields the place after the last call of each chunk."""
        places = [place for place, outcome in enumerate(outcomes) if outcome.metered]
        metered = [call for outcome in outcomes if (call := outcome.metered)]
        done = 0
        for chunk in cut_into_chunks(
            metered,
            detail=self.detail,
            identity_dimension=self.identity_dimension,
            metered=lambda call: self.name_model(call, self.identity_dimension(call.record)),
            metrics=(ESTIMATED_COST,),
        ):
            if not has_time():
                return
            self.sink.put(chunk.data_points)
            done += chunk.size
            yield places[done - 1] + 1

    def _save(
        self, progress: CorrectionProgress, outcomes: Sequence[_Outcome], cursor: str | None
    ) -> CorrectionProgress:
        """Save that calls were looked at, up to a place in the ledger or to its end."""
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
        return following


class _Outcome(NamedTuple):
    """The difference that superseded prices make to one call.

    Attributes:
        cursor: The place of the call in the ledger.
        record: The call.
        usd: The difference in its cost; below 0 where it costs less.
        metered: The call as it is published; `None` where nothing is.
        is_unpriced: Whether it has no cost without the superseded prices.
    """

    cursor: str
    record: UsageRecord
    usd: Decimal = Decimal(0)
    metered: MeteredCall | None = None
    is_unpriced: bool = False


def _total(outcomes: Sequence[_Outcome]) -> Decimal:
    return sum((outcome.usd for outcome in outcomes), Decimal(0))
