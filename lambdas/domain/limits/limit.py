"""Limits of a subject, and the counters that they are compared with."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache

from lambdas.domain.limits.amounts import LimitUnit
from lambdas.domain.limits.windows import AnyWindow, FixedWindow, read_window

MAX_COUNTERS = 8
"""The counters of a subject. Each one adds to its item, whose first kilobyte is one write unit."""
_MAX_MEMOIZED = 1024
_UNIT_LETTERS = {
    LimitUnit.QUOTA_TOKENS: "q",
    LimitUnit.TOTAL: "t",
    LimitUnit.INPUT: "i",
    LimitUnit.OUTPUT: "o",
    LimitUnit.USD: "u",
    LimitUnit.REQUESTS: "r",
}
_UNITS = {letter: unit for unit, letter in _UNIT_LETTERS.items()}


class LimitMode(StrEnum):
    """Answers of a limit to a call above it."""

    ENFORCE = "enforce"
    """Refuses it."""
    SHADOW = "shadow"
    """Reports it."""


class FailMode(StrEnum):
    """Answers to a call while its limits cannot be read or written."""

    OPEN = "open"
    """It is admitted without a reservation."""
    CLOSED = "closed"
    """It is refused."""


@dataclass(frozen=True, slots=True)
class CounterKey:
    """The key of a counter, which limits of one unit and window share.

    Attributes:
        unit: The unit.
        window: The window.
    """

    unit: LimitUnit
    window: AnyWindow
    code: str = field(init=False, compare=False, repr=False)
    """A short text that no other key has."""

    def __post_init__(self) -> None:
        """Make the code."""
        object.__setattr__(self, "code", _UNIT_LETTERS[self.unit] + self.window.code)


@lru_cache(_MAX_MEMOIZED)
def read_counter_key(code: str) -> CounterKey:
    """Read a key from its code.

    >>> read_counter_key("q60").window
    RollingWindow(seconds=60)
    """
    return CounterKey(_UNITS[code[0]], read_window(code[1:]))


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit.

    Attributes:
        unit: The unit.
        amount: The amount that is allowed.
        window: The window; `None` for calls at the same time.
        mode: What it does with a call above it.
        key: The counter; `None` for calls at the same time.
    """

    unit: LimitUnit
    amount: int
    window: AnyWindow | None = None
    mode: LimitMode = LimitMode.ENFORCE
    key: CounterKey | None = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse a limit that cannot be counted, and name the field.

        Raises:
            ValueError: The amount is negative, or the window does not fit the unit.
        """
        if self.amount < 0:
            message = f"amount: {self.amount} is negative"
            raise ValueError(message)
        if (self.window is None) is not (self.unit is LimitUnit.CONCURRENT):
            message = f"window: {self.unit} has {'none' if self.window else 'one'}"
            raise ValueError(message)
        key = None if self.window is None else CounterKey(self.unit, self.window)
        object.__setattr__(self, "key", key)

    @property
    def is_enforced(self) -> bool:
        """True if it refuses calls."""
        return self.mode is LimitMode.ENFORCE


_HOT_SECONDS = 5
MAX_CALLS_A_SECOND = 300
"""A call takes two write units at least, and DynamoDB writes 1,000 units a second to an item."""
HOT_LIMIT = Limit(LimitUnit.REQUESTS, MAX_CALLS_A_SECOND * _HOT_SECONDS, FixedWindow(_HOT_SECONDS))
"""A limit that every subject has. Five seconds are a slot of a window of a minute."""


@dataclass(frozen=True, slots=True)
class LimitSubject:
    """A subject, whose limits are checked together: a caller, a project or a model, say.

    Attributes:
        id: A text that no other subject has.
        limits: Its limits.
        fail: What happens to its calls while the store fails.
        counted: The counters of limits that calls of others with the same id have to keep. Its own
            calls are counted by them, too.
    """

    id: str
    limits: tuple[Limit, ...]
    fail: FailMode = FailMode.CLOSED
    counted: tuple[CounterKey, ...] = ()

    def __post_init__(self) -> None:
        """Refuse more counters than an item should have.

        Raises:
            ValueError: There are more.
        """
        keys = {limit.key for limit in self.limits if limit.key is not None}
        if len(keys.union(self.counted)) > MAX_COUNTERS:
            message = f"limits: {self.id} has more than {MAX_COUNTERS} units and windows"
            raise ValueError(message)

    @property
    def is_enforced(self) -> bool:
        """True if any limit refuses calls."""
        return any(limit.is_enforced for limit in self.limits)
