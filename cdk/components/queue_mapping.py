"""The mapping of a queue to a function, and the grants that it takes."""

from __future__ import annotations

from typing import Any

from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from cdk.components.meter_function import MeterFunction


def map_queue(
    function: MeterFunction,
    construct_id: str,
    queue: sqs.IQueue,
    *,
    batch_size: int,
    max_concurrency: int,
    **properties: Any,  # noqa: ANN401  # of the mapping
) -> lambda_.CfnEventSourceMapping:
    """Start a function with messages of a queue; it answers which ones are to come again.

    Args:
        function: The function.
        construct_id: The name of the mapping in the function.
        queue: The queue.
        batch_size: The maximum number of messages of a batch.
        max_concurrency: The maximum number of batches at a time. It reserves nothing in the
            account: a reservation would fail where the account may run ten functions at a time.
            https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
        properties: Other properties of the mapping, such as its window.
    """
    function.grant(
        *("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"), on=queue.queue_arn
    )
    mapping = lambda_.CfnEventSourceMapping(
        function,
        construct_id,
        function_name=function.function_name,
        event_source_arn=queue.queue_arn,
        batch_size=batch_size,
        function_response_types=["ReportBatchItemFailures"],
        scaling_config={"maximumConcurrency": max_concurrency},
        **properties,
    )
    mapping.node.add_dependency(function.execution_role)  # Lambda checks the role's permissions
    return mapping
