"""The part of `make doctor` that finds log policies of the account's own, before they are reported.

`logging_watcher` reports them from its first check on, unless `known_log_policies` has them.
"""

from __future__ import annotations

from collections.abc import Collection
from itertools import chain

import boto3

from cdk import stack_names
from lambdas.adapters.cloudwatch_log_settings import CloudWatchLogSettings
from lambdas.domain.safeguards.account_policies import ACCOUNT_POLICY_EFFECTS, find_account_policies
from lambdas.domain.safeguards.log_policies import LogPolicies, find_log_policies

_NO_POLICIES = LogPolicies(has_data_protection=False, has_transformer=False, subscriptions={})
# Before a deployment nothing else is known of the names of its log groups.
_BEGINNINGS = [
    f"{stack}-" for stack in (stack_names.STORAGE, stack_names.INGESTION, stack_names.MONITORING)
]


def find_own_log_policies(
    session: boto3.Session, log_group: str | None, known: Collection[str]
) -> list[str]:
    """Find policies and subscription filters that `known_log_policies` does not have.

    Args:
        session: The account and Region.
        log_group: The metered log group, where it exists already.
        known: The setting `known_log_policies`.

    Raises:
        NotReadableError: AWS denies to read them.
    """
    settings = CloudWatchLogSettings(session.client("logs"))
    live = (settings.read(log_group) if log_group else None) or _NO_POLICIES
    ours = [
        destination
        for name, destination in live.subscriptions.items()
        if name.startswith(stack_names.INGESTION)
    ]
    found = chain(
        find_log_policies(
            live,
            log_group=log_group or "",
            destination_arn=ours[0] if ours else "",
            known=known,
        ),
        find_account_policies(
            [
                policy
                for kind in ACCOUNT_POLICY_EFFECTS
                for policy in settings.read_account_policies(kind)
            ],
            log_groups=[*_BEGINNINGS, *([log_group] if log_group else [])],
            known=known,
        ),
    )
    return [difference.text for difference in found]
