"""The permission to publish notices as events, beside the topic."""

from __future__ import annotations

from aws_cdk import Aws

from cdk.components.meter_function import MeterFunction
from lambdas.domain.alerts import EVENT_SOURCE


def grant_publish_events(function: MeterFunction) -> None:
    """Grant publishing of events of the meter's own source to the default bus."""
    function.grant(
        "events:PutEvents",
        on=f"arn:{Aws.PARTITION}:events:{Aws.REGION}:{Aws.ACCOUNT_ID}:event-bus/default",
        # A request without sources would satisfy the condition, so sources are required:
        # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazoneventbridge.html
        conditions={
            "ForAllValues:StringEquals": {"events:source": [EVENT_SOURCE]},
            "Null": {"events:source": "false"},
        },
    )
