"""Processes that work side by side end with the one that started them."""

import os
import subprocess
import sys

import pytest

from dashboards.reports.workers import open_workers

ENDED = """
import os, signal, sys
from dashboards.reports.workers import open_workers

parent, (ready, started), (never, _) = os.getpid(), os.pipe(), os.pipe()

def work(_):
    os.write(started, b"!")
    os.read(never, 1)

os.sched_getaffinity = lambda _: {0, 1}
with open_workers(work, 2) as work_on:
    work_on([1, 2])
    os.read(ready, 1)
    os.read(ready, 1)
    os.kill(parent, signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="there are no workers elsewhere")
def test_workers_end_when_their_parent_is_killed() -> None:
    """Its output is open for as long as a worker is there."""
    ended = subprocess.run(
        [sys.executable, "-c", ENDED], capture_output=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (-9, b"", b"")


def test_results_are_in_the_order_of_the_items(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    with open_workers(abs, 3) as work:
        assert list(work([-3, 2, -1])) == [3, 2, 1]
