"""The Regions that AWS has, as botocore lists them."""

from __future__ import annotations

import difflib
from functools import cache

from botocore.loaders import create_loader

_GLOBAL = "-global"  # ends the names of a partition's services without a Region


@cache
def known_regions() -> frozenset[str]:
    """Return the names of the Regions of all partitions."""
    partitions = create_loader().load_data("partitions")["partitions"]
    return frozenset(
        region
        for partition in partitions
        for region in partition["regions"]
        if not region.endswith(_GLOBAL)
    )


def explain_unknown_region(name: str) -> str | None:
    """Explain why a name is not that of a Region, with a suggestion; `None` if it is one."""
    if name in known_regions():
        return None
    near = sorted(difflib.get_close_matches(name, known_regions(), n=2, cutoff=0.7))
    suggestion = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"not an AWS Region{suggestion}"
