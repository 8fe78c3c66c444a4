"""What the whole of `make meter` costs, and whether reading everything again changes anything."""

from __future__ import annotations

import json
import os
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
    command = [sys.executable, "-m", "dashboards.preview.meter", *map(str, logs), "--out", str(out)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    kib_per_mb = 1024
    return _Run(
        usage.ru_utime + usage.ru_stime, usage.ru_maxrss / kib_per_mb, json.loads(out.read_text())
    )
