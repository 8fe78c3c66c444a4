"""Which prices a call can have: how a model is called and where decides on them."""

from __future__ import annotations

import re

from lambdas.domain.pricing.price import ANYWHERE, GLOBAL, REGIONAL

_PROFILE = re.compile(r"(?:.*inference-profile/)?(?P<prefix>[a-z-]{2,8})\.[a-z0-9]+\.")
_GOVERNMENT = "us-gov"
_GEOGRAPHIES = {"eu": "eu", "ap": "apac", "us": "us", "ca": "ca", "sa": "sa"}
"""The geography of a Region, by how its name begins. Source of the profiles' own geographies:
https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
"""


def price_areas(invoked_model_id: str, region: str) -> tuple[str, ...]:
    """The areas whose price a call may have, the closest first.

    A call is billed in the Region that was called, whichever Region ran it; through a global
    profile it has the global price alone.

    Args:
        invoked_model_id: What the caller named, an id or an ARN.
        region: The Region that was called.
    """
    found = _PROFILE.match(invoked_model_id)
    prefix = found["prefix"] if found else ""
    if prefix == GLOBAL:
        return GLOBAL, ANYWHERE
    geography = _GOVERNMENT if region.startswith(_GOVERNMENT) else _GEOGRAPHIES.get(region[:2], "")
    areas = (region, prefix, geography, REGIONAL, ANYWHERE)
    return tuple(dict.fromkeys(area for area in areas if area))
