"""What functions are told alike that say what calls cost, and what they are put down to."""

from __future__ import annotations

from typing import Any

from aws_cdk import Aws

from cdk.config import Config
from cdk.stacks.storage import StorageStack


def call_settings(config: Config, storage: StorageStack) -> dict[str, Any]:
    """The fields of `CallSettings`.

    Args:
        config: Prices, and what calls are put down to.
        storage: The ledger and the price editions.
    """
    return {
        "account_id": Aws.ACCOUNT_ID,
        "ledger_table": storage.ledger.table_name,
        "negotiated_prices": config.negotiated_prices,
        "assume_prices": config.assume_prices,
        "attribution": config.attribution,
        "price_bucket": storage.prices.bucket_name,
    }
