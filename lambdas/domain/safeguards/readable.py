"""Reports what cannot be read: not readable is not healthy."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from lambdas.domain.logging_configuration import Drift, Subject
from lambdas.domain.safeguards.ports import NotReadableError


def find_drifts(subject: Subject, name: str, compare: Callable[[], Iterable[Drift]]) -> list[Drift]:
    """Compare one part; report a part that cannot be read as drift, and go on with the others.

    Args:
        subject: The subject of the part.
        name: The part, in words.
        compare: Reads the part and compares it.
    """
    try:
        return [*compare()]
    except NotReadableError as error:
        return [Drift(subject, f"{name} cannot be read: {error.code}")]
