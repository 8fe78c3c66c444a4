"""Answers are stored without the address and the secrets that they may repeat."""

import json
from urllib.parse import unquote

import pytest

from lambdas.domain.webhooks import redact

URL = "https://hooks.example.com/services/T0123456/B0123456/sEcReTtOkEn%2Fx?api_key=qUeRySeCrEt&a=b"
SECRET = "whsec_c2VjcmV0"  # noqa: S105  # an example
MARKS = ("sEcReTtOkEn", "qUeRySeCrEt", "T0123456", SECRET)


@pytest.mark.parametrize(
    "answer",
    [
        f"cannot find {URL}",
        f"cannot find {unquote(URL)}",
        "cannot find " + URL.partition("example.com")[2],
        "<p>no token sEcReTtOkEn%2Fx</p>",
        json.dumps({"path": URL}).replace("/", "\\/"),
        "api_key=qUeRySeCrEt is wrong for T0123456",
        f"your secret is {SECRET}",
        f"your key is {SECRET.removeprefix('whsec_')}",
    ],
)
def test_no_part_of_an_address_or_a_secret_is_left(answer: str) -> None:
    redacted = redact(answer, URL, [SECRET])
    assert "***" in redacted
    assert not [mark for mark in MARKS if mark in redacted]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        # A path in JSON with its spaces encoded, another case, and a text that was cut.
        ("no \\/a%20bcd%3De\\/token-123.", "no \\/***."),
        ("no A BCD=E and TOKEN-123", "no *** and ***"),
        ("token-123 token-123 token-1", "*** *** ***"),
        ("token-123 token", "*** token"),
        ("token-123 TOKEN-", "*** ***"),
    ],
)
def test_other_forms_and_beginnings_at_the_end_are_not_left(answer: str, expected: str) -> None:
    assert redact(answer, "https://a.example/a%20bcd=e/token-123") == expected


def test_other_answers_stay_as_they_are() -> None:
    assert redact("invalid_payload: a/b?", URL, [SECRET]) == "invalid_payload: a/b?"


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com", "https://hooks.example.com/", "", "x"]
)
def test_an_address_without_secret_parts_hides_nothing_else(url: str) -> None:
    assert redact("no such page", url) == "no such page"
