"""JSON of reports: money is text, digit by digit, which a number read as a float is not."""

from __future__ import annotations

import json
from decimal import Decimal


def exact_json(value: object) -> str:
    """Write a value as JSON, decimals as text.

    >>> exact_json({"cost_usd": Decimal("1.50"), "calls": 2})
    '{"cost_usd": "1.50", "calls": 2}'
    """
    return json.dumps(value, default=_decimal_text)


def _decimal_text(value: object) -> str:
    if isinstance(value, Decimal):
        return f"{value:f}"
    message = f"{type(value).__name__} has no form in JSON"
    raise TypeError(message)
