"""The highest use in any interval of a window's length, by algorithm, beside one another.

The rules of others are modelled after their public descriptions.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import NamedTuple, Protocol

from lambdas.domain.limits import (
    SECOND,
    Amounts,
    Limit,
    LimitSubject,
    LimitUnit,
    RollingWindow,
    SubjectState,
    reserve,
    settle,
    to_moment,
)
from tests.benchmarks.figure import Figure

LIMIT = 100
WINDOW_SECONDS = 60
WINDOW = WINDOW_SECONDS * SECOND
START = to_moment(datetime(2026, 11, 29, tzinfo=UTC))
_RANDOM_RUNS = 60


class Arrival(NamedTuple):
    """A request for an amount."""

    moment: int
    amount: int


class Rule(Protocol):
    """A rule that admits requests, in order of time."""

    def admits(self, arrival: Arrival) -> bool:
        """Say if a request is admitted, and count it if it is."""


class FixedWindowRule:
    """A counter that begins again with each window."""

    def __init__(self) -> None:
        self._window, self._used = 0, 0

    def admits(self, arrival: Arrival) -> bool:
        """Count within the window that a request is in."""
        window = arrival.moment // WINDOW
        if window != self._window:
            self._window, self._used = window, 0
        if self._used + arrival.amount > LIMIT:
            return False
        self._used += arrival.amount
        return True


class WeightedSlidingRule:
    """This window's count, and a part of the one before: as much as is still within the length."""

    def __init__(self) -> None:
        self._window, self._used, self._before = 0, 0, 0

    def admits(self, arrival: Arrival) -> bool:
        """Count with the weight of the window before."""
        window, passed = divmod(arrival.moment, WINDOW)
        if window != self._window:
            self._before = self._used if window == self._window + 1 else 0
            self._window, self._used = window, 0
        weighted = self._used + self._before * (1 - passed / WINDOW)
        if weighted + arrival.amount > LIMIT:
            return False
        self._used += arrival.amount
        return True


class TokenBucketRule:
    """A bucket that holds the limit, and is refilled within a window."""

    def __init__(self) -> None:
        self._left, self._at = float(LIMIT), START

    def admits(self, arrival: Arrival) -> bool:
        """Take from the bucket."""
        refilled = (arrival.moment - self._at) / WINDOW * LIMIT
        self._left, self._at = min(LIMIT, self._left + refilled), arrival.moment
        if arrival.amount > self._left:
            return False
        self._left -= arrival.amount
        return True


class RingRule:
    """The rule of the gateway."""

    def __init__(self) -> None:
        window_limit = Limit(LimitUnit.TOTAL, LIMIT, RollingWindow(WINDOW_SECONDS))
        self._subject = LimitSubject("ana", (window_limit,))
        self._state = SubjectState()

    def admits(self, arrival: Arrival) -> bool:
        """Reserve, and settle at once."""
        need = Amounts(total=arrival.amount)
        state, decision = reserve(self._state, self._subject, "call", need, arrival.moment)
        self._state = settle(state, "call", need, arrival.moment)
        return decision.entry is not None


RULES: dict[str, Callable[[], Rule]] = {
    "fixed": FixedWindowRule,
    "weighted_sliding": WeightedSlidingRule,
    "token_bucket": TokenBucketRule,
    "ring": RingRule,
}


def find_highest_use(admitted: Iterable[Arrival], length: int = WINDOW) -> int:
    """Find the highest sum in any interval of a length, without its end."""
    uses, highest, total, first = list(admitted), 0, 0, 0
    for moment, amount in uses:
        total += amount
        while moment - uses[first].moment >= length:
            total -= uses[first].amount
            first += 1
        highest = max(highest, total)
    return highest


def find_worst_window(make_rule: Callable[[], Rule]) -> int:
    """Find the highest use in any window's length, over bursts chosen against each rule."""
    return max(
        find_highest_use(arrival for arrival in arrivals if rule.admits(arrival))
        for arrivals in list_traffic()
        for rule in [make_rule()]
    )


def list_traffic() -> Iterator[list[Arrival]]:
    """List traffic: bursts around a border, bursts almost a window apart, and random bursts."""
    millisecond = SECOND // 1000
    yield _burst(START + WINDOW - SECOND // 10, 60) + _burst(START + WINDOW, 400)
    for offset in (*range(0, 6 * SECOND, SECOND // 2), WINDOW - SECOND // 2):
        first = START + offset
        yield _burst(first, 300) + _burst(first + WINDOW - 400 * millisecond, 399)
    yield [Arrival(START + number * 50 * millisecond, 1) for number in range(6000)]
    source = random.Random(1)  # noqa: S311  # a seed
    for _ in range(_RANDOM_RUNS):
        moment, arrivals = START, []
        for _ in range(source.randint(2, 8)):
            moment += source.randint(0, 90 * SECOND)
            for _ in range(source.randint(10, 200)):
                moment += millisecond
                arrivals.append(Arrival(moment, source.choice([1, 1, 5, 20])))
        yield arrivals


def _burst(begin: int, requests: int) -> list[Arrival]:
    return [Arrival(begin + number * SECOND // 1000, 1) for number in range(requests)]


def figures() -> Iterator[Figure]:
    """Measure each rule."""
    note = f"highest use in any {WINDOW_SECONDS} s, of a limit for {WINDOW_SECONDS} s"
    for name, make_rule in RULES.items():
        share = round(100 * find_worst_window(make_rule) / LIMIT)
        yield Figure(f"worst_window_{name}", share, "percent", note)
