"""Writes rate-limit headers: the IETF's, AWS's pause for its SDKs, and those of Kong's plugin.

https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers/ (a draft),
https://developer.konghq.com/plugins/ai-rate-limiting-advanced/
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from datetime import datetime
from math import ceil
from typing import NamedTuple

Headers = tuple[tuple[str, str], ...]

_KONG_WINDOWS = {
    1: "second",
    60: "minute",
    3_600: "hour",
    86_400: "day",
    2_592_000: "month",
    31_536_000: "year",
}
_NOT_IN_TOKENS = re.compile(r"[^A-Za-z0-9-]+")
_NOT_IN_STRINGS = re.compile(r"[^ -~]")
_MS = 1000


class LimitState(NamedTuple):
    """A limit as a response shows it.

    Attributes:
        name: Its name.
        quota: The amount that a window allows.
        remaining: The amount that is left; 0 for one that is exceeded.
        window_seconds: The length of its window; `None` for concurrency.
        reset_seconds: The time until more is available, as far as it is known.
        unit: The unit of the amounts. The draft has registered `requests` and
            `concurrent-requests`; others, such as `tokens`, are the meter's own.
        partition: The value that the limit counts by, such as a project.
        resets_at: The time at which more is available, as far as it is known.
        models: Patterns of the models that it limits; empty for all.
        operations: The operations that it limits; empty for all.
    """

    name: str
    quota: int
    remaining: int
    window_seconds: int | None = None
    reset_seconds: float | None = None
    unit: str = "tokens"
    partition: str | None = None
    resets_at: datetime | None = None
    models: Sequence[str] = ()
    operations: Sequence[str] = ()


def write_ietf_headers(limits: Sequence[LimitState]) -> Headers:
    """Write `RateLimit-Policy` and `RateLimit`, each with an entry for each limit.

    Example:
        >>> write_ietf_headers([LimitState("team", 1000, 10, 60, 2.5)])[1]
        ('RateLimit', '"team";r=10;t=3')
    """
    if not limits:
        return ()
    policies = ", ".join(
        _write_item(
            limit.name,
            ("q", str(limit.quota)),
            ("qu", _quote(limit.unit)),
            ("w", _write_seconds(limit.window_seconds)),
            ("pk", _write_bytes(limit.partition)),
        )
        for limit in limits
    )
    states = ", ".join(
        _write_item(
            limit.name,
            ("r", str(max(limit.remaining, 0))),
            ("t", _write_seconds(limit.reset_seconds)),
            ("pk", _write_bytes(limit.partition)),
        )
        for limit in limits
    )
    return ("RateLimit-Policy", policies), ("RateLimit", states)


def write_retry_headers(retry_after_ms: int | None) -> Headers:
    """Write the pause before another attempt: in seconds for all clients, in ms for AWS's SDKs.

    AWS's SDKs ignore `Retry-After`, and wait for `x-amz-retry-after` in milliseconds.
    """
    if retry_after_ms is None:
        return ()
    milliseconds = max(retry_after_ms, 1)
    return (
        ("Retry-After", str(ceil(milliseconds / _MS))),
        ("x-amz-retry-after", str(milliseconds)),
    )


def write_kong_headers(limits: Iterable[LimitState], retry_after_ms: int | None = None) -> Headers:
    """Write the headers of Kong's plugin for AI limits.

    Args:
        limits: The limits.
        retry_after_ms: The pause, if the call is refused.
    """
    headers: list[tuple[str, str]] = []
    for limit in limits:
        if limit.window_seconds is None:
            continue
        window = _KONG_WINDOWS.get(limit.window_seconds, str(limit.window_seconds))
        name = _NOT_IN_TOKENS.sub("-", limit.name).strip("-") or "limit"
        headers += [
            (f"X-AI-RateLimit-Limit-{window}-{name}", str(limit.quota)),
            (f"X-AI-RateLimit-Remaining-{window}-{name}", str(max(limit.remaining, 0))),
        ]
        if limit.reset_seconds is not None:
            reset = str(max(ceil(limit.reset_seconds), 0))
            headers.append((f"X-AI-RateLimit-Reset-{name}", reset))
    if retry_after_ms is not None:
        seconds = str(ceil(max(retry_after_ms, 1) / _MS))
        headers.append(("X-AI-RateLimit-Retry-After", seconds))
    return tuple(headers)


def _write_item(name: str, *parameters: tuple[str, str | None]) -> str:
    written = "".join(f";{key}={value}" for key, value in parameters if value is not None)
    return f"{_quote(name)}{written}"


def _quote(text: str) -> str:
    """Write a string of structured fields, which is ASCII.

    https://www.rfc-editor.org/rfc/rfc9651#section-3.3.3
    """
    escaped = _NOT_IN_STRINGS.sub("?", text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _write_seconds(seconds: float | None) -> str | None:
    return None if seconds is None else str(max(ceil(seconds), 0))


def _write_bytes(text: str | None) -> str | None:
    return None if text is None else f":{b64encode(text.encode()).decode()}:"
