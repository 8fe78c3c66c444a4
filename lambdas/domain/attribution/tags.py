"""The history of tags of AWS resources: a changed tag does not change earlier calls."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple, TypeAlias

from lambdas.domain.invocations import CallerIdentity, UsageRecord
from lambdas.domain.invocations.memoize import memoize

Tags: TypeAlias = tuple[tuple[str, str], ...]
"""Names in lower case, in order, each once, and their values: those that rules ask for."""

NO_TAGS: Tags = ()
MAX_TAG_NAME_LENGTH = 128
MAX_TAG_VALUE_LENGTH = 256
"""Characters. Source: https://docs.aws.amazon.com/tag-editor/latest/userguide/tagging.html"""
MAX_HISTORY_BYTES = 256 * 1024
"""The largest history of a resource, as JSON, so that it fits into an item of the state table, of
400 KB at most: thousands of changes of usual tags. What was before is not known any more.
Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html"""

_GLOBAL = "global"  # the prefix of global profiles
_PROFILE = re.compile(
    r"arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d{12}:application-inference-profile/[a-zA-Z0-9]{1,64}",
    re.ASCII,
)
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@-]{1,128}", re.ASCII)


@memoize
def profile_arn(invoked_model_id: str) -> str | None:
    """The application inference profile that was called; `None` where it was something else."""
    return invoked_model_id if _PROFILE.fullmatch(invoked_model_id) else None


@memoize
def principal_arn(identity_arn: str) -> str | None:
    """The user, or the role behind a session, without its path; `None` for callers without tags.

    Names: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    """
    caller = CallerIdentity.from_arn(identity_arn)
    arn = f"arn:{caller.partition}:iam::{caller.account_id}:{caller.principal}"
    return arn if _PRINCIPAL.fullmatch(arn) else None


def get_service(arn: str) -> str:
    """The service that knows the tags of one of `tagged_arns`, as ARNs name it."""
    return arn.split(":", 3)[2]


def tagged_arns(record: UsageRecord) -> tuple[str, ...]:
    """The resources whose tags decide on the attribution or the price of a call."""
    variants = record.conflicts.variants if record.conflicts else ()
    invoked = [variant.invoked_model_id for variant in variants] or [record.invoked_model_id]
    arns = (*map(profile_arn, invoked), principal_arn(record.identity_arn))
    return tuple(arn for arn in arns if arn is not None)


def kept_tags(tags: Iterable[tuple[str, str]], names: Collection[str]) -> Tags:
    """Of a resource's tags, those with one of these names, upper or lower case.

    Where one name is spelt in several ways, the first spelling in order stands, capitals first.
    """
    kept = {
        name.casefold(): value[:MAX_TAG_VALUE_LENGTH]
        for name, value in sorted(tags, reverse=True)
        if name.casefold() in names
    }
    return tuple(sorted(kept.items()))


class ProfiledModel(NamedTuple):
    """The foundation model behind an application inference profile.

    Attributes:
        model_id: The model.
        is_global: Whether the profile reaches it in any Region of the world.
    """

    model_id: str
    is_global: bool = False

    @property
    def invoked_model_id(self) -> str:
        """The id by which calls of the profile are priced: a global one has prices of its own."""
        return f"{_GLOBAL}.{self.model_id}" if self.is_global else self.model_id


class TagObservation(NamedTuple):
    """The tags of a resource from one look-up on.

    Attributes:
        observed_from: The time from which it is taken to hold, in UTC.
        tags: The tags; empty where the resource has no tags, or they are not known any more.
    """

    observed_from: datetime
    tags: Tags


@dataclass(frozen=True, slots=True)
class TagHistory:
    """The known history of a resource.

    Attributes:
        observations: The tags found, in order of time; each differs from the one before. Empty
            where the meter could not look, or found nothing.
        model_id: The foundation model behind an application inference profile, if it is known.
            A profile's model never changes.
        is_global: Whether the profile reaches it in any Region of the world; that does not
            change either.
    """

    observations: tuple[TagObservation, ...] = ()
    model_id: str | None = None
    is_global: bool = False

    @property
    def latest_tags(self) -> Tags:
        """The tags that were found last."""
        return self.observations[-1].tags if self.observations else NO_TAGS

    def tags_at(self, when: datetime) -> Tags:
        """Get the tags at a time; before the first observation, its own tags."""
        for observed_from, tags in reversed(self.observations):
            if observed_from <= when:
                return tags
        return self.observations[0].tags if self.observations else NO_TAGS

    def observed(self, since: datetime, tags: Tags) -> TagHistory:
        """Add the result of a look-up; the history grows only if the tags changed.

        An observation that is no later than the last one, by another's clock, changes nothing. Past
        `MAX_HISTORY_BYTES` the oldest are dropped: the tags of that time are then unknown.

        Args:
            since: The time from which it is taken to hold.
            tags: The tags that were found.
        """
        if self.observations:
            last = self.observations[-1]
            if tags == last.tags or since <= last.observed_from:
                return self
        observations = (*self.observations, TagObservation(since, tags))
        return replace(self, observations=_bounded(observations))

    def with_model(self, model_id: str | None, *, is_global: bool = False) -> TagHistory:
        """Add the model of a profile; return the same history if the model is not known."""
        if model_id is None:
            return self
        return replace(self, model_id=model_id, is_global=is_global)


UNKNOWN_HISTORY = TagHistory()


def _bounded(observations: tuple[TagObservation, ...]) -> tuple[TagObservation, ...]:
    """All of them, or the newest that fit. The first one then says that earlier tags are unknown.

    The last one always fits: few names are asked for, see `LabelNames`, and each text is bounded.
    """
    sizes = [_size(observation) for observation in observations]
    if sum(sizes) <= MAX_HISTORY_BYTES:
        return observations
    forgotten = TagObservation(observations[0].observed_from, NO_TAGS)
    first, left = 0, sum(sizes) + _size(forgotten)
    while left > MAX_HISTORY_BYTES:
        left -= sizes[first]
        first += 1
    if observations[first].tags == NO_TAGS:
        first += 1
    return (forgotten, *observations[first:])


def _size(observation: TagObservation) -> int:
    """The bytes that it takes in a list of JSON, with what separates it from the next one."""
    stored = [observation.observed_from.isoformat(), observation.tags]
    return len(json.dumps(stored, ensure_ascii=False).encode()) + len(", ")


@dataclass(frozen=True, slots=True)
class TagFacts:
    """The known tags and models of the resources behind some calls.

    Attributes:
        histories: By ARN; nothing is known of a resource that is missing.
        unavailable: ARNs without any known tags yet because AWS did not return them. Calls are
            attributed without them.
    """

    histories: Mapping[str, TagHistory] = field(default_factory=dict)
    unavailable: frozenset[str] = frozenset()

    @classmethod
    def from_profiles(cls, models: Mapping[str, ProfiledModel]) -> TagFacts:
        """Make facts from the models behind inference profiles, by ARN, without tags."""
        return cls(
            {
                arn: TagHistory(model_id=profiled.model_id, is_global=profiled.is_global)
                for arn, profiled in models.items()
            }
        )

    def tags_at(self, arn: str | None, when: datetime) -> Tags:
        """The tags that a resource had at a time."""
        history = self.histories.get(arn) if arn is not None else None
        return NO_TAGS if history is None else history.tags_at(when)

    def get_model_id(self, record: UsageRecord) -> str:
        """Get the foundation model of a call, also behind an application inference profile.

        An unknown profile goes by its own id, see `UsageRecord.model_id`.
        """
        profiled = self.get_profiled_model(record.invoked_model_id)
        return record.model_id if profiled is None else profiled.model_id

    def get_profiled_model(self, invoked_model_id: str) -> ProfiledModel | None:
        """Get the model behind an application inference profile.

        `None` where something else was called, or where the model is not known.
        """
        arn = profile_arn(invoked_model_id)
        history = self.histories.get(arn) if arn is not None else None
        if history is None or history.model_id is None:
            return None
        return ProfiledModel(history.model_id, history.is_global)
