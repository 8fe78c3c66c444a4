"""A limit on the cells that a run reads, so that no amount of usage stops an alert."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

MAX_CELLS = 300_000
"""Cells of one reading. With 1,024 MB of memory a function reads them in about 40 seconds."""
_CHECK_EVERY = 1_000
_Cell = TypeVar("_Cell")


class ReadingLimitError(Exception):
    """A run may read no more. The next one goes on with what it has not read."""


class TooManyCellsError(Exception):
    """No run can read what is needed, because of its limit."""


def _always() -> bool:
    return True


@dataclass(slots=True)
class ReadingLimit:
    """The cells that a run may still read.

    Callers choose names of sessions, and each has cells of its own. So the number of cells is
    theirs to choose.

    Attributes:
        has_time: Asked before a part, and once in a thousand cells.
        left: The number of cells that may still be read.
    """

    has_time: Callable[[], bool] = _always
    left: int = MAX_CELLS

    def take(self, cells: Iterable[_Cell]) -> Iterator[_Cell]:
        """Take a part of the cells.

        Raises:
            ReadingLimitError: There is no time left, or too many were read.
        """
        self._check_time()
        for cell in cells:
            if self.left <= 0:
                message = "there are more cells than a run reads"
                raise ReadingLimitError(message)
            if self.left % _CHECK_EVERY == 0:
                self._check_time()
            self.left -= 1
            yield cell

    def _check_time(self) -> None:
        if not self.has_time():
            message = "there is no time left to read cells"
            raise ReadingLimitError(message)
