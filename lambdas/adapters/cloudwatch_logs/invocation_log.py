"""Reads invocation logs back from their log group in CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.reports.comparison import InvocationLogsUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient


class CloudWatchInvocationLog:
    """Reads a log group page by page, a megabyte each; that costs nothing but time."""

    def __init__(self, client: CloudWatchLogsClient, log_group: str) -> None:
        """Read a log group.

        Args:
            client: A client of CloudWatch Logs.
            log_group: Its name.
        """
        self._client = client
        self._log_group = log_group

    def scan_range(self, start: datetime, end: datetime) -> Iterator[Sequence[str]]:
        """Read the messages of a time; see `InvocationLogs`.

        Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_FilterLogEvents.html

        Raises:
            InvocationLogsUnavailableError: CloudWatch Logs refuses, or does not answer.
        """
        pages = self._client.get_paginator("filter_log_events").paginate(
            logGroupName=self._log_group,
            startTime=_milliseconds(start),
            endTime=_milliseconds(end) - 1,  # the last moment that is in it
        )
        try:
            for page in pages:
                yield [event["message"] for event in page["events"]]
        except ClientError as error:
            message = f"logs:{error.operation_name} failed: {error.response['Error']['Code']}"
            raise InvocationLogsUnavailableError(message) from error
        except BotoCoreError as error:
            message = f"CloudWatch Logs does not answer: {type(error).__name__}"
            raise InvocationLogsUnavailableError(message) from error


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
