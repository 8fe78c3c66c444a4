"""Plans changes of a logging configuration without harm to existing logging."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from enum import Enum, StrEnum
from typing import Any, Self, TypeAlias

LoggingConfiguration: TypeAlias = dict[str, Any]
"""As Bedrock's API has it: `cloudWatchConfig`, `s3Config` and five delivery flags.

Source: https://docs.aws.amazon.com/bedrock/latest/APIReference/API_LoggingConfig.html
"""

YOUNG_FLAGS = ("videoDataDeliveryEnabled", "audioDataDeliveryEnabled")
"""Regions and SDKs that do not know these flags neither take nor return them."""


NO_STATE = "nothing yet"
"""The value of a new parameter. CloudFormation would overwrite the state if this changed."""


class ExistingPolicy(StrEnum):
    """The policy for logging that others have configured already."""

    REFUSE = "refuse"
    ADOPT = "adopt"
    REPLACE = "replace"


class ForeignConfigurationError(Exception):
    """Another configuration exists. The text describes it and says what to do."""


class DamagedStateError(Exception):
    """The stored state cannot be read. The text says what to do."""


@dataclass(frozen=True, slots=True)
class LoggingState:
    """The state that is kept between deployments.

    Attributes:
        written: The configuration that we wrote last. While a change is under way or has failed,
            also its other possible results: each of them counts as ours.
        found: The configuration of others that ours replaced, until it has been restored.
        adopted: The log group of an adopted configuration, which is used as it is.
    """

    written: tuple[LoggingConfiguration, ...] = ()
    found: LoggingConfiguration | None = None
    adopted: str | None = None

    def is_ours(self, live: LoggingConfiguration) -> bool:
        """Return true when Bedrock returns what we wrote."""
        return any(_is_same(live, written) for written in self.written)

    def to_text(self) -> str:
        """The logging state as text, for storage."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str) -> Self:
        """Read stored text; the initial value of a parameter counts as no state.

        Raises:
            DamagedStateError: Something other than the meter wrote it. The text says what to do.
        """
        if text == NO_STATE:
            return cls()
        try:
            logging_state = json.loads(text)
            written, found, adopted = (
                logging_state["written"],
                logging_state["found"],
                logging_state["adopted"],
            )
            _check_configurations(*written, *([] if found is None else [found]))
            return cls(tuple(written), found, adopted)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            message = (
                "The saved state of Bedrock's logging configuration cannot be read. Restore an"
                " earlier version of its SSM parameter (`aws ssm get-parameter-history`), or its"
                " copy from the state table; docs/security.md says how."
            )
            raise DamagedStateError(message) from error


def _check_configurations(*values: object) -> None:
    """Check that what anyone may have written can be read as configurations.

    Raises:
        TypeError: It cannot.
    """
    for value in values:
        sections = (
            [value.get(name, {}) for name in ("cloudWatchConfig", "s3Config")]
            if isinstance(value, dict)
            else [None]
        )
        if not all(isinstance(section, dict) for section in sections):
            message = f"{type(value).__name__} is not a logging configuration"
            raise TypeError(message)


class Step(Enum):
    """The change to make to Bedrock's configuration."""

    NOTHING = "nothing"
    PUT = "put"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan in three steps: save `before`, change the configuration, save `after`.

    Attributes:
        step: The change to make to Bedrock's configuration.
        configuration: The configuration to put, where that is the step.
        before: The state to save before the step, which may fail or not return.
        after: The state to save when the step is done.
    """

    step: Step
    configuration: LoggingConfiguration | None
    before: LoggingState
    after: LoggingState


def plan_put(
    live: LoggingConfiguration | None,
    logging_state: LoggingState,
    wanted: LoggingConfiguration,
    policy: ExistingPolicy,
    adopted_log_group: str | None = None,
) -> Plan:
    """Plan a creation or an update, a rolled-back one as well.

    Args:
        live: The configuration that Bedrock returns; `None` where logging is off.
        logging_state: The saved state.
        wanted: Our configuration.
        policy: The policy for a configuration of others. It does not refuse a return to our last
            configuration, even if others have changed that since: live logging stays as it is.
        adopted_log_group: The log group that logs go to already, with the policy `adopt`.

    Raises:
        ForeignConfigurationError: Others have configured logging, and the policy does not allow
            for that.
    """
    if policy is ExistingPolicy.ADOPT:
        return _plan_adoption(live, logging_state, adopted_log_group)
    is_foreign = live is not None and not logging_state.is_ours(live)
    if is_foreign and policy is ExistingPolicy.REFUSE:
        if wanted in logging_state.written:  # an update that was refused is rolled back to this
            return Plan(Step.NOTHING, None, logging_state, logging_state)
        raise ForeignConfigurationError(_refusal(live or {}))
    after = LoggingState((wanted,), live if is_foreign else logging_state.found)
    # If the step fails, the earlier configuration may still be live or be restored.
    before = [*logging_state.written[:1], *([live] if live and not is_foreign else []), wanted]
    return Plan(Step.PUT, wanted, replace(after, written=_distinct(before)), after)


def plan_delete(live: LoggingConfiguration | None, logging_state: LoggingState) -> Plan:
    """Plan a deletion: restore the earlier configuration, or remove ours if it still stands."""
    nothing = LoggingState()
    if live is None:  # the earlier one may have been refused, and is not restored yet
        return Plan(Step.NOTHING, None, logging_state, LoggingState(found=logging_state.found))
    if not logging_state.is_ours(live):
        return Plan(Step.NOTHING, None, logging_state, nothing)
    if logging_state.found is not None:
        return Plan(Step.PUT, logging_state.found, logging_state, nothing)
    return Plan(Step.REMOVE, None, logging_state, nothing)


def _plan_adoption(
    live: LoggingConfiguration | None, logging_state: LoggingState, log_group: str | None
) -> Plan:
    adopted = LoggingState(adopted=log_group)
    if live is not None and logging_state.is_ours(live) and logging_state.found is not None:
        _check_adoptable(logging_state.found, log_group)
        return Plan(Step.PUT, logging_state.found, logging_state, adopted)
    if logging_state != adopted:  # else an update that was refused may be rolled back to this
        if live is None or logging_state.is_ours(live):
            raise ForeignConfigurationError(_NOTHING_TO_ADOPT)
        _check_adoptable(live, log_group)
    return Plan(Step.NOTHING, None, logging_state, adopted)


def describe(configuration: LoggingConfiguration) -> str:
    """Describe the destinations of logs in a few words."""
    places = []
    if group := get_log_group(configuration):
        places.append(f"log group {group}")
    if bucket := configuration.get("s3Config", {}).get("bucketName"):
        places.append(f"bucket {bucket}")
    return " and ".join(places) or "nowhere"


_NOTHING_TO_ADOPT = (
    "There is no logging configuration to adopt, except Bedrock Meter's own. Turn on Bedrock's"
    " logging to your log group first, or let Bedrock Meter do it (existing_logging: refuse)."
)


def _refusal(live: LoggingConfiguration) -> str:
    return (
        "Bedrock's invocation logging is already configured, and not by Bedrock Meter: it goes to"
        f" {describe(live)}. Nothing was changed. Either use it as it is (existing_logging: adopt,"
        " with adopted_log_group), or replace it while Bedrock Meter is deployed (existing_logging:"
        " replace)."
    )


def _check_adoptable(live: LoggingConfiguration, log_group: str | None) -> None:
    if get_log_group(live) is None:
        message = (
            f"Bedrock's invocation logging goes only to {describe(live)} and cannot be adopted:"
            " the meter reads a log group. Add one to it, or set existing_logging to replace."
        )
        raise ForeignConfigurationError(message)
    if get_log_group(live) != log_group:
        message = (
            f"Bedrock's invocation logging goes to {describe(live)}, but adopted_log_group is"
            f" {log_group or '(none)'}. Correct the name."
        )
        raise ForeignConfigurationError(message)


def get_log_group(configuration: LoggingConfiguration) -> str | None:
    """The log group that logs go to; `None` where they go elsewhere."""
    name: str | None = configuration.get("cloudWatchConfig", {}).get("logGroupName")
    return name


def _distinct(configurations: list[LoggingConfiguration]) -> tuple[LoggingConfiguration, ...]:
    return tuple(
        configuration
        for place, configuration in enumerate(configurations)
        if configuration not in configurations[:place]
    )


def _is_same(live: LoggingConfiguration, written: LoggingConfiguration) -> bool:
    unknown = {flag for flag in YOUNG_FLAGS if not (flag in live and flag in written)}
    return _without_flags(live, unknown) == _without_flags(written, unknown)


def _without_flags(configuration: LoggingConfiguration, but: set[str]) -> LoggingConfiguration:
    """A configuration without some flags, and without what is empty."""
    return {
        name: _without_flags(value, set()) if isinstance(value, dict) else value
        for name, value in configuration.items()
        if name not in but and value not in (None, "", {})
    }
