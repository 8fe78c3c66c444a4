"""Compares live invocation logging with the deployed one: configuration, group, filter, role.

Each of these four can drift by itself, and then calls go uncounted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, TypeAlias

from lambdas.domain.logging_configuration.plan import (
    YOUNG_FLAGS,
    LoggingConfiguration,
    LoggingState,
    describe,
    get_log_group,
)
from lambdas.domain.words import fingerprint, normalize, plural, show

PolicyDocument: TypeAlias = Mapping[str, Any]
"""Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html"""

_SUBSCRIBABLE_CLASS = "STANDARD"


class Subject(StrEnum):
    """A part of the deployment that can drift."""

    CONFIGURATION = "configuration"
    LOG_GROUP = "log_group"
    SUBSCRIPTION = "subscription"
    ROLE = "role"
    LOGGING_STATE = "logging_state"
    ALARM = "alarm"
    TOPIC = "topic"
    KEY = "key"
    LOG_POLICY = "log_policy"
    RULE = "rule"
    FUNCTION = "function"
    LEDGER = "ledger"

    @property
    def is_logging(self) -> bool:
        """True for a part of invocation logging, as opposed to the meter around it."""
        return self in _LOGGING


_LOGGING = (
    Subject.CONFIGURATION,
    Subject.LOG_GROUP,
    Subject.SUBSCRIPTION,
    Subject.ROLE,
    Subject.LOGGING_STATE,
)


class Drift(NamedTuple):
    """One change from the deployed state.

    Attributes:
        subject: The drifted part.
        text: The drift, as part of a sentence.
    """

    subject: Subject
    text: str


@dataclass(frozen=True, slots=True)
class LogGroup:
    """A log group.

    Attributes:
        log_class: Its class; only one class takes subscription filters.
        retention_days: The days that it keeps logs; `None` for ever.
        subscriptions: The destinations of its logs, and the pattern that they have to match.
    """

    log_class: str
    retention_days: int | None
    subscriptions: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Role:
    """A role, with everything that decides on its permissions.

    Attributes:
        trust: Its trust policy.
        policies: The documents of its inline policies, by name.
        attached: The ARNs of managed policies that are attached to it.
        boundary: The ARN of its permissions boundary; `None` without one.
    """

    trust: PolicyDocument
    policies: Mapping[str, PolicyDocument]
    attached: frozenset[str]
    boundary: str | None


@dataclass(frozen=True, slots=True)
class DeployedRole:
    """The role with which Bedrock writes logs, as it was deployed.

    Attributes:
        name: Its name.
        trust: Its trust policy.
        policy: Its one inline policy.
        boundary: The ARN of its permissions boundary.
    """

    name: str
    trust: PolicyDocument
    policy: PolicyDocument
    boundary: str


@dataclass(frozen=True, slots=True)
class DeployedLogging:
    """The deployed state, as the environment of the watch describes it.

    Attributes:
        configuration: Bedrock's logging configuration; `None` where an existing one is adopted.
        log_group: The log group that is metered.
        destination_arn: The destination of its subscription.
        retention_days: The days that it keeps logs; `None` where the stack does not own it.
        role: The role; `None` where the stack does not own it.
        logging_state_parameter: The SSM parameter with the logging state of the configuration.
    """

    configuration: LoggingConfiguration | None
    log_group: str
    destination_arn: str
    retention_days: int | None
    role: DeployedRole | None
    logging_state_parameter: str


def compare_configuration(
    deployed: DeployedLogging, live: LoggingConfiguration | None
) -> Iterator[Drift]:
    """Yield the drift of Bedrock's configuration from the deployed or adopted one."""
    wanted = deployed.configuration

    def drift(text: str) -> Drift:
        return Drift(Subject.CONFIGURATION, text)

    if live is None:
        yield drift("Bedrock's invocation logging is off")
    elif wanted is None:
        if get_log_group(live) != deployed.log_group:
            yield drift(
                f"Bedrock's invocation logs go to {describe(live)}, not to log group"
                f" {deployed.log_group}"
            )
    elif not LoggingState((wanted,)).is_ours(live):
        for text in _changed_settings(wanted, live):
            yield drift(f"in Bedrock's logging configuration, {text}")


def compare_log_group(deployed: DeployedLogging, live: LogGroup | None) -> Iterator[Drift]:
    """List the drift of the log group and its subscription."""
    name = deployed.log_group
    if live is None:
        yield Drift(Subject.LOG_GROUP, f"log group {name} is gone")
        return
    if live.log_class != _SUBSCRIBABLE_CLASS:
        text = f"log group {name} is of class {live.log_class}, which cannot be metered"
        yield Drift(Subject.LOG_GROUP, text)
    if deployed.retention_days not in (None, live.retention_days):
        days = live.retention_days
        kept = "forever" if days is None else f"for {plural(days, 'day')}"
        text = f"log group {name} keeps logs {kept} instead of {deployed.retention_days} days"
        yield Drift(Subject.LOG_GROUP, text)
    patterns = [pattern for arn, pattern in live.subscriptions if arn == deployed.destination_arn]
    if not patterns:
        yield Drift(
            Subject.SUBSCRIPTION,
            f"log group {name} has no subscription filter of the meter any more",
        )
    elif "" not in patterns:
        text = f"log group {name} delivers only events that match {show(min(patterns))}"
        yield Drift(Subject.SUBSCRIPTION, text)


def compare_role(deployed: DeployedRole, live: Role | None) -> Iterator[Drift]:
    """List the drift of the role with which Bedrock writes logs."""

    def drift(text: str) -> Drift:
        return Drift(Subject.ROLE, f"logging role {deployed.name} {text}")

    if live is None:
        yield drift("is gone")
        return
    if normalize(live.trust) != normalize(deployed.trust):
        yield drift(f"has a different trust policy (now {fingerprint(live.trust)})")
    wanted = normalize(deployed.policy)
    ours = {name for name, policy in live.policies.items() if normalize(policy) == wanted}
    if not ours:
        yield drift("no longer has the policy that lets it write logs")
    if others := (live.policies.keys() - ours) | live.attached:
        documents = fingerprint({name: live.policies.get(name) for name in others})
        names = ", ".join(sorted(others))
        yield drift(f"has policies that were not deployed (now {documents}): {names}")
    if live.boundary is None:
        yield drift("no longer has its permissions boundary")
    elif live.boundary != deployed.boundary:
        yield drift(f"has a different permissions boundary: {live.boundary}")


def _changed_settings(written: LoggingConfiguration, live: LoggingConfiguration) -> Iterator[str]:
    before, now = dict(_flat(written)), dict(_flat(live))
    for name in sorted({*before, *now}):
        is_unknown = name in YOUNG_FLAGS and not (name in written and name in live)
        if is_unknown or before.get(name) == now.get(name):
            continue
        yield f"{name} is {show(now.get(name))}, was {show(before.get(name))}"


def _flat(configuration: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Settings by their whole names, without those that are empty."""
    for name, value in configuration.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif value not in (None, ""):
            yield prefix + name, value
