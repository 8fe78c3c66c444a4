"""Credits are verified with a grant that pays for nothing, and that is voided in any case."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from cdk.config import Config
from cdk.operations.verification.check import CheckFailedError, CheckSkippedError
from cdk.operations.verification.credit_check import check_credits
from cdk.operations.verification.verified_meter import VerifiedMeter
from lambdas.domain.credits import sum_balances
from tests.credits import InMemoryCreditStore
from tests.operations.verification.session import NO_WAITING

ON = Config.from_context({"governance": True, "credits": True})


class Meter(VerifiedMeter):
    """A meter whose function runs here."""

    def __init__(self, store: InMemoryCreditStore | None, config: Config = ON) -> None:
        unused: Any = None
        super().__init__(
            unused, config, NO_WAITING, unused, open_credits=(lambda _: store) if store else None
        )
        self.started: list[str] = []

    def start(self, function: str) -> Any:
        self.started.append(function)
        self.on_start()

    def on_start(self) -> None:
        """Do what the function does."""


def test_a_grant_is_booked_and_voided() -> None:
    store = InMemoryCreditStore()
    meter = Meter(store)
    assert "all accounts sum to 0. No usage was booked." in check_credits(meter)
    assert meter.started == ["CreditBooker"]
    (balance,) = store.read_book().grants.values()
    assert balance.is_voided
    assert sum(sum_balances(store.list_entries()).values()) == 0


def test_a_grant_that_is_burned_fails_the_check_and_is_voided() -> None:
    store = InMemoryCreditStore()

    class Burning(Meter):
        def on_start(self) -> None:
            (balance,) = store.grants.values()
            store.grants[balance.grant.id] = replace(balance, picodollars=1)

    with pytest.raises(CheckFailedError, match="1000000 pico-dollars should be left, and 1 are"):
        check_credits(Burning(store))
    assert all(balance.is_voided for balance in store.grants.values())


def test_a_grant_that_is_lost_fails_the_check() -> None:
    store = InMemoryCreditStore()

    class Losing(Meter):
        def on_start(self) -> None:
            store.grants.clear()

    with pytest.raises(CheckFailedError, match="nothing is stored"):
        check_credits(Losing(store))


def test_a_function_that_fails_leaves_a_voided_grant() -> None:
    store = InMemoryCreditStore()

    class Failing(Meter):
        def on_start(self) -> None:
            raise NotImplementedError

    with pytest.raises(NotImplementedError):
        check_credits(Failing(store))
    assert all(balance.is_voided for balance in store.grants.values())


def test_a_grant_that_others_change_is_named() -> None:
    store = InMemoryCreditStore()

    class Changing(Meter):
        def on_start(self) -> None:
            def change() -> None:
                (balance,) = store.grants.values()
                store.grants[balance.grant.id] = replace(balance, version=balance.version + 1)

            store.interleaved = [change]

    with pytest.raises(CheckFailedError, match="void grant verification-"):
        check_credits(Changing(store))


def test_credits_that_are_off_are_skipped() -> None:
    with pytest.raises(CheckSkippedError, match="credits are off"):
        check_credits(Meter(None, Config()))


def test_books_that_nothing_opens_fail_the_check() -> None:
    with pytest.raises(CheckFailedError, match="nothing opens the books"):
        check_credits(Meter(None))
