"""Finds the account's own log policies for `make doctor`, before `logging_watcher` reports them.

It reports them from its first check on, unless `known_log_policies` lists them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from itertools import chain
from typing import TYPE_CHECKING, Any

import boto3

from cdk.config import stack_names
from cdk.operations.aws_errors import ignore_errors
from lambdas.domain.logging_configuration import Drift
from lambdas.domain.safeguards.account_policies import (
    ACCOUNT_POLICY_EFFECTS,
    AccountPolicy,
    find_account_policies,
)
from lambdas.domain.safeguards.log_policies import LogPolicies, find_log_policies
from lambdas.domain.safeguards.masking import masked_identifiers

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

# There is no policy, or the Region does not have the action or the kind of policy.
_NONE = {
    "InvalidParameterException",
    "ResourceNotFoundException",
    "UnknownOperationException",
}
# Before a deployment, only the beginnings of its log groups' names are known.
_BEGINNINGS = [f"{stack}-" for stack in stack_names.ALL]


def find_own_log_policies(
    session: boto3.Session, log_group: str | None, known: Collection[str]
) -> list[str]:
    """Find policies and subscription filters that `known_log_policies` does not have.

    Args:
        session: The account and Region.
        log_group: The metered log group, where it exists already.
        known: The setting `known_log_policies`.
    """
    client = session.client("logs")
    log_groups = [*_BEGINNINGS, *([log_group] if log_group else [])]
    policies = [
        policy for kind in ACCOUNT_POLICY_EFFECTS for policy in _read_account_policies(client, kind)
    ]
    found = chain(
        _find_log_group_policies(client, log_group, known) if log_group else (),
        find_account_policies(policies, log_groups=log_groups, known=known),
    )
    return [drift.text for drift in found]


def _read_account_policies(client: CloudWatchLogsClient, kind: str) -> list[AccountPolicy]:
    found, token = list[AccountPolicy](), ""
    while True:
        more = {"nextToken": token} if token else {}
        answer = _answer(client.describe_account_policies, policyType=kind, **more)
        found += [
            AccountPolicy(kind, policy["policyName"], policy.get("selectionCriteria"))
            for policy in answer.get("accountPolicies", [])
        ]
        if not (token := answer.get("nextToken", "")):
            return found


def _find_log_group_policies(
    client: CloudWatchLogsClient, log_group: str, known: Collection[str]
) -> Iterator[Drift]:
    filters = _answer(client.describe_subscription_filters, logGroupName=log_group)
    transformer = _answer(client.get_transformer, logGroupIdentifier=log_group)
    subscriptions = {
        filter_["filterName"]: filter_["destinationArn"]
        for filter_ in filters.get("subscriptionFilters", [])
    }
    ours = [
        destination
        for name, destination in subscriptions.items()
        if name.startswith(stack_names.INGESTION)
    ]
    return find_log_policies(
        LogPolicies(
            masks=read_masks(client, log_group),
            has_transformer=bool(transformer.get("transformerConfig")),
            subscriptions=subscriptions,
        ),
        log_group=log_group,
        destination_arn=ours[0] if ours else "",
        known=known,
    )


def read_masks(client: CloudWatchLogsClient, log_group: str) -> frozenset[str] | None:
    """Read the data identifiers that a log group's policy masks; `None` without a policy."""
    answer = _answer(client.get_data_protection_policy, logGroupIdentifier=log_group)
    policy = answer.get("policyDocument")
    return masked_identifiers(json.loads(policy)) if policy else None


def _answer(ask: Callable[..., Any], **request: object) -> Mapping[str, Any]:
    """Return the answer, or an empty one if there is no such policy."""
    with ignore_errors(_NONE):
        answer: Mapping[str, Any] = ask(**request)
        return answer
    return {}
