"""Log messages that no honest writer sends; they must not stop, hide or change other messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from tests.invocation_logs import log

_ACCOUNT = "111122223333"
_ODD_TEXTS = {
    "nul": "a\0b",
    "half a surrogate pair": "a\ud800b",
    "terminal escape": "\x1b[2J\x1b]0;title\x07",
    "right to left": "\u202etxt\u2066",
    "no character": "\ufffe\uffff",
    "emoji": "\U0001f4a3" * 300,
    "line ends": "a\r\nb\u2028c\x85",
    "signs of keys": "#call#%23#{}'\"\\",
    "eight kilobytes": "x" * 8192,
    "half a megabyte": "\u00fc" * 262_144,
    "blanks at its ends": " \t text \t ",
}
_ROLE = f"arn:aws:sts::{_ACCOUNT}:assumed-role"
_PROFILE = f"arn:aws:bedrock:us-east-1:{_ACCOUNT}:application-inference-profile"
_IDENTITIES = (
    *(f"{_ROLE}/", f"{_ROLE}//", f"{_ROLE}//session", f"{_ROLE}/role/", f"{_ROLE}/ / "),
    *(f"{_ROLE}/{'r' * 2000}/s", f"{_ROLE}/r/{'s' * 2000}", f"{_ROLE}/#/#", "arn:::::", "arn"),
    *(f"arn:aws:iam::{_ACCOUNT}:user/", "arn:aws:iam:::root", ":", "__other__", "unattributed"),
)
_MODELS = (
    *(f"{_PROFILE}/", f"{_PROFILE}/{'a' * 3000}", f"{_PROFILE}/a#b", "a#b", "#", ".", "/", ":"),
    *("arn:aws:bedrock:::", "us." * 3000, "__other__", "foundation-model/", "us.anthropic."),
)
_WRONG_TYPES: tuple[Any, ...] = (7, True, [[]], {"a": {}})
_FIELDS = (
    *("requestId", "modelId", "identity", "timestamp", "operation", "errorCode", "input"),
    *("output", "requestMetadata", "inferenceRegion"),
)
_COUNTS: tuple[Any, ...] = (
    *(-1, 1.5, 1e308, 10**13, True, "\u0663", "1e3", " 1", [5]),
    *(float("nan"), float("inf")),
)
_TIMES = (
    *("", "now", "2026-13-01T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01", "0001-01-01T00:00Z"),
    *("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-01T00:00:00Z" * 9),
    *("\u0662026-01-01T00:00:00Z", "1970-01-01T00:00:00Z"),
)


def poison_messages(time: datetime) -> dict[str, str]:
    """Messages by what is wrong with them, with unique request ids if they have any."""
    records = dict(_records())
    messages = {
        name: json.dumps(
            log(f"poison-{number}", timestamp=time.isoformat()) | changes, ensure_ascii=False
        )
        for number, (name, changes) in enumerate(records.items())
    }
    return messages | _raw_messages(time)


def _records() -> Iterator[tuple[str, dict[str, Any]]]:
    for name, text in _ODD_TEXTS.items():
        yield f"{name} in request id", {"requestId": f"id {text}"}
        yield f"{name} in model", {"modelId": f"vendor.{text}"}
        yield f"{name} in identity", {"identity": {"arn": f"{_ROLE}/app/{text}"}}
        yield f"{name} in error", {"errorCode": text}
        yield f"{name} in metadata", {"requestMetadata": {"project": text, text: "a"}}
    for identity in _IDENTITIES:
        yield f"identity {identity[:60]} of {len(identity)}", {"identity": {"arn": identity}}
    for model in _MODELS:
        yield f"model {model[:70]} of {len(model)}", {"modelId": model}
    for field in _FIELDS:
        for value in _WRONG_TYPES:
            yield f"{field} is {value}", {field: value}
    for count in _COUNTS:
        yield f"input count {count!r}", {"input": {"inputTokenCount": count}}
    for time in _TIMES:
        yield f"time {time[:40]}", {"timestamp": time}


def _raw_messages(time: datetime) -> dict[str, str]:
    """Messages that no JSON encoder writes."""
    whole = json.dumps(log("raw", timestamp=time.isoformat()))
    fields, marker = whole[:-1], '"requestId": "raw"'
    return {
        "text": "a line of plain text",
        "a number": "7",
        "a list": f"[{whole}]",
        "cut off": whole[:-20],
        "two objects": whole + whole,
        "open brackets": "[" * 100_000,
        "open objects": '{"a":' * 20_000,
        "deep body": f'{fields}, "x": {"[" * 50_000}{"]" * 50_000}}}'.replace("raw", "deep body"),
        "long number": f'{fields}, "x": {"9" * 5000}}}'.replace("raw", "long number"),
        "one name twice": whole.replace(marker, '"requestId": "first", "requestId": "second"'),
        "byte order mark": "\ufeff" + whole.replace("raw", "byte order mark"),
        "control characters": whole.replace(marker, '"requestId": "a\x01\x1fb"'),
        "half an escape": whole.replace(marker, '"requestId": "\\udc00 half"'),
        "exponent": whole.replace('Count": 10', 'Count": 1e400').replace("raw", "exponent"),
        "lone quote": fields + ', "',
    }
