"""The settings of `price_updater`."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, TypeAlias
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from lambdas.functions.environment import EnvironmentSettings

AWS_PRICE_LIST = "https://pricing.us-east-1.amazonaws.com"
"""Source: https://docs.aws.amazon.com/awsaccountbilling/latest/aboutv2/using-the-aws-price-list-bulk-api-fetching-price-list-files-manually.html"""


def _encrypted_or_loopback(url: str) -> str:
    """Check that the network cannot change the price list on its way.

    A function on AWS has nothing that listens on its own loopback address; local clouds have.
    """
    parts = urlsplit(url)
    is_bare = parts.username is None and not (parts.path.strip("/") or parts.query)
    is_allowed = parts.scheme == "https" and bool(parts.hostname)
    if not (is_bare and (is_allowed or _is_loopback(parts.scheme, parts.hostname))):
        message = "allowed: https:// and a host, without a path"
        raise ValueError(message)
    return url


def _is_loopback(scheme: str, host: str | None) -> bool:
    try:
        return scheme == "http" and ip_address(host or "").is_loopback
    except ValueError:
        return False


PriceListUrl: TypeAlias = Annotated[str, AfterValidator(_encrypted_or_loopback)]


class Settings(EnvironmentSettings):
    """Where prices come from and go to.

    Attributes:
        region: The Region whose prices are kept.
        price_bucket: The bucket of listings and editions.
        price_list_url: The beginning of the price list's addresses.
    """

    region: str = Field(min_length=1)
    price_bucket: str = Field(min_length=3)
    price_list_url: PriceListUrl = AWS_PRICE_LIST
