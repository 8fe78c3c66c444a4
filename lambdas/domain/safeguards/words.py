"""Hints in notices at the setting that names log policies as the owner's own."""

from __future__ import annotations


def suggest_known_policy(word: str) -> str:
    """Name the entry of `known_log_policies` that accepts a policy.

    >>> suggest_known_policy("transformer")
    "(if you made it, add 'transformer' to known_log_policies)"
    """
    return f"(if you made it, add {word!r} to known_log_policies)"
