"""Functions reload the price book every ten minutes, and keep the last good one."""

from decimal import Decimal

import pytest

from lambdas.domain.pricing import TokenKind
from lambdas.domain.pricing.current_book import RELOAD_INTERVAL, CurrentBook
from lambdas.domain.pricing.editions import PriceEditionsUnavailableError, PriceUpdates
from lambdas.domain.pricing.price_decisions import add_rates, supersede
from lambdas.domain.pricing.price_review import OfferedRate
from tests.fakes import InMemoryPriceEditions
from tests.unit.pricing.editions import NOW, TOMORROW, book, price, rate, rates_on

INTERVAL = RELOAD_INTERVAL.total_seconds()
SHIPPED = book(price("1"))


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Reloading:
    """A reloading book with its store, clock and reported errors."""

    def __init__(self) -> None:
        self.store, self.clock = InMemoryPriceEditions(), Clock()
        self.failures: list[str] = []
        self.current = CurrentBook(SHIPPED, self.store, self.clock, self.failures.append)

    def publish(self, usd: str) -> str:
        stored = self.store.read_pointer()
        edition_id = stored.updates.edition
        following = add_rates(
            stored.updates,
            self.store.read_edition(edition_id) if edition_id else None,
            [OfferedRate("AmazonBedrock", rate(usd), NOW.date())],
            reason="tests",
            now=NOW,
        )
        assert following.edition is not None
        self.store.write_edition(following.edition)
        self.store.publish(following.updates, stored.version)
        self.store.reads.clear()
        return following.edition.id

    def usd(self) -> Decimal:
        (found,) = rates_on(self.current.get(), TOMORROW).values()
        return found


@pytest.fixture
def reloading() -> Reloading:
    return Reloading()


def test_the_shipped_book_applies_without_an_edition(reloading: Reloading) -> None:
    assert reloading.current.get() is SHIPPED
    assert reloading.failures == []


def test_an_edition_is_loaded_at_start_and_within_ten_minutes_afterwards(
    reloading: Reloading,
) -> None:
    reloading.publish("1.5")
    assert reloading.usd() == Decimal("1.5")
    reloading.publish("1.6")
    reloading.clock.now += INTERVAL - 1
    assert reloading.usd() == Decimal("1.5")
    reloading.clock.now += 1
    assert reloading.usd() == Decimal("1.6")


def test_the_pointer_is_read_every_ten_minutes_and_the_edition_only_if_new(
    reloading: Reloading,
) -> None:
    edition = reloading.publish("1.5")
    books = {id(reloading.current.get()) for _ in range(100)}
    assert reloading.store.reads == {"pointer": 1, edition: 1}
    reloading.clock.now += INTERVAL
    books |= {id(reloading.current.get()) for _ in range(100)}
    assert reloading.store.reads == {"pointer": 2, edition: 1}
    assert len(books) == 1


def test_a_new_pointer_to_the_same_edition_does_not_change_the_book(
    reloading: Reloading,
) -> None:
    edition = reloading.publish("1.5")
    before = reloading.current.get()
    stored = reloading.store.read_pointer()
    reloading.store.publish(stored.updates.model_copy(update={"checked_at": NOW}), stored.version)
    reloading.clock.now += INTERVAL
    assert reloading.current.get() is before
    assert reloading.store.reads[edition] == 1


def test_an_unreachable_store_keeps_the_last_good_book_and_is_retried_later(
    reloading: Reloading,
) -> None:
    reloading.publish("1.5")
    reloading.store.unavailable_because = "the network is down"
    assert reloading.usd() == 1
    assert reloading.usd() == 1
    assert reloading.failures == ["the network is down"]
    reloading.store.unavailable_because = None
    reloading.clock.now += INTERVAL
    assert reloading.usd() == Decimal("1.5")
    reloading.store.unavailable_because = "the network is down again"
    reloading.clock.now += INTERVAL
    assert reloading.usd() == Decimal("1.5")
    assert len(reloading.failures) == 2


def test_a_missing_edition_keeps_the_last_good_book(reloading: Reloading) -> None:
    edition = reloading.publish("1.5")
    document = reloading.store.documents.pop(edition)
    assert reloading.current.get() is SHIPPED
    assert reloading.failures == [edition]
    reloading.store.documents[edition] = document
    reloading.clock.now += INTERVAL
    assert reloading.usd() == Decimal("1.5")


def test_a_superseded_edition_is_dropped_within_ten_minutes(reloading: Reloading) -> None:
    edition = reloading.publish("1.5")
    assert reloading.usd() == Decimal("1.5")
    stored = reloading.store.read_pointer()
    following = supersede(edition, "a mistake", NOW)(
        stored.updates, reloading.store.read_edition(edition)
    )
    assert following.edition is not None
    reloading.store.write_edition(following.edition)
    reloading.store.publish(following.updates, stored.version)
    reloading.clock.now += INTERVAL
    assert reloading.usd() == 1


def test_only_an_edition_adds_rates() -> None:
    assert add_rates(PriceUpdates(), None, [], reason="tests", now=NOW).edition is None
    (shipped,) = rates_on(SHIPPED, TOMORROW)
    assert shipped.item is TokenKind.INPUT


def test_a_book_that_has_to_be_the_one_in_force_is_not_the_shipped_one(
    reloading: Reloading,
) -> None:
    reloading.store.unavailable_because = "down"
    with pytest.raises(PriceEditionsUnavailableError):
        reloading.current.load()
    assert reloading.failures == []
    reloading.store.unavailable_because = None
    reloading.publish("1.5")
    reloading.current.load()
    reads = reloading.store.reads.total()
    assert reloading.usd() == Decimal("1.5")
    assert reloading.store.reads.total() == reads  # not again within ten minutes
