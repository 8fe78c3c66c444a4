"""Numbers of things and lists of names, as every notice and report writes them."""

from __future__ import annotations

from collections.abc import Iterable

from lambdas.domain.logging_configuration import fingerprint

_MAX_NAMES = 5


def plural(count: int, noun: str) -> str:
    """Write a number of things.

    >>> plural(1, "call"), plural(2000, "call")
    ('1 call', '2,000 calls')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def list_names(names: Iterable[str]) -> str:
    """List names in order, the first five of many, with a fingerprint of the others.

    >>> list_names(["b", "a"])
    'a, b'
    """
    ordered = sorted(names)
    listed = ", ".join(ordered[:_MAX_NAMES])
    rest = ordered[_MAX_NAMES:]
    return f"{listed} and {len(rest)} more ({fingerprint(rest)})" if rest else listed
