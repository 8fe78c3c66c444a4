"""Finds policies of the account that mask, rewrite, copy or expire the meter's logs."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from lambdas.domain.logging_configuration import Drift, Subject
from lambdas.domain.safeguards.words import suggest_known_policy
from lambdas.domain.words import fingerprint, show

ACCOUNT_POLICY_EFFECTS: Mapping[str, str] = {
    "DATA_PROTECTION_POLICY": "masks text",
    "METRIC_EXTRACTION_POLICY": "stops metrics",
    "RETENTION_POLICY": "sets the retention",
    "SUBSCRIPTION_FILTER_POLICY": "copies events",
    "TRANSFORMER_POLICY": "rewrites events",
}
"""The effect of policies on the log groups that they select, by kind. An index changes nothing.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutAccountPolicy.html
"""

_CRITERIA = re.compile(r"\s*LogGroupName(Prefix)?\s+(NOT\s+)?IN\s*(\[.*\])\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class AccountPolicy:
    """A policy of the account for its log groups.

    Attributes:
        kind: Its type, such as `TRANSFORMER_POLICY`.
        name: Its name.
        criteria: The log groups that it selects; `None` for all.
        document: Its document, as JSON.
    """

    kind: str
    name: str
    criteria: str | None = None
    document: str = ""

    @property
    def word(self) -> str:
        """The policy in the words of `known_log_policies`."""
        return f"account:{self.kind}:{self.name}"

    def selects(self, log_group: str) -> bool:
        """Say if the policy acts on a log group; criteria that cannot be read select all.

        >>> AccountPolicy("RETENTION_POLICY", "a", 'LogGroupNamePrefix IN ["x"]').selects("xy")
        True
        """
        match = _CRITERIA.fullmatch(self.criteria or "")
        if match is None:
            return True
        by_prefix, is_negated, listed = match.groups()
        try:
            names = [str(name) for name in json.loads(listed)]
        except ValueError:
            return True
        is_listed = log_group.startswith(tuple(names)) if by_prefix else log_group in names
        return is_listed is not bool(is_negated)


def find_account_policies(
    policies: Iterable[AccountPolicy], *, log_groups: Collection[str], known: Collection[str]
) -> Iterator[Drift]:
    """Find policies that act on the meter's log groups.

    Args:
        policies: Those of the account.
        log_groups: The names of the metered log group and of functions' log groups.
        known: The policies that the account's owner has declared in `known_log_policies`.
    """
    for policy in sorted(policies, key=lambda policy: policy.word):
        if policy.word not in known and any(map(policy.selects, log_groups)):
            effect = ACCOUNT_POLICY_EFFECTS.get(policy.kind, "acts")
            now = fingerprint([policy.criteria, policy.document])
            text = (
                f"account policy {show(policy.name)} {effect} of the meter's log groups (now {now})"
            )
            yield Drift(Subject.LOG_POLICY, f"{text} {suggest_known_policy(policy.word)}")
