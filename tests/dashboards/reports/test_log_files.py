"""Log files are found and read in every layout that exports use."""

import base64
import csv
import errno
import gzip
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboards.reports.logs import json_values, log_reader, log_tables
from dashboards.reports.logs.log_files import UnreadableLogsError, find_log_files
from dashboards.reports.logs.log_reader import read_log_file
from dashboards.reports.logs.skipped_files import SkipReason
from lambdas.domain.invocations import Ignored, Reading, RejectionReason, UsageRecord
from tests.invocation_logs import as_lines, log, write
from tests.log_deliveries import pack

LOGS = [log(f"request-{number}") for number in range(3)]
IDS = [invocation["requestId"] for invocation in LOGS]
MESSAGES = [json.dumps(invocation) for invocation in LOGS]
ENVELOPE = json.loads(gzip.decompress(base64.b64decode(pack(MESSAGES))))
EVENTS: dict[str, list[dict[str, object]]] = {
    "events": [{"logStreamName": "s", "message": message, "eventId": "1"} for message in MESSAGES],
    "searchedLogStreams": [{"logStreamName": "s", "searchedCompletely": True}],
}
LINES = as_lines(*LOGS)


def as_csv(*columns: str) -> str:
    """A table of the messages, with line breaks within them."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(columns)
    for invocation in LOGS:
        message = json.dumps(invocation, indent=1)
        rows.writerow([message if "message" in column else "x" for column in columns])
    return text.getvalue()


def read_records(path: Path) -> Iterator[Reading]:
    for file in find_log_files([path]):
        yield from read_log_file(file, on_progress=lambda _: None)


def read_ids(path: Path) -> list[str]:
    return [
        reading.request_id for reading in read_records(path) if isinstance(reading, UsageRecord)
    ]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lines.ndjson", LINES),
        ("lines.log", LINES),
        ("lines.json", LINES),
        ("lines.json.gz", LINES),
        ("no-suffix", LINES),
        ("crlf.log", LINES.replace(b"\n", b"\r\n")),
        ("bom.json", b"\xef\xbb\xbf" + LINES),
        ("blank-lines.log", b"\n  \n" + LINES.replace(b"\n", b"\n\n")),
        ("no-final-newline.log", LINES.rstrip()),
        ("array.json", json.dumps(LOGS)),
        ("array.log", json.dumps(LOGS)),
        ("pretty-array.json", json.dumps(LOGS, indent=2)),
        ("array.json.gz", json.dumps(LOGS)),
        ("pretty-objects.json", "\n".join(json.dumps(invocation, indent=2) for invocation in LOGS)),
        ("envelope.json", json.dumps(ENVELOPE)),
        ("pretty-envelope.json", json.dumps(ENVELOPE, indent=4)),
        ("unevenly-pretty.json", json.dumps(ENVELOPE).replace("[{", "[\n{").replace("}, ", "},\n")),
        ("lambda-event.json", json.dumps({"awslogs": {"data": pack(MESSAGES)}})),
        ("pretty-lambda-event.json", json.dumps({"awslogs": {"data": pack(MESSAGES)}}, indent=2)),
        ("base64.log", pack(MESSAGES)),
        ("filter-log-events.json", json.dumps(EVENTS, indent=4)),
        ("one-line-filter-log-events.json", json.dumps(EVENTS)),
        ("filter-log-events.json.gz", json.dumps(EVENTS)),
        ("events.json", json.dumps(EVENTS["events"])),
        ("events.log", "\n".join(json.dumps(event) for event in EVENTS["events"])),
        ("messages.json", json.dumps(MESSAGES, indent=4)),
        ("concatenated.json", "".join(MESSAGES)),
        ("tab-separated.log", "\t".join(MESSAGES)),
        ("000000.gz", "".join(f"2026-09-08T12:10:33.000Z {message}\n" for message in MESSAGES)),
        ("no-zone.log", "".join(f"2026-09-08T12:10:33 {message}\n" for message in MESSAGES)),
        (
            "aws-logs-tail.txt",
            "".join(
                f"2026-09-08T12:10:33.000000+00:00 aws/bedrock/modelinvocations {message}\n"
                for message in MESSAGES
            ),
        ),
        (
            "aws-logs-tail-in-color.txt",
            "".join(
                f"\x1b[32m2026-09-08T12:10:33+00:00\x1b[0m \x1b[36ms\x1b[0m {message}\n"
                for message in MESSAGES
            ),
        ),
        (
            "filter-log-events.txt",
            "".join(f"EVENTS\t38\t1788869433001\ts\t{text}\t1788869433000\n" for text in MESSAGES)
            + "SEARCHEDLOGSTREAMS\ts\tTrue\n",
        ),
        (
            "get-log-events.txt",
            "b/384/s\tf/384/s\n"
            + "".join(f"EVENTS\t1788869433001\t{text}\t1788869433000\n" for text in MESSAGES),
        ),
        ("time-first.txt", "".join(f"1788869433000\t{message}\n" for message in MESSAGES)),
        ("time-last.txt", "".join(f"{message}\t1788869433000\n" for message in MESSAGES)),
        (
            "get-query-results.txt",
            "CWLI\tComplete\n"
            + "".join(f"RESULTS\t@message\t{text}\nRESULTS\t@ptr\tC\n" for text in MESSAGES)
            + "STATISTICS\t0.0\t3.0\t3.0\n",
        ),
        ("insights.csv", as_csv("@timestamp", "@message")),
        ("insights-crlf.csv", "\ufeff" + as_csv("@message", "@ptr").replace("\n", "\r\n")),
        ("log-events-viewer.csv", as_csv("timestamp", "message")),
        (
            "insights.md",
            "| @timestamp | @message | @ptr |\n| --- | :---: | --- |\n"
            + "".join(f"| 2026-09-08 12:10:33.000 | {text} | C |\n" for text in MESSAGES),
        ),
    ],
)
def test_every_layout_yields_the_same_calls(tmp_path: Path, name: str, content: bytes) -> None:
    assert read_ids(write(tmp_path / name, content)) == IDS
    assert read_ids(tmp_path) == IDS


@pytest.mark.parametrize(
    "name", ["without-a-suffix", "notes.txt", "000000.gz", "odd.suffix", "x.csv"]
)
@pytest.mark.parametrize(
    "content",
    [
        LINES,
        json.dumps(LOGS, indent=2),
        json.dumps(ENVELOPE) * 2,
        pack(MESSAGES),
        json.dumps(EVENTS),
    ],
    ids=["lines", "array", "envelopes", "base64", "events"],
)
def test_files_in_folders_are_recognized_by_their_content(
    tmp_path: Path, name: str, content: bytes
) -> None:
    write(tmp_path / name, content)
    assert set(read_ids(tmp_path)) == set(IDS)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("picture.png", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 100),
        ("module.py", b"modelId = 'x'\nrequestId = 'y'\n"),
        ("focus.csv", b"BilledCost,x_ModelId\r\n1,modelId\r\n"),
        ("package.json", b'{"name": "x", "version": 1}'),
        ("summary.json", b'{"version": 1,\n "records": {"read": 1}, "by_model": []}'),
        ("other-log-group.gz", b"2026-09-08T12:10:33.000Z START RequestId: 1\n"),
        ("huge.json", b'{"a": "' + b"x" * 5_000_000 + b'"}'),
        ("dead.json", b"[" * 3_000_000),
    ],
)
def test_a_file_that_is_not_a_log_is_skipped_in_a_folder(
    tmp_path: Path, name: str, content: bytes
) -> None:
    write(tmp_path / "logs" / "a.json", LINES)
    write(tmp_path / "logs" / name, content)
    found = find_log_files([tmp_path / "logs"])
    assert [file.path.name for file in found] == ["a.json"]
    assert [(group.reason, group.files) for group in found.skipped] == [(SkipReason.NOT_A_LOG, 1)]


def test_blank_lines_before_a_log_hide_nothing(tmp_path: Path) -> None:
    write(tmp_path / "object", b"\n" * 100_000 + LINES)
    assert read_ids(tmp_path) == IDS


def test_a_log_with_a_damaged_first_line_is_recognized_by_its_name(tmp_path: Path) -> None:
    write(tmp_path / "a.ndjson", b"oops\n" + LINES)
    assert read_ids(tmp_path) == IDS


def test_lines_without_a_time_continue_a_message(tmp_path: Path) -> None:
    pretty = [json.dumps(line, indent=2) for line in LOGS]
    content = "".join(f"2026-09-08T12:10:33.000Z {message}\n" for message in pretty)
    assert read_ids(write(tmp_path / "000000.gz", content)) == IDS


def test_a_stray_line_in_an_export_loses_no_neighboring_record(tmp_path: Path) -> None:
    time = "2026-09-08T12:10:33.000Z"
    cut_off = MESSAGES[1][:-20]
    lines = [f"{time} {MESSAGES[0]}", "stray", f"{time} {cut_off}", MESSAGES[2], "}", MESSAGES[0]]
    path = write(tmp_path / "000000.gz", "\n".join(lines))
    assert read_ids(path) == [IDS[0], IDS[2], IDS[0]]
    assert list(read_records(path)).count(RejectionReason.TRUNCATED) == 1


TIME = "2026-09-08T12:10:33.000Z"
export_lines = st.lists(
    st.sampled_from(
        [
            ("{time} {message}", True),
            ("{message}", True),
            ("{time} {cut}", False),
            ("{cut}", False),
            ("{time} some other log", False),
            ("a stray line", False),
            ("", False),
        ]
    ),
    max_size=12,
)


@given(export_lines)
def test_no_line_of_an_export_loses_another_record(lines: list[tuple[str, bool]]) -> None:
    text, expected = "", []
    for number, (line, is_whole) in enumerate(lines):
        message = json.dumps(log(str(number)))
        text += line.format(time=TIME, message=message, cut=message[:-20]) + "\n"
        expected += [str(number)] if is_whole else []
    with TemporaryDirectory() as folder:
        found = read_ids(write(Path(folder, "000000.gz"), text))
    assert found == expected


def test_consecutive_envelopes_beyond_the_line_limit_are_all_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_reader, "MAX_LINE_BYTES", 500)
    path = write(tmp_path / "glued", json.dumps(ENVELOPE) * 3 + "\n" + MESSAGES[0] + "\n")
    assert read_ids(path) == [*IDS * 3, IDS[0]]


def test_envelopes_can_be_on_separate_lines(tmp_path: Path) -> None:
    lines = "\n".join([json.dumps(ENVELOPE), pack([json.dumps(log("another"))])])
    assert read_ids(write(tmp_path / "envelopes.log", lines)) == [*IDS, "another"]


def test_all_members_of_a_gzip_file_are_read(tmp_path: Path) -> None:
    members = b"".join(gzip.compress(as_lines(invocation)) for invocation in LOGS)
    path = tmp_path / "members.json.gz"
    path.write_bytes(members)
    assert read_ids(path) == IDS


def test_gzip_is_recognized_by_content_not_by_name(tmp_path: Path) -> None:
    (tmp_path / "unzipped.json.gz").write_bytes(LINES)
    (tmp_path / "zipped.json").write_bytes(gzip.compress(LINES))
    assert read_ids(tmp_path / "unzipped.json.gz") == read_ids(tmp_path / "zipped.json") == IDS


def test_envelopes_without_separators_are_all_read(tmp_path: Path) -> None:
    envelopes = [
        json.loads(gzip.decompress(base64.b64decode(pack([message])))) for message in MESSAGES
    ]
    members = b"".join(gzip.compress(json.dumps(envelope).encode()) for envelope in envelopes)
    path = tmp_path / "from-firehose.gz"
    path.write_bytes(members)
    assert read_ids(path) == IDS


def test_a_line_with_text_after_its_record_is_invalid_json(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", MESSAGES[0] + MESSAGES[1] + " more")
    assert list(read_records(path)) == [RejectionReason.NOT_JSON]


def test_a_line_break_inside_a_string_loses_nothing(tmp_path: Path) -> None:
    broken = MESSAGES[1].replace("Converse", "Con\nverse")
    for content in (f"[{MESSAGES[0]},{broken},{MESSAGES[2]}]", f"[{broken},\n{MESSAGES[2]}]"):
        assert IDS[1:] == read_ids(write(tmp_path / "a.json", content))[-2:]


def test_a_truncated_object_loses_no_earlier_object(tmp_path: Path) -> None:
    path = write(tmp_path / "a.log", MESSAGES[0] + MESSAGES[1] + MESSAGES[2][:40])
    assert read_ids(path) == IDS[:2]
    assert list(read_records(path))[2:] == [RejectionReason.TRUNCATED]


def test_an_array_among_lines_is_a_line(tmp_path: Path) -> None:
    path = write(tmp_path / "a.json", "[1, 2]\n" + MESSAGES[0])
    first, second = read_records(path)
    assert first is RejectionReason.NOT_AN_OBJECT
    assert isinstance(second, UsageRecord)


def test_packed_data_is_read_from_lines_only_and_not_from_damaged_values(
    tmp_path: Path,
) -> None:
    forged = pack([json.dumps(log("forged"))])
    prompt = json.dumps(log("attack", prompt=f"x}},{forged},{{"))
    cut = MESSAGES[0][:-20]
    for content in (f"[{cut}, {prompt}]", f"[{cut},\n{prompt}]", f"[{forged}, {prompt}]"):
        assert "forged" not in read_ids(write(tmp_path / "a.json", content))


@pytest.mark.parametrize(
    "kept", [f"[{MESSAGES[0]},", f"[{MESSAGES[0]}", '{"events": [' + MESSAGES[0]]
)
def test_a_document_truncated_between_values_is_reported(tmp_path: Path, kept: str) -> None:
    readings = list(read_records(write(tmp_path / "a.json", kept)))
    assert isinstance(readings[0], UsageRecord)
    assert readings[1:] == [RejectionReason.TRUNCATED]


def test_a_string_in_the_second_line_does_not_make_lines_a_document(tmp_path: Path) -> None:
    content = LINES.replace(b"\n", b'\n"oops\n', 1)
    assert read_ids(write(tmp_path / "a.json", content)) == IDS


def test_notices_and_blank_messages_of_exports_are_not_records(tmp_path: Path) -> None:
    notice = " Permissions are correctly set for Amazon Bedrock logs."
    path = write(
        tmp_path / "a.json", json.dumps({"logEvents": [{"message": ""}, {"message": notice}]})
    )
    assert list(read_records(path)) == [Ignored.PERMISSION_NOTICE]


def test_a_truncated_line_does_not_consume_the_next_one(tmp_path: Path) -> None:
    content = LINES[:100] + b"\n" + LINES
    assert read_ids(write(tmp_path / "cut.json", content)) == IDS


def test_bedrocks_folders_are_read_without_bodies_and_permission_checks(tmp_path: Path) -> None:
    prefix = "prefix/AWSLogs/111122223333/BedrockModelInvocationLogs"
    hour = f"{prefix}/us-east-1/2026/09/08/12"
    write(tmp_path / hour / "20260908T121033000Z_0123456789abcdef.json.gz", as_lines(LOGS[0]))
    write(tmp_path / hour / "20260908T121133000Z_0123456789abcdef.json.gz", as_lines(LOGS[1]))
    write(tmp_path / hour / "data" / "request-0_input.json.gz", '{"messages": []}')
    write(tmp_path / prefix / "amazon-bedrock-logs-permission-check.json", "ok")
    write(tmp_path / hour / "._20260908T121033000Z.json.gz", "a Mac's resource fork")
    write(tmp_path / "notes.txt", "not a log")
    assert read_ids(tmp_path) == IDS[:2]
    assert len(list(read_records(tmp_path))) == 2
    with pytest.raises(UnreadableLogsError, match="beside its logs"):
        find_log_files(
            [tmp_path / hour / "data", tmp_path / hour / "data" / "request-0_input.json.gz"]
        )


def test_a_prefix_named_data_hides_no_logs(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "AWSLogs" / "111122223333" / "BedrockModelInvocationLogs"
    write(folder / "us-east-1" / "a.json", LINES)
    assert read_ids(tmp_path) == IDS


def test_a_user_s_folder_named_data_is_read_except_for_bodies(tmp_path: Path) -> None:
    forged = as_lines(log("forged"))
    write(tmp_path / "data" / "november.json", LINES)
    write(tmp_path / "data" / "request-1_input.json.gz", forged)
    write(tmp_path / "data" / "request-1_input_media_00.json", forged)
    write(tmp_path / "data" / "BedrockModelInvocationLogs" / "us-east-1" / "data" / "x", forged)
    found = find_log_files([tmp_path])
    assert [file.path.name for file in found] == ["november.json"]
    assert found.skipped.count(SkipReason.BODY) == 3


def test_files_of_a_folder_are_read_in_order_of_name(tmp_path: Path) -> None:
    for name in ("b/1.json", "a/2.json", "a/1.json", "c.json"):
        write(tmp_path / name, as_lines(log(name)))
    assert read_ids(tmp_path) == ["c.json", "a/1.json", "a/2.json", "b/1.json"]


def test_a_special_file_is_skipped_in_folders_and_refused_by_name(
    tmp_path: Path,
) -> None:
    write(tmp_path / "a.json", LINES)
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "nowhere.json").symlink_to(tmp_path / "gone.json")
    assert read_ids(tmp_path) == IDS
    with pytest.raises(UnreadableLogsError, match="no regular file"):
        find_log_files([tmp_path / "pipe.json"])


def test_a_named_folder_called_data_is_read(tmp_path: Path) -> None:
    assert read_ids(write(tmp_path / "data" / "a.json", LINES).parent) == IDS


@pytest.mark.parametrize(
    ("content", "readings"),
    [
        (f'@message\n\n"{"x" * 1500}"\n', [RejectionReason.TOO_LONG]),
        ("@timestamp,@message\nonly a time\n", [RejectionReason.TRUNCATED]),
        ("EVENTS\t1788869433001\t{\n", [RejectionReason.TRUNCATED]),
        ("EVENTS\t1\tno log\t1788869433000\nNone\n", [RejectionReason.NOT_JSON]),
        ("| @message |\n|---|\n\n| no log |\n", [RejectionReason.NOT_JSON]),
    ],
)
def test_rows_of_tables_that_hold_no_log_are_reported(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    content: str,
    readings: list[RejectionReason],
) -> None:
    monkeypatch.setattr(log_tables, "MAX_VALUE_BYTES", 1000)
    assert list(read_records(write(tmp_path / "table", content))) == readings


def test_a_table_without_messages_is_not_a_log(tmp_path: Path) -> None:
    path = write(tmp_path / "fields.csv", "requestId,modelId\n1,amazon.nova-lite-v1:0\n")
    assert set(read_records(path)) == {RejectionReason.NOT_JSON}


def test_an_overlong_line_is_reported_and_the_next_one_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log_reader, "MAX_LINE_BYTES", 1000)
    monkeypatch.setattr(json_values, "MAX_VALUE_BYTES", 100_000)
    content = json.dumps(log(padding="x" * 300_000)).encode() + b"\n" + LINES
    readings = list(read_records(write(tmp_path / "long.log", content)))
    assert [isinstance(reading, UsageRecord) for reading in readings] == [False, True, True, True]
    assert readings[0] is RejectionReason.TOO_LONG


def test_progress_counts_bytes_on_disk(tmp_path: Path) -> None:
    path = write(tmp_path / "many.log", LINES * 2000)
    (file,) = find_log_files([path])
    seen: list[int] = []
    for _ in read_log_file(file, seen.append):
        pass
    assert seen == sorted(set(seen))
    assert 0 < seen[-1] <= file.size


@pytest.mark.parametrize(
    ("name", "content", "complaint"),
    [
        ("cut.json.gz", gzip.compress(LINES, mtime=0)[:60], "damaged or cut off"),
        ("damaged.json.gz", gzip.compress(LINES, mtime=0)[:-8] + bytes(8), "damaged or cut off"),
        ("utf16.json", LINES.decode().encode("utf-16"), "UTF-16"),
    ],
)
def test_an_unreadable_file_is_named(
    tmp_path: Path, name: str, content: bytes, complaint: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(UnreadableLogsError, match=complaint) as error:
        list(read_records(path))
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_an_unreadable_subfolder_is_noted_and_an_unreadable_folder_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir()
    write(tmp_path / "a.json", LINES)
    scandir = os.scandir

    def refuse(path: Any) -> Any:
        if Path(path) == locked:
            raise PermissionError(errno.EACCES, "Permission denied", str(locked))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    found = find_log_files([tmp_path])
    assert [file.path.name for file in found] == ["a.json"]
    assert found.skipped.count(SkipReason.UNREADABLE) == 1
    assert found.skipped.problems == [f"{locked}: Permission denied."]
    with pytest.raises(UnreadableLogsError, match="locked: Permission denied"):
        find_log_files([locked])


def test_an_unreadable_log_in_a_folder_is_listed_and_explained_when_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(LINES.decode().encode("utf-16"))
    (file,) = find_log_files([tmp_path])
    with pytest.raises(UnreadableLogsError, match="UTF-16"):
        list(read_log_file(file, on_progress=lambda _: None))
    path.unlink()
    with pytest.raises(UnreadableLogsError, match=r"a\.json: No such file"):
        list(read_log_file(file, on_progress=lambda _: None))


def test_a_value_without_an_end_is_not_a_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_values, "MAX_VALUE_BYTES", 100_000)
    path = write(tmp_path / "a.json", b"[" + LINES[:200] + b"x" * 500_000)
    with pytest.raises(UnreadableLogsError, match="goes on for too long"):
        list(read_records(path))


def test_a_missing_path_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnreadableLogsError, match=r"nowhere\.json: No such file"):
        find_log_files([tmp_path / "nowhere.json"])


def test_a_folder_without_logs_is_an_error(tmp_path: Path) -> None:
    write(tmp_path / "data" / "request_input.json", "{}")
    with pytest.raises(UnreadableLogsError, match="no logs in this folder"):
        find_log_files([tmp_path])
