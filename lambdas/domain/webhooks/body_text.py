"""Texts of events as people read them in chat systems."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from lambdas.domain.events import EventScope
from lambdas.domain.words import break_links, list_first, printable

MAX_BODY_BYTES = 20_000
"""The largest body. Standard Webhooks advises receivers to expect no more than 20 KB."""
_ELLIPSIS = "…"
_MAX_NAMES = 5
_MAX_NAME_LETTERS = 100


class Origin(NamedTuple):
    """The meter that sends.

    Attributes:
        account_id: Its AWS account.
        region: Its Region.
    """

    account_id: str
    region: str


def shorten(text: str, max_letters: int) -> str:
    """Cut a text, so that it ends with an ellipsis.

    >>> shorten("abcdef", 4)
    'abc…'
    """
    if len(text) <= max_letters:
        return text
    return text[: max_letters - 1] + _ELLIPSIS if max_letters > 0 else ""


def make_readable(text: str) -> str:
    """Replace letters that could steer a screen; line breaks stay."""
    return "\n".join(printable(line) for line in text.splitlines())


def describe_names(names: Sequence[str]) -> str:
    """List the first names of a label. Callers choose some of them: no name becomes a link."""
    shown = [shorten(break_links(printable(name)), _MAX_NAME_LETTERS) for name in names]
    return list_first(shown, _MAX_NAMES)


def describe_scope(scope: EventScope) -> Iterable[str]:
    """Write the labels of a scope with their names.

    >>> list(describe_scope({"project": ("chat", "search"), "use_case": ("agents",)}))
    ['project: chat, search', 'use case: agents']
    """
    for label, names in scope.items():
        shown_label = shorten(printable(label), _MAX_NAME_LETTERS).replace("_", " ")
        yield f"{shown_label}: {describe_names(names)}"
