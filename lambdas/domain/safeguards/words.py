"""Short texts for values in notices."""

from __future__ import annotations

from lambdas.domain.logging_configuration import fingerprint

_MAX_VALUE_LETTERS = 200


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


def hint_at_known(word: str) -> str:
    """Name the word of `known_log_policies` with which an owner says that a policy is theirs.

    >>> hint_at_known("transformer")
    "(if you made it, add 'transformer' to known_log_policies)"
    """
    return f"(if you made it, add {word!r} to known_log_policies)"
