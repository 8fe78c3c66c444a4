"""What attribution needs of the outside: somebody who knows tags, and a place to remember them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, Protocol

from lambdas.domain.attribution.tags import TagHistory


class TagsDeniedError(Exception):
    """The meter may not look at a resource's tags. Its text says what it would have to be allowed.

    Equal texts mean the same permission.
    """


class TagsUnavailableError(Exception):
    """AWS is too busy to tell, or does not answer. Asking again later is safe."""


class FoundTags(NamedTuple):
    """What a resource is like at the moment.

    Attributes:
        tags: Names and values as they are; none where there are none, or no such resource.
        model_id: The foundation model behind an application inference profile.
    """

    tags: Sequence[tuple[str, str]] = ()
    model_id: str | None = None


class TagSource(Protocol):
    """Knows the tags of application inference profiles, roles and users."""

    def find(self, arn: str) -> FoundTags:
        """Look at a resource.

        Args:
            arn: One of `tagged_arns`.

        Raises:
            TagsDeniedError: The meter may not.
            TagsUnavailableError: Not now.
        """


class TagEntry(NamedTuple):
    """What is remembered of a resource.

    Attributes:
        history: What is known of it.
        checked_at: When somebody looked last, in UTC, whatever came of it.
    """

    history: TagHistory
    checked_at: datetime


class TagMemory(Protocol):
    """Remembers what is known of resources, for all who ask."""

    def recall(self, arn: str) -> TagEntry | None:
        """What is remembered of a resource; `None` at first."""

    def remember(self, arn: str, entry: TagEntry, replaced: TagEntry | None) -> TagEntry:
        """Remember an entry in place of the one that was recalled.

        Returns:
            The entry that stands: another one if somebody was faster, whose history may be longer.
        """
