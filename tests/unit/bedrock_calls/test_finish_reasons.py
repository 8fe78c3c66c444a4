"""The reasons for which models stop, in the shapes of all providers."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.bedrock_calls import (
    EVENT_STREAM,
    AnswerEnd,
    BedrockOperation,
    BedrockPath,
    make_usage_reader,
    read_finish_reasons,
)
from tests.gateway import (
    CONVERSE_BODY,
    CONVERSE_EVENTS,
    INVOKE_BODY,
    INVOKE_EVENTS,
    MODEL,
    write_chunk,
    write_frame,
)


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        ({"stopReason": "end_turn"}, ("end_turn",)),
        ({"stop_reason": "max_tokens", "generation": "text"}, ("max_tokens",)),
        ({"type": "message_delta", "delta": {"stop_reason": "tool_use"}}, ("tool_use",)),
        ({"messageStop": {"stopReason": "guardrail_intervened"}}, ("guardrail_intervened",)),
        ({"results": [{"completionReason": "FINISH"}]}, ("FINISH",)),
        ({"outputs": [{"text": "a", "stop_reason": "stop"}]}, ("stop",)),
        ({"generations": [{"finish_reason": "COMPLETE"}]}, ("COMPLETE",)),
        (
            {"choices": [{"finish_reason": "stop"}, {"finish_reason": "length"}]},
            ("stop", "length"),
        ),
        ({"stopReason": None, "choices": ["stop"]}, ()),
        ({"stopReason": "Dear Ana, here is the text"}, ()),
        ({"stopReason": "x" * 41}, ()),
        ({"stop_sequence": "secret"}, ()),
        ({"output": {"stopReason": "end_turn"}}, ()),
    ],
)
def test_reasons_are_read_at_fixed_paths(content: Any, reasons: tuple[str, ...]) -> None:
    assert read_finish_reasons(content) == reasons


@given(st.text())
def test_no_other_text_than_a_name_passes(text: str) -> None:
    is_name = text.isascii() and text.replace("_", "").replace("-", "").isalpha()
    assert bool(read_finish_reasons({"stopReason": text})) <= is_name


def read_end(operation: BedrockOperation, *pieces: bytes) -> AnswerEnd:
    is_stream = operation.value.endswith("stream")
    headers = {"content-type": EVENT_STREAM if is_stream else "application/json"}
    reader = make_usage_reader(BedrockPath(operation, MODEL), headers)
    for piece in pieces:
        reader.read(piece)
    reader.count()
    return reader.read_end()


ANTHROPIC = {"stop_reason": "end_turn", "usage": {"input_tokens": 5, "output_tokens": 25}}


def test_all_operations_report_how_their_answer_ended() -> None:
    ended, unknown = AnswerEnd(("end_turn",)), AnswerEnd()
    assert read_end(BedrockOperation.CONVERSE, CONVERSE_BODY) == ended
    assert read_end(BedrockOperation.CONVERSE_STREAM, *CONVERSE_EVENTS) == ended
    assert read_end(BedrockOperation.INVOKE, INVOKE_BODY) == unknown
    assert read_end(BedrockOperation.INVOKE_STREAM, *INVOKE_EVENTS) == unknown
    stop = write_chunk({"type": "message_delta", "delta": ANTHROPIC})
    assert read_end(BedrockOperation.INVOKE_STREAM, stop, *INVOKE_EVENTS) == ended
    assert read_end(BedrockOperation.INVOKE, b"no JSON") == unknown
    assert read_end(BedrockOperation.INVOKE, b"[1]") == unknown


def test_an_error_within_a_stream_is_read() -> None:
    headers = {":message-type": "exception", ":exception-type": "throttlingException"}
    error = write_frame(headers, b'{"message":"too many tokens"}')
    end = read_end(BedrockOperation.CONVERSE_STREAM, CONVERSE_EVENTS[0], error)
    assert end == AnswerEnd((), "throttlingException")
