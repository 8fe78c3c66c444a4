"""Names, and patterns of names."""

from __future__ import annotations

_ANY = "*"


def is_pattern(text: str) -> bool:
    """Say if a text stands for many names."""
    return _ANY in text


def matches(pattern: str, name: str) -> bool:
    """Say if a name is one that a pattern describes: each `*` stands for any text, also none.

    It takes time in proportion to the length of the name for each `*`, whatever callers choose
    as names.

    >>> matches("arn:aws:sts::*:assumed-role/chat/*", "arn:aws:sts::1:assumed-role/chat/ana")
    True
    """
    first, *others = pattern.split(_ANY)
    if not others:
        return name == pattern
    *middle, last = others
    end = len(name) - len(last)
    if end < len(first) or not (name.startswith(first) and name.endswith(last)):
        return False
    place = len(first)
    for part in middle:
        found = name.find(part, place, end)
        if found < 0:
            return False
        place = found + len(part)
    return True
