"""Hostile files cost bounded time and memory to read."""

import io
from pathlib import Path

import pytest

from dashboards.preview import json_values, log_reading
from dashboards.preview.log_files import find_log_files
from dashboards.preview.log_reading import read_log_file
from lambdas.domain.invocations import Reading, RejectionReason
from lambdas.domain.invocations.decoding import Undecodable, decode_json
from tests.invocation_logs import write


def readings_of(path: Path) -> list[Reading]:
    (file,) = find_log_files([path])
    return list(read_log_file(file, on_progress=lambda _: None))


def test_lines_that_open_objects_are_not_read_as_several_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def split(_: io.BytesIO) -> None:
        raise AssertionError

    monkeypatch.setattr(log_reading, "split_values", split)
    path = write(tmp_path / "open.log", b"{\n" * 1000)
    assert readings_of(path) == [RejectionReason.TRUNCATED] * 1000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", Undecodable.TRUNCATED),
        (' {"modelId": "a', Undecodable.TRUNCATED),
        ('{"input": {"a": [1, 2', Undecodable.TRUNCATED),
        ("{nothing", Undecodable.NOT_JSON),
    ],
)
def test_object_without_an_end_says_why_it_is_none(text: str, why: Undecodable) -> None:
    assert decode_json(text) is why


def test_no_line_and_no_value_that_is_decoded_at_once_takes_a_gigabyte() -> None:
    """Of `[],` every 3 bytes become an object of 64 bytes and a reference."""
    worst_factor = (64 + 8) / len(b"[],")
    longest = max(log_reading.LONGEST_LINE_BYTES, json_values.LONGEST_VALUE_BYTES)
    assert longest * worst_factor < 500 * 10**6
