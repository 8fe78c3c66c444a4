"""The function that adds deliveries of events, and the mapping of the queue of events."""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.components.function_defaults import FunctionDefaults
from cdk.components.meter_function import MeterFunction
from cdk.components.queue_mapping import map_queue
from lambdas.domain.governance_keys import WEBHOOK_DELIVERIES_PREFIX, WEBHOOKS
from lambdas.functions.webhook_router.settings import Settings

ROUTER_TIMEOUT = Duration.minutes(2)
"""A message can have a hundred events, and there can be a hundred receivers. Ten deliveries at a
time, of three requests each, take half a minute for all of them."""
_BATCH_SIZE = 1
"""A run that is stopped has held up one message, and not those that it had routed already."""
_MAX_CONCURRENCY = 2  # the minimum of Lambda


class WebhookRouter(MeterFunction):
    """The function `webhook_router`, started by the queue of events."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        governance: dynamodb.ITable,
        received: sqs.IQueue,
        deliveries: sqs.IQueue,
        topic_stack: str,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            governance: The table with receivers and deliveries.
            received: The queue of events.
            deliveries: The queue of deliveries.
            topic_stack: The name of the stack with the topic, which is deployed later.
        """
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                governance_table=governance.table_name,
                delivery_queue_url=deliveries.queue_url,
                topic_stack=topic_stack,
            ),
            defaults=defaults,
            timeout=ROUTER_TIMEOUT,
            is_optional=True,
        )
        self.grant_items("dynamodb:Query", on=governance.table_arn, keys=[WEBHOOKS])
        self.grant_items(
            *("dynamodb:GetItem", "dynamodb:PutItem"),
            on=governance.table_arn,
            keys=[f"{WEBHOOK_DELIVERIES_PREFIX}*"],
        )
        here = f"{Aws.REGION}:{Aws.ACCOUNT_ID}"
        self.grant(
            "cloudformation:DescribeStacks",
            on=f"arn:{Aws.PARTITION}:cloudformation:{here}:stack/{topic_stack}/*",
            wildcard="A stack's ARN ends in an id that is new with each creation.",
        )
        self.grant("sqs:SendMessage", on=deliveries.queue_arn)
        self.grant_read_write_data()
        map_queue(
            self, "Events", received, batch_size=_BATCH_SIZE, max_concurrency=_MAX_CONCURRENCY
        )
