"""How reports write money and lay out tables, for programs and for people."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import NamedTuple


class Table(NamedTuple):
    """A table: text at the left, figures at the right.

    Attributes:
        title: What it is about.
        headings: The columns; the first `texts` of them are text.
        rows: Cells, as many as there are headings.
        notes: Lines below it.
        texts: How many columns are text.
    """

    title: str
    headings: tuple[str, ...]
    rows: list[tuple[str, ...]]
    notes: tuple[str, ...] = ()
    texts: int = 1


def exact_json(value: object) -> str:
    """Write a value as JSON; decimals digit by digit, which a float would not promise."""
    match value:
        case Decimal():
            return f"{value:f}"
        case dict():
            parts = (f"{json.dumps(name)}: {exact_json(it)}" for name, it in value.items())
            return f"{{{', '.join(parts)}}}"
        case list():
            return f"[{', '.join(map(exact_json, value))}]"
    return json.dumps(value)


def dollars(usd: Decimal | None, places: int = 6) -> str:
    """An amount as people read it: cents, and so many places where there is less than a dollar."""
    if usd is None:
        return "-"
    return f"{usd:,.2f}" if usd >= 1 else f"{usd:.{places}f}"
