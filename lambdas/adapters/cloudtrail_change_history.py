"""Reads changes from CloudTrail's event history, which needs no trail."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.refusals import failure_code
from lambdas.domain.logging_configuration import LoggingChange
from lambdas.domain.logging_configuration.watch_ports import FoundChanges
from lambdas.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient


class CloudTrailChangeHistory:
    """Looks events up by the names of actions, the newest first."""

    def __init__(self, client: CloudTrailClient) -> None:
        """Read with a CloudTrail client."""
        self._client = client

    def search(self, actions: Iterable[str], since: datetime, *, limit: int) -> FoundChanges:
        """Search for the changes that are known by now.

        CloudTrail answers two requests a second in an account, from all callers, so the first
        failure ends the search. What was found before it counts.

        Source: https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_LookupEvents.html

        Args:
            actions: The names of the actions.
            since: The beginning of the time to search.
            limit: The number of events to read of each action, failed attempts included.
        """
        changes: list[LoggingChange] = []
        gaps: list[str] = []
        for action in actions:
            pages = self._client.get_paginator("lookup_events").paginate(
                LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": action}],
                StartTime=since,
                PaginationConfig={"MaxItems": limit},
            )
            try:
                for page in pages:
                    records = (json.loads(event["CloudTrailEvent"]) for event in page["Events"])
                    changes += [
                        LoggingChange.from_event(record)
                        for record in records
                        if "errorCode" not in record
                    ]
            except (BotoCoreError, ClientError) as error:
                logger.warning(
                    "CloudTrail cannot be asked who has changed something", reason=str(error)
                )
                return FoundChanges(changes, (*gaps, f"{action}: {failure_code(error)}"))
            if pages.resume_token:
                gaps.append(f"{action}: more than {limit:,} events")
        return FoundChanges(changes, tuple(gaps))
