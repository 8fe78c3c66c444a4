"""The runner of `price_updater`, over S3 and the AWS Price List."""

from __future__ import annotations

import boto3

from lambdas.adapters.https_price_list import HttpsPriceList
from lambdas.adapters.s3.price_editions import S3PriceEditions
from lambdas.domain.pricing import shipped_prices
from lambdas.domain.pricing.listings import large_call_sizes
from lambdas.services.update_prices import PriceUpdater, PriceUpdateRunner
from lambdas.wiring.client_timeouts import PROMPT


def make_runner(*, price_bucket: str, price_list_url: str, region: str) -> PriceUpdateRunner:
    """Make a runner of updates of the prices of a Region."""
    shipped = shipped_prices()
    updater = PriceUpdater(
        editions=S3PriceEditions(lambda: boto3.client("s3", config=PROMPT), price_bucket),
        price_list=HttpsPriceList(price_list_url, region, large_call_sizes(shipped)),
        shipped=shipped,
    )
    return PriceUpdateRunner(updater)
