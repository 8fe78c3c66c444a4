"""A request's outline has digests of its prefixes and its limits, but no content."""

import json
from typing import Any

import pytest
from hypothesis import given

from lambdas.domain.invocations import RejectionReason, UsageRecord, read_line, read_message
from lambdas.domain.reports.comparison import OutlineCache, RequestOutline, read_outline
from lambdas.domain.reports.comparison.request_outline import MAX_BYTES, MAX_PARTS
from tests.builders import usage_record
from tests.invocation_logs import log
from tests.unit.invocations.records import fixture_lines, hostile_bodies, json_values

KEY = b"k" * 32
HELLO = {"role": "user", "content": [{"text": "hello"}]}
ANSWER = {"role": "assistant", "content": [{"text": "hello yourself"}]}
MORE = {"role": "user", "content": [{"text": "more"}]}


def outline(body: object, key: bytes = KEY) -> RequestOutline:
    read = read_outline(log(input={"inputBodyJson": body}), key)
    assert read is not None
    return read


@pytest.mark.parametrize(
    "body",
    [
        {"inferenceConfig": {"maxTokens": 77}},  # Converse
        {"inferenceConfig": {"max_new_tokens": 77}},  # Nova
        {"textGenerationConfig": {"maxTokenCount": 77}},  # Titan
        {"max_tokens": 77},  # Claude, Mistral, Command R
        {"max_tokens_to_sample": 77},  # Claude's earlier interface
        {"max_completion_tokens": 77},  # OpenAI
        {"max_gen_len": 77},  # Llama
        {"maxTokens": 77},  # Jurassic
        {"max_tokens": 77.0},
        json.dumps({"max_tokens": 77}),  # some exports have bodies as text
    ],
)
def test_request_limits_are_read_at_fixed_paths(body: object) -> None:
    assert outline(body).max_tokens == 77


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"max_tokens": True},
        {"max_tokens": -77},
        {"max_tokens": 0},
        {"max_tokens": [77]},
        {"messages": [{"max_tokens": 77}]},
        {"inferenceConfig": [{"maxTokens": 77}]},
        {"additionalModelRequestFields": {"max_tokens": 77}},
    ],
)
def test_limits_at_other_paths_or_invalid_limits_are_ignored(body: object) -> None:
    assert outline(body).max_tokens is None


@pytest.mark.parametrize(
    "fields", [{}, {"input": {}}, {"input": {"inputBodyS3Path": "s3://b/k"}}, {"input": [1]}]
)
def test_a_log_without_a_body_has_no_outline(fields: dict[str, Any]) -> None:
    assert read_outline(log(**fields), KEY) is None


@pytest.mark.parametrize("not_a_log", [None, [], "text", 7])
def test_a_value_that_is_not_a_log_has_no_outline(not_a_log: object) -> None:
    assert read_outline(not_a_log, KEY) is None


def test_turns_of_a_conversation_share_their_prefixes() -> None:
    first = outline({"system": [{"text": "be brief"}], "messages": [HELLO]})
    second = outline({"messages": [HELLO, ANSWER, MORE], "system": [{"text": "be brief"}]})
    assert second.prefixes[: len(first.prefixes)] == first.prefixes
    assert len(second.prefixes) == 4
    assert first.prefixes[0].size_bytes == len('[{"text":"be brief"}]')


@pytest.mark.parametrize(
    "other",
    [
        {"system": "be long", "messages": [HELLO]},
        {"tools": [1], "system": "be brief", "messages": [HELLO]},
        {"toolConfig": {"tools": [1]}, "system": "be brief", "messages": [HELLO]},
        {"messages": ["be brief", HELLO, 1]},
    ],
)
def test_different_requests_share_no_prefix(other: object) -> None:
    known = {
        prefix.digest for prefix in outline({"system": "be brief", "messages": [HELLO]}).prefixes
    }
    shared = [prefix.digest in known for prefix in outline(other).prefixes]
    is_same_text = isinstance(other, dict) and "system" not in other
    assert any(shared) is is_same_text


def test_digests_of_two_runs_differ() -> None:
    body = {"system": "be brief", "messages": [HELLO]}
    ours, theirs = (outline(body, key).prefixes for key in (KEY, b"other" * 6))
    assert {prefix.digest for prefix in ours}.isdisjoint(prefix.digest for prefix in theirs)
    assert [prefix.size_bytes for prefix in ours] == [prefix.size_bytes for prefix in theirs]


def test_work_on_a_body_is_bounded() -> None:
    assert len(outline({"messages": [1] * 10_000}).prefixes) == MAX_PARTS
    large = "x" * (MAX_BYTES // 2 - 2)  # and its quotation marks
    assert len(outline({"messages": [large] * 9}).prefixes) == 3


def test_an_unserializable_message_ends_the_prefixes() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    assert len(outline({"messages": [HELLO, deep, HELLO]}).prefixes) == 1
    assert len(outline({"messages": [HELLO, 10**5000, HELLO]}).prefixes) == 1


@given(hostile_bodies | json_values())
def test_reading_an_outline_never_raises(body: object) -> None:
    for request in ({"inputBodyJson": body}, {"inputBodyJson": json.dumps(body)}, body):
        read_outline(log(input=request), KEY)
    read_outline(body, KEY)


def test_the_cache_reads_records_like_the_meter() -> None:
    memory = OutlineCache(max_prefixes=10_000)
    for line in fixture_lines("invocation-logs.ndjson"):
        assert read_line(line, memory.read_invocation) == read_line(line)
        assert read_message(line, memory.read_invocation) == read_message(line)


def test_a_later_reading_replaces_an_earlier_one_within_the_limit() -> None:
    memory = OutlineCache(max_prefixes=7)

    def read(request_id: str, *messages: object) -> UsageRecord:
        body = {"inputBodyJson": {"messages": [*messages]}}
        record = memory.read_invocation(log(request_id, input=body))
        assert isinstance(record, UsageRecord)
        return record

    read("1", HELLO)
    first = read("1", HELLO, ANSWER)  # two, and two for the outline itself
    third = read("3", MORE)
    fourth = read("4", MORE)
    assert memory.left_out == 1
    assert memory.take(fourth.key) is None
    assert memory.take(usage_record(request_id="unheard").key) is None
    assert len((memory.take(first.key) or RequestOutline()).prefixes) == 2
    assert memory.take(first.key) is None
    assert memory.take(read("4", MORE).key) == memory.take(third.key)


def test_each_cache_has_a_unique_key() -> None:
    logged = log(input={"inputBodyJson": {"messages": [HELLO]}})
    digests = set()
    for memory in (OutlineCache(), OutlineCache()):
        record = memory.read_invocation(logged)
        assert isinstance(record, UsageRecord)
        digests |= {
            prefix.digest for prefix in (memory.take(record.key) or RequestOutline()).prefixes
        }
    assert len(digests) == 2


def test_unwanted_calls_are_not_cached() -> None:
    memory = OutlineCache(lambda record: record.request_id == "1", max_prefixes=3)
    for request_id in ("2", "1"):
        record = memory.read_invocation(
            log(request_id, input={"inputBodyJson": {"messages": [HELLO]}})
        )
        assert isinstance(record, UsageRecord)
        assert (memory.take(record.key) is not None) == (request_id == "1")
    assert memory.left_out == 0


def test_a_rejected_record_is_not_cached() -> None:
    memory = OutlineCache(max_prefixes=10)
    bad = log(timestamp=None, input={"inputBodyJson": {"messages": [HELLO]}})
    assert memory.read_invocation(bad) is RejectionReason.BAD_TIMESTAMP
    assert memory.left_out == 0
