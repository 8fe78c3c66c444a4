"""Answers: frames of event streams, and the usage that is read beside them."""

import json
from collections.abc import Sequence
from typing import Any
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.bedrock_calls import (
    EVENT_STREAM,
    BedrockOperation,
    BedrockPath,
    Frame,
    FrameReader,
    make_usage_reader,
)
from lambdas.domain.invocations import ServedCall, TokenCounts, UsageRecord, read_invocation
from tests.gateway import (
    CONVERSE_BODY,
    CONVERSE_EVENTS,
    INVOKE_BODY,
    INVOKE_EVENTS,
    MODEL,
    USED,
    write_chunk,
    write_event,
    write_frame,
)
from tests.invocation_logs import log

NAMES = st.text(st.characters(codec="ascii"), min_size=1, max_size=20)
FRAMES = st.lists(
    st.tuples(st.dictionaries(NAMES, st.text(max_size=20), max_size=4), st.binary(max_size=100)),
    max_size=5,
)


def cut(content: bytes, size: int) -> list[bytes]:
    return [content[at : at + size] for at in range(0, len(content), size)]


def count(
    operation: BedrockOperation,
    pieces: Sequence[bytes],
    headers: dict[str, str],
    model_id: str = MODEL,
) -> TokenCounts:
    reader = make_usage_reader(BedrockPath(operation, model_id), headers)
    for piece in pieces:
        reader.read(piece)
    return reader.count()


STREAM = {"content-type": EVENT_STREAM}


@given(FRAMES, st.integers(1, 200))
def test_frames_are_read_as_botocore_reads_them(
    frames: list[tuple[dict[str, str], bytes]], size: int
) -> None:
    content = b"".join(write_frame(headers, payload) for headers, payload in frames)
    reader, buffer = FrameReader(), EventStreamBuffer()
    buffer.add_data(content)
    read = [frame for piece in cut(content, size) for frame in reader.read(piece)]
    expected: list[Any] = list(buffer)
    assert read == [Frame(event.headers, event.payload) for event in expected]
    assert not reader.is_lost


def test_headers_of_other_types_are_skipped() -> None:
    values = b"\x01a\x00\x01b\x02\x01\x01c\x04\x00\x00\x00\x01\x01d\x06\x00\x02xx\x01e\x08"
    values += bytes(8)
    text = b"\x01f\x07\x00\x01v"
    named = write_frame({}, b"p")
    headers = values + text
    prelude = (16 + len(headers) + 1).to_bytes(4) + len(headers).to_bytes(4)
    frame = prelude + crc32(prelude).to_bytes(4) + headers + b"p"
    frames = list(FrameReader().read(frame + crc32(frame).to_bytes(4) + named))
    assert frames == [Frame({"f": "v"}, b"p"), Frame({}, b"p")]


@given(st.binary(max_size=300), st.integers(1, 50))
def test_any_bytes_are_read_without_an_error(content: bytes, size: int) -> None:
    reader = FrameReader()
    for piece in cut(content, size):
        list(reader.read(piece))


@given(st.integers(0, 400), st.integers(0, 7))
def test_a_flipped_bit_costs_a_frame_or_the_rest_and_raises_nothing(at: int, bit: int) -> None:
    content = bytearray(b"".join(CONVERSE_EVENTS[:4]))
    content[at % len(content)] ^= 1 << bit
    reader = FrameReader()
    read = list(reader.read(bytes(content)))
    assert len(read) == 3 or reader.is_lost
    assert list(reader.read(CONVERSE_EVENTS[0])) == [] or not reader.is_lost


@pytest.mark.parametrize("size", [1, 7, 100, 10_000])
@pytest.mark.parametrize(
    ("operation", "events"),
    [
        (BedrockOperation.CONVERSE_STREAM, CONVERSE_EVENTS),
        (BedrockOperation.INVOKE_STREAM, INVOKE_EVENTS),
    ],
)
def test_usage_is_read_from_streams_in_pieces_of_any_size(
    operation: BedrockOperation, events: Sequence[bytes], size: int
) -> None:
    assert count(operation, cut(b"".join(events), size), STREAM) == USED


@pytest.mark.parametrize(
    ("operation", "body"),
    [(BedrockOperation.CONVERSE, CONVERSE_BODY), (BedrockOperation.INVOKE, INVOKE_BODY)],
)
def test_usage_is_read_from_bodies(operation: BedrockOperation, body: bytes) -> None:
    assert count(operation, cut(body, 10), {"content-type": "application/json"}) == USED


def test_bedrock_s_own_headers_go_before_the_body() -> None:
    headers = {
        "x-amzn-bedrock-input-token-count": "6",
        "x-amzn-bedrock-output-token-count": "26",
        "x-amzn-bedrock-cache-read-input-token-count": "2",
    }
    assert count(BedrockOperation.INVOKE, [INVOKE_BODY], headers) == TokenCounts(6, 26, 2)


def test_the_headers_alone_count_where_the_body_says_nothing() -> None:
    headers = {"x-amzn-bedrock-input-token-count": "6"}
    for body in (b"\x89PNG", b"", b'{"embedding": []}', b"x" * (33 * 2**20)):
        assert count(BedrockOperation.INVOKE, [body], headers) == TokenCounts(6)


def test_a_stream_that_ended_early_has_the_usage_of_its_beginning() -> None:
    assert count(BedrockOperation.INVOKE_STREAM, INVOKE_EVENTS[:3], STREAM) == TokenCounts(5)
    assert count(BedrockOperation.CONVERSE_STREAM, CONVERSE_EVENTS[:3], STREAM).is_missing


def test_chunks_that_are_no_json_are_passed_over() -> None:
    odd = (write_event("chunk", {"bytes": "~"}), write_event("chunk", {"p": 1}), write_chunk({}))
    events = (*odd, write_frame({":event-type": "chunk"}, b"no JSON"), *INVOKE_EVENTS)
    assert count(BedrockOperation.INVOKE_STREAM, events, STREAM) == USED


def test_an_endless_stream_keeps_its_first_and_last_reports_only() -> None:
    usage: Any = {"usage": {"prompt_tokens": 3, "completion_tokens": 1}}
    events = [write_chunk(usage)] * 2000 + [write_chunk({"usage": {"completion_tokens": 2000}})]
    counts = count(BedrockOperation.INVOKE_STREAM, events, STREAM, "openai.gpt-oss-20b-1:0")
    assert (counts.input, counts.output) == (3, 2000)


@pytest.mark.parametrize(
    ("model_id", "usage"),
    [
        ("openai.gpt-5", {"inputTokens": 100, "outputTokens": 5, "cacheReadInputTokens": 40}),
        (MODEL, {"inputTokens": 100, "outputTokens": 5, "cacheReadInputTokens": 40}),
    ],
)
def test_tokens_are_counted_as_the_ledger_counts_them(model_id: str, usage: dict[str, int]) -> None:
    body = {"usage": usage | {"totalTokens": sum(usage.values())}}
    logged = log("a", modelId=model_id, operation="Converse")
    logged |= {"input": {}, "output": {"outputBodyJson": body}}
    record = read_invocation(logged)
    assert isinstance(record, UsageRecord)
    answer = json.dumps(body).encode()
    assert count(BedrockOperation.CONVERSE, [answer], {}, model_id) == record.tokens


LATENCY = "x-amzn-bedrock-performanceconfig-latency"


@pytest.mark.parametrize(
    ("operation", "body", "headers", "sent", "tier"),
    [
        (BedrockOperation.CONVERSE, {"serviceTier": {"type": "flex"}}, {}, {}, "flex"),
        (BedrockOperation.CONVERSE, {"serviceTier": {"type": "default"}}, {}, {}, None),
        (BedrockOperation.INVOKE, {"service_tier": "priority"}, {}, {}, "priority"),
        (BedrockOperation.INVOKE, {}, {}, {}, None),
        (BedrockOperation.INVOKE, {}, {LATENCY: "optimized"}, {}, "latency-optimized"),
        (BedrockOperation.INVOKE, {}, {}, {LATENCY: "optimized"}, "latency-optimized"),
        (BedrockOperation.INVOKE, {}, {LATENCY: "standard"}, {LATENCY: "optimized"}, None),
    ],
)
def test_an_answer_says_which_tier_has_served_it(
    operation: BedrockOperation,
    body: dict[str, Any],
    headers: dict[str, str],
    sent: dict[str, str],
    tier: str | None,
) -> None:
    reader = make_usage_reader(BedrockPath(operation, MODEL), headers, sent)
    reader.read(json.dumps(body | {"usage": {"inputTokens": 5, "outputTokens": 5}}).encode())
    assert reader.read_service() == ServedCall(tier)


def test_a_stream_says_which_tier_has_served_it_at_its_end() -> None:
    usage: Any = {"usage": {"inputTokens": 5, "outputTokens": 25, "totalTokens": 30}}
    reader = make_usage_reader(BedrockPath(BedrockOperation.CONVERSE_STREAM, MODEL), STREAM)
    reader.read(write_event("messageStart", {"role": "assistant"}))
    assert reader.read_service() == ServedCall()
    reader.read(write_event("metadata", usage | {"serviceTier": {"type": "priority"}}))
    assert reader.read_service() == ServedCall("priority")
    assert (reader.count().input, reader.count().output) == (5, 25)


def test_an_answer_that_cannot_be_read_was_served_as_usual() -> None:
    reader = make_usage_reader(BedrockPath(BedrockOperation.CONVERSE, MODEL), {})
    reader.read(b"{")
    assert reader.read_service() == ServedCall()
    assert reader.count().is_missing
