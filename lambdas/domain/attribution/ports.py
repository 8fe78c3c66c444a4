"""The ports of attribution: a source of tags, and a store for them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from lambdas.domain.attribution.tags import ProfiledModel, TagHistory


class TagsUnavailableError(Exception):
    """AWS returns no tags of a resource now. The text says why; asking again later is safe."""


class TagSourceBusyError(TagsUnavailableError):
    """A service is too busy, or does not answer.

    Attributes:
        service: The service, as ARNs name it.
    """

    def __init__(self, service: str, reason: str) -> None:
        """Name the busy service, and say how that was found."""
        super().__init__(reason)
        self.service = service


class FoundTags(NamedTuple):
    """The current tags and model of a resource.

    Attributes:
        tags: Names and values as they are; `None` where the resource does not exist here (any
            more), or the meter lacks the permission to read them.
        model_id: The foundation model behind an application inference profile, if it is known.
        denied: The permissions that the meter lacks to know more. Equal texts mean the same
            permission.
        is_global: Whether the profile reaches its model in any Region of the world.
    """

    tags: Sequence[tuple[str, str]] | None = None
    model_id: str | None = None
    denied: tuple[str, ...] = ()
    is_global: bool = False


class TagSource(Protocol):
    """A source of tags of application inference profiles, roles and users."""

    def get(self, arn: str) -> FoundTags:
        """Get the tags and model of a resource.

        Args:
            arn: One of `tagged_arns`.

        Raises:
            TagsUnavailableError: Not now.
        """


class ProfiledModelSource(Protocol):
    """A source of the foundation models behind application inference profiles."""

    def get_model(self, profile_arn: str) -> ProfiledModel | None:
        """Get the model behind a profile; `None` if it is not one model, or not known here.

        Raises:
            TagsUnavailableError: Not now.
        """


class TagEntry(NamedTuple):
    """The stored entry of a resource.

    Attributes:
        history: Its known history.
        checked_at: The time of the last look-up, in UTC, whatever its result.
        names: The names of tags that were read, in lower case; nothing is known of other tags.
    """

    history: TagHistory
    checked_at: datetime
    names: frozenset[str] = frozenset()


class TagCache(Protocol):
    """A store of tag entries of resources, shared by all processes."""

    def load(self, arn: str) -> TagEntry | None:
        """Get the entry of a resource; `None` at first."""

    def load_all(self, arns: Sequence[str]) -> Mapping[str, TagEntry | None]:
        """Get the entries of many resources; some that were not read may be missing.

        Args:
            arns: The resources, each once.
        """

    def save(self, arn: str, entry: TagEntry, replaced: TagEntry | None) -> TagEntry:
        """Store an entry in place of the one that was read.

        Returns:
            The stored entry: that of another process if it was faster. Its history may be longer.
        """
