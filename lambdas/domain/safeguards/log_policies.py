"""Finds what changes, hides or copies logs: policies, transformers, filters, deleted log groups."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from lambdas.domain.logging_configuration import Difference, Subject, fingerprint
from lambdas.domain.safeguards.deployed import DeployedResource, resources_of
from lambdas.domain.safeguards.words import list_names, show

_LOG_GROUP = "AWS::Logs::LogGroup"
DATA_PROTECTION = "data-protection"
TRANSFORMER = "transformer"
ACCOUNT_PREFIX = "account:"
SUBSCRIPTION_PREFIX = "subscription:"


@dataclass(frozen=True, slots=True)
class LogPolicies:
    """What CloudWatch Logs does with the metered log group, beside keeping it.

    Attributes:
        has_data_protection: Whether a policy of the log group masks text, for subscribers too.
        has_transformer: Whether a transformer rewrites its log events.
        account_policies: Policies of the account that mask, rewrite or copy logs, by name.
        subscriptions: The destinations of its subscription filters, by name.
    """

    has_data_protection: bool
    has_transformer: bool
    account_policies: Mapping[str, str]
    subscriptions: Mapping[str, str]


def find_log_policies(
    live: LogPolicies, *, log_group: str, destination_arn: str, known: Collection[str]
) -> Iterator[Difference]:
    """Find what masks, rewrites or copies the metered log group.

    Args:
        live: What there is.
        log_group: The metered log group.
        destination_arn: The function that counts.
        known: What the account's owner put there, in the words of `known_log_policies`.
    """
    found = {
        DATA_PROTECTION: live.has_data_protection
        and f"a data protection policy masks text in log group {log_group}",
        TRANSFORMER: live.has_transformer
        and f"a transformer rewrites the events of log group {log_group}",
        **{
            f"{ACCOUNT_PREFIX}{name}": f"account policy {show(name)} ({kind}) acts on log groups"
            for name, kind in sorted(live.account_policies.items())
        },
        **{
            f"{SUBSCRIPTION_PREFIX}{name}": (
                f"subscription filter {show(name)} copies log group {log_group}"
                f" to {show(destination)}"
            )
            for name, destination in sorted(live.subscriptions.items())
            if destination != destination_arn
        },
    }
    for word, text in found.items():
        if text and word not in known:
            hint = f"(if you made it, add {show(word)} to known_log_policies)"
            yield Difference(Subject.LOG_POLICY, f"{text} {hint}")


def log_group_names(resources: Iterable[DeployedResource]) -> list[str]:
    """The names of the deployed log groups."""
    return [group.physical_id for group in resources_of(resources, _LOG_GROUP)]


def compare_log_groups(
    resources: Iterable[DeployedResource], live: Mapping[str, int | None]
) -> Iterator[Difference]:
    """Find log groups of functions that are gone or expire at another time.

    Args:
        resources: What was deployed.
        live: How many days log groups keep events, by name; `None` for ever.
    """
    deployed = {
        group.physical_id: group.properties.get("RetentionInDays")
        for group in resources_of(resources, _LOG_GROUP)
    }
    if gone := deployed.keys() - live.keys():
        text = f"log groups of functions are gone: {list_names(gone)}"
        yield Difference(Subject.LOG_POLICY, text)
    changed = [name for name, days in deployed.items() if name in live and live[name] != days]
    if changed:
        days = fingerprint({name: live[name] for name in changed})
        text = f"log groups of functions expire at another time (now {days}): {list_names(changed)}"
        yield Difference(Subject.LOG_POLICY, text)
