"""Settings of CloudWatch Logs that mask, rewrite or copy logs, and log groups of functions."""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, cast

from botocore.exceptions import ClientError

from lambdas.adapters.refusals import (
    error_code,
    ignore_absent,
    is_absent,
    is_not_offered,
    refusal_as_not_readable,
)
from lambdas.domain.safeguards.account_policies import AccountPolicy
from lambdas.domain.safeguards.log_policies import LogPolicies
from lambdas.domain.safeguards.masking import masked_identifiers

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_logs.literals import PolicyTypeType

_UNKNOWN_KIND = "InvalidParameterException"


class CloudWatchLogSettings:
    """Reads settings of one account and Region."""

    def __init__(self, client: CloudWatchLogsClient) -> None:
        """Read with a client of CloudWatch Logs."""
        self._client = client

    def read(self, log_group: str) -> LogPolicies | None:
        """Read the policies of a log group; `None` if it does not exist."""
        with refusal_as_not_readable(), ignore_absent():
            # Two at most, which are one page.
            filters = self._client.describe_subscription_filters(logGroupName=log_group)
            return LogPolicies(
                masks=self._masks(log_group),
                has_transformer=self._has_transformer(log_group),
                subscriptions={
                    filter_["filterName"]: filter_["destinationArn"]
                    for filter_ in filters["subscriptionFilters"]
                },
                field_criteria={
                    filter_["filterName"]: criteria
                    for filter_ in filters["subscriptionFilters"]
                    if (criteria := filter_.get("fieldSelectionCriteria"))
                },
            )
        return None

    def read_account_policies(self, kind: str) -> list[AccountPolicy]:
        """The account's policies of one kind; none where the Region does not know the kind."""
        with refusal_as_not_readable():
            return self._account_policies(kind)

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

    def _masks(self, log_group: str) -> frozenset[str] | None:
        try:
            answer = self._client.get_data_protection_policy(logGroupIdentifier=log_group)
        except ClientError as error:
            _exists_after(error)
            return None
        policy = answer.get("policyDocument")
        return masked_identifiers(json.loads(policy)) if policy else None

    def _has_transformer(self, log_group: str) -> bool:
        try:
            answer = self._client.get_transformer(logGroupIdentifier=log_group)
        except ClientError as error:
            return _exists_after(error)
        return bool(answer.get("transformerConfig"))

    def _account_policies(self, kind: str) -> list[AccountPolicy]:
        policies, token = list[AccountPolicy](), ""
        while True:
            more = {"nextToken": token} if token else {}
            try:
                answer = self._client.describe_account_policies(
                    policyType=cast("PolicyTypeType", kind), **more
                )
            except ClientError as error:
                if error_code(error) != _UNKNOWN_KIND:
                    _exists_after(error)
                return policies
            policies += [
                AccountPolicy(
                    kind,
                    policy["policyName"],
                    policy.get("selectionCriteria"),
                    policy.get("policyDocument", ""),
                )
                for policy in answer.get("accountPolicies", [])
            ]
            if not (token := answer.get("nextToken", "")):
                return policies


def _exists_after(error: ClientError) -> bool:
    """Return False if the error means "absent" or "not offered in the Region"; else raise it."""
    if is_absent(error) or is_not_offered(error):
        return False
    raise error
