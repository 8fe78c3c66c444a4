"""Cuts large log files into parts of whole lines, so that they can be read side by side."""

from __future__ import annotations

from collections.abc import Iterator
from io import BufferedReader

from dashboards.reports.logs.log_files import LogFile, Part
from dashboards.reports.logs.log_format import unzipped
from dashboards.reports.logs.log_reader import holds_lines

PART_BYTES = 8 * 2**20
_LOOKAHEAD_BYTES = 2**20  # more than a message of CloudWatch Logs
_START_OF_OBJECT = b"\n{"


def cut_into_parts(file: LogFile, part_bytes: int) -> list[LogFile]:
    """Cut a file into parts; one that is small, gzipped or not of lines stays whole.

    Raises:
        OSError: The file cannot be read.
    """
    if file.size < 2 * part_bytes:
        return [file]
    with file.path.open("rb") as on_disk:
        if unzipped(on_disk) is not on_disk or not _holds_objects(on_disk, file):
            return [file]
        starts = [0, *_find_starts(on_disk, file.size, part_bytes)]
    parts = zip(starts, [*starts[1:], file.size], strict=True)
    return [LogFile(file.path, end - start, Part(start, end)) for start, end in parts]


def _holds_objects(content: BufferedReader, file: LogFile) -> bool:
    is_object = content.read(1) == b"{"
    content.seek(0)
    return is_object and holds_lines(content, file)


def _find_starts(content: BufferedReader, size: int, part_bytes: int) -> Iterator[int]:
    """Find the lines with which the second part and those after it start.

    A line that starts an object never continues the message of the line before it.
    """
    for position in range(part_bytes, size - part_bytes + 1, part_bytes):
        content.seek(position)
        place = content.read(_LOOKAHEAD_BYTES).find(_START_OF_OBJECT)
        if place >= 0:
            yield position + place + 1


def cut_or_keep(file: LogFile, part_bytes: int) -> list[LogFile]:
    """Cut a file into parts; one that cannot be read stays whole, and reading it notes why."""
    try:
        return cut_into_parts(file, part_bytes)
    except OSError:
        return [file]
