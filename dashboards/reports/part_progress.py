"""Progress of parts of logs that this process, or several side by side, read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from mmap import mmap
from typing import TypeVar

from rich.console import Console, RenderableType
from rich.progress import Progress

from dashboards.reports.logs.log_files import LogFile

LONG_INPUT_BYTES = 8 * 2**20
"""From here on, reading is shown with a progress bar and done by several processes."""
_COUNT_BYTES = 8
_Result = TypeVar("_Result")


class PartProgress:
    """The bytes that were read of each part; memory that forks of this process write to as well."""

    def __init__(self, parts: Sequence[LogFile]) -> None:
        """Start at the beginning of each part."""
        self._parts = parts
        self._read = memoryview(mmap(-1, max(1, len(parts)) * _COUNT_BYTES)).cast("Q")

    @property
    def read_bytes(self) -> int:
        """The bytes that were read of all parts."""
        return sum(self._read)

    def follow(self, place: int) -> Callable[[int], None]:
        """Get a function that takes the position in the file of a part, while it is read."""
        part = self._parts[place].part
        return partial(self._note, place, part.start if part else 0)

    def collect(self, results: Iterable[_Result]) -> list[_Result]:
        """Collect the results for the parts, with a progress bar where there is much to read."""
        collected: list[_Result] = []
        with show_progress(sum(part.size for part in self._parts), lambda: self.read_bytes):
            for place, (part, result) in enumerate(zip(self._parts, results, strict=True)):
                collected.append(result)
                self._read[place] = part.size
        return collected

    def _note(self, place: int, start: int, position: int) -> None:
        self._read[place] = min(max(position - start, 0), self._parts[place].size)


class _PolledProgress(Progress):
    """A progress bar that asks for its state each time it is drawn."""

    def __init__(self, get_done: Callable[[], int], total: int, console: Console) -> None:
        super().__init__(console=console, transient=True)
        self._get_done = get_done
        self.add_task("Metering", total=total)

    def get_renderables(self) -> Iterable[RenderableType]:
        for task in self.tasks:
            self.update(task.id, completed=self._get_done())
        yield from super().get_renderables()


@contextmanager
def show_progress(total: int, get_done: Callable[[], int]) -> Iterator[None]:
    """Show a progress bar where there is much to read, and someone to look at it.

    Args:
        total: The number of bytes to read.
        get_done: Gets the number of bytes that have been read.
    """
    errors = Console(stderr=True)
    if total < LONG_INPUT_BYTES or not errors.is_terminal:
        yield
        return
    with _PolledProgress(get_done, total, errors):
        yield
