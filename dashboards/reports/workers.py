"""Processes that work side by side."""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, TypeVar

_SET_SIGNAL_OF_PARENTS_DEATH = 1
"""Source: https://man7.org/linux/man-pages/man2/PR_SET_PDEATHSIG.2const.html"""

Item = TypeVar("Item")
Result = TypeVar("Result")


@contextmanager
def open_workers(
    work: Callable[[Item], Result], count: int
) -> Iterator[Callable[[Iterable[Item]], Iterator[Result]]]:
    """Open processes that share some work, at most one for each core.

    They are forks: these share the memory of this process, and hash as it does. Elsewhere than on
    Linux, forks are not safe, and this process works alone.

    Args:
        work: Returns the result for an item.
        count: The number of processes that have something to do.

    Returns:
        Works on items; the results are in the order of the items.
    """
    workers = min(count, len(os.sched_getaffinity(0))) if sys.platform == "linux" else 1
    if workers <= 1:
        yield partial(map, work)
        return
    context = multiprocessing.get_context("fork")
    pool = ProcessPoolExecutor(workers, context, _start, (work,))
    try:
        yield partial(pool.map, _work)
    finally:
        pool.shutdown(cancel_futures=True)


_shared: Callable[[Any], Any] | None = None


def _start(work: Callable[[Any], Any]) -> None:
    global _shared  # noqa: PLW0603  # a worker has nowhere else to keep it
    _shared = work
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent stops its workers
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    # A worker waits for more work forever, also if its parent was killed.
    ctypes.CDLL(None).prctl(_SET_SIGNAL_OF_PARENTS_DEATH, signal.SIGKILL)


def _work(item: Any) -> Any:  # noqa: ANN401
    if _shared is None:
        raise RuntimeError
    return _shared(item)
