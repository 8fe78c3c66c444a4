"""A metric without dimensions is one of its own, not the sum of all of its name."""

from __future__ import annotations

from ministack.services import cloudwatch


class _Dimensions(dict[str, str]):
    """Dimensions that were asked for, were they none."""

    def __bool__(self) -> bool:
        return True


def install() -> None:
    """Add it, to `GetMetricData`."""
    read = cloudwatch._dims_from_list
    cloudwatch._dims_from_list = lambda dimensions: _Dimensions(read(dimensions))
