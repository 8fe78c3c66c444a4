"""Short texts for values and lists of names in notices."""

from __future__ import annotations

from collections.abc import Iterable

from lambdas.domain.logging_configuration import fingerprint

_MAX_VALUE_LETTERS = 200
_MAX_NAMES = 5


def show(value: object) -> str:
    """Show a value, cut to a readable length; control characters are escaped.

    What is cut off is told apart by a fingerprint, so that a second change is a new difference.

    >>> show(None)
    'not set'
    """
    if value is None:
        return "not set"
    text = repr(value)
    if len(text) <= _MAX_VALUE_LETTERS:
        return text
    return f"{text[:_MAX_VALUE_LETTERS]}... ({fingerprint(value)})"


def list_names(names: Iterable[str]) -> str:
    """List names in order, the first five of many, with a fingerprint of the others.

    >>> list_names(["b", "a"])
    'a, b'
    """
    ordered = sorted(names)
    listed = ", ".join(ordered[:_MAX_NAMES])
    rest = ordered[_MAX_NAMES:]
    return f"{listed} and {len(rest)} more ({fingerprint(rest)})" if rest else listed
