"""Compares the meter's functions with the deployed ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lambdas.domain.logging_configuration import Drift, Subject
from lambdas.domain.safeguards.deployed import UNKNOWN, DeployedResource, list_resources, matches
from lambdas.domain.words import fingerprint, list_names, show

_FUNCTION = "AWS::Lambda::Function"
_ASYNCHRONOUS = "AWS::Lambda::EventInvokeConfig"
_ASYNCHRONOUS_DEFAULTS = {"MaximumEventAgeInSeconds": 21_600, "MaximumRetryAttempts": 2}
"""Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html"""
_FIELDS = ("Handler", "MemorySize", "Role", "Runtime", "Timeout")


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function.

    Attributes:
        configuration: Its configuration, as Lambda describes it.
        reserved_concurrency: The number of executions that it may have at once, where it is set.
        asynchronous: Its retries of an event, and the destination of events that fail.
    """

    configuration: Mapping[str, Any]
    reserved_concurrency: int | None
    asynchronous: Mapping[str, Any] = field(default_factory=dict)


def function_names(resources: Iterable[DeployedResource]) -> list[str]:
    """The names of the deployed functions."""
    return [function.physical_id for function in list_resources(resources, _FUNCTION)]


def compare_functions(
    resources: Iterable[DeployedResource], live: Mapping[str, Function]
) -> Iterator[Drift]:
    """Find functions that are gone, throttled, or run with another configuration.

    Their code is not compared: templates name the archive, Lambda a digest.

    Args:
        resources: The deployed resources.
        live: Functions by name.
    """
    resources = list(resources)
    asynchronous = {
        deployed.properties["FunctionName"]: deployed.properties
        for deployed in list_resources(resources, _ASYNCHRONOUS)
    }
    for deployed in list_resources(resources, _FUNCTION):
        function = live.get(deployed.physical_id)
        texts = [*_compare(deployed.properties, function)]
        if function is not None:
            wanted = asynchronous.get(deployed.physical_id, {})
            texts += _compare_asynchronous(wanted, function.asynchronous)
        for text in texts:
            yield Drift(Subject.FUNCTION, f"function {deployed.physical_id} {text}")


def _compare(deployed: Mapping[str, Any], live: Function | None) -> Iterator[str]:
    if live is None:
        yield "is gone"
        return
    reserved = deployed.get("ReservedConcurrentExecutions")
    if live.reserved_concurrency != reserved:
        yield f"has reserved concurrency {live.reserved_concurrency}, was {show(reserved)}"
    now = live.configuration
    for name in _FIELDS:
        if name in deployed and not matches(deployed[name], now.get(name)):
            yield f"has {name} {show(now.get(name))}, was {show(deployed[name])}"
    layers = [layer["Arn"] for layer in now.get("Layers", [])]
    if not matches(deployed.get("Layers", []), layers):
        yield f"has different layers (now {fingerprint(layers)})"
    group = now.get("LoggingConfig", {}).get("LogGroup")
    if "LoggingConfig" in deployed and not matches(deployed["LoggingConfig"]["LogGroup"], group):
        yield f"logs to {show(group)}"
    before, subnets = (_subnets(configuration) for configuration in (deployed, now))
    if not matches(before, subnets):
        yield f"runs in subnets {show(subnets)}, was {show(before)}"
    if changed := _changed_variables(deployed, now):
        values = (now.get("Environment") or {}).get("Variables", {})
        live_values = fingerprint({name: values.get(name) for name in changed})
        yield f"has different environment variables (now {live_values}): {list_names(changed)}"


def _subnets(function: Mapping[str, Any]) -> list[str]:
    return list((function.get("VpcConfig") or {}).get("SubnetIds") or [])


def _compare_asynchronous(deployed: Mapping[str, Any], live: Mapping[str, Any]) -> Iterator[str]:
    for name, default in _ASYNCHRONOUS_DEFAULTS.items():
        before, now = (values.get(name, default) for values in (deployed, live))
        if before != now:
            yield f"has {name} {show(now)} for asynchronous events, was {show(before)}"
    wanted, found = _destinations(deployed), _destinations(live)
    if not matches(wanted, found):
        yield f"has destinations {show(found)} for asynchronous events, was {show(wanted)}"


def _destinations(configuration: Mapping[str, Any]) -> dict[str, Any]:
    destinations = configuration.get("DestinationConfig") or {}
    return {
        when: destination["Destination"]
        for when, destination in destinations.items()
        if destination.get("Destination")
    }


def _changed_variables(deployed: Mapping[str, Any], live: Mapping[str, Any]) -> list[str]:
    """The names of variables with other values; values stay out of notices."""
    before = deployed.get("Environment", {}).get("Variables", {})
    now = (live.get("Environment") or {}).get("Variables", {})
    return [
        name
        for name in {*before, *now}
        if before.get(name) is not UNKNOWN and before.get(name) != now.get(name)
    ]
