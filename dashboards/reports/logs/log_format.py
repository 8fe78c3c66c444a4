"""Recognizes invocation logs by their content: names of exported files say little."""

from __future__ import annotations

import re
from io import BufferedReader
from pathlib import Path

from dashboards.reports.logs.gzip_content import GZIP_MAGIC, GzipContent
from dashboards.reports.logs.log_tables import find_table
from lambdas.domain.invocations.usage_record import PERMISSION_NOTICE

# Firehose gzips what CloudWatch Logs has gzipped before if its own compression is on.
_MAX_GZIP_LAYERS = 2
UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
UTF8_MARK = b"\xef\xbb\xbf"

# CloudWatch Logs takes 1 MB a message and Bedrock stores bodies above 100 KB apart, so the first
# record of a log names its model well before this.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html
_SNIFFED_BYTES = 2 * 2**20
_FIRST_SNIFFED_BYTES = 16 * 2**10

_COLOR = rb"(?:\x1b\[[\d;]*m)?"  # aws logs tail --color on
_TIME = rb"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?|\d{13}"
EVENT_TIME = re.compile(
    _COLOR + rb"(?:" + _TIME + rb")" + _COLOR + rb"[ \t]"
    # `aws logs tail` names the log stream as well.
    rb"(?:" + _COLOR + rb"[^\s{\x1b]+" + _COLOR + rb" (?={|" + PERMISSION_NOTICE.encode() + rb"))?"
)
"""The time of a log event, with which `aws logs create-export-task` begins each message, and
`--query "events[].[timestamp,message]" --output text` as well, in milliseconds."""

EXPECTED_FORMATS = (
    "Expected: JSON lines or arrays of invocation logs, what CloudWatch Logs or Firehose delivers,"
    " the output of aws logs filter-log-events, get-log-events, tail, create-export-task or"
    " get-query-results (JSON or text), or an export of the console (CSV or JSON) with the field"
    " @message; each may be gzipped."
)
"""The formats that can be read, for a message."""

_BASE64_OF_GZIP = b"H4sI"
_OPENINGS = (b"{", b"[", b'"', PERMISSION_NOTICE.encode())
_MARKS = re.compile(
    rb'modelId|requestId|ModelInvocationLog|"logEvents"|"events"|"awslogs"|'
    + PERMISSION_NOTICE.encode()
)


def unzipped(on_disk: BufferedReader) -> BufferedReader:
    """Open the content of a file; the content shows whether it is gzipped, not the name."""
    content = on_disk
    for _ in range(_MAX_GZIP_LAYERS):
        magic = content.read(len(GZIP_MAGIC))
        content.seek(0)
        if magic != GZIP_MAGIC:
            break
        content = GzipContent(content)
    return content


def is_blank_file(path: Path) -> bool:
    """Say if a file is empty, as far as a first look shows."""
    with path.open("rb") as on_disk:
        return is_blank(unzipped(on_disk))


def is_blank(content: BufferedReader) -> bool:
    """Say if content is empty, as far as a first look shows; leaves it at its start."""
    head = _read_head(content)
    content.seek(0)
    return not head.removeprefix(UTF8_MARK).strip()


def is_log(content: BufferedReader, *, has_log_name: bool) -> bool:
    """Say if content is an invocation log, wrapped or not.

    Args:
        content: The content, at its start.
        has_log_name: The file is named like a log, so that its first line may be damaged.
    """
    head = _read_head(content)
    if has_log_name and head.startswith(UTF16_MARKS):
        return True  # reading it explains what to do
    first = head.removeprefix(UTF8_MARK).lstrip()
    if first.startswith(_BASE64_OF_GZIP):
        return True
    if find_table(first):
        return bool(_MARKS.search(head) or _MARKS.search(head + content.read(_SNIFFED_BYTES)))
    timed = EVENT_TIME.match(first)
    is_text_of_logs = first[timed.end() if timed else 0 :].startswith(_OPENINGS)
    if not (is_text_of_logs or has_log_name):
        return False
    return bool(_MARKS.search(head) or _MARKS.search(head + content.read(_SNIFFED_BYTES)))


def _read_head(content: BufferedReader) -> bytes:
    head = content.read(_FIRST_SNIFFED_BYTES)
    return head if head.strip() else head + content.read(_SNIFFED_BYTES)
