"""Families and sizes of models, as their ids name them."""

from __future__ import annotations

import re
from decimal import Decimal

_LINE = re.compile(r"[a-z]{2,}")
_SIZE = re.compile(
    r"(?<![a-z0-9.])(?:(?P<experts>\d{1,3})x)?(?P<billions>\d{1,5}(?:\.\d{1,3})?)b(?![a-z0-9])"
)


def model_family(model_id: str) -> str:
    """Name the family of a foundation model: its provider and the first word of its name.

    Models of one family are the closest substitutes.

    Example:
        >>> model_family("anthropic.claude-opus-4-6-v1"), model_family("meta.llama3-1-8b-v1:0")
        ('anthropic.claude', 'meta.llama')
    """
    provider, _, name = model_id.partition(".")
    line = _LINE.match(name)
    return f"{provider}.{line[0]}" if line else provider


def model_size(model_id: str) -> Decimal | None:
    """Read the billions of parameters that a model's id names; `None` where it names none.

    Example:
        >>> model_size("qwen.qwen3-235b-a22b-2507-v1:0"), model_size("mistral.mixtral-8x7b-v0:1")
        (Decimal('235'), Decimal('56'))
    """
    found = _SIZE.search(model_id)
    return int(found["experts"] or 1) * Decimal(found["billions"]) if found else None
