"""What the whole of `make meter` costs, and whether reading everything again changes anything."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from dashboards.preview.company import invocation_logs
from tests.benchmarks.figure import Figure

_FEW = 10**4
_MANY = 10**6

# Measures from a small process: a child's peak counts from what its parent held when it started.
_MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_utime + usage.ru_stime, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


class _Run(NamedTuple):
    cpu_seconds: float
    peak_mb: float
    summary: dict[str, Any]


def figures() -> Iterator[Figure]:
    """Measure a small and a large log file, and the small one read twice."""
    with tempfile.TemporaryDirectory() as folder:
        few = _write_logs(Path(folder, "few.ndjson"), _FEW)
        many = _write_logs(Path(folder, "many.ndjson"), _MANY)
        small, large, again = _meter(few), _meter(many), _meter(few, few)
    yield Figure(
        "records_per_second_per_core",
        round(_MANY / large.cpu_seconds),
        "records/s",
        f"all of `make meter` on {_MANY} records without bodies, user and system CPU",
    )
    for run, count in ((small, _FEW), (large, _MANY)):
        note = f"largest resident set of `make meter` on {count} records"
        yield Figure("meter_peak_memory_mb", round(run.peak_mb, 1), "MB", note)
    differences = sum(
        again.summary[part] != small.summary[part] for part in ("by_identity", "by_model")
    )
    note = f"parts of the summary that differ when {_FEW} records are read twice"
    yield Figure("replay_differences", differences, "differences", note)


def _write_logs(path: Path, count: int) -> Path:
    """Write as many logs as asked for, each call once: the company's day over and over."""
    logs = [(log["requestId"], json.dumps(log)) for log in invocation_logs()]
    with path.open("w", encoding="utf-8") as lines:
        for number in range(count):
            request_id, line = logs[number % len(logs)]
            lines.write(line.replace(request_id, str(uuid.uuid4())) + "\n")
    return path


def _meter(*logs: Path) -> _Run:
    out = logs[0].with_suffix(".summary.json")
    meter = [sys.executable, "-m", "dashboards.preview.meter", "--out", str(out), *map(str, logs)]
    command = [sys.executable, "-c", _MEASURE, *meter]
    measured = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    cpu_seconds, peak_kib = map(float, measured.split())
    return _Run(cpu_seconds, peak_kib / 1024, json.loads(out.read_text()))
