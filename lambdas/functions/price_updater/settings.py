"""The settings of `price_updater`."""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Annotated, TypeAlias

from pydantic import Field

from lambdas.wiring.allowed_values import allowed
from lambdas.wiring.environment import EnvironmentSettings

AWS_PRICE_LIST = "https://pricing.us-east-1.amazonaws.com"
"""Source: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api-fetching-price-list-files-manually.html"""


_ADDRESS = re.compile(
    r"(?P<scheme>https?)://"
    r"(?P<host>[a-z\d-]+(?:\.[a-z\d-]+)*|\[[a-f\d:.]+\])"
    r"(?::(?P<port>\d{1,5}))?/?",
    re.ASCII | re.IGNORECASE,
)
_MAX_PORT = 65_535


def _is_encrypted_or_loopback(url: str) -> bool:
    """Say if the network cannot change what comes from a URL on its way.

    A function on AWS has nothing that listens on its own loopback address; local clouds have.
    """
    parts = _ADDRESS.fullmatch(url)
    return (
        parts is not None
        and (parts["scheme"].lower() == "https" or _is_loopback(parts["host"]))
        and int(parts["port"] or 0) <= _MAX_PORT
    )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


PriceListUrl: TypeAlias = Annotated[
    str,
    allowed(
        "https:// and a host, without a path, or http:// and a loopback address, such as 127.0.0.1",
        _is_encrypted_or_loopback,
    ),
]


class Settings(EnvironmentSettings):
    """The source and the store of prices.

    Attributes:
        region: The Region whose prices are kept.
        price_bucket: The bucket of listings and editions.
        price_list_url: The beginning of the price list's addresses.
    """

    region: str = Field(min_length=1)
    price_bucket: str = Field(min_length=3)
    price_list_url: PriceListUrl = AWS_PRICE_LIST
