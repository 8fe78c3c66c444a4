"""The cost of a complete `make meter`, and a check that a second read changes nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

from dashboards.demo.company import invocation_logs
from tests.benchmarks.figure import Figure
from tests.command_line import BEDROCK_METER

_FEW = 10**4
_COMPARED = 2 * 10**5
_MANY = 10**6
_ROUNDS = 5
_PREVIEWED = 150_000
_PREVIEWED_DAYS = 30

# Measures from a small process: a child's peak counts from what its parent held when it started.
_MEASURE = """
import os, subprocess, sys, time
start = time.perf_counter()
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, usage = os.wait4(process.pid, 0)
print(usage.ru_utime + usage.ru_stime, time.perf_counter() - start, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""
# The least that reading such logs can cost in plain Python: parse each line, add up two counts.
_JSON_LOOP = """
import json, sys
tokens = 0
with open(sys.argv[1]) as lines:
    for line in lines:
        log = json.loads(line)
        tokens += log["input"].get("inputTokenCount", 0) + log["output"].get("outputTokenCount", 0)
print(tokens)
"""


class _Usage(NamedTuple):
    cpu_seconds: float  # of all processes
    wall_seconds: float
    peak_mb: float


class _Run(NamedTuple):
    usage: _Usage
    summary: dict[str, Any]


def figures() -> Iterator[Figure]:
    """Measure a small and a large log file, the small one read twice, and a page of a month."""
    with tempfile.TemporaryDirectory() as folder:
        previewed = _preview(Path(folder))
        few = _write_logs(Path(folder, "few.ndjson"), _FEW)
        many = _write_logs(Path(folder, "many.ndjson"), _MANY)
        small, large, again = _meter(few), _meter(many), _meter(few, few)
        compared = _write_logs(Path(folder, "compared.ndjson"), _COMPARED)
        pairs = [(_meter(compared).usage, _loop(compared)) for _ in range(_ROUNDS)]
    for name, part in (("cpu", "cpu_seconds"), ("wall", "wall_seconds")):
        ratio = median(getattr(meter, part) / getattr(loop, part) for meter, loop in pairs)
        note = (
            f"`make meter` over a loop of json.loads that adds up two counts; the same {_COMPARED}"
            f" lines without bodies, {len(os.sched_getaffinity(0))} cores, median of {_ROUNDS}"
        )
        yield Figure(f"meter_{name}_over_json_loads", round(ratio, 2), "ratio", note)
    yield Figure(
        "records_per_second_per_core",
        round(_MANY / large.usage.cpu_seconds),
        "records/s",
        f"all of `make meter` on {_MANY} records without bodies, user and system CPU",
    )
    for run, count in ((small, _FEW), (large, _MANY)):
        note = f"largest resident set of a process of `make meter` on {count} records"
        yield Figure("meter_peak_memory_mb", round(run.usage.peak_mb, 1), "MB", note)
    note = (
        f"`make preview` of {_PREVIEWED} calls of {_PREVIEWED_DAYS} days as one page,"
        f" {len(os.sched_getaffinity(0))} cores"
    )
    yield Figure("preview_seconds", round(previewed.wall_seconds, 1), "s", note)
    yield Figure("preview_cpu_seconds", round(previewed.cpu_seconds, 1), "s", note)
    yield Figure("preview_peak_memory_mb", round(previewed.peak_mb, 1), "MB", note)
    differences = sum(
        again.summary[part] != small.summary[part] for part in ("by_identity", "by_model")
    )
    note = f"parts of the summary that differ when {_FEW} records are read twice"
    yield Figure("replay_differences", differences, "differences", note)


def _write_logs(path: Path, count: int) -> Path:
    """Write this number of logs, each call once: the company's day is repeated."""
    logs = [(log["requestId"], json.dumps(log)) for log in invocation_logs()]
    with path.open("w", encoding="utf-8") as lines:
        for number in range(count):
            request_id, line = logs[number % len(logs)]
            lines.write(line.replace(request_id, str(uuid.uuid4())) + "\n")
    return path


def _preview(folder: Path) -> _Usage:
    """Draw a page of calls that are spread over a month, of 60 identities."""
    logs, out = folder / "month.ndjson", folder / "page.html"
    examples = list(invocation_logs())
    start = datetime(2026, 9, 1, tzinfo=UTC)
    with logs.open("w", encoding="utf-8") as lines:
        for number in range(_PREVIEWED):
            time = start + timedelta(days=_PREVIEWED_DAYS) * (number / _PREVIEWED)
            changes = {
                "requestId": str(uuid.uuid4()),
                "timestamp": f"{time:%Y-%m-%dT%H:%M:%SZ}",
                "identity": {"arn": f"arn:aws:iam::111122223333:user/{number * 7 % 60}"},
            }
            lines.write(json.dumps(examples[number % len(examples)] | changes) + "\n")
    return _measure([*BEDROCK_METER, "preview", "--out", str(out), "--", str(logs)])


def _meter(*logs: Path) -> _Run:
    out = logs[0].with_suffix(".summary.json")
    meter = [*BEDROCK_METER, "meter", "--out", str(out), *map(str, logs)]
    return _Run(_measure(meter), json.loads(out.read_text()))


def _loop(logs: Path) -> _Usage:
    return _measure([sys.executable, "-c", _JSON_LOOP, str(logs)])


def _measure(command: list[str]) -> _Usage:
    measure = [sys.executable, "-c", _MEASURE, *command]
    measured = subprocess.run(measure, capture_output=True, check=True, text=True).stdout
    cpu_seconds, wall_seconds, peak_kib = map(float, measured.split())
    return _Usage(cpu_seconds, wall_seconds, peak_kib / 1024)
