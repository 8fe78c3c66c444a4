"""A metric without dimensions is a metric of its own, not the sum of all with its name."""

from __future__ import annotations

from ministack.services import cloudwatch


class _Dimensions(dict[str, str]):
    """Requested dimensions, which count as a filter even when empty."""

    def __bool__(self) -> bool:
        return True


def install() -> None:
    """Add it, to `GetMetricData`."""
    read = cloudwatch._dims_from_list
    cloudwatch._dims_from_list = lambda dimensions: _Dimensions(read(dimensions))
