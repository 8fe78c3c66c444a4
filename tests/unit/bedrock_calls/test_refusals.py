"""Refusals and headers of limits, as clients of several kinds read them."""

import json

import pytest

from lambdas.domain.bedrock_calls import (
    TOO_LARGE,
    UNKNOWN_KEY,
    LimitState,
    refuse_limit,
    write_ietf_headers,
    write_kong_headers,
    write_retry_headers,
)

MINUTE = LimitState("team", 1000, 10, 60, 2.1)
DAY = LimitState("team day", 5, -3, 86_400, None, "requests", "caf\u00e9")


def test_a_refusal_that_waiting_helps_is_throttling_with_a_pause() -> None:
    refusal = refuse_limit("Limit team", 2100, ["team"])
    assert (refusal.status, refusal.code) == (429, "ThrottlingException")
    headers = dict(refusal.write_headers())
    assert headers["x-amzn-errortype"] == "ThrottlingException"
    assert (headers["Retry-After"], headers["x-amz-retry-after"]) == ("3", "2100")
    assert json.loads(refusal.write_body()) == {
        "__type": "ThrottlingException",
        "message": "Limit team",
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "ThrottlingException",
        "status": 429,
        "detail": "Limit team",
        "violated-policies": ["team"],
    }


def test_a_refusal_that_waiting_does_not_help_is_not_retried() -> None:
    refusal = refuse_limit("Limit team", None, ["team"])
    assert (refusal.status, refusal.code) == (400, "ServiceQuotaExceededException")
    assert "x-amz-retry-after" not in dict(refusal.write_headers())


def test_other_refusals_name_their_status_and_no_policies() -> None:
    assert (UNKNOWN_KEY.status, TOO_LARGE.status) == (403, 413)
    assert "violated-policies" not in json.loads(UNKNOWN_KEY.write_body())


def test_limits_are_shown_as_the_ietf_draft_says() -> None:
    assert dict(write_ietf_headers([MINUTE, DAY])) == {
        "RateLimit-Policy": (
            '"team";q=1000;qu="tokens";w=60, "team day";q=5;qu="requests";w=86400;pk=:Y2Fmw6k=:'
        ),
        "RateLimit": '"team";r=10;t=3, "team day";r=0;pk=:Y2Fmw6k=:',
    }
    assert write_ietf_headers([]) == ()


@pytest.mark.parametrize("name", ['a"b', "a\\b", "a\r\nX-Evil: 1", "caf\u00e9"])
def test_no_name_breaks_a_header(name: str) -> None:
    limit = MINUTE._replace(name=name, unit=name)
    for _, value in (*write_ietf_headers([limit]), *write_kong_headers([limit])):
        assert value.isascii()
        assert value.isprintable()
    for header, _ in write_kong_headers([limit]):
        assert header.replace("-", "").isalnum()
    assert dict(write_ietf_headers([MINUTE._replace(name='a"\\')]))["RateLimit"].startswith(
        '"a\\"\\\\";'
    )


def test_limits_are_shown_as_kong_shows_them() -> None:
    odd = LimitState("odd", 7, 1, 90)
    concurrency = LimitState("parallel", 7, 1)
    assert dict(write_kong_headers([MINUTE, DAY, odd, concurrency], 2100)) == {
        "X-AI-RateLimit-Limit-minute-team": "1000",
        "X-AI-RateLimit-Remaining-minute-team": "10",
        "X-AI-RateLimit-Reset-team": "3",
        "X-AI-RateLimit-Limit-day-team-day": "5",
        "X-AI-RateLimit-Remaining-day-team-day": "0",
        "X-AI-RateLimit-Limit-90-odd": "7",
        "X-AI-RateLimit-Remaining-90-odd": "1",
        "X-AI-RateLimit-Retry-After": "3",
    }


def test_a_pause_is_never_zero() -> None:
    assert dict(write_retry_headers(0)) == {"Retry-After": "1", "x-amz-retry-after": "1"}
    assert write_retry_headers(None) == ()
