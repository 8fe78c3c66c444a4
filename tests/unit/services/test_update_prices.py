"""Price updates: a daily check, editions behind one pointer, and decisions on held prices."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal

import pytest

from lambdas.domain.pricing import PriceBook, TokenKind
from lambdas.domain.pricing.editions import (
    HeldPrice,
    HoldReason,
    Listing,
    PointerMovedError,
    PriceEditionsUnavailableError,
    PriceUpdates,
)
from lambdas.domain.pricing.overlay import apply_edition
from lambdas.domain.pricing.price_decisions import (
    ALL,
    DecisionRefusedError,
    accept,
    reject,
    supersede,
)
from lambdas.domain.pricing.price_list_source import PriceListUnavailableError
from lambdas.services.update_prices import PriceUpdater, UpdateReport
from tests.fakes import InMemoryPriceEditions, InMemoryPriceList
from tests.unit.pricing.editions import NOW, TOMORROW, book, listing, price, rate, rates_on

OUTPUT = TokenKind.OUTPUT
SHIPPED = book(price("1"), price("4", OUTPUT))
DAY = timedelta(days=1)


class Prices:
    """An updater with its store and its price list."""

    def __init__(self, *listings: Listing, shipped: PriceBook = SHIPPED) -> None:
        self.store, self.price_list = InMemoryPriceEditions(), InMemoryPriceList(*listings)
        self.updater = PriceUpdater(
            editions=self.store, price_list=self.price_list, shipped=shipped
        )

    def list_prices(self, *listings: Listing) -> None:
        self.price_list.listings |= {listing.offer: listing for listing in listings}

    def update(self, now: datetime = NOW) -> UpdateReport:
        return self.updater.update(now)

    @property
    def pointer(self) -> PriceUpdates:
        return self.store.read_pointer().updates

    @property
    def held(self) -> tuple[HeldPrice, ...]:
        return self.pointer.held

    def usd(self, days: int = 1, item: TokenKind = TokenKind.INPUT) -> Decimal:
        """The price of a kind at a number of days after the first check."""
        edition = self.pointer.edition
        shipped = self.updater.shipped
        prices = apply_edition(shipped, self.store.read_edition(edition)) if edition else shipped
        rates = rates_on(prices, NOW.date() + timedelta(days=days))
        (found,) = (usd for key, usd in rates.items() if key.item is item)
        return found


def test_a_new_price_applies_from_the_next_day() -> None:
    prices = Prices(listing(rate("1.5"), rate("4", OUTPUT)))
    report = prices.update()
    assert (report.edition, report.changes) == (prices.pointer.edition, 1)
    assert [prices.usd(days) for days in (0, 1)] == [1, Decimal("1.5")]
    assert prices.usd(1, OUTPUT) == 4
    assert report.left_out == {"bedrock_mantle": 2}
    (entry,) = prices.pointer.editions
    assert (entry.id, entry.first_day, entry.changes) == (report.edition, TOMORROW, 1)


def test_a_repeated_check_publishes_nothing_and_reads_nothing_again() -> None:
    prices = Prices(listing(rate("1.5"), rate("9", OUTPUT)))
    first = prices.update()
    documents, held = dict(prices.store.documents), prices.held
    second = prices.update(NOW + DAY)
    assert (second.edition, second.changes) == (None, 0)
    assert prices.pointer.edition == first.edition
    assert (prices.store.documents, prices.held) == (documents, held)
    assert prices.price_list.sent == ["AmazonBedrock"]
    assert prices.pointer.checked_at == NOW + DAY


def test_a_listing_missing_from_the_store_is_read_again() -> None:
    said = listing(rate("1.5"), rate("9", OUTPUT))
    prices = Prices(said)
    first = prices.update()
    del prices.store.documents[said.key]
    second = prices.update(NOW + DAY)
    assert second.edition is None
    assert [entry.id for entry in second.held] == [entry.id for entry in first.held]
    assert prices.store.read_listing(said.key) == said
    assert prices.pointer.edition == first.edition


def test_an_unchanged_file_with_a_new_tag_publishes_nothing() -> None:
    prices = Prices(listing(rate("1.5")))
    first = prices.update()
    prices.list_prices(listing(rate("1.5")).model_copy(update={"version": "20261128"}))
    assert prices.update(NOW + DAY).edition is None
    assert prices.pointer.edition == first.edition


def test_a_price_that_changes_twice_has_two_dated_changes() -> None:
    prices = Prices(listing(rate("1.5")))
    prices.update()
    prices.list_prices(listing(rate("1.2")))
    prices.update(NOW + DAY)
    assert [prices.usd(days) for days in range(3)] == [1, Decimal("1.5"), Decimal("1.2")]
    assert [summary.changes for summary in prices.pointer.editions] == [1, 1]


def test_a_suspicious_price_is_held_and_the_old_one_stays() -> None:
    prices = Prices(listing(rate("1000"), rate("5", OUTPUT)))
    report = prices.update()
    assert prices.usd(1) == 1
    assert prices.usd(1, OUTPUT) == 5
    (entry,) = report.held
    assert entry.reason is HoldReason.LARGE_CHANGE
    assert entry.usd_before == 1


def test_an_accepted_price_applies_from_the_next_day_and_is_no_longer_held() -> None:
    prices = Prices(listing(rate("1000"), rate("4", OUTPUT)))
    (entry,) = prices.update().held
    report = prices.updater.decide(accept([entry.id], NOW + DAY))
    assert (report.changes, report.held) == (1, ())
    assert [prices.usd(days) for days in (1, 2)] == [1, 1000]
    assert prices.update(NOW + 2 * DAY).edition is None
    assert prices.held == ()


def test_a_rejected_price_is_not_held_again_until_the_list_changes() -> None:
    prices = Prices(listing(rate("1000")))
    (entry,) = prices.update().held
    assert prices.updater.decide(reject([entry.id])).held == ()
    assert prices.update(NOW + DAY).held == ()
    prices.list_prices(listing(rate("1000"), rate("4.1", OUTPUT)))
    assert prices.update(NOW + 2 * DAY).held == ()
    prices.list_prices(listing(rate("900"), rate("4.1", OUTPUT)))
    assert [entry.rate and entry.rate.usd for entry in prices.update(NOW + 3 * DAY).held] == [900]
    assert prices.usd(9) == 1


def test_a_rejected_price_can_be_accepted_later() -> None:
    prices = Prices(listing(rate("1000")))
    (entry,) = prices.update().held
    prices.updater.decide(reject([ALL]))
    prices.updater.decide(accept([entry.id], NOW))
    assert prices.usd() == 1000
    assert prices.pointer.settled == ()


def test_all_held_items_with_a_price_are_accepted_at_once_and_others_stay() -> None:
    said = listing(rate("1000"), rate("9000", OUTPUT), unmapped_names=["Nova 9"])
    prices = Prices(said)
    assert len(prices.update().held) == 3
    assert prices.updater.decide(accept([ALL], NOW)).changes == 2
    assert [entry.reason for entry in prices.held] == [HoldReason.UNMAPPED_NAME]
    assert prices.updater.decide(reject([ALL])).held == ()


@pytest.mark.parametrize(
    ("decide", "message"),
    [
        (lambda _: accept(["00000000"], NOW), "00000000 is not held"),
        (lambda _: reject(["00000000"]), "00000000 is not held"),
        (lambda _: accept(["b", "a"], NOW), "a, b are not held"),
        (lambda _: accept([], NOW), "name held prices, or all"),
        (lambda _: accept([ALL, "zzz"], NOW), "either all or prices by their names"),
        (lambda _: reject(["zzz", ALL]), "either all or prices by their names"),
        (lambda prices: accept([prices.held[0].id], NOW), "no new price to accept"),
        (lambda _: accept([ALL], NOW), "no price is held that can be accepted"),
        (lambda _: supersede("20261128T061500Z-00000000", "why", NOW), "in force: none"),
    ],
)
def test_a_decision_on_an_unknown_item_is_refused_and_changes_nothing(
    decide: Callable[[Prices], object], message: str
) -> None:
    prices = Prices(listing(rate("1"), unmapped_names=["Nova 9"]))
    prices.update()
    before = prices.pointer
    with pytest.raises(DecisionRefusedError, match=message):
        prices.updater.decide(decide(prices))  # type: ignore[arg-type]
    assert prices.pointer == before


def test_the_operator_chooses_one_of_several_listed_prices() -> None:
    prices = Prices(
        listing(rate("1.5"), rate("9", OUTPUT)), listing(rate("1.6"), offer="AmazonBedrockService")
    )
    held = prices.update().held
    rivals = [entry.id for entry in held if entry.reason is HoldReason.AMBIGUOUS]
    chosen = next(entry.id for entry in held if entry.rate == rate("1.5"))
    assert len(rivals) == 2
    before = prices.pointer
    with pytest.raises(DecisionRefusedError, match="are prices of the same thing: accept one"):
        prices.updater.decide(accept(rivals, NOW))
    assert prices.pointer == before
    assert prices.updater.decide(accept([ALL], NOW)).changes == 1
    assert sorted(entry.id for entry in prices.held) == sorted(rivals)
    with pytest.raises(DecisionRefusedError, match="accept one of them by its name"):
        prices.updater.decide(accept([ALL], NOW))
    prices.updater.decide(accept([chosen], NOW))
    assert prices.held == ()
    assert [prices.usd(), prices.usd(item=OUTPUT)] == [Decimal("1.5"), 9]


NEW = "amazon.nova-99-v1:0"


def first_days(prices: Prices) -> list[date]:
    """The first days of all changes in force, the oldest change first."""
    edition = prices.pointer.edition
    assert edition is not None
    changes = prices.store.read_edition(edition).changes_in_force
    return [change.effective_from for change in changes]


def test_an_accepted_first_price_applies_to_waiting_calls() -> None:
    prices = Prices(
        listing(rate("3", model_id=NEW)),
        listing(rate("3.1", model_id=NEW), offer="AmazonBedrockService"),
    )
    first, second = prices.update().held
    prices.updater.decide(accept([first.id], NOW))
    assert first_days(prices) == [date.min]
    assert prices.update(NOW + DAY).edition is None
    prices.updater.decide(accept([second.id], NOW + DAY))
    assert first_days(prices) == [date.min, TOMORROW + DAY]


def test_a_first_price_accepted_later_applies_to_earlier_calls() -> None:
    prices = Prices(listing(rate("1"), rate("3", model_id=NEW)))
    edition = prices.update().edition
    assert edition is not None
    prices.updater.decide(supersede(edition, "a wrong row", NOW))
    (rejected,) = prices.pointer.settled
    prices.updater.decide(accept([rejected.id], NOW + DAY))
    assert first_days(prices) == [date.min]


def test_a_rejected_price_is_not_a_first_price_once_the_book_has_another() -> None:
    prices = Prices(listing(rate("0", model_id=NEW)))
    (entry,) = prices.update().held
    prices.updater.decide(reject([entry.id]))
    shipped = PriceBook([*SHIPPED, price("5", model_id=NEW)], edition="newer")
    later = PriceUpdater(editions=prices.store, price_list=prices.price_list, shipped=shipped)
    later.update(NOW + DAY)
    later.decide(accept([entry.id], NOW + DAY))
    assert first_days(prices) == [TOMORROW + DAY]


def test_a_rejection_without_a_held_price_is_refused() -> None:
    prices = Prices(listing(rate("1")))
    prices.update()
    with pytest.raises(DecisionRefusedError, match="no price is held"):
        prices.updater.decide(reject([ALL]))


def test_a_superseded_edition_leaves_the_book_and_does_not_return() -> None:
    prices = Prices(listing(rate("1.9")))
    bad = prices.update().edition
    assert bad is not None
    prices.list_prices(listing(rate("1.9"), rate("5", OUTPUT)))
    prices.update(NOW + DAY)
    report = prices.updater.decide(supersede(bad, "AWS's file was wrong", NOW + 2 * DAY))
    assert [prices.usd(days) for days in range(5)] == [1] * 5
    assert prices.usd(2, OUTPUT) == 5
    assert report.edition is not None
    (entry,) = prices.store.read_edition(report.edition).superseded
    assert (entry.edition, entry.first_day, entry.superseded_at, entry.reason) == (
        *(bad, TOMORROW, NOW + 2 * DAY),
        "AWS's file was wrong",
    )
    prices.list_prices(listing(rate("1.9"), rate("5.1", OUTPUT)))
    prices.update(NOW + 3 * DAY)
    assert prices.usd(9) == 1
    prices.list_prices(listing(rate("1.8"), rate("5.1", OUTPUT)))
    prices.update(NOW + 4 * DAY)
    assert prices.usd(9) == Decimal("1.8")
    with pytest.raises(DecisionRefusedError, match=f"no change of edition {bad} is in force"):
        prices.updater.decide(supersede(bad, "again", NOW + 5 * DAY))


def test_every_past_edition_can_still_be_read() -> None:
    prices = Prices(listing(rate("1.1")))
    prices.update()
    for day, usd in enumerate(("1.2", "1.3"), start=1):
        prices.list_prices(listing(rate(usd)))
        prices.update(NOW + day * DAY)
    counts = [
        len(prices.store.read_edition(summary.id).changes) for summary in prices.pointer.editions
    ]
    assert counts == [1, 2, 3]


def test_one_of_two_concurrent_runs_wins_and_the_other_restarts_from_it() -> None:
    prices = Prices(listing(rate("1000"), rate("5", OUTPUT)))
    (entry,) = prices.update().held

    def meanwhile() -> None:
        prices.updater.decide(accept([entry.id], NOW))

    prices.list_prices(listing(rate("1000"), rate("6", OUTPUT)))
    prices.store.before_publishing = meanwhile
    prices.update(NOW + DAY)
    assert prices.usd(1) == 1000
    assert prices.usd(2, OUTPUT) == 6
    assert prices.held == ()
    edition = prices.pointer.edition
    assert edition is not None
    assert len(prices.store.read_edition(edition).changes) == 3


def test_a_run_that_always_loses_gives_up() -> None:
    prices = Prices(listing(rate("1.5")))

    def move() -> None:
        stored = prices.store.read_pointer()
        prices.store.publish(stored.updates, stored.version)
        prices.store.before_publishing = move

    prices.store.before_publishing = move
    with pytest.raises(PointerMovedError):
        prices.update()


def test_a_missing_price_list_changes_nothing_and_its_age_grows() -> None:
    prices = Prices(listing(rate("1.5")))
    prices.update()
    before = prices.pointer
    prices.price_list.unavailable_because = "no route to host"
    with pytest.raises(PriceListUnavailableError, match="no route to host"):
        prices.update(NOW + DAY)
    assert prices.pointer == before
    assert before.checked_at == NOW


def test_a_run_without_time_publishes_nothing() -> None:
    prices = Prices(listing(rate("1.5")))
    with pytest.raises(PriceListUnavailableError):
        prices.updater.update(NOW, lambda: False)
    assert prices.pointer == PriceUpdates()


def test_an_unreachable_store_is_an_error() -> None:
    prices = Prices(listing(rate("1.5")))
    prices.store.unavailable_because = "denied"
    with pytest.raises(PriceEditionsUnavailableError):
        prices.update()


def test_a_region_without_any_offer_is_an_error() -> None:
    with pytest.raises(PriceListUnavailableError, match="no offer has a file for this Region"):
        Prices().update()


def test_an_offer_that_disappears_is_an_error_and_removes_no_price() -> None:
    prices = Prices(listing(rate("1")), listing(rate("4", OUTPUT), offer="AmazonBedrockService"))
    prices.update()
    del prices.price_list.listings["AmazonBedrockService"]
    with pytest.raises(PriceListUnavailableError, match="has none now"):
        prices.update(NOW + DAY)
    assert prices.held == ()


def test_a_new_shipped_book_is_compared_with_the_known_list() -> None:
    prices = Prices(listing(rate("1.5")))
    prices.update()
    newer = PriceBook([price("1.4", effective_from=TOMORROW + DAY)], edition="newer")
    later = PriceUpdater(editions=prices.store, price_list=prices.price_list, shipped=newer)
    assert later.update(NOW + 2 * DAY).changes == 1
    assert prices.price_list.sent == ["AmazonBedrock"]
    assert prices.pointer.shipped_edition == "newer"
