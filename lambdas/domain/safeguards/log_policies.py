"""Finds policies, transformers and filters that change, hide or copy logs, and lost log groups."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from lambdas.domain.logging_configuration import Drift, Subject
from lambdas.domain.safeguards.deployed import DeployedResource, list_resources
from lambdas.domain.safeguards.masking import compare_masks
from lambdas.domain.safeguards.words import suggest_known_policy
from lambdas.domain.words import fingerprint, list_names, show

_LOG_GROUP = "AWS::Logs::LogGroup"
DATA_PROTECTION = "data-protection"
TRANSFORMER = "transformer"


@dataclass(frozen=True, slots=True)
class LogPolicies:
    """The policies and filters that CloudWatch Logs applies to the metered log group.

    Attributes:
        masks: The data identifiers that a policy of the log group masks, for subscribers too;
            `None` without a policy.
        has_transformer: Whether a transformer rewrites its log events.
        subscriptions: The destinations of its subscription filters, by name.
        field_criteria: The log events that filters select by their source, by name.
    """

    masks: frozenset[str] | None
    has_transformer: bool
    subscriptions: Mapping[str, str]
    field_criteria: Mapping[str, str] = field(default_factory=dict)


def find_log_policies(
    live: LogPolicies,
    *,
    log_group: str,
    destination_arn: str,
    known: Collection[str],
    deployed_masks: frozenset[str] | None = None,
) -> Iterator[Drift]:
    """Find policies and filters that mask, rewrite or copy the metered log group.

    Args:
        live: The current state.
        log_group: The metered log group.
        destination_arn: The function that counts.
        known: The policies that the account's owner has declared in `known_log_policies`.
        deployed_masks: The data identifiers that the deployment masks; `None` if it has no policy.
    """
    if deployed_masks is not None:
        live_masks = live.masks or frozenset()
        for drift in compare_masks(deployed_masks, live_masks, log_group=log_group):
            yield Drift(Subject.LOG_POLICY, drift)
    found = {
        DATA_PROTECTION: deployed_masks is None
        and live.masks is not None
        and f"a data protection policy masks text in log group {log_group}",
        TRANSFORMER: live.has_transformer
        and f"a transformer rewrites the events of log group {log_group}",
        **{
            f"subscription:{name}={destination}": (
                f"subscription filter {show(name)} copies log group {log_group}"
                f" to {show(destination)}"
            )
            for name, destination in sorted(live.subscriptions.items())
            if destination != destination_arn
        },
    }
    for word, text in found.items():
        if text and word not in known:
            yield Drift(Subject.LOG_POLICY, f"{text} {suggest_known_policy(word)}")
    for name, criteria in sorted(live.field_criteria.items()):
        if live.subscriptions.get(name) == destination_arn:
            text = f"log group {log_group} delivers only events from {show(criteria)}"
            yield Drift(Subject.LOG_POLICY, text)


def log_group_names(resources: Iterable[DeployedResource]) -> list[str]:
    """The names of the deployed log groups."""
    return [group.physical_id for group in list_resources(resources, _LOG_GROUP)]


def compare_log_groups(
    resources: Iterable[DeployedResource], live: Mapping[str, int | None]
) -> Iterator[Drift]:
    """Find log groups of functions that are gone or expire earlier.

    The account may keep all logs longer than the meter does. That hides nothing.

    Args:
        resources: The deployed resources.
        live: The days that log groups keep events, by name; `None` for ever.
    """
    deployed = {
        group.physical_id: group.properties.get("RetentionInDays")
        for group in list_resources(resources, _LOG_GROUP)
    }
    if gone := deployed.keys() - live.keys():
        text = f"log groups of functions are gone: {list_names(gone)}"
        yield Drift(Subject.LOG_POLICY, text)
    expiring = {
        name: kept
        for name, days in deployed.items()
        if (kept := live.get(name)) is not None and (days is None or kept < days)
    }
    if expiring:
        names, now = list_names(expiring), fingerprint(expiring)
        text = f"log groups of functions expire earlier (now {now}): {names}"
        yield Drift(Subject.LOG_POLICY, text)
