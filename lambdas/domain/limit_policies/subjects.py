"""Applies policies to a call: the subjects whose limits it has to keep."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import NamedTuple
from urllib.parse import quote

from lambdas.domain.api_keys import ApiKey
from lambdas.domain.bedrock_calls import BedrockPath
from lambdas.domain.limit_policies.policy import (
    CallFacts,
    Partition,
    Policy,
    PolicyLimit,
    PolicySet,
)
from lambdas.domain.limits import (
    NO_USE,
    FailMode,
    LimitMode,
    LimitSubject,
    LimitUnit,
    make_charges,
)

_MAX_ID_LENGTH = 500  # the name of a model can have 2,048 letters


class SubjectsUnavailableError(Exception):
    """Subjects beside those of policies cannot be found, and were not found before."""


class CallNotCountableError(Exception):
    """A limit counts by a label that is not known before the call.

    Attributes:
        name: The name of the limit.
        label: The label.
    """

    def __init__(self, name: str, label: str) -> None:
        """Name the limit and the label."""
        super().__init__(f"{name} counts by {label}, which is not known before the call")
        self.name = name
        self.label = label


class PolicySubject(NamedTuple):
    """A subject, and the policy that it comes from.

    Attributes:
        policy: The policy.
        subject: The subject. Its limits are those of the policy, in their order.
        partition: The value that the policy counts by; `None` where all its calls count together.
        values: The same, for each property that it counts by.
    """

    policy: Policy
    subject: LimitSubject
    partition: str | None
    values: tuple[str | None, ...] = ()


def find_subjects(policies: PolicySet, key: ApiKey, path: BedrockPath) -> tuple[PolicySubject, ...]:
    """Find the subjects of a call.

    Args:
        policies: All policies.
        key: The caller's key.
        path: The operation and the model.
    """
    facts = CallFacts.from_call(key, path)
    return tuple(
        _make_subject(policies, policy, facts)
        for policy in policies.list_policies(key.tier)
        if policy.match.matches(facts)
    )


def find_own_subjects(policies: PolicySet, key: ApiKey) -> Sequence[PolicySubject]:
    """Find the subjects of the calls of a key, whatever they call.

    Policies that count by model are left out: they have a subject for each model.
    """
    facts = CallFacts.from_call(key)
    return tuple(
        _make_subject(policies, policy, facts)
        for policy in policies.list_policies(key.tier)
        if policy.match.matches_key(facts) and Partition.MODEL not in policy.partition_by
    )


def adopt_subject(
    name: str, subject: LimitSubject, partition: str | None = None, *, is_released: bool = False
) -> PolicySubject:
    """Make a policy of a subject that comes from elsewhere, such as a budget.

    Args:
        name: The name that callers see.
        subject: The subject.
        partition: The value that it counts for, as callers see it.
        is_released: True if it counts the call and never refuses it.
    """
    limits = tuple(PolicyLimit(limit) for limit in subject.limits)
    policy = Policy(name, limits, fail=subject.fail)
    return PolicySubject(policy, release(subject) if is_released else subject, partition)


def release(subject: LimitSubject) -> LimitSubject:
    """Let a subject count calls and refuse none."""
    limits = tuple(replace(limit, mode=LimitMode.SHADOW) for limit in subject.limits)
    return replace(subject, limits=limits, fail=FailMode.OPEN)


def _make_subject(policies: PolicySet, policy: Policy, facts: CallFacts) -> PolicySubject:
    limits = tuple(each.limit for each in policy.limits)
    counted = policies.list_counters(policy)
    subject = LimitSubject(_make_id(policy, facts), limits, policy.fail, counted)
    if policies.is_break_glass(facts):
        subject = release(subject)
    values = tuple(facts.get(partition) for partition in policy.partition_by)
    shown = "/".join(value or "" for value in values) if values else None
    return PolicySubject(policy, subject, shown, values)


def _make_id(policy: Policy, facts: CallFacts) -> str:
    """Make the id of a subject, which no other partition of the policy has."""
    made = "|".join([policy.name, *_write_partitions(policy, facts)])
    if len(made) <= _MAX_ID_LENGTH:
        return made
    return f"{policy.name}|sha256={sha256(made.encode()).hexdigest()}"


def _write_partitions(policy: Policy, facts: CallFacts) -> Iterator[str]:
    for partition in sorted(policy.partition_by):
        value = facts.get(partition)
        yield partition if value is None else _write_partition(partition, value)


def name_caller(session_name: str) -> str:
    """Name a caller as the ids of subjects do, where a policy counts by caller."""
    return _write_partition(Partition.CALLER, session_name)


def _write_partition(partition: Partition, value: str) -> str:
    return f"{partition}={quote(value, safe='@:+')}"


def has_usd_limit(subjects: Sequence[PolicySubject]) -> bool:
    """Say if a subject counts calls in US dollars."""
    return any(
        key.unit is LimitUnit.USD for each in subjects for key in make_charges(each.subject, NO_USE)
    )


def refuses_usd_unchecked(subject: PolicySubject) -> bool:
    """Say if a subject refuses calls while prices cannot be read."""
    return subject.subject.fail is FailMode.CLOSED and _enforces_usd(subject)


def leave_usd_unchecked(subject: PolicySubject) -> PolicySubject:
    """Let calls pass a subject's limits in US dollars; its other limits stay enforced."""
    if not _enforces_usd(subject):
        return subject
    limits = tuple(
        replace(limit, mode=LimitMode.SHADOW) if limit.unit is LimitUnit.USD else limit
        for limit in subject.subject.limits
    )
    return subject._replace(subject=replace(subject.subject, limits=limits))


def _enforces_usd(subject: PolicySubject) -> bool:
    return any(
        limit.unit is LimitUnit.USD and limit.is_enforced for limit in subject.subject.limits
    )
