"""The function that writes the audit trail, its mapping of a stream, and its schedule."""

from __future__ import annotations

from typing import Any, NamedTuple

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_events as events
from aws_cdk import aws_s3 as s3
from constructs import Construct

from cdk.components.acknowledgements import UNKNOWN_NAMES
from cdk.components.failure_destination import FailureDestination
from cdk.components.function_defaults import FunctionDefaults
from cdk.components.scheduled_function import ScheduledFunction
from cdk.components.stream_mapping import map_stream
from lambdas.domain.audit import ENTRY_KIND, USAGE_KIND
from lambdas.domain.audit.table import ANCHORS_PREFIX
from lambdas.domain.budgets.governance_table import (
    AUDIT_EVENTS,
    BRAKE,
    BUDGETS,
    CREDIT_ENTRIES,
    CREDITS,
    DELETED_BUDGETS,
    PARTITION_KEY,
    PEOPLE,
    RELEASES,
)
from lambdas.domain.pricing.editions import POINTER_KEY
from lambdas.functions.audit_writer.settings import Settings

_CREDIT_PATTERNS: tuple[dict[str, Any], ...] = (
    # New entries of usage are left out: they are many, and no decision.
    {
        "eventName": ["INSERT"],
        "dynamodb": {
            "Keys": {PARTITION_KEY: {"S": [CREDIT_ENTRIES]}},
            "NewImage": {ENTRY_KIND: {"S": [{"anything-but": [USAGE_KIND]}, {"exists": False}]}},
        },
    },
    {
        "eventName": ["MODIFY", "REMOVE"],
        "dynamodb": {"Keys": {PARTITION_KEY: {"S": [CREDIT_ENTRIES]}}},
    },
)
"""The changes of entries of credits that the audit trail records. Lambda takes five patterns.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
"""


class AuditStores(NamedTuple):
    """The stores that the audit trail is made of, and in.

    Attributes:
        audit: The table of the chain.
        anchors: The bucket of its anchors.
        governance: The table of budgets, with a stream.
        prices: The bucket of price editions.
    """

    audit: dynamodb.ITable
    anchors: s3.IBucket
    governance: dynamodb.ITable
    prices: s3.IBucket


class AuditWriter(ScheduledFunction):
    """The function `audit_writer`, started by changes of budgets and the brake, and each hour."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        defaults: FunctionDefaults,
        stores: AuditStores,
        failures: FailureDestination,
    ) -> None:
        """Make the function.

        Args:
            scope: The stack.
            construct_id: Its name there.
            defaults: The shared properties of a stack's functions.
            stores: The tables and the buckets.
            failures: The destination of batches that failed every attempt.
        """
        config = defaults.config
        super().__init__(
            scope,
            construct_id,
            settings=Settings(
                audit_table=stores.audit.table_name,
                anchor_bucket=stores.anchors.bucket_name,
                governance_table=stores.governance.table_name,
                price_bucket=stores.prices.bucket_name,
                contracted_prices=config.contracted_prices,
                brake=config.brake,
                brake_sessions=config.brake_sessions,
                brake_overflow=config.brake_overflow,
                brake_exempt=config.brake_exempt,
            ),
            defaults=defaults,
            timeout=Duration.minutes(15),
            is_optional=True,
        )
        self.grant(
            *("dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query", "dynamodb:Scan"),
            on=stores.audit.table_arn,
        )
        governance = stores.governance.table_arn
        self.grant_items("dynamodb:Query", on=governance, keys=[DELETED_BUDGETS])
        self.grant_items("dynamodb:GetItem", "dynamodb:PutItem", on=governance, keys=[PEOPLE])
        anchors = stores.anchors.arn_for_objects(f"{ANCHORS_PREFIX}*")
        self.grant("s3:PutObject", on=anchors, wildcard=UNKNOWN_NAMES)
        for bucket in (stores.anchors, stores.prices):
            self.grant("s3:ListBucketVersions", on=bucket.bucket_arn)
        self.grant("s3:GetObjectVersion", on=stores.prices.arn_for_objects(POINTER_KEY))
        self.grant_read_write_data()
        whole = [BUDGETS, BRAKE, *([CREDITS] if config.credits else [])]
        map_stream(
            self,
            "GovernanceStream",
            stores.governance,
            failures,
            patterns=(
                {"dynamodb": {"Keys": {PARTITION_KEY: {"S": whole}}}},
                {
                    "eventName": ["INSERT", "MODIFY"],  # releases expire
                    "dynamodb": {"Keys": {PARTITION_KEY: {"S": [RELEASES]}}},
                },
                {
                    "eventName": ["INSERT"],
                    "dynamodb": {"Keys": {PARTITION_KEY: {"S": [AUDIT_EVENTS]}}},
                },
                *(_CREDIT_PATTERNS if config.credits else ()),
            ),
            batch_size=100,
        )
        self.run_every(
            Duration.hours(1),
            at=events.Schedule.cron(minute="20"),  # each hour has an anchor, and none has two
            purpose="updates, verifies and anchors the audit trail",
            retries=None,
        )
