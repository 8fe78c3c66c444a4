"""The function that keeps the list prices of the Region up to date, and its schedule."""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from cdk.components.meter_function import FunctionCode, MeterFunction
from cdk.config import Config
from cdk.stacks.storage import StorageStack
from lambdas.domain.pricing.editions import EDITIONS_PREFIX, LISTINGS_PREFIX, POINTER_KEY
from lambdas.functions.price_updater.settings import Settings

PRICES_CHECKED_EVERY = Duration.days(1)


class PriceUpdater(MeterFunction):
    """The function `price_updater` and its schedule."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        config: Config,
        storage: StorageStack,
        code: FunctionCode,
    ) -> None:
        """Make the function and its schedule.

        Args:
            scope: The stack.
            construct_id: Its name there.
            config: The configuration, with the address of the price list.
            storage: The bucket of prices.
            code: The code and layers that all functions share.
        """
        super().__init__(
            scope,
            construct_id,
            job="price_updater",
            settings=Settings(
                region=Aws.REGION,
                price_bucket=storage.prices.bucket_name,
                price_list_url=config.price_list_url,
            ),
            code=code,
            timeout=Duration.minutes(5),
            memory_size=1024,
            log_key=storage.stored_with,
        )
        grant_read_prices(self, storage)
        objects = storage.prices.arn_for_objects
        self.allow("s3:GetObject", on=objects(f"{LISTINGS_PREFIX}*"))
        for name in (POINTER_KEY, f"{EDITIONS_PREFIX}*", f"{LISTINGS_PREFIX}*"):
            self.allow("s3:PutObject", on=objects(name))
        if storage.stored_with is not None:
            storage.stored_with.grant_encrypt_decrypt(self)
        lambda_.CfnEventInvokeConfig(
            self,
            "Retries",
            function_name=self.function_name,
            qualifier="$LATEST",
            maximum_retry_attempts=1,
        )
        events.Rule(
            self,
            "Schedule",
            description="Bedrock Meter: reads the AWS Price List",
            schedule=events.Schedule.rate(PRICES_CHECKED_EVERY),
            targets=[targets.LambdaFunction(self)],
        )


def grant_read_prices(function: MeterFunction, storage: StorageStack) -> None:
    """Let a function read the price edition in force.

    It may list the bucket, so that S3 reports an absent object as absent, and not as forbidden:
    https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetObject.html
    """
    for name in (POINTER_KEY, f"{EDITIONS_PREFIX}*"):
        function.allow("s3:GetObject", on=storage.prices.arn_for_objects(name))
    function.allow("s3:ListBucket", on=storage.prices.bucket_arn)
