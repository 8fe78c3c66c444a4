"""Decides what to do about a logging configuration, so that nobody's logging is harmed."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from typing import Any, Self, TypeAlias

LoggingConfiguration: TypeAlias = dict[str, Any]
"""As Bedrock's API has it: `cloudWatchConfig`, `s3Config` and five delivery flags.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_LoggingConfig.html
"""

YOUNG_FLAGS = ("videoDataDeliveryEnabled", "audioDataDeliveryEnabled")
"""Regions and SDKs that do not know these flags neither take nor return them."""


class ExistingPolicy(StrEnum):
    """What to do when logging is configured already, and not by us."""

    REFUSE = "refuse"
    ADOPT = "adopt"
    REPLACE = "replace"


class ForeignConfigurationError(Exception):
    """Somebody else's configuration is in the way. Its text says what was found and what to do."""


@dataclass(frozen=True, slots=True)
class LoggingMemory:
    """What has to be remembered between deployments.

    Attributes:
        written: What we wrote, or are about to write. More than one only while a change is under
            way: whichever of them Bedrock returns is ours.
        found: Somebody else's configuration that ours replaced, to be put back in the end.
    """

    written: tuple[LoggingConfiguration, ...] = ()
    found: LoggingConfiguration | None = None

    def is_ours(self, live: LoggingConfiguration) -> bool:
        """Whether what Bedrock returns is what we wrote."""
        return any(_is_same(live, written) for written in self.written)

    def to_text(self) -> str:
        """The memory as text, to be kept."""
        return json.dumps({"written": self.written, "found": self.found})

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read kept text; what is no memory, such as what a new parameter holds, counts as none."""
        if not text.startswith("{"):
            return cls()
        memory = json.loads(text)
        return cls(tuple(memory["written"]), memory["found"])


class Step(Enum):
    """What to do with Bedrock's configuration."""

    NOTHING = "nothing"
    PUT = "put"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do, in this order: remember `before`, take the step, remember `after`.

    Attributes:
        step: What to do with Bedrock's configuration.
        configuration: What to put, where that is the step.
        before: What to remember before the step, which may fail or not come back.
        after: What to remember when it is done.
    """

    step: Step
    configuration: LoggingConfiguration | None
    before: LoggingMemory
    after: LoggingMemory


def plan_put(
    live: LoggingConfiguration | None,
    memory: LoggingMemory,
    wanted: LoggingConfiguration,
    policy: ExistingPolicy,
    adopted_log_group: str | None = None,
) -> Plan:
    """Plan a creation or an update, a rolled-back one as well.

    Args:
        live: What Bedrock returns; `None` where logging is off.
        memory: What was remembered.
        wanted: Ours.
        policy: What to do about somebody else's. Going back to what we wrote last, though somebody
            has changed it since, is no reason to refuse: it leaves things as they are.
        adopted_log_group: The log group that logs go to already, with the policy `adopt`.

    Raises:
        ForeignConfigurationError: Somebody else's is there, and the policy does not fit it.
    """
    found = memory.found
    if live is not None and not memory.is_ours(live):
        if policy is ExistingPolicy.REFUSE:
            if wanted in memory.written:  # an update that was refused is rolled back to this
                return Plan(Step.NOTHING, None, memory, memory)
            raise ForeignConfigurationError(_refusal(live))
        if policy is ExistingPolicy.ADOPT:
            _check_adoptable(live, adopted_log_group)
            return Plan(Step.NOTHING, None, LoggingMemory(), LoggingMemory())
        found = live
    after = LoggingMemory((wanted,), found)
    return Plan(Step.PUT, wanted, replace(after, written=(*memory.written, wanted)), after)


def plan_delete(live: LoggingConfiguration | None, memory: LoggingMemory) -> Plan:
    """Plan the end: put back what was found, or remove ours, but only while it is still ours."""
    nothing = LoggingMemory()
    if live is None or not memory.is_ours(live):
        return Plan(Step.NOTHING, None, memory, nothing)
    if memory.found is not None:
        return Plan(Step.PUT, memory.found, memory, nothing)
    return Plan(Step.REMOVE, None, memory, nothing)


def describe(configuration: LoggingConfiguration) -> str:
    """Say in a few words where logs go to."""
    places = []
    if group := _log_group(configuration):
        places.append(f"log group {group}")
    if bucket := configuration.get("s3Config", {}).get("bucketName"):
        places.append(f"bucket {bucket}")
    return " and ".join(places) or "nowhere"


def _refusal(live: LoggingConfiguration) -> str:
    return (
        "Bedrock's invocation logging is configured already, and not by Bedrock Meter: it goes to"
        f" {describe(live)}. Nothing was changed. Either use it as it is (existing policy 'adopt',"
        " with the name of its log group), or replace it for as long as Bedrock Meter is deployed"
        " ('replace')."
    )


def _check_adoptable(live: LoggingConfiguration, log_group: str | None) -> None:
    if _log_group(live) is None:
        message = (
            f"Bedrock's invocation logging goes to {describe(live)} alone and cannot be adopted:"
            " the meter reads a log group. Add one to it, or use the existing policy 'replace'."
        )
        raise ForeignConfigurationError(message)
    if _log_group(live) != log_group:
        message = (
            f"Bedrock's invocation logging goes to {describe(live)}, but log group"
            f" {log_group or '(none)'} is configured to be adopted. Correct the name."
        )
        raise ForeignConfigurationError(message)


def _log_group(configuration: LoggingConfiguration) -> str | None:
    name: str | None = configuration.get("cloudWatchConfig", {}).get("logGroupName")
    return name


def _is_same(live: LoggingConfiguration, written: LoggingConfiguration) -> bool:
    unknown = {flag for flag in YOUNG_FLAGS if not (flag in live and flag in written)}
    return _told(live, unknown) == _told(written, unknown)


def _told(configuration: LoggingConfiguration, but: set[str]) -> LoggingConfiguration:
    """A configuration without some flags, and without what is empty."""
    return {
        name: _told(value, set()) if isinstance(value, dict) else value
        for name, value in configuration.items()
        if name not in but and value not in (None, "", {})
    }
