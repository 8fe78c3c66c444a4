"""Compares the meter's functions with the deployed ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from lambdas.domain.logging_configuration import Difference, Subject, fingerprint
from lambdas.domain.safeguards.deployed import UNKNOWN, DeployedResource, matches, resources_of
from lambdas.domain.safeguards.words import list_names, show

_FUNCTION = "AWS::Lambda::Function"
_FIELDS = ("Handler", "MemorySize", "Role", "Runtime", "Timeout")


@dataclass(frozen=True, slots=True)
class Function:
    """A Lambda function.

    Attributes:
        configuration: Its configuration, as Lambda describes it.
        reserved_concurrency: The number of executions that it may have at once, where it is set.
    """

    configuration: Mapping[str, Any]
    reserved_concurrency: int | None


def function_names(resources: Iterable[DeployedResource]) -> list[str]:
    """The names of the deployed functions."""
    return [function.physical_id for function in resources_of(resources, _FUNCTION)]


def compare_functions(
    resources: Iterable[DeployedResource], live: Mapping[str, Function]
) -> Iterator[Difference]:
    """Find functions that are gone, throttled, or run with another configuration.

    Their code is not compared: templates name the archive, Lambda a digest.

    Args:
        resources: What was deployed.
        live: Functions by name.
    """
    for deployed in resources_of(resources, _FUNCTION):
        for text in _compare(deployed.properties, live.get(deployed.physical_id)):
            yield Difference(Subject.FUNCTION, f"function {deployed.physical_id} {text}")


def _compare(deployed: Mapping[str, Any], live: Function | None) -> Iterator[str]:
    if live is None:
        yield "is gone"
        return
    reserved = deployed.get("ReservedConcurrentExecutions")
    if live.reserved_concurrency != reserved:
        yield f"may run {live.reserved_concurrency} times at once, was {show(reserved)}"
    now = live.configuration
    for name in _FIELDS:
        if name in deployed and not matches(deployed[name], now.get(name)):
            yield f"has {name} {show(now.get(name))}, was {show(deployed[name])}"
    layers = [layer["Arn"] for layer in now.get("Layers", [])]
    if not matches(deployed.get("Layers", []), layers):
        yield f"has other layers (now {fingerprint(layers)})"
    if changed := _changed_variables(deployed, now):
        values = (now.get("Environment") or {}).get("Variables", {})
        live_values = fingerprint({name: values.get(name) for name in changed})
        yield f"has other environment variables (now {live_values}): {list_names(changed)}"


def _changed_variables(deployed: Mapping[str, Any], live: Mapping[str, Any]) -> list[str]:
    """The names of variables with other values; values stay out of notices."""
    before = deployed.get("Environment", {}).get("Variables", {})
    now = (live.get("Environment") or {}).get("Variables", {})
    return [
        name
        for name in {*before, *now}
        if before.get(name) is not UNKNOWN and before.get(name) != now.get(name)
    ]
