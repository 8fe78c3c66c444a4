"""One measured figure."""

from typing import NamedTuple


class Figure(NamedTuple):
    """A figure with its unit, and a note on how it was measured."""

    name: str
    value: float
    unit: str
    note: str
