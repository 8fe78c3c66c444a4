"""Adding logs up in any split or order gives the same totals as metering call by call."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboards.demo.company import invocation_logs
from dashboards.reports.commands import meter_files
from dashboards.reports.local_meter import LocalMeter, open_local_meter
from dashboards.reports.logs.log_files import LogFile, find_log_files
from dashboards.reports.logs.log_parts import cut_into_parts
from dashboards.reports.tallied_logs import TalliedLogs
from dashboards.reports.temporary_store import open_temporary_store
from dashboards.reports.usage_json import summary_json
from lambdas.domain.pricing import Pricing, shipped_prices
from tests.builders import NOON
from tests.command_line import BEDROCK_METER
from tests.invocation_logs import as_lines, log, write

FIXTURES = Path(__file__).parents[2] / "fixtures"
PRICING = Pricing(shipped_prices())
SONNET_4 = "anthropic.claude-sonnet-4-20250514-v1:0"
PROFILE = "arn:aws:bedrock:us-east-1:111122223333:application-inference-profile/abc"
MODELS = [SONNET_4, f"us.{SONNET_4}", "openai.gpt-oss-120b-1:0", PROFILE, "a.b", "", 1]
TIMES = [
    *("2026-09-08T12:00:00Z", "2026-09-08T23:59:59Z", "2026-09-09T00:00:00Z"),
    *("2026-09-08T12:00:00.5Z", "2026-09-08T24:00:00Z", "2026-02-30T00:00:00Z", 5),
]

counts = st.one_of(
    st.integers(0, 300_000),
    st.sampled_from([0, 0, 1, 100_000, 100_001, 10**12, 10**12 + 1, -1, 2.0, 2.5, "7", True, None]),
)
request_ids = st.sampled_from(
    [
        *(f"00000000-0000-0000-0000-{number:012}" for number in range(6)),
        *("short", " " * 36, "\N{LATIN SMALL LETTER E WITH ACUTE}" * 36, 7, None),
    ]
)
fields = {
    "schemaType": st.sampled_from(["ModelInvocationLog", None, "Other"]),
    "timestamp": st.sampled_from(TIMES),
    "accountId": st.sampled_from(["111122223333", "444455556666", "", 1, True, None]),
    "region": st.sampled_from(["us-east-1", "eu-west-1", "", None]),
    "identity": st.sampled_from([{"arn": "a"}, {"arn": "b"}, {"arn": 1}, {}, "a", [], None]),
    "operation": st.sampled_from(["Converse", "InvokeModel", "ChatCompletions", "Other", 1, []]),
    "modelId": st.sampled_from(MODELS),
    "errorCode": st.sampled_from(["ThrottlingException", "", None, [], 5]),
    "inferenceRegion": st.sampled_from(["us-west-2", "", None]),
    "requestMetadata": st.sampled_from([{"team": "a"}, None]),
}


@st.composite
def invocation(draw: st.DrawFn) -> dict[str, Any]:
    """A plain log or an almost plain one."""
    asked: dict[str, Any] = {"inputContentType": "application/json"}
    answer: dict[str, Any] = {"outputContentType": "application/json"}
    for part, names in (
        (asked, ["inputTokenCount", "cacheReadInputTokenCount", "cacheWriteInputTokenCount"]),
        (answer, ["outputTokenCount", "outputImageCount"]),
    ):
        kept = draw(st.integers(0, len(names)))
        part |= {name: draw(counts) for name in names[:kept]}
    if draw(st.integers(0, 9)) == 0:
        answer["outputBodyJson"] = {"usage": {"inputTokens": 5, "outputTokens": draw(counts)}}
    record = log(operation="Converse", input=asked, output=answer)
    record |= {"requestId": draw(request_ids)}
    record |= {"schemaVersion": "1.0", "timestamp": "2026-09-08T12:00:00Z", "modelId": SONNET_4}
    for name in draw(st.lists(st.sampled_from(sorted(fields)), max_size=2)):
        record[name] = draw(fields[name])
    for name in draw(st.lists(st.sampled_from(sorted(record)), max_size=1)):
        if draw(st.integers(0, 4)) == 0:
            del record[name]
    return record


noise = st.sampled_from(
    [
        *(b"", b"   ", b"{", b"no JSON", b'"text"', b"[1]", b"{}", b'{"a": 1}', b"\xff"),
        *(b"Permissions are correctly set", b'{"requestId": 1}', b'  {"requestId": "x"}'),
        b'2026-09-08T12:00:00.000Z {"requestId": "cut off, and goes',
        b'on"}',
    ]
)
lines = st.one_of(
    invocation().map(lambda record: json.dumps(record).encode()),
    st.tuples(invocation(), invocation()).map(
        lambda pair: b"".join(json.dumps(record).encode() for record in pair)
    ),
    noise,
)


def as_json(meter: LocalMeter) -> Any:
    return json.loads("".join(summary_json(meter, now=NOON)))


def meter_call_by_call(*paths: Path) -> Any:
    with open_local_meter(pricing=PRICING) as meter:
        meter_files(meter, find_log_files(paths))
        return as_json(meter)


def add_up(*paths: Path, part_bytes: int = 2**20) -> Any:
    with open_temporary_store() as store:
        meter = TalliedLogs(store, PRICING, part_bytes)
        meter.tally(find_log_files(paths))
        return as_json(meter)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(lines, max_size=12),
    st.lists(lines, max_size=4),
    st.sampled_from([64, 400, 2**20]),
)
def test_logs_of_any_shape_match_metering_each_call(
    tmp_path: Path, content: list[bytes], more: list[bytes], part_bytes: int
) -> None:
    logs = write(tmp_path / "logs.ndjson", b"\n".join(content))
    others = write(tmp_path / "others.ndjson", b"\n".join(more))
    assert add_up(logs, others, part_bytes=part_bytes) == meter_call_by_call(logs, others)


def test_the_period_covers_only_counted_calls(tmp_path: Path) -> None:
    asked, answer = {"inputContentType": "application/json"}, {"outputContentType": "text/plain"}
    call = log("0" * 36, input=asked, output=answer) | {"schemaVersion": "1.0"}
    early, late = ({**call, "timestamp": f"2026-09-{day}T12:00:00Z"} for day in ("08", "09"))
    first = write(tmp_path / "first.ndjson", as_lines(early))
    second = write(tmp_path / "second.ndjson", as_lines(late))
    summary = add_up(first, second)
    assert summary == meter_call_by_call(first, second)
    assert summary["coverage"]["end"].startswith("2026-09-08T12:00")


@pytest.mark.parametrize("name", ["invocation-logs.ndjson", "response-bodies.ndjson"])
def test_the_samples_match_metering_each_call(name: str) -> None:
    logs = FIXTURES / name
    assert add_up(logs, part_bytes=10_000) == meter_call_by_call(logs)
    assert add_up(logs, logs) == meter_call_by_call(logs, logs)


def test_calls_repeated_across_parts_count_once(tmp_path: Path) -> None:
    records = [record for record, _ in zip(invocation_logs(), range(500), strict=False)]
    logs = write(tmp_path / "logs.ndjson", as_lines(*records, *reversed(records)))
    copy = write(tmp_path / "copy.ndjson", as_lines(*records[100:300]))
    summary = add_up(logs, copy, part_bytes=20_000)
    assert summary == meter_call_by_call(logs, copy)
    assert summary["records"]["duplicates"] == 700


def test_parts_are_whole_lines_and_cover_the_whole_file(tmp_path: Path) -> None:
    content = as_lines(*(record for record, _ in zip(invocation_logs(), range(99), strict=False)))
    logs = write(tmp_path / "logs.ndjson", content)
    parts = cut_into_parts(LogFile(logs, len(content)), 5_000)
    texts = [content[part.part.start : part.part.end] for part in parts if part.part]
    assert len(texts) > 5
    assert b"".join(texts) == content
    assert all(text.startswith(b"{") and text.endswith(b"\n") for text in texts)


def test_several_processes_get_the_same_totals_as_one(tmp_path: Path) -> None:
    records = [json.dumps(record).encode() for record in invocation_logs()]
    lines = [
        line.replace(b'"requestId": "', b'"requestId": "%d' % (number % 7))
        for number in range(9)
        for line in records
    ]
    logs = write(tmp_path / "logs.ndjson", b"\n".join(lines))
    out = tmp_path / "summary.json"
    command = [*BEDROCK_METER, "meter", "--out", str(out), str(logs)]
    subprocess.run(command, check=True, capture_output=True)
    assert logs.stat().st_size > 2 * 2**23
    assert json.loads(out.read_text()) == meter_call_by_call(logs)
