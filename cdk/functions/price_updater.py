"""The function that keeps the list prices of the Region up to date, and its schedule."""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.components.acknowledgements import UNKNOWN_NAMES
from cdk.components.call_enrichment import grant_read_prices
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.scheduled_function import ScheduledFunction
from lambdas.domain.pricing.editions import EDITIONS_PREFIX, LISTINGS_PREFIX, POINTER_KEY
from lambdas.functions.price_updater.settings import Settings


class PriceUpdater(ScheduledFunction):
    """The function `price_updater` and its schedule."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        prices: s3.IBucket,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            prices: The bucket of price editions and listings.
        """
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                region=Aws.REGION,
                price_bucket=prices.bucket_name,
                price_list_url=defaults.config.price_list_url,
            ),
            defaults=defaults,
            is_optional=True,
            timeout=Duration.minutes(5),
            memory_size=1024,
        )
        grant_read_prices(self, prices)
        listings = prices.arn_for_objects(f"{LISTINGS_PREFIX}*")
        editions = prices.arn_for_objects(f"{EDITIONS_PREFIX}*")
        self.grant("s3:GetObject", on=listings, wildcard=UNKNOWN_NAMES)
        self.grant("s3:PutObject", on=prices.arn_for_objects(POINTER_KEY))
        for objects in (editions, listings):
            self.grant("s3:PutObject", on=objects, wildcard=UNKNOWN_NAMES)
        self.grant_read_write_data()
        self.run_every(Duration.days(1), purpose="reads the AWS Price List", retries=1)
