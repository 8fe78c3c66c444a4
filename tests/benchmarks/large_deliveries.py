"""The memory and CPU that large unpacked deliveries take, each in its own process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from time import process_time

from lambdas.domain.invocations import Delivery
from tests.benchmarks.figure import Figure
from tests.unit.invocations.test_large_deliveries import HOSTILE, calls, make_delivery, packed

_PEAK = """
import re, sys
from pathlib import Path
from lambdas.domain.invocations import Delivery
for part in Delivery.open(sys.stdin.read()):
    part.readings()
print(re.search("VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])
"""


def figures() -> Iterator[Figure]:
    """Read deliveries as `log_processor` does, without AWS."""
    for kind, pieces in HOSTILE.items():
        yield _peak(f"hostile, {kind}", packed(pieces()))
    whole = make_delivery(calls(2400))
    yield _peak("2400 calls of 28 KB", whole)
    for count in (100, 400):  # held as a whole, and split
        yield _cpu(count)


def _peak(name: str, data: str) -> Figure:
    command = [sys.executable, "-c", _PEAK]
    run = subprocess.run(command, input=data, capture_output=True, check=True, text=True)
    note = f"{name}: a process that reads {len(data) / 1024:,.0f} KB of base64"
    return Figure("large_delivery_peak_mb", round(int(run.stdout) / 1024), "MB", note)


def _cpu(count: int) -> Figure:
    data = make_delivery(calls(count))
    start = process_time()
    parts = [len(part.readings()) for part in Delivery.open(data)]
    micros = (process_time() - start) / sum(parts) * 1e6
    note = f"{count} calls of 28 KB in a delivery of {len(parts)} parts"
    return Figure("large_delivery_cpu_us_per_record", round(micros, 1), "us", note)
