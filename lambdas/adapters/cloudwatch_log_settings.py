"""Settings of CloudWatch Logs that mask, rewrite or copy logs, and log groups of functions."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from lambdas.adapters.refusals import is_absent, is_not_offered, refusal_as_not_readable
from lambdas.domain.safeguards.log_policies import LogPolicies

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.literals import PolicyTypeType

_TYPES: tuple[PolicyTypeType, ...] = (
    "DATA_PROTECTION_POLICY",
    "SUBSCRIPTION_FILTER_POLICY",
    "TRANSFORMER_POLICY",
)


class CloudWatchLogSettings:
    """Reads settings of one account and Region."""

    def __init__(self, client: CloudWatchLogsClient) -> None:
        """Read with a client of CloudWatch Logs."""
        self._client = client

    def read(self, log_group: str) -> LogPolicies | None:
        """What is done with a log group; `None` if there is none."""
        with refusal_as_not_readable():
            try:
                # Two at most, which are one page.
                filters = self._client.describe_subscription_filters(logGroupName=log_group)
            except ClientError as error:
                if is_absent(error):
                    return None
                raise
            return LogPolicies(
                has_data_protection=self._has_data_protection(log_group),
                has_transformer=self._has_transformer(log_group),
                account_policies={
                    name: kind for kind in _TYPES for name in self._account_policies(kind)
                },
                subscriptions={
                    filter_["filterName"]: filter_["destinationArn"]
                    for filter_ in filters["subscriptionFilters"]
                },
            )

    def read_groups(self, names: Collection[str]) -> Mapping[str, int | None]:
        """Retention of log groups in days, by name: of these at least, as far as they exist."""
        prefix = os.path.commonprefix([*names])  # noqa: RUF071  # of names, which are no paths
        with refusal_as_not_readable():
            paginator = self._client.get_paginator("describe_log_groups")
            pages = (
                paginator.paginate(logGroupNamePrefix=prefix) if prefix else paginator.paginate()
            )
            return {
                group["logGroupName"]: group.get("retentionInDays")
                for page in pages
                for group in page["logGroups"]
            }

    def _has_data_protection(self, log_group: str) -> bool:
        try:
            answer = self._client.get_data_protection_policy(logGroupIdentifier=log_group)
        except ClientError as error:
            return _exists_after(error)
        return bool(answer.get("policyDocument"))

    def _has_transformer(self, log_group: str) -> bool:
        try:
            answer = self._client.get_transformer(logGroupIdentifier=log_group)
        except ClientError as error:
            return _exists_after(error)
        return bool(answer.get("transformerConfig"))

    def _account_policies(self, kind: PolicyTypeType) -> list[str]:
        names, token = list[str](), ""
        while True:
            more = {"nextToken": token} if token else {}
            try:
                answer = self._client.describe_account_policies(policyType=kind, **more)
            except ClientError as error:
                _exists_after(error)
                return names
            names += [policy["policyName"] for policy in answer.get("accountPolicies", [])]
            if not (token := answer.get("nextToken", "")):
                return names


def _exists_after(error: ClientError) -> bool:
    """Not after an error that says that there is none, or that the Region has no such thing."""
    if is_absent(error) or is_not_offered(error):
        return False
    raise error
