"""Hostile files take bounded time and memory to read."""

import io
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from dashboards.reports.logs import json_values, log_reader
from dashboards.reports.logs.log_files import find_log_files
from dashboards.reports.logs.log_reader import read_log_file
from lambdas.domain.invocations import Reading, RejectionReason
from lambdas.domain.invocations.decoding import Undecodable, decode_json
from tests.invocation_logs import write


def read_records(path: Path) -> list[Reading]:
    (file,) = find_log_files([path])
    return list(read_log_file(file, on_progress=lambda _: None))


def test_unclosed_objects_on_lines_are_not_read_as_several_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def split(_: io.BytesIO) -> None:
        raise AssertionError

    monkeypatch.setattr(log_reader, "split_values", split)
    path = write(tmp_path / "open.log", b"{\n" * 1000)
    assert read_records(path) == [RejectionReason.TRUNCATED] * 1000


@pytest.mark.parametrize(
    "line",
    [b"{", b"[", b"{[", b"{x}", b'{"', b'{"}', b'{"}{', b"{}", b"2026-11-28T00:00:00.000Z {\n{"],
)
@pytest.mark.parametrize("is_repeated", [True, False])
def test_each_short_line_takes_a_bounded_number_of_steps(
    tmp_path: Path, line: bytes, *, is_repeated: bool
) -> None:
    """10 MB of `{` took minutes."""
    steps = []
    for count in (500, 1000):
        lines = (line + (b"" if is_repeated else b" %d" % number) for number in range(count))
        path = write(tmp_path / f"{count}.log", b"\n".join(lines))
        steps.append(calls_made_by(partial(read_records, path)))
    assert steps[1] - steps[0] < (40 if is_repeated else 250) * 500
    assert steps[1] < 2.1 * steps[0]


def calls_made_by(work: Callable[[], object]) -> int:
    """Count the function calls that a function makes."""
    events: Counter[str] = Counter()
    sys.setprofile(lambda _, event, __: events.update([event]))
    try:
        work()
    finally:
        sys.setprofile(None)
    return events["call"] + events["c_call"]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", Undecodable.TRUNCATED),
        (' {"modelId": "a', Undecodable.TRUNCATED),
        ('{"input": {"a": [1, 2', Undecodable.TRUNCATED),
        ("{ \n", Undecodable.TRUNCATED),
        ("{[", Undecodable.NOT_JSON),
        ("[", Undecodable.NOT_JSON),
        ("{x}", Undecodable.NOT_JSON),
        ("{nothing", Undecodable.NOT_JSON),
    ],
)
def test_an_unclosed_object_is_rejected_with_the_reason(text: str, why: Undecodable) -> None:
    assert decode_json(text) is why


def test_no_line_or_value_takes_a_gigabyte_to_decode() -> None:
    """Every 3 bytes of `[],` become an object of 64 bytes and a reference."""
    worst_factor = (64 + 8) / len(b"[],")
    longest = max(log_reader.MAX_LINE_BYTES, json_values.MAX_VALUE_BYTES)
    assert longest * worst_factor < 500 * 10**6
