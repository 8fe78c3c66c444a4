"""The body for an incoming webhook of Slack, and of systems that take its format.

Limits of blocks: https://docs.slack.dev/reference/block-kit/blocks
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, TypeAlias
from urllib.parse import quote

from lambdas.domain.events import MeterEvent
from lambdas.domain.times import write_seconds
from lambdas.domain.webhooks.body_text import Origin, describe_scope, make_readable

_Block: TypeAlias = dict[str, Any]
_MAX_HEADER_LETTERS = 150
_MAX_FALLBACK_LETTERS = 300
_MAX_TEXT_LETTERS = 2000
"""Slack takes 3,000. This many letters of four bytes still fit into the largest body."""
_MAX_FIELDS = 10
_MAX_FIELD_LETTERS = 150
_MAX_CONTEXT_LETTERS = 300
_MAX_LINK_LETTERS = 2000
_NO_TITLE = "Bedrock Meter"
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_LINK_STARTS = ("https://", "http://")
_LAST_BASIC_LETTER = "\uffff"
"""Letters after it count as two, as in JavaScript."""


def write_slack_message(event: MeterEvent, origin: Origin) -> bytes:
    """Write an event as a message for people: title, text, scope, link and origin.

    Texts stand in blocks without Slack's markup, so that names, which callers choose, are shown as
    they are: they mention no channel.
    """
    title = make_readable(event.title).strip() or _NO_TITLE
    message = {
        "text": escape_for_slack(title, _MAX_FALLBACK_LETTERS),
        "blocks": list(_make_blocks(event, origin, title)),
    }
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode()


def escape_for_slack(text: str, max_letters: int) -> str:
    """Replace Slack's control letters, and cut the result between two letters.

    >>> escape_for_slack("<!channel> & more", 50)
    '&lt;!channel&gt; &amp; more'
    """
    # Letters after these never fit, and texts can be long.
    escaped = [_ESCAPES.get(letter, letter) for letter in text[: max_letters + 1]]
    if sum(map(_count_letters, escaped)) <= max_letters:
        return "".join(escaped)
    kept, size = list[str](), 1  # of the ellipsis
    for part in escaped:
        size += _count_letters(part)
        if size > max_letters:
            break
        kept.append(part)
    return "".join(kept) + "…"


def _make_blocks(event: MeterEvent, origin: Origin, title: str) -> Iterable[_Block]:
    yield {"type": "header", "text": _plain(title, _MAX_HEADER_LETTERS)}
    text = make_readable(event.text).strip()
    if text:
        yield {"type": "section", "text": _plain(text, _MAX_TEXT_LETTERS)}
    fields = [_plain(line, _MAX_FIELD_LETTERS) for line in describe_scope(event.scope)]
    if fields:
        yield {"type": "section", "fields": fields[:_MAX_FIELDS]}
    link = _write_link(event.link)
    if link is not None:
        yield {"type": "section", "text": {"type": "mrkdwn", "text": link, "verbatim": True}}
    at = write_seconds(event.at)
    context = f"{event.type.value} | {at} | {origin.account_id} {origin.region}"
    yield {"type": "context", "elements": [_plain(context, _MAX_CONTEXT_LETTERS)]}


def _plain(text: str, max_letters: int) -> dict[str, Any]:
    return {"type": "plain_text", "text": escape_for_slack(text, max_letters), "emoji": False}


def _write_link(link: str | None) -> str | None:
    """Write a link; `None` without one, and for one that Slack would not take."""
    if link is None or not link.startswith(_LINK_STARTS):
        return None
    # Letters that end a link in Slack, such as > and |, are not among the safe ones.
    address = quote(link, safe=":/?#[]@!$&'()*+,;=%~", errors="replace").replace("&", "&amp;")
    return None if len(address) > _MAX_LINK_LETTERS else f"<{address}|Open the dashboard>"


def _count_letters(text: str) -> int:
    return sum(1 + (letter > _LAST_BASIC_LETTER) for letter in text)
