"""Lists the batch jobs of an account and Region that have ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.refusals import failure_code
from lambdas.domain.unlogged import (
    MAX_JOB_DURATION,
    EndedBatchJob,
    UnloggedUsageUnavailableError,
)

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_bedrock.type_defs import ModelInvocationJobSummaryTypeDef

_PAGE = 1000


class BedrockBatchJobs:
    """Asks Bedrock."""

    def __init__(self, client: BedrockClient) -> None:
        """Ask with a client of Bedrock."""
        self._client = client

    def list(self, start: datetime, end: datetime) -> Sequence[EndedBatchJob]:
        """List the jobs that ended in a period, in order of time; its end is not included.

        Bedrock selects jobs by the time of their submission alone.
        Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_ListModelInvocationJobs.html

        Raises:
            UnloggedUsageUnavailableError: Bedrock does not list them.
        """
        pages = self._client.get_paginator("list_model_invocation_jobs").paginate(
            submitTimeAfter=start - MAX_JOB_DURATION,
            submitTimeBefore=end,
            PaginationConfig={"PageSize": _PAGE},
        )
        try:
            found = [
                _read(summary)
                for page in pages
                for summary in page.get("invocationJobSummaries", [])
                if "endTime" in summary and start <= summary["endTime"] < end
            ]
        except (BotoCoreError, ClientError) as error:
            message = f"batch jobs cannot be listed: {failure_code(error)}"
            raise UnloggedUsageUnavailableError(message) from error
        return sorted(found, key=lambda job: (job.ended_at, job.arn))


def _read(summary: ModelInvocationJobSummaryTypeDef) -> EndedBatchJob:
    return EndedBatchJob(
        arn=summary["jobArn"],
        invoked_model=summary["modelId"],
        ended_at=summary["endTime"].astimezone(UTC),
        output_uri=summary["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"],
    )
