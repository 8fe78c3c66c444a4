"""Short texts for values and lists of names in notices."""

from __future__ import annotations

from collections.abc import Iterable

_MAX_VALUE_LETTERS = 200
_MAX_NAMES = 5


def show(value: object) -> str:
    """Show a value, cut to a readable length; control characters are escaped.

    >>> show(None)
    'not set'
    """
    return "not set" if value is None else repr(value)[:_MAX_VALUE_LETTERS]


def hint_at_known(word: str) -> str:
    """Name the word of `known_log_policies` with which an owner says that a policy is theirs.

    >>> hint_at_known("transformer")
    "(if you made it, add 'transformer' to known_log_policies)"
    """
    return f"(if you made it, add {word!r} to known_log_policies)"


def list_names(names: Iterable[str]) -> str:
    """List names in order, the first five of many.

    >>> list_names(["b", "a"])
    'a, b'
    """
    ordered = sorted(names)
    listed = ", ".join(ordered[:_MAX_NAMES])
    rest = len(ordered) - _MAX_NAMES
    return listed if rest <= 0 else f"{listed} and {rest} more"
