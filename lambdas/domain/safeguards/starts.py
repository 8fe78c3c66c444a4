"""Compares the rules and event source mappings that start functions with the deployed ones."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.domain.logging_configuration import Drift, Subject
from lambdas.domain.safeguards.deployed import DeployedResource, list_resources, matches
from lambdas.domain.words import fingerprint, show

_RULE = "AWS::Events::Rule"
_MAPPING = "AWS::Lambda::EventSourceMapping"
_ENABLED = "ENABLED"
_TARGET_FIELDS = ("Arn", "Input", "InputPath", "InputTransformer")
_MAPPING_FIELDS = (
    "BatchSize",
    "BisectBatchOnFunctionError",
    "DestinationConfig",
    "EventSourceArn",
    "FunctionResponseTypes",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
)
_MAPPING_DEFAULTS = {"ParallelizationFactor": 1, "TumblingWindowInSeconds": 0}
_STOPPED = ("Disabled", "Disabling", "Deleting")


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of EventBridge.

    Attributes:
        state: Whether it is enabled.
        pattern: The events that start its targets; `None` for schedules.
        schedule: The schedule that starts its targets; `None` for patterns.
        targets: Its targets, as EventBridge lists them.
    """

    state: str
    pattern: Mapping[str, Any] | None
    schedule: str | None
    targets: tuple[Mapping[str, Any], ...]


def rule_names(resources: Iterable[DeployedResource]) -> list[str]:
    """The names of the deployed rules."""
    return [rule.physical_id for rule in list_resources(resources, _RULE)]


def mapping_ids(resources: Iterable[DeployedResource]) -> list[str]:
    """The ids of the deployed event source mappings."""
    return [mapping.physical_id for mapping in list_resources(resources, _MAPPING)]


def compare_rules(
    resources: Iterable[DeployedResource], live: Mapping[str, Rule]
) -> Iterator[Drift]:
    """Find rules that are gone, disabled, or start something else.

    Args:
        resources: The deployed resources.
        live: Rules by name.
    """
    for deployed in list_resources(resources, _RULE):
        for text in _compare_rule(deployed.properties, live.get(deployed.physical_id)):
            yield Drift(Subject.RULE, f"rule {deployed.physical_id} {text}")


def compare_mappings(
    resources: Iterable[DeployedResource], live: Mapping[str, Mapping[str, Any]]
) -> Iterator[Drift]:
    """Find event source mappings that are gone, stopped or changed.

    Args:
        resources: The deployed resources.
        live: Mappings by id, as Lambda describes them.
    """
    for deployed in list_resources(resources, _MAPPING):
        function = deployed.properties["FunctionName"]
        mapping = live.get(deployed.physical_id)
        for text in _compare_mapping(deployed.properties, mapping):
            yield Drift(Subject.FUNCTION, f"the event source mapping of {function} {text}")


def _compare_rule(deployed: Mapping[str, Any], live: Rule | None) -> Iterator[str]:
    if live is None:
        yield "is gone"
        return
    state = deployed.get("State", _ENABLED)
    if live.state != state:
        yield f"is {live.state}, was {state}"
    if not matches(deployed.get("ScheduleExpression"), live.schedule):
        yield f"has schedule {show(live.schedule)}"
    if not matches(deployed.get("EventPattern"), live.pattern):
        yield f"has a different event pattern (now {fingerprint(live.pattern)})"
    wanted = [_target(target) for target in deployed["Targets"]]
    targets = [_target(target) for target in live.targets]
    if not matches(wanted, targets):
        yield f"has different targets (now {fingerprint(targets)})"


def _target(target: Mapping[str, Any]) -> dict[str, Any]:
    return {name: target[name] for name in _TARGET_FIELDS if target.get(name) is not None}


def _compare_mapping(deployed: Mapping[str, Any], live: Mapping[str, Any] | None) -> Iterator[str]:
    if live is None:
        yield "is gone"
        return
    if live["State"] in _STOPPED:
        yield f"is stopped: its state is {live['State']}"
    function = deployed["FunctionName"]
    if live["FunctionArn"].rpartition(":")[2] != function:
        yield f"starts {show(live['FunctionArn'])}"
    for name in _MAPPING_FIELDS:
        if name in deployed and not matches(deployed[name], live.get(name)):
            yield f"has {name} {show(live.get(name))}, was {show(deployed[name])}"
    for name, default in _MAPPING_DEFAULTS.items():
        before, now = (values.get(name) or default for values in (deployed, live))
        if before != now:
            yield f"has {name} {show(now)}, was {show(before)}"
    if not matches(_filters(deployed), _filters(live)):
        yield f"has a different filter (now {fingerprint(_filters(live))})"


def _filters(mapping: Mapping[str, Any]) -> list[Any]:
    filters = (mapping.get("FilterCriteria") or {}).get("Filters", [])
    return [json.loads(one["Pattern"]) for one in filters]
