"""The mapping of a table's stream to a function, and the grants that it takes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from aws_cdk import Duration
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_lambda as lambda_

from cdk.components.failure_destination import FailureDestination
from cdk.components.meter_function import MeterFunction

_UNLIMITED_ATTEMPTS = -1
# A batch that is given up is missing until it is redriven. So Lambda tries for nearly as long as a
# stream keeps records, which is 24 hours.
_MAX_RECORD_AGE = Duration.hours(23)


def map_stream(
    function: MeterFunction,
    construct_id: str,
    table: dynamodb.ITable,
    failures: FailureDestination,
    *,
    patterns: Sequence[Mapping[str, Any]],
    max_attempts: int = _UNLIMITED_ATTEMPTS,
    max_record_age: Duration = _MAX_RECORD_AGE,
    batch_size: int = 1000,
    **properties: Any,  # noqa: ANN401  # of the mapping
) -> lambda_.CfnEventSourceMapping:
    """Start a function with changes of a table, from the oldest that the stream keeps.

    From LATEST, changes may be missed while polling starts or is updated:
    https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html
    A replaced mapping would deliver a day of changes again, so keep its name and this property.

    Args:
        function: The function.
        construct_id: The name of the mapping in the function.
        table: The table, with a stream.
        failures: The destination of batches that failed every attempt.
        patterns: The changes that start it, as event filters.
        max_attempts: Attempts after the first one; without a limit by default.
        max_record_age: The age at which a change is given up.
        batch_size: The maximum number of changes of a batch.
        properties: Other properties of the mapping, such as its window.
    """
    function.grant(
        *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
        on=str(table.table_stream_arn),
    )
    function.grant("dynamodb:ListStreams", on="*", wildcard="The action supports no resource.")
    mapping = lambda_.CfnEventSourceMapping(
        function,
        construct_id,
        function_name=function.function_name,
        event_source_arn=table.table_stream_arn,
        starting_position="TRIM_HORIZON",
        batch_size=batch_size,
        maximum_retry_attempts=max_attempts,
        maximum_record_age_in_seconds=max_record_age.to_seconds(),
        bisect_batch_on_function_error=True,
        function_response_types=["ReportBatchItemFailures"],
        filter_criteria={"filters": [{"pattern": json.dumps(pattern)} for pattern in patterns]},
        destination_config=failures.grant_and_configure(function),
        metrics_config={"metrics": ["EventCount"]},
        **properties,
    )
    mapping.node.add_dependency(function.execution_role)  # Lambda checks the role's permissions
    return mapping
