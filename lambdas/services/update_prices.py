"""Publishes new list prices as editions, and carries out decisions on held ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from lambdas.domain.change_marks import PRICE_UPDATER
from lambdas.domain.metrics.catalog import HELD_PRICES, PRICE_LIST_AGE
from lambdas.domain.pricing import PriceBook
from lambdas.domain.pricing.editions import (
    Edition,
    HeldPrice,
    InvalidPriceDocumentError,
    LastChange,
    Listing,
    OfferState,
    PointerMovedError,
    PriceDecision,
    PriceEditions,
    PriceUpdates,
)
from lambdas.domain.pricing.overlay import apply_edition
from lambdas.domain.pricing.price_decisions import Decide, NextState, add_rates
from lambdas.domain.pricing.price_list import OFFERS
from lambdas.domain.pricing.price_list_source import (
    FetchedListing,
    PriceListSource,
    PriceListUnavailableError,
)
from lambdas.domain.pricing.price_review import review_listings
from lambdas.observability import logger, record_health

_MAX_ATTEMPTS = 3
_MAX_LOGGED_PRICES = 20
_REASON = "daily check of the AWS Price List"


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """The outcome of a check or of a decision.

    Attributes:
        edition: The edition that was published; `None` where prices stay as they were.
        changes: The number of changes that the edition adds.
        held: The candidates that wait for a decision now.
        left_out: Numbers of rows that are no rates of logged calls, by reason; empty where the
            price list is the same as before.
    """

    edition: str | None
    changes: int
    held: tuple[HeldPrice, ...]
    left_out: Mapping[str, int]


class _Offers(NamedTuple):
    """The offers of a check.

    Attributes:
        before: The listings of the last check.
        answers: The answers of the price list; `None` where an offer is as it was.
    """

    before: Mapping[str, Listing]
    answers: Mapping[str, FetchedListing | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceUpdater:
    """Keeps the price editions of one Region.

    Each step reads the pointer, writes new documents beside it, and replaces the pointer on the
    condition that it is still the one that was read. A step that loses starts again from what won.

    Attributes:
        editions: The store.
        price_list: The AWS Price List.
        shipped: The shipped price book.
    """

    editions: PriceEditions
    price_list: PriceListSource
    shipped: PriceBook

    def update(self, now: datetime, has_time: Callable[[], bool] = lambda: True) -> UpdateReport:
        """Compare the AWS Price List with the book in force, and publish what is new.

        Args:
            now: The time.
            has_time: Says if there is time to go on reading.

        Raises:
            PriceListUnavailableError: Not all offers could be read; nothing was published.
            PriceEditionsError: The store failed, or others published again and again.
        """
        answers: dict[str, FetchedListing | None] = {}
        left_out: Counter[str] = Counter()

        def decide(updates: PriceUpdates, current: Edition | None) -> NextState:
            before = self._read_listings(updates)
            for offer in OFFERS:
                if offer not in answers:
                    etag = _known_etag(updates, offer, before)
                    answers[offer] = self.price_list.fetch(offer, etag, has_time)
            left_out.clear()
            return self._check(updates, current, _Offers(before, answers), now, left_out)

        check = LastChange(decision=PriceDecision.CHECK, made_at=now, made_by=PRICE_UPDATER)
        return self._publish(decide, left_out, check)

    def decide(self, decide: Decide, change: LastChange | None = None) -> UpdateReport:
        """Carry out a decision.

        Args:
            decide: The decision.
            change: Its mark, for the audit trail; `None` for a change without an actor.

        Raises:
            DecisionRefusedError: It cannot be carried out.
            PriceEditionsError: The store failed, or others published again and again.
        """
        return self._publish(decide, {}, change)

    def get_age(self, now: datetime) -> timedelta | None:
        """Get the age of the last price list that was read; `None` before the first.

        Raises:
            PriceEditionsError: The store failed.
        """
        checked_at = self.editions.read_pointer().updates.checked_at
        return None if checked_at is None else max(timedelta(0), now - checked_at)

    def _check(
        self,
        updates: PriceUpdates,
        current: Edition | None,
        offers: _Offers,
        now: datetime,
        left_out: Counter[str],
    ) -> NextState:
        checked = updates.model_copy(
            update={"checked_at": now, "shipped_edition": self.shipped.edition}
        )
        fresh = {
            offer: answer
            for offer, answer in offers.answers.items()
            if answer is not None and (answer.listing is not None or _has_listing(updates, offer))
        }
        if updates.offers and not fresh and checked.shipped_edition == updates.shipped_edition:
            return NextState(checked)
        listings = self._write_listings(offers.before, fresh)
        for listing in listings:
            left_out.update(listing.left_out)
        review = review_listings(
            listings,
            before=[*offers.before.values()],
            book=self.shipped if current is None else apply_edition(self.shipped, current),
            updates=updates,
            now=now,
        )
        states = {
            offer: OfferState(
                listing=None if answer.listing is None else answer.listing.key, etag=answer.etag
            )
            for offer, answer in fresh.items()
        }
        reviewed = checked.model_copy(
            update={
                "offers": {**updates.offers, **states},
                "held": review.held,
                "settled": review.settled,
            }
        )
        return add_rates(reviewed, current, review.news, reason=_REASON, now=now)

    def _read_listings(self, updates: PriceUpdates) -> dict[str, Listing]:
        """The listings of the last check, by offer. Those that cannot be used are left out."""
        listings = {}
        for offer, state in updates.offers.items():
            if state.listing is not None:
                with suppress(InvalidPriceDocumentError):
                    listings[offer] = self.editions.read_listing(state.listing)
        return listings

    def _write_listings(
        self, before: Mapping[str, Listing], fresh: Mapping[str, FetchedListing]
    ) -> list[Listing]:
        """Store the new listings; all listings that hold now."""
        listings = {offer: listing for offer, listing in before.items() if offer not in fresh}
        for offer, answer in fresh.items():
            if answer.listing is not None:
                self.editions.write_listing(answer.listing)
                listings[offer] = answer.listing
            else:
                message = f"{offer}: the Region had a file of this offer before, and has none now"
                raise PriceListUnavailableError(message)
        if not listings:
            message = f"no offer has a file for this Region: {', '.join(OFFERS)}"
            raise PriceListUnavailableError(message)
        return [*listings.values()]

    def _publish(
        self, decide: Decide, left_out: Mapping[str, int], change: LastChange | None
    ) -> UpdateReport:
        for attempt in range(_MAX_ATTEMPTS):
            stored = self.editions.read_pointer()
            updates = stored.updates
            current = (
                None if updates.edition is None else self.editions.read_edition(updates.edition)
            )
            following = decide(updates, current)
            if following.edition is not None:
                apply_edition(self.shipped, following.edition)  # refuse what makes no book
                self.editions.write_edition(following.edition)
            try:
                marked = following.updates.model_copy(update={"last_change": change})
                self.editions.publish(marked, stored.version)
            except PointerMovedError:
                if attempt + 1 == _MAX_ATTEMPTS:
                    raise
            else:
                break
        return UpdateReport(
            edition=None if following.edition is None else following.edition.id,
            changes=following.changes,
            held=following.updates.held,
            left_out=dict(left_out),
        )


@dataclass(frozen=True, slots=True)
class PriceUpdateRunner:
    """Runs checks and decisions, with their outcome in the log and in health metrics.

    Attributes:
        updater: Keeps the price editions.
    """

    updater: PriceUpdater

    def check(self, now: datetime, has_time: Callable[[], bool]) -> dict[str, Any]:
        """Check the price list; returns the outcome, as `make price-updates` prints it.

        A price list that cannot be read is no error: its age is a metric of its own, with an alarm
        after three days.
        """
        try:
            report = self.updater.update(now, has_time)
        except PriceListUnavailableError as error:
            logger.error("The price list could not be read", reason=str(error))
            age = self.updater.get_age(now)
            if age is not None:
                record_health({PRICE_LIST_AGE: age.total_seconds()})
            return {"unavailable": str(error)}
        record_health({PRICE_LIST_AGE: 0})
        return _record_outcome(report)

    def decide(self, decide: Decide, change: LastChange | None = None) -> dict[str, Any]:
        """Carry out a decision; returns the outcome, as `make price-updates` prints it.

        Args:
            decide: The decision.
            change: Its mark, for the audit trail.

        Raises:
            DecisionRefusedError: It cannot be carried out.
        """
        return _record_outcome(self.updater.decide(decide, change))


def _record_outcome(report: UpdateReport) -> dict[str, Any]:
    record_health({HELD_PRICES: len(report.held)})
    outcome: dict[str, Any] = {
        "edition": report.edition,
        "changes": report.changes,
        "held": len(report.held),
        "left_out": dict(report.left_out),
    }
    held = {entry.id: f"{entry.reason} {entry.name}" for entry in report.held[:_MAX_LOGGED_PRICES]}
    logger.info("Prices", **(outcome | {"held": held}))
    return outcome


def _known_etag(updates: PriceUpdates, offer: str, before: Mapping[str, Listing]) -> str | None:
    """The entity tag of a file that need not be sent again."""
    state = updates.offers.get(offer)
    is_known = state is not None and (state.listing is None or offer in before)
    return state.etag if state is not None and is_known else None


def _has_listing(updates: PriceUpdates, offer: str) -> bool:
    state = updates.offers.get(offer)
    return state is not None and state.listing is not None
