"""Progress is noted while a part is read, in this process or in others."""

import gzip
import multiprocessing
import sys
from functools import cache
from pathlib import Path

import pytest

from dashboards.reports.logs.log_files import LogFile, Part
from dashboards.reports.logs.log_tally import NOTHING, tally_log_file
from dashboards.reports.part_progress import PartProgress
from lambdas.domain.pricing import Pricing, shipped_prices
from lambdas.domain.usage import UsageSummary
from tests.invocation_logs import as_lines, log, write

EMPTY = UsageSummary(Pricing(shipped_prices()))


@cache
def many(number: int = 8_000) -> bytes:
    """Lines of logs: several megabytes by default."""
    return as_lines(*(log(f"{place:036}") for place in range(number)))


def follow(file: LogFile) -> list[int]:
    """Add up a file; returns the total after each report of progress."""
    progress = PartProgress([file])
    take, totals = progress.follow(0), []

    def note(position: int) -> None:
        take(position)
        totals.append(progress.read_bytes)

    tally_log_file(file, EMPTY, NOTHING, note)
    return totals


def find(path: Path, part: Part | None = None) -> LogFile:
    size = path.stat().st_size
    return LogFile(path, size if part is None else part.end - part.start, part)


def test_one_large_file_shows_progress_before_its_end(tmp_path: Path) -> None:
    file = find(write(tmp_path / "logs.json", many()))
    totals = follow(file)
    assert len(totals) >= 3
    assert totals == sorted(totals)
    assert 0 < totals[0] < file.size == totals[-1]


def test_a_gzipped_file_counts_bytes_on_disk(tmp_path: Path) -> None:
    path = tmp_path / "logs.json.gz"
    path.write_bytes(gzip.compress(many(), 1))
    file = find(path)
    totals = follow(file)
    assert 0 < totals[0] <= totals[-1] <= file.size


def test_a_part_counts_from_its_own_start(tmp_path: Path) -> None:
    path = write(tmp_path / "logs.json", many())
    content = path.read_bytes()
    start = content.index(b"\n{", len(content) // 2) + 1
    assert follow(find(path, Part(start, len(content))))[-1] == len(content) - start


def test_values_without_lines_show_progress(tmp_path: Path) -> None:
    file = find(write(tmp_path / "logs.json", b"[" + b",".join(many(3_000).splitlines()) + b"]"))
    totals = follow(file)
    assert 0 < totals[0] < totals[-1] <= file.size


@pytest.mark.skipif(sys.platform != "linux", reason="forks are used on Linux alone")
def test_a_fork_notes_progress_for_its_parent(tmp_path: Path) -> None:
    files = [LogFile(tmp_path / "a", 100), LogFile(tmp_path / "b", 50)]
    progress = PartProgress(files)
    fork = multiprocessing.get_context("fork").Process(target=progress.follow(1), args=(40,))
    fork.start()
    fork.join()
    assert progress.read_bytes == 40


def test_collected_parts_are_read_in_full(tmp_path: Path) -> None:
    progress = PartProgress([LogFile(tmp_path / "a", 100), LogFile(tmp_path / "b", 50)])
    assert progress.collect(iter("xy")) == ["x", "y"]
    assert progress.read_bytes == 150
    assert PartProgress([]).collect([]) == []
