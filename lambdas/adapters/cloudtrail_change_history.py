"""What CloudTrail's event history has of changes; no trail is needed for it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.domain.logging_configuration import LoggingChange
from lambdas.observability import logger

if TYPE_CHECKING:
    from mypy_boto3_cloudtrail import CloudTrailClient


class CloudTrailChangeHistory:
    """Looks events up by the names of actions, the newest 50 of each."""

    def __init__(self, client: CloudTrailClient) -> None:
        """Look with a CloudTrail client."""
        self._client = client

    def find(self, actions: Iterable[str], since: datetime) -> list[LoggingChange]:
        """Changes that are known by now; what cannot be looked up is left out.

        Not to know who did something must keep nobody from hearing of it.
        """
        found: list[LoggingChange] = []
        try:
            for action in actions:
                answer = self._client.lookup_events(
                    LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": action}],
                    StartTime=since,
                )
                records = (json.loads(it["CloudTrailEvent"]) for it in answer["Events"])
                found += [LoggingChange.from_event(it) for it in records if "errorCode" not in it]
        except (BotoCoreError, ClientError) as error:
            logger.warning(
                "CloudTrail cannot be asked who has changed something", reason=str(error)
            )
        return found
