"""Describes policies in a line each, for the command line and the audit trail.

The lines name no callers: the audit trail keeps them for good.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lambdas.domain.limit_policies.limit_words import write_limit
from lambdas.domain.limit_policies.policy import Policy, PolicyLimit, PolicyMatch, PolicySet
from lambdas.domain.words import plural


def describe_policies(policies: PolicySet) -> Mapping[str, str]:
    """Describe all policies, those of tiers as TIER/NAME, and what tiers inherit as tier TIER."""
    described = {policy.name: describe_policy(policy) for policy in policies.policies}
    for name, tier in policies.tiers.items():
        described |= {f"{name}/{policy.name}": describe_policy(policy) for policy in tier.policies}
        if tier.extends is not None:
            described[f"tier {name}"] = f"has the policies of {tier.extends}, too"
    if policies.break_glass:
        described["break_glass"] = plural(len(policies.break_glass), "pattern") + " of callers"
    return described


def describe_policy(policy: Policy) -> str:
    """Describe a policy."""
    shared = " and ".join(policy.partition_by)
    parts = [
        ", ".join(map(_describe_limit, policy.limits)),
        f"for each {shared}" if shared else "for all calls together",
        *_describe_match(policy.match),
        *([] if policy.when_out is None else [policy.when_out.value]),
        f"fail {policy.fail}",
    ]
    return "; ".join(parts)


def _describe_limit(limit: PolicyLimit) -> str:
    mode = "" if limit.limit.is_enforced else " (shadow)"
    near = f" near {'/'.join(map(str, limit.near))}%" if limit.near else ""
    return f"{write_limit(limit.limit)}{mode}{near}"


def _describe_match(match: PolicyMatch) -> Iterator[str]:
    """Describe the conditions."""
    if match.caller:
        yield plural(len(match.caller), "pattern") + " of callers"
    for name in ("key", "tier", "project", "model", "operation"):
        if values := getattr(match, name):
            yield f"{name} {' or '.join(values)}"
