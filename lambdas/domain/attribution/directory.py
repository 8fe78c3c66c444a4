"""Knows the tags of resources: remembers them, and looks again once in a while."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from lambdas.domain.attribution.label_names import LabelNames
from lambdas.domain.attribution.ports import (
    TagEntry,
    TagMemory,
    TagsDeniedError,
    TagSource,
    TagsUnavailableError,
)
from lambdas.domain.attribution.tags import (
    NO_TAGS,
    UNKNOWN_HISTORY,
    TagFacts,
    TagHistory,
    kept_tags,
)

_PAUSE = timedelta(minutes=1)
_MOST_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class TimesToLive:
    """For how long what was found is taken to hold.

    Attributes:
        tagged: Where tags were found.
        untagged: Where none were found, or nobody was allowed to look. Whoever mends that sees it
            soon.
    """

    tagged: timedelta = timedelta(hours=1)
    untagged: timedelta = timedelta(minutes=15)


class TagDirectory:
    """Tells what is known of resources, and asks AWS as seldom as that allows."""

    def __init__(
        self,
        memory: TagMemory,
        source: TagSource,
        label_names: LabelNames,
        tell_denied: Callable[[str], None],
        times_to_live: TimesToLive | None = None,
    ) -> None:
        """Know what a memory and a source know.

        Args:
            memory: What is known already, to all processes.
            source: Asked for what is not known, or not lately.
            label_names: Which tags are kept: other ones are nobody's business here.
            tell_denied: Told of each permission that is missing, once.
            times_to_live: How long what was found is taken to hold.
        """
        self._memory = memory
        self._source = source
        self._tag_names = label_names.tag_names
        self._tell_denied = tell_denied
        self._times_to_live = times_to_live or TimesToLive()
        self._entries: dict[str, TagEntry] = {}
        self._denied: set[str] = set()
        self._quiet_until: datetime | None = None

    def look_up(self, arns: Iterable[str], now: datetime) -> TagFacts:
        """Tell what is known of resources, having looked again at what was due.

        While AWS is too busy to tell, what was known last stands, and nothing more is asked for a
        minute. Tags that change are noticed when it is due again: calls made before that count by
        the earlier ones.

        Args:
            arns: The resources behind some calls, see `tagged_arns`.
            now: The time.
        """
        if len(self._entries) > _MOST_ENTRIES:
            self._entries.clear()
        histories, unavailable = dict[str, TagHistory](), set[str]()
        for arn in sorted(set(arns)):
            entry = self._look_up(arn, now)
            if entry is None:
                unavailable.add(arn)
            else:
                histories[arn] = entry.history
        return TagFacts(histories, frozenset(unavailable))

    def _look_up(self, arn: str, now: datetime) -> TagEntry | None:
        entry = self._entries.get(arn)
        if entry is not None and not self._is_due(entry, now):
            return entry
        entry = self._memory.recall(arn)
        if entry is None or self._is_due(entry, now):
            entry = self._look_again(arn, entry, now)
        if entry is not None:
            self._entries[arn] = entry
        return entry

    def _look_again(self, arn: str, known: TagEntry | None, now: datetime) -> TagEntry | None:
        """Ask the source, unless it is too busy: then what was known stands."""
        if self._quiet_until is not None and now < self._quiet_until:
            return known
        history = UNKNOWN_HISTORY if known is None else known.history
        try:
            found = self._source.find(arn)
        except TagsUnavailableError:
            self._quiet_until = now + _PAUSE
            return known
        except TagsDeniedError as error:
            self._tell_once(str(error))
        else:
            history = history.observed(now, kept_tags(found.tags, self._tag_names), found.model_id)
        return self._memory.remember(arn, TagEntry(history, now), replaced=known)

    def _is_due(self, entry: TagEntry, now: datetime) -> bool:
        is_tagged = entry.history.latest_tags != NO_TAGS
        lives = self._times_to_live.tagged if is_tagged else self._times_to_live.untagged
        return now >= entry.checked_at + lives

    def _tell_once(self, reason: str) -> None:
        if reason not in self._denied:
            self._denied.add(reason)
            self._tell_denied(reason)
