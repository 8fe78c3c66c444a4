"""One log message is counted, rejected with a reason, or ignored."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import (
    UNKNOWN_IDENTITY,
    Ignored,
    RejectionReason,
    TokenCounts,
    UsageRecord,
    read_invocation,
    read_message,
)
from lambdas.domain.invocations.usage_record import OTHER
from tests.builders import ANA, HAIKU_3, NOON, SONNET_4
from tests.unit.invocations.records import (
    answered,
    any_text,
    hostile_bodies,
    invocation_log,
    json_values,
    log_without,
    one_line,
    read_record,
    read_tokens,
)


def test_a_log_becomes_a_record_with_caller_model_time_and_counts() -> None:
    assert read_message(one_line(invocation_log())) == UsageRecord(
        account_id="111122223333",
        region="us-east-1",
        request_id="request-1",
        timestamp=NOON,
        operation="InvokeModel",
        model_id=SONNET_4,
        invoked_model_id=f"us.{SONNET_4}",
        identity_arn=ANA,
        tokens=TokenCounts(input=10, output=5, cache_read=7, cache_write=3),
        error_code=None,
        inference_region="us-west-2",
        latency_ms=None,
        request_metadata=(),
    )


def test_text_bytes_and_a_decoded_log_give_the_same_record() -> None:
    log = invocation_log(identity={"arn": "arn:aws:iam::111122223333:user/h\u00e9l\u00e8ne"})
    assert read_message(one_line(log)) == read_invocation(log)
    assert read_message(one_line(log).encode()) == read_invocation(log)
    assert read_message(json.dumps(log)) == read_invocation(log)


def test_the_order_of_the_fields_does_not_matter() -> None:
    log = invocation_log()
    assert read_invocation(dict(reversed(log.items()))) == read_invocation(log)


def test_a_minimal_record_has_a_request_a_model_and_a_time() -> None:
    bare = {"requestId": "r", "modelId": HAIKU_3, "timestamp": "2026-09-08T12:00:00Z"}
    assert read_invocation(bare) == UsageRecord(
        account_id="",
        region="",
        request_id="r",
        timestamp=NOON,
        operation=OTHER,
        model_id=HAIKU_3,
        invoked_model_id=HAIKU_3,
        identity_arn=UNKNOWN_IDENTITY,
        tokens=TokenCounts(),
    )


# Rejected messages.


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        pytest.param("no json", RejectionReason.NOT_JSON, id="not_json"),
        pytest.param("", RejectionReason.NOT_JSON, id="empty"),
        pytest.param("[]", RejectionReason.NOT_AN_OBJECT, id="list"),
        pytest.param("5", RejectionReason.NOT_AN_OBJECT, id="number"),
        pytest.param('"text"', RejectionReason.NOT_AN_OBJECT, id="text"),
        pytest.param("null", RejectionReason.NOT_AN_OBJECT, id="null"),
        pytest.param("true", RejectionReason.NOT_AN_OBJECT, id="boolean"),
        pytest.param(one_line(invocation_log())[:-1], RejectionReason.TRUNCATED, id="truncated"),
        pytest.param("{", RejectionReason.TRUNCATED, id="bracket"),
    ],
)
def test_a_message_without_an_object_is_rejected(message: str, reason: RejectionReason) -> None:
    assert read_message(message) is reason
    assert read_message(message.encode()) is reason


@pytest.mark.parametrize("schema", ["Other", "modelinvocationlog", "", 5, [], {}, True])
def test_a_log_of_another_schema_is_rejected(schema: object) -> None:
    assert read_invocation(invocation_log(schemaType=schema)) is RejectionReason.WRONG_SCHEMA


def test_a_log_without_a_schema_is_accepted() -> None:
    assert read_record(log_without("schemaType")) == read_record(invocation_log())


@pytest.mark.parametrize("value", [None, "", "  ", 5, True, [], ["a"], {}, {"a": "b"}])
@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("requestId", RejectionReason.NO_REQUEST_ID),
        ("modelId", RejectionReason.NO_MODEL),
        ("timestamp", RejectionReason.BAD_TIMESTAMP),
    ],
)
def test_required_fields_must_be_text(field: str, reason: RejectionReason, value: object) -> None:
    assert read_invocation(invocation_log(**{field: value})) is reason


@pytest.mark.parametrize(
    ("field", "reason"),
    [
        ("requestId", RejectionReason.NO_REQUEST_ID),
        ("modelId", RejectionReason.NO_MODEL),
        ("timestamp", RejectionReason.BAD_TIMESTAMP),
    ],
)
def test_required_fields_must_be_present(field: str, reason: RejectionReason) -> None:
    assert read_invocation(log_without(field)) is reason


def test_the_first_reason_in_the_order_of_the_list_is_given() -> None:
    log: dict[str, Any] = {"schemaType": "Other"}
    assert read_invocation(log) is RejectionReason.WRONG_SCHEMA
    del log["schemaType"]
    assert read_invocation(log) is RejectionReason.NO_REQUEST_ID
    log["requestId"] = "r"
    assert read_invocation(log) is RejectionReason.NO_MODEL
    log["modelId"] = HAIKU_3
    assert read_invocation(log) is RejectionReason.BAD_TIMESTAMP
    log["timestamp"] = "2026-09-08T12:00:00Z"
    assert isinstance(read_invocation(log), UsageRecord)


def test_the_reasons_are_a_closed_list() -> None:
    assert [str(reason) for reason in RejectionReason] == [
        "not_json",
        "not_an_object",
        "wrong_schema",
        "no_request_id",
        "no_model",
        "bad_timestamp",
        "truncated",
        "too_long",
        "too_old",  # for a ledger that forgets; a message by itself is never too old
        "in_the_future",  # compared with a clock, which a message by itself does not have
        "wrong_source",  # for a deployment, which takes records of one log group
        "wrong_account",
        "wrong_region",
        "masked",
    ]


@pytest.mark.parametrize(
    "notice",
    ["Permissions are correctly set for Amazon Bedrock logs.", "Permissions are correctly set"],
)
def test_the_notice_that_logging_was_switched_on_is_ignored(notice: str) -> None:
    assert read_message(notice) is Ignored.PERMISSION_NOTICE
    assert read_message(notice.encode()) is Ignored.PERMISSION_NOTICE


@pytest.mark.parametrize("text", ["permissions are correctly set", "Permissions are not set"])
def test_any_other_text_is_rejected(text: str) -> None:
    assert read_message(text) is RejectionReason.NOT_JSON


# Time.


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        pytest.param("2025-08-15T15:29:08Z", "2025-08-15T15:29:08+00:00", id="as_bedrock_writes"),
        pytest.param("2025-08-15T15:29:08", "2025-08-15T15:29:08+00:00", id="no_zone"),
        pytest.param("2025-08-15 15:29:08", "2025-08-15T15:29:08+00:00", id="blank_for_t"),
        pytest.param("2025-08-15T15:29:08+00:00", "2025-08-15T15:29:08+00:00", id="zero_offset"),
        pytest.param("2025-08-15T15:29:08+05:30", "2025-08-15T09:59:08+00:00", id="east"),
        pytest.param("2025-08-15T15:29:08-0800", "2025-08-15T23:29:08+00:00", id="west"),
        pytest.param("2025-12-31T23:59:59-01:00", "2026-01-01T00:59:59+00:00", id="next_year"),
        pytest.param("2024-02-29T00:00:00Z", "2024-02-29T00:00:00+00:00", id="leap_day"),
        pytest.param("2025-05-15 14:17:22.000000000", "2025-05-15T14:17:22+00:00", id="panther"),
        pytest.param("2025-08-15T15:29:08.999999999Z", "2025-08-15T15:29:08.999999+00:00", id="ns"),
        pytest.param("2025-08-15T15:29:08.5+02:00", "2025-08-15T13:29:08.5+00:00", id="all_of_it"),
    ],
)
def test_a_time_is_read_as_utc(text: str, utc: str) -> None:
    timestamp = read_record(invocation_log(timestamp=text)).timestamp
    assert timestamp == datetime.fromisoformat(utc)
    assert timestamp.tzinfo is UTC


@pytest.mark.parametrize("digits", range(1, 10))
def test_up_to_nine_fractional_digits_are_truncated_to_microseconds(digits: int) -> None:
    text = f"2025-08-15T15:29:08.{'123456789'[:digits]}Z"
    timestamp = read_record(invocation_log(timestamp=text)).timestamp
    assert timestamp.microsecond == int("123456789"[:digits][:6].ljust(6, "0"))


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("2025-08-15T15:29:08.1234567890Z", id="ten_digits_of_a_second"),
        pytest.param("2025-08-15T15:29:08.Z", id="no_digit_of_a_second"),
        pytest.param("2025-04-99T23:00:17Z", id="99th_of_april"),
        pytest.param("2025-02-29T00:00:00Z", id="no_leap_year"),
        pytest.param("2025-13-01T00:00:00Z", id="13th_month"),
        pytest.param("2025-00-01T00:00:00Z", id="month_zero"),
        pytest.param("0000-01-01T00:00:00Z", id="year_zero"),
        pytest.param("2025-08-15T24:00:00Z", id="24_o_clock"),
        pytest.param("2025-08-15T25:00:00Z", id="25_o_clock"),
        pytest.param("2025-08-15T15:60:00Z", id="minute_60"),
        pytest.param("2025-08-15T15:29:61Z", id="second_61"),
        pytest.param("2025-08-15T15:29:08+24:00", id="offset_of_a_day"),
        pytest.param("2025-08-15T15:29:08+99:99", id="impossible_offset"),
        pytest.param("0001-01-01T00:00:00+01:00", id="before_all_time"),
        pytest.param("9999-12-31T23:59:59-01:00", id="after_all_time"),
        pytest.param("2025-W33-5T15:29:08Z", id="week_date"),
        pytest.param("2025-227T15:29:08Z", id="day_of_the_year"),
        pytest.param("20250815T152908Z", id="basic_form"),
        pytest.param("2025-08-15", id="date_alone"),
        pytest.param("15:29:08Z", id="time_alone"),
        pytest.param("2025-08-15T15:29Z", id="no_seconds"),
        pytest.param("2025-08-15T15:29:08Z ", id="blank_after"),
        pytest.param("2025-08-15T15:29:08Z\n", id="line_end_after"),
        pytest.param("2025-08-15T15:29:08 UTC", id="zone_by_name"),
        pytest.param("\u0662\u0660\u0662\u0665-08-15T15:29:08Z", id="arabic_digits"),
        pytest.param("1755271748", id="seconds_as_text"),
        pytest.param("xxxxxxxxxxxx", id="redacted"),
    ],
)
def test_an_invalid_time_is_rejected(text: str) -> None:
    assert read_invocation(invocation_log(timestamp=text)) is RejectionReason.BAD_TIMESTAMP


@pytest.mark.parametrize("number", [1_755_271_748, 1_755_271_748_000, 1.5, 0, True])
def test_a_number_is_not_a_time(number: object) -> None:
    assert read_invocation(invocation_log(timestamp=number)) is RejectionReason.BAD_TIMESTAMP


@given(st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30)))  # noqa: DTZ001
def test_every_time_is_read_as_written(moment: datetime) -> None:
    record = read_record(invocation_log(timestamp=moment.isoformat()))
    assert record.timestamp == moment.replace(tzinfo=UTC)


# Caller.


@pytest.mark.parametrize(
    "identity",
    [
        pytest.param(None, id="null"),
        pytest.param({}, id="empty_object"),
        pytest.param({"arn": None}, id="null_arn"),
        pytest.param({"arn": ""}, id="empty_arn"),
        pytest.param({"arn": "  "}, id="blank_arn"),
        pytest.param({"arn": 5}, id="number"),
        pytest.param({"arn": {"arn": ANA}}, id="arn_within_an_arn"),
        pytest.param({"userId": ANA}, id="other_field"),
        pytest.param("", id="empty_text"),
        pytest.param([], id="empty_list"),
        pytest.param([None], id="list_of_null"),
        pytest.param([{}], id="list_of_an_empty_object"),
        pytest.param(5, id="number_for_an_object"),
    ],
)
def test_a_call_with_an_unnamed_caller_is_counted_as_unknown(identity: object) -> None:
    record = read_record(invocation_log(identity=identity))
    assert record.identity_arn == UNKNOWN_IDENTITY == "unknown"
    assert record.tokens.total == 25


def test_a_call_without_a_caller_is_counted_as_unknown() -> None:
    assert read_record(log_without("identity")).identity_arn == UNKNOWN_IDENTITY


@pytest.mark.parametrize(
    "arn",
    [
        "<redacted>",
        "arn:aws:sts::xxxx",
        "arn:aws:sts::111122223333:assumed-role/chat",
        "Lorem ipsum",
        "h\u00e9l\u00e8ne",
    ],
)
def test_a_malformed_caller_is_named_by_its_text(arn: str) -> None:
    assert read_record(invocation_log(identity={"arn": arn})).identity_arn == arn


@pytest.mark.parametrize("identity", [[{"arn": ANA}], [{"arn": ANA}, {"arn": "other"}], ANA])
def test_the_first_of_a_list_of_callers_is_used_and_text_is_a_caller(
    identity: object,
) -> None:
    assert read_record(invocation_log(identity=identity)).identity_arn == ANA


# Outcome.


@pytest.mark.parametrize("code", [None, ""])
def test_a_call_without_an_error_code_succeeded(code: str | None) -> None:
    record = read_record(invocation_log(errorCode=code))
    assert record == read_record(invocation_log())
    assert not record.is_failed


@pytest.mark.parametrize(
    "code", ["ThrottlingException", "ValidationException", "ANewExceptionOfNextYear"]
)
@pytest.mark.parametrize("empty", [{"input": {}, "output": {}}, {"input": None, "output": None}])
def test_a_call_with_an_error_code_failed(code: str, empty: dict[str, object]) -> None:
    record = read_record(invocation_log(errorCode=code, **empty))
    assert (record.error_code, record.is_failed) == (code, True)
    assert record.tokens == TokenCounts()


def test_a_failed_stream_keeps_its_partial_counts() -> None:
    record = read_record(invocation_log(errorCode="ModelStreamErrorException"))
    assert record.is_failed
    assert record.tokens.total == 25


@pytest.mark.parametrize("code", [5, True, ["ThrottlingException"], {"code": "x"}])
def test_an_error_code_that_is_not_text_is_still_a_failure(code: object) -> None:
    assert read_record(invocation_log(errorCode=code)).error_code == OTHER


@pytest.mark.parametrize(
    "operation",
    [
        *("InvokeModel", "InvokeModelWithResponseStream", "Converse", "ConverseStream"),
        *("ChatCompletions", "Responses", "Messages"),
    ],
)
def test_a_documented_operation_keeps_its_name(operation: str) -> None:
    assert read_record(invocation_log(operation=operation)).operation == operation


@pytest.mark.parametrize("operation", ["ListModels", "invokemodel", "", None, 5, ["Converse"], {}])
def test_any_other_operation_is_counted_as_other(operation: object) -> None:
    record = read_record(invocation_log(operation=operation))
    assert record.operation == OTHER == "other"
    assert record.tokens.total == 25


# Guardrails: blocked calls are successes.


def test_a_converse_call_blocked_on_input_counts_zero() -> None:
    usage = {"inputTokens": 0, "outputTokens": 0, "totalTokens": 0}
    body = {"stopReason": "guardrail_intervened", "usage": usage}
    record = read_record(answered(body, {"inputTokenCount": 0}, outputTokenCount=0))
    assert record.tokens == TokenCounts(0, 0)
    assert not record.is_failed


def test_an_invoke_model_call_blocked_on_input_has_missing_counts() -> None:
    body = {"content": [{"text": "No."}], "amazon-bedrock-guardrailAction": "INTERVENED"}
    record = read_record(answered(body))
    assert record.tokens.is_missing
    assert not record.is_failed


def test_a_stream_blocked_on_input_counts_zero() -> None:
    chunks = [
        {"type": "message_start", "message": {"usage": {"input_tokens": 9, "output_tokens": 1}}},
        {"type": "message_stop", "amazon-bedrock-guardrailAction": "INTERVENED"},
    ]
    log = answered(chunks, {"inputTokenCount": 0}, outputTokenCount=0)
    assert read_tokens(log) == TokenCounts(0, 0)


def test_a_call_blocked_on_output_counts_the_model_s_tokens_once() -> None:
    real = {"usage": {"input_tokens": 70, "output_tokens": 209}}
    body = {
        "amazon-bedrock-guardrailAction": "INTERVENED",
        "trace": {"guardrail": {"modelOutput": [one_line(real)]}},
    }
    log = answered(body, {"inputTokenCount": 70}, outputTokenCount=209)
    assert read_tokens(log) == TokenCounts(70, 209)


# Hostile callers and models.


@pytest.mark.parametrize("part", [None, 5, "text", [], [{"inputTokenCount": 5}], True])
def test_a_malformed_input_or_output_loses_only_its_counts(part: object) -> None:
    assert read_tokens(invocation_log(input=part)) == TokenCounts(output=5)
    assert read_tokens(invocation_log(output=part)) == TokenCounts(10, None, 7, 3)


@pytest.mark.parametrize("count", [None, True, -1, 1.5, "<count>", 10**12 + 1, [5], {"count": 5}])
def test_an_invalid_count_is_absent_and_the_call_is_counted(count: object) -> None:
    request = {"inputTokenCount": count, "cacheReadInputTokenCount": 7}
    assert read_tokens(invocation_log(input=request)) == TokenCounts(None, 5, 7)


fields = st.sampled_from([*invocation_log(), "errorCode", "requestMetadata"])
count_fields = st.sampled_from(
    [
        ("input", "inputTokenCount"),
        ("input", "cacheReadInputTokenCount"),
        ("input", "cacheWriteInputTokenCount"),
        ("input", "inputBodyJson"),
        ("output", "outputTokenCount"),
        ("output", "outputBodyJson"),
        ("identity", "arn"),
    ]
)


def assert_storable(reading: object) -> None:
    """Assert that every store can take a reading: hashable, with text that encodes as UTF-8."""
    if isinstance(reading, UsageRecord):
        hash(reading)
        repr(reading).encode()
        for text in (*reading.key, reading.model_id, reading.invoked_model_id):
            text.encode()
        for count in reading.tokens:
            assert count is None or count >= 0
    else:
        assert isinstance(reading, RejectionReason)


@given(fields, json_values())
def test_any_json_at_any_field_is_counted_or_rejected(field: str, value: object) -> None:
    log = invocation_log(**{field: value})
    assert_storable(read_invocation(log))
    assert_storable(read_message(json.dumps(log)))


@given(count_fields, json_values())
def test_any_json_below_a_field_loses_no_call(path: tuple[str, str], value: object) -> None:
    outer, inner = path
    log = invocation_log()
    log[outer] = log[outer] | {inner: value}
    assert_storable(read_record(log))
    assert isinstance(read_message(json.dumps(log)), UsageRecord)


@given(st.sampled_from(["identity", "requestId", "modelId", "accountId", "region"]), any_text)
def test_any_identifying_text_can_be_stored(field: str, text: str) -> None:
    value = {"arn": text} if field == "identity" else text
    reading = read_invocation(invocation_log(**{field: value}))
    assert_storable(reading)
    if isinstance(reading, UsageRecord):
        reading.identity_arn.encode()


@given(json_values())
def test_any_json_is_counted_or_rejected(log: object) -> None:
    assert_storable(read_invocation(log))


@given(st.binary() | any_text)
def test_any_message_is_read_without_raising(message: bytes | str) -> None:
    assert isinstance(read_message(message), UsageRecord | RejectionReason | Ignored)


def with_bodies(request: object, response: object, metadata: object) -> dict[str, Any]:
    log = invocation_log(requestMetadata=metadata)
    log["input"] = {"inputBodyJson": request} | log["input"]
    log["output"] = {"outputBodyJson": response} | log["output"]
    return log


def assert_nothing_at_the_top_level_changed(reading: object) -> None:
    """Fail if a body lowered a count or changed anything but what a body may report.

    Samplings that the logged counts are a part of may raise them to their sum.
    """
    assert isinstance(reading, UsageRecord)
    plain = read_record(invocation_log())
    for counted, logged in zip(reading.tokens[:4], plain.tokens[:4], strict=True):
        assert counted is not None
        assert counted >= (logged or 0)
    refined = reading._replace(
        tokens=plain.tokens,
        latency_ms=None,
        request_metadata=(),
        service_tier=None,
        billed_units=(),
        usage_doubt=None,
    )
    assert refined == plain


@given(hostile_bodies, hostile_bodies, hostile_bodies)
def test_no_body_changes_the_top_level_fields(
    request: object, response: object, metadata: object
) -> None:
    log = with_bodies(request, response, metadata)
    assert_nothing_at_the_top_level_changed(read_invocation(log))
    assert_nothing_at_the_top_level_changed(read_message(json.dumps(log)))


@given(hostile_bodies)
def test_no_body_encoded_as_text_changes_the_top_level_fields(body: object) -> None:
    text = json.dumps(body)
    assert_nothing_at_the_top_level_changed(read_invocation(with_bodies(text, text, text)))


@given(st.lists(hostile_bodies, max_size=5))
def test_no_stream_changes_the_top_level_fields(chunks: list[object]) -> None:
    assert_nothing_at_the_top_level_changed(read_invocation(with_bodies(None, chunks, None)))


@given(hostile_bodies)
def test_counts_in_a_request_are_never_read(request: object) -> None:
    log = invocation_log(input={"inputBodyJson": request}, output={}, requestMetadata=request)
    assert read_tokens(log) == TokenCounts()


def test_spoofed_fields_in_bodies_are_not_read() -> None:
    spoofed = invocation_log(requestId="spoofed", identity={"arn": "spoofed"}, modelId="spoofed")
    log = with_bodies(spoofed, spoofed, spoofed)
    assert_nothing_at_the_top_level_changed(read_invocation(log))
    assert_nothing_at_the_top_level_changed(read_invocation(with_bodies(log, [log, log], log)))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("[" * 10**5 + "]" * 10**5, id="deep_lists"),
        pytest.param('{"usage":' * 10**5 + "1" + "}" * 10**5, id="deep_objects"),
        pytest.param(r'{"text":"\ud800"}', id="lone_surrogate"),
        pytest.param('{"usage":{"inputTokens":' + "9" * 5000 + "}}", id="number_of_5000_digits"),
        pytest.param(r'"\ud800"', id="text_with_a_lone_surrogate"),
        pytest.param("9" * 5000, id="number_for_a_body"),
    ],
)
def test_no_body_that_is_hard_to_decode_hides_a_call(body: str) -> None:
    plain = one_line(with_bodies("BODY", "BODY", "BODY"))
    assert plain.count('"BODY"') == 3
    assert_nothing_at_the_top_level_changed(read_message(plain.replace('"BODY"', body)))
