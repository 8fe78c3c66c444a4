"""One run: a random source, virtual time, a heap of events, and processes that can die."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from itertools import count
from random import Random
from typing import Any, TypeAlias

from tests.simulation.faults import Fault, Faults

START = datetime(2026, 9, 6, 20, 0, tzinfo=UTC)
"""A Sunday evening, so that a week ends in every run."""
_CONCURRENCY = 0.02
_MAX_NESTING = 2
_NEARBY = timedelta(seconds=2)
_KILLED_SHARE = 0.15
_MEAN_EFFECTS = 6
_OUTAGE_SECONDS = (400, 1500)

_Event: TypeAlias = tuple[datetime, int, Callable[..., None], tuple[Any, ...]]


class Killed(BaseException):  # no error of the program
    """The process has died. No `except Exception` sees it, as none sees the end of a process."""


@dataclass(slots=True)
class Process:
    """An invocation that is under way.

    Attributes:
        function: The name of the function.
        effects_left: The number of effects until it dies; `None` if it does not.
        is_dead: True from then on: nothing that it does has an effect any more.
        is_interrupted: True if Lambda or the function does not know all that it did.
        sent: The effects that may be repeated if Lambda does not learn of them.
    """

    function: str
    effects_left: int | None = None
    is_dead: bool = False
    is_interrupted: bool = False
    sent: list[Callable[[], None]] = field(default_factory=list)


class World:
    """Virtual time and chance.

    Attributes:
        seed: The seed of all randomness.
        faults: The faults that are switched on.
        random: The only random source.
        now: The virtual time.
        is_calm: True when no more faults are injected.
        struck: How often each fault was injected.
        last_struck: When each fault was injected last.
        effects: The number of outside effects so far.
        trace: A line for each event, by which two runs can be compared.
    """

    def __init__(self, seed: int, faults: Faults) -> None:
        self.seed, self.faults = seed, faults
        self.random = Random(seed)  # noqa: S311  # a simulation
        self.now = START
        self.is_calm = False
        self.struck: Counter[Fault] = Counter()
        self.last_struck: dict[Fault, datetime] = {}
        self.effects = 0
        self.trace: list[str] = []
        self.outage_until = START
        self._heap: list[_Event] = []
        self._numbers = count()
        self._processes: list[Process] = []

    @property
    def fingerprint(self) -> str:
        """A digest of the events and effects so far."""
        return sha256("\n".join([str(self.effects), *self.trace]).encode()).hexdigest()

    # events

    def at(self, moment: datetime, action: Callable[..., None], *arguments: Any) -> None:
        """Plan an event."""
        heapq.heappush(self._heap, (moment, next(self._numbers), action, arguments))

    def after(self, seconds: float, action: Callable[..., None], *arguments: Any) -> None:
        """Plan an event some seconds from now."""
        self.at(self.now + timedelta(seconds=seconds), action, *arguments)

    def run_until(self, moment: datetime) -> None:
        """Run all events up to a time, in order."""
        while self._heap and self._heap[0][0] <= moment:
            self._run_next()
        self.now = max(self.now, moment)

    def _run_next(self) -> None:
        at, number, action, arguments = heapq.heappop(self._heap)
        self.now = max(self.now, at)
        self.trace.append(f"{self.now.isoformat()} {number} {action.__qualname__}")
        action(*arguments)

    # chance

    def strikes(self, fault: Fault, chance: float, at: datetime | None = None) -> bool:
        """Decide if a fault strikes.

        Args:
            fault: The fault.
            chance: Its probability.
            at: The time at which it will be felt; `None` for now.
        """
        if fault not in self.faults or self.is_calm or self.random.random() >= chance:
            return False
        self.note(fault, at)
        return True

    def note(self, fault: Fault, at: datetime | None = None) -> None:
        """Note that a fault has struck."""
        self.struck[fault] += 1
        self.last_struck[fault] = max(at or self.now, self.last_struck.get(fault, START))

    def plan_outages(self, span: timedelta) -> None:
        """Plan times at which every request fails, for longer than Lambda tries an event."""
        if Fault.RETRY_LIMIT in self.faults:
            for _ in range(self.random.randint(1, 3)):
                self.at(self.now + span * self.random.random(), self._begin_outage)

    def _begin_outage(self) -> None:
        self.note(Fault.RETRY_LIMIT)
        self.outage_until = self.now + timedelta(seconds=self.random.uniform(*_OUTAGE_SECONDS))

    @property
    def is_outage(self) -> bool:
        """True while every request fails."""
        return self.now < self.outage_until

    # processes

    @contextmanager
    def process(self, function: str) -> Iterator[Process]:
        """Run an invocation, which may die after some of its effects."""
        process = Process(function)
        if self.strikes(Fault.KILLS, _KILLED_SHARE):
            process.effects_left = int(self.random.expovariate(1 / _MEAN_EFFECTS))
        self._processes.append(process)
        try:
            yield process
        except BaseException:
            process.is_interrupted = True
            raise
        finally:
            self._processes.pop()
            if process.is_interrupted:
                for allow_repetition in process.sent:
                    allow_repetition()

    @property
    def current(self) -> Process | None:
        """The invocation that is under way."""
        return self._processes[-1] if self._processes else None

    def effect(self) -> None:
        """Pass a point between two effects: other invocations may run, this one may die here."""
        process = self.current
        if process is None:
            return
        if process.is_dead:
            raise Killed
        self.effects += 1
        if process.effects_left is not None:
            process.effects_left -= 1
            if process.effects_left < 0:
                process.is_dead = process.is_interrupted = True
                raise Killed
        self._let_others_run()

    def _let_others_run(self) -> None:
        if len(self._processes) > _MAX_NESTING or self.random.random() >= _CONCURRENCY:
            return
        if self._heap and self._heap[0][0] <= self.now + _NEARBY:
            self._run_next()
