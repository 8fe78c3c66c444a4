"""The rule for comparable models: of the same family or class, with room for every call."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Final, TypeAlias

from lambdas.domain.pricing import TokenKind, UsdPerMillion
from lambdas.domain.pricing.price_book import name_and_version
from lambdas.domain.reports.comparison.families import model_family, model_size

CLASS_FACTOR: Final = Decimal(3)
"""A model of another family is comparable down to this part of the prices and of the size."""
FAMILY_FACTOR: Final = Decimal(5)
"""A model of the same family is comparable down to this part of the prices and of the size."""
COMPARABLE = (
    "A model is comparable if its prices of input and of output are at least a fifth (same family:"
    " provider and product line) or a third (other families) of those of the model in use, if the"
    " same is true of their parameters where both ids name a number (70b), if its context window"
    " holds the largest of the calls, and if AWS has announced no end of life of it."
)
"""The rule, for people; `docs/reports.md` has it with an example."""
WINDOWS_FILE = Path(__file__).with_name("context_windows.json")
"""The largest input of models in tokens; `make prices` renews them from litellm."""

ContextWindows: TypeAlias = Mapping[str, int]
"""The largest input of models in tokens, by name without version."""


@cache
def shipped_windows() -> ContextWindows:
    """Read the context windows that are shipped."""
    windows = json.loads(WINDOWS_FILE.read_text(encoding="utf-8"))
    by_name: dict[str, int] = {}
    for model_id, tokens in windows.items():
        name, _ = name_and_version(model_id)
        by_name[name] = min(tokens, by_name.get(name, tokens))
    return by_name


def is_same_class(
    model_id: str, rates: UsdPerMillion, other_id: str, other_rates: UsdPerMillion
) -> bool:
    """Say if another model's prices and size are near enough for the same work, see `COMPARABLE`.

    Args:
        model_id: The model in use.
        rates: Its prices where the calls ran.
        other_id: The other model.
        other_rates: Its prices there.
    """
    is_family = model_family(model_id) == model_family(other_id)
    factor = FAMILY_FACTOR if is_family else CLASS_FACTOR
    size, other_size = model_size(model_id), model_size(other_id)
    if size is not None and other_size is not None and other_size * factor < size:
        return False
    kinds = (TokenKind.INPUT, TokenKind.OUTPUT)
    return all(
        kind in rates and kind in other_rates and other_rates[kind] * factor >= rates[kind]
        for kind in kinds
    )
