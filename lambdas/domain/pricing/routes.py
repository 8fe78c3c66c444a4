"""Routes: how and where a call reached its model, which decides on the prices it can have."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from lambdas.domain.pricing.price import Price, Routing

_PROFILE = re.compile(r"(?:.*inference-profile/)?(?P<prefix>[a-z-]{2,8})\.[a-z0-9]+\.")
_APPLICATION_PROFILE = ":application-inference-profile/"
_MAX_MEMOIZED = 4096
_ARN_PARTS, _REGION_OF_ARN = 6, 3
_US_GOV = "us-gov"
_COMMERCIAL_PARTITION = "aws"
_PARTITIONS = {
    _US_GOV: "aws-us-gov",
    "cn-": "aws-cn",
    "eusc-": "aws-eusc",
    "us-iso-": "aws-iso",
    "us-isob-": "aws-iso-b",
    "us-isof-": "aws-iso-f",
    "eu-isoe-": "aws-iso-e",
}
"""The partitions other than the commercial one, by the beginning of their Regions' names. Source:
https://docs.aws.amazon.com/whitepapers/latest/aws-fault-isolation-boundaries/partitions.html
"""
_GEOGRAPHIES = {"eu": "eu", "ap": "apac", "us": "us", "ca": "ca", "sa": "sa"}
"""The geography of a Region, by the beginning of its name. Source of the profiles' prefixes:
https://docs.aws.amazon.com/bedrock/latest/userguide/inference-profiles-support.html
"""

EVERY_REGION = ""
"""The place of a global price that holds in every commercial Region."""
PriceScope: TypeAlias = tuple[Routing, str]
"""The routing and the place of a price."""


class Route(NamedTuple):
    """The Region and the profile through which a call reached its model.

    Attributes:
        region: The Region that was called, which is billed; empty where the log does not name it.
        profile: The prefix of the inference profile (`eu`, `global`); empty without a profile.
        is_hidden: Whether an application inference profile hides if the call was global. Then no
            price is known to be that of the call.
    """

    region: str
    profile: str = ""
    is_hidden: bool = False

    @property
    def is_global(self) -> bool:
        """True for a call through a global profile."""
        return self.profile == Routing.GLOBAL

    @property
    def partition(self) -> str:
        """The AWS partition that was called. Prices of another partition say nothing about it."""
        return get_partition(self.region or self.profile)

    @property
    def scopes(self) -> tuple[PriceScope, ...]:
        """The scopes of the prices that the call can have, the closest first.

        A call through a geography's profile is billed in the Region that was called, not
        in the one that ran it. Source:
        https://docs.aws.amazon.com/bedrock/latest/userguide/cross-region-inference.html
        """
        if self.is_hidden:
            return ()
        if self.is_global:
            scopes = [(Routing.GLOBAL, self.region)]
            if self.partition == _COMMERCIAL_PARTITION:
                scopes.append((Routing.GLOBAL, EVERY_REGION))
            return tuple(dict.fromkeys(scopes))
        scopes = [
            (Routing.REGION, self.region),
            (Routing.GEOGRAPHY, self.profile),
            (Routing.GEOGRAPHY, _get_geography(self.region)),
        ]
        known = (scope for scope in scopes if scope[1])
        return tuple(
            dict.fromkeys(scope for scope in known if get_partition(scope[1]) == self.partition)
        )


@lru_cache(_MAX_MEMOIZED)
def read_route(invoked_model_id: str, region: str) -> Route:
    """Read the route of a call.

    Args:
        invoked_model_id: The id or ARN that the caller named.
        region: The Region that was called; where it is empty, an ARN may name it.
    """
    arn = invoked_model_id.split(":", _ARN_PARTS - 1)
    if not region and len(arn) == _ARN_PARTS and arn[0] == "arn":
        region = arn[_REGION_OF_ARN]
    if _APPLICATION_PROFILE in invoked_model_id:
        return Route(region, is_hidden=True)
    found = _PROFILE.match(invoked_model_id)
    return Route(region, found["prefix"] if found else "")


def get_partition(place: str) -> str:
    """The AWS partition of a Region, or of the prefix of a geography's profiles."""
    own = (name for beginning, name in _PARTITIONS.items() if place.startswith(beginning))
    return next(own, _COMMERCIAL_PARTITION)


def get_scope(price: Price) -> PriceScope:
    """The scope of a price."""
    return price.routing, price.place


def _get_geography(region: str) -> str:
    return _US_GOV if region.startswith(_US_GOV) else _GEOGRAPHIES.get(region[:2], "")
