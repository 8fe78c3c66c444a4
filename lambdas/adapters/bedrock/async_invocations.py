"""Lists the asynchronous invocations of an account and Region."""

from __future__ import annotations

from collections.abc import Sequence

from botocore.client import BaseClient
from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.completeness import AuditWindow
from lambdas.domain.unmetered import AsyncInvocation, TrafficUnavailableError

_PAGE = 1000


class BedrockAsyncInvocations:
    """Asks Bedrock."""

    def __init__(self, client: BaseClient) -> None:
        """Ask with a client of the Bedrock runtime."""
        self._client = client

    def list(self, window: AuditWindow) -> Sequence[AsyncInvocation]:
        """List those that were submitted in a window.

        Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ListAsyncInvokes.html

        Raises:
            TrafficUnavailableError: Bedrock does not list them.
        """
        pages = self._client.get_paginator("list_async_invokes").paginate(
            submitTimeAfter=window.start,
            submitTimeBefore=window.end,
            PaginationConfig={"PageSize": _PAGE},
        )
        try:
            found = [
                AsyncInvocation.listed(
                    summary["invocationArn"], summary["modelArn"], summary["submitTime"]
                )
                for page in pages
                for summary in page["asyncInvokeSummaries"]
            ]
        except (BotoCoreError, ClientError) as error:
            message = f"asynchronous invocations cannot be listed: {error}"
            raise TrafficUnavailableError(message) from error
        # AWS does not document if the range includes both ends.
        return [call for call in found if window.start <= call.submitted_at < window.end]
