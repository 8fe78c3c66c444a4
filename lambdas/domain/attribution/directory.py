"""Looks up the tags of resources: caches them, and refreshes them from time to time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta

from lambdas.domain.attribution.label_names import LabelNames
from lambdas.domain.attribution.ports import (
    TagCache,
    TagEntry,
    TagSource,
    TagSourceBusyError,
    TagsUnavailableError,
)
from lambdas.domain.attribution.tags import (
    NO_TAGS,
    UNKNOWN_HISTORY,
    TagFacts,
    TagHistory,
    get_service,
    kept_tags,
)

_TAGGED_LIVES = timedelta(hours=1)
"""The time for which tags that were found count, even if they change meanwhile."""
_UNTAGGED_LIVES = timedelta(minutes=15)
"""The same where no tags were found, or the look-up failed, so that a fix takes effect soon."""
_PAUSE = timedelta(minutes=1)
_MAX_ENTRIES = 10_000
MAX_LOOK_UP_SECONDS = 20.0
"""For which AWS is asked in one look-up; one more question may take as long as a client waits."""

MAX_RUN_SECONDS = 120.0
"""For which AWS is asked in all look-ups of one run, which have the same time: forged records can
name any number of roles, and a report must end all the same."""


class TagDirectory:
    """Looks up the tags of resources, with as few requests to AWS as possible."""

    def __init__(
        self,
        cache: TagCache,
        source: TagSource,
        label_names: LabelNames,
        report: Callable[[str], None],
        clock: Callable[[], float],
    ) -> None:
        """Read tags from a cache, and from a source where it has none.

        Args:
            cache: The entries that all processes share.
            source: Asked for tags that are unknown or too old.
            label_names: The tags that are kept. All others are dropped.
            report: Receives the reason why tags stay unknown: once for each missing permission, and
                once for each pause in asking.
            clock: Returns seconds; only differences between them are used.
        """
        self._cache = cache
        self._source = source
        self._tag_names = label_names.tag_names
        self._report = report
        self._clock = clock
        self._entries: dict[str, TagEntry] = {}
        self._denied: set[str] = set()
        self._paused_until: dict[str, datetime] = {}
        self._run: datetime | None = None
        self._asked_seconds = 0.0

    def look_up(self, arns: Iterable[str], now: datetime) -> TagFacts:
        """Return the known facts about resources, after refreshing entries that are due.

        Tags hold until the next refresh is due, and new tags hold from that time on. A changed tag
        counts that much later, whenever the look-up runs. While AWS is too busy to answer, or no
        time is left to ask, the last known tags stay in use.

        Args:
            arns: The resources behind some calls, see `tagged_arns`.
            now: The time; look-ups with the same one are of one run.
        """
        if len(self._entries) > _MAX_ENTRIES:
            self._entries.clear()
        if len(self._paused_until) > _MAX_ENTRIES:
            self._paused_until.clear()
        if now != self._run:
            self._run, self._asked_seconds = now, 0.0
        asks_until = self._clock() + MAX_LOOK_UP_SECONDS
        histories, unavailable = dict[str, TagHistory](), set[str]()
        wanted = sorted(set(arns))
        to_read = [arn for arn in wanted if self._is_unknown(arn, now)]
        cached = self._cache.load_all(to_read) if len(to_read) > 1 else {}
        for arn in wanted:
            entry = self._look_up(arn, cached, now, asks_until)
            if entry is None:
                unavailable.add(arn)
            else:
                histories[arn] = entry.history
        return TagFacts(histories, frozenset(unavailable))

    def _is_unknown(self, arn: str, now: datetime) -> bool:
        """Say if no entry of a resource is valid at a time."""
        entry = self._entries.get(arn)
        return entry is None or self._is_due(entry, now)

    def _look_up(
        self,
        arn: str,
        cached: Mapping[str, TagEntry | None],
        now: datetime,
        asks_until: float,
    ) -> TagEntry | None:
        if not self._is_unknown(arn, now):
            return self._entries[arn]
        entry = cached[arn] if arn in cached else self._cache.load(arn)
        if entry is None or self._is_due(entry, now):
            has_time = self._clock() < asks_until and self._asked_seconds < MAX_RUN_SECONDS
            may_ask = has_time and not self._is_paused(arn, now)
            entry = self._look_again(arn, entry, now) if may_ask else entry
        if entry is not None:
            self._entries[arn] = entry
        return entry

    def _look_again(self, arn: str, known: TagEntry | None, now: datetime) -> TagEntry | None:
        """Ask the source, and keep the known entry if it does not answer."""
        began = self._clock()
        try:
            found = self._source.get(arn)
        except TagSourceBusyError as error:
            self._pause(error.service, now, str(error))
            return known
        except TagsUnavailableError as error:
            self._pause(arn, now, f"{arn}: {error}")
            return known
        finally:
            self._asked_seconds += self._clock() - began
        for reason in found.denied:
            self._report_once(reason)
        known_history = UNKNOWN_HISTORY if known is None else known.history
        history = known_history.with_model(found.model_id, is_global=found.is_global)
        if found.tags is not None:
            since = now if known is None else min(now, _lives_until(known))
            history = history.observed(since, kept_tags(found.tags, self._tag_names))
        checked_at = now if known is None else max(now, known.checked_at)
        entry = TagEntry(history, checked_at, self._tag_names)
        return self._cache.save(arn, entry, replaced=known)

    def _is_due(self, entry: TagEntry, now: datetime) -> bool:
        """Return true when an entry is old, or was read for other names than are asked for now."""
        return now >= _lives_until(entry) or not self._tag_names <= entry.names

    def _pause(self, asked: str, now: datetime, reason: str) -> None:
        """Ask no more of a service, or of a resource, for a while."""
        self._paused_until[asked] = now + _PAUSE
        self._report(reason)

    def _is_paused(self, arn: str, now: datetime) -> bool:
        pauses = (self._paused_until.get(asked) for asked in (get_service(arn), arn))
        return any(until is not None and now < until for until in pauses)

    def _report_once(self, reason: str) -> None:
        if reason not in self._denied:
            self._denied.add(reason)
            self._report(reason)


def _lives_until(entry: TagEntry) -> datetime:
    is_tagged = entry.history.latest_tags != NO_TAGS
    return entry.checked_at + (_TAGGED_LIVES if is_tagged else _UNTAGGED_LIVES)
