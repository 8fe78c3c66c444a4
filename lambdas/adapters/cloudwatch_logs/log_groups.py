"""Log groups, and their subscriptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lambdas.adapters.refusals import refusal_as_not_readable
from lambdas.domain.logging_configuration import LogGroup

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_DEFAULT_CLASS = "STANDARD"


class CloudWatchLogGroups:
    """Looks at log groups of one account and Region."""

    def __init__(self, client: CloudWatchLogsClient) -> None:
        """Read with a client of CloudWatch Logs."""
        self._client = client

    def get(self, name: str, /) -> LogGroup | None:
        """Get a log group with its subscriptions; `None` if it does not exist."""
        with refusal_as_not_readable():
            return self._find(name)

    def _find(self, name: str) -> LogGroup | None:
        pages = self._client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=name)
        for page in pages:
            for group in page["logGroups"]:
                if group["logGroupName"] == name:
                    return LogGroup(
                        log_class=group.get("logGroupClass", _DEFAULT_CLASS),
                        retention_days=group.get("retentionInDays"),
                        subscriptions=self._subscriptions(name),
                    )
        return None

    def _subscriptions(self, name: str) -> frozenset[tuple[str, str]]:
        # Two at most, which are one page.
        answer = self._client.describe_subscription_filters(logGroupName=name)
        return frozenset(
            (subscription["destinationArn"], subscription.get("filterPattern", ""))
            for subscription in answer["subscriptionFilters"]
        )
