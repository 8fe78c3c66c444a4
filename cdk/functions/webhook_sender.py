"""The function that sends deliveries to receivers, and the mapping of their queue."""

from __future__ import annotations

from aws_cdk import Aws, Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from cdk.components.function_defaults import FunctionDefaults
from cdk.components.meter_function import MeterFunction
from cdk.components.queue_mapping import map_queue
from lambdas.domain.governance_keys import (
    PARTITION_KEY,
    SORT_KEY,
    WEBHOOK_DELIVERIES_PREFIX,
    WEBHOOKS,
)
from lambdas.functions.webhook_sender.settings import Settings

SENDER_TIMEOUT = Duration.minutes(1)
"""An attempt takes 15 seconds at most; the rest is for requests of AWS, with their retries."""
_MAX_CONCURRENCY = 10
"""A receiver that does not answer keeps an attempt busy until its deadline; others go on."""

_SENDER_ATTRIBUTES = (
    "created_at",  # in conditions: those count as well
    *("disabled_at", "disabled_because", "last_disabled_at", "paused_until"),
)
"""The attributes of a receiver that the sender changes, or that its conditions compare."""


class WebhookSender(MeterFunction):
    """The function `webhook_sender`, started by the queue of deliveries, one at a time.

    It is in no network of the account, so a receiver's address leads to nothing private there.
    """

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        governance: dynamodb.ITable,
        deliveries: sqs.IQueue,
        key: kms.IKey,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            governance: The table with receivers and deliveries.
            deliveries: The queue of deliveries.
            key: Decrypts addresses and secrets of receivers.
        """
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                governance_table=governance.table_name,
                delivery_queue_url=deliveries.queue_url,
                webhook_key=key.key_arn,
                account_id=Aws.ACCOUNT_ID,
                region=Aws.REGION,
            ),
            defaults=defaults,
            timeout=SENDER_TIMEOUT,
            groups=["webhooks"],
            is_optional=True,
        )
        self.grant_items(
            *("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"),
            on=governance.table_arn,
            keys=[f"{WEBHOOK_DELIVERIES_PREFIX}*"],
        )
        self.grant_items("dynamodb:GetItem", on=governance.table_arn, keys=[WEBHOOKS])
        # No other attribute: it changes no address, no secret and no filter.
        self.grant_items(
            "dynamodb:UpdateItem",
            on=governance.table_arn,
            keys=[WEBHOOKS],
            attributes=[PARTITION_KEY, SORT_KEY, *_SENDER_ATTRIBUTES],
        )
        # A ciphertext is bound to its receiver, so that it cannot be moved to another one.
        self.grant(
            "kms:Decrypt",
            on=key.key_arn,
            conditions={"Null": {"kms:EncryptionContext:webhook": "false"}},
        )
        # A delivery that has to wait gets its next message from here.
        self.grant("sqs:SendMessage", on=deliveries.queue_arn)
        self.grant_read_write_data()
        map_queue(self, "Deliveries", deliveries, batch_size=1, max_concurrency=_MAX_CONCURRENCY)
