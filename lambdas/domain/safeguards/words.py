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


def list_names(names: Iterable[str]) -> str:
    """List names in order, the first five of many.

    >>> list_names(["b", "a"])
    'a, b'
    """
    ordered = sorted(names)
    listed = ", ".join(ordered[:_MAX_NAMES])
    rest = len(ordered) - _MAX_NAMES
    return listed if rest <= 0 else f"{listed} and {rest} more"
