"""Families of models: those of one provider and product line are the closest substitutes."""

from __future__ import annotations

import re

_LINE = re.compile(r"[a-z]{2,}")


def model_family(model_id: str) -> str:
    """Name the family of a foundation model: its provider and the first word of its name.

    Example:
        >>> model_family("anthropic.claude-opus-4-6-v1"), model_family("meta.llama3-1-8b-v1:0")
        ('anthropic.claude', 'meta.llama')
    """
    provider, _, name = model_id.partition(".")
    line = _LINE.match(name)
    return f"{provider}.{line[0]}" if line else provider
