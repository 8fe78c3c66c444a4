"""Counts calls whose logs hold no bodies, without reading each log from the beginning.

Most logs are alike in all but their request id, time and tokens. The first of a kind is read by
`read_invocation`; the others of its kind are read as that one was.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from datetime import date
from operator import itemgetter
from typing import Any, NamedTuple, TypeAlias

from lambdas.domain.invocations import Reading, UsageRecord, read_invocation
from lambdas.domain.invocations.cached_input import CacheReporting, usual_reporting
from lambdas.domain.invocations.token_counts import MAX_COUNT
from lambdas.domain.invocations.usage_record import SCHEMA_TYPE
from lambdas.domain.ledger import bound_reading
from lambdas.domain.usage.summary import CallGroup

_FIELDS = (
    *("schemaType", "schemaVersion", "timestamp", "accountId", "identity", "region"),
    *("requestId", "operation", "modelId", "input", "output"),
)
_get_fields = itemgetter(*_FIELDS)
_FIELD_COUNT = len(_FIELDS)
_TYPE_ALONE, _COUNTED, _WITH_CACHE = 1, 2, 4  # numbers of fields in `input` and `output`
_REQUEST_ID_LENGTH = 36  # a UUID, as Bedrock writes it
_DAY, _MINUTE = len("2026-01-31"), len("2026-01-31T12:30")
_MINUTES = frozenset(f"T{hour:02}:{minute:02}" for hour in range(24) for minute in range(60))
_SECONDS = frozenset(f":{second:02}Z" for second in range(60))
_MAX_MEMOIZED = 100_000

CallKey: TypeAlias = int
"""A hash of account, Region and request id, equal only within a process and its forks."""


class TimeSpan(NamedTuple):
    """The times of some calls of one account and Region, as their logs write them.

    Attributes:
        account_id: The account that was called.
        region: The Region that was called.
        first: The earliest time, ISO 8601 with `Z`.
        last: The latest time.
    """

    account_id: str
    region: str
    first: str
    last: str


class _Kind:
    """Logs that are alike in all but request id, time and tokens.

    Attributes:
        example: The first of them, as `read_invocation` reads it.
        cached: The place of cached tokens, by model and operation.
        digest: A hash of what they have in common.
        first: The earliest time of the calls, as the logs write it; empty before there is a call.
        last: The latest time.
        groups: The calls, added up by day, by size, and by the counts that are 0.
    """

    __slots__ = ("cached", "digest", "example", "first", "groups", "last")

    def __init__(self, example: UsageRecord, digest: int) -> None:
        self.example = example
        self.digest = digest
        self.first = self.last = ""
        self.cached = usual_reporting(example.model_id, example.operation)
        self.groups: dict[tuple[object, ...], CallGroup] = {}


class PlainCalls:
    """Adds up plain logs, each call once.

    Attributes:
        accepted: The number of logs that were taken, those of repeated calls included.
        seen: The calls, each with a hash of its first reading, which is the one that counts.
        disputed: The calls with several different readings.
        set_aside: The readings of calls that were not to be counted, as far as they are asked for.
    """

    def __init__(
        self,
        size_steps: Sequence[int],
        *,
        uncounted: Collection[CallKey] = (),
        wanted: Collection[CallKey] = (),
    ) -> None:
        """Start without calls.

        Args:
            size_steps: The input tokens of a call above which any price changes, in order.
            uncounted: Calls that are counted elsewhere.
            wanted: Those of them whose readings are to be set aside.
        """
        self.accepted = 0
        self.seen: dict[CallKey, int] = {}
        self.disputed: set[CallKey] = set()
        self.set_aside: list[UsageRecord] = []
        self._uncounted = uncounted
        self._wanted = wanted
        self._steps = size_steps
        self._first_step = self._steps[0] if self._steps else MAX_COUNT
        self._kinds: dict[tuple[object, ...], _Kind | None] = {}
        self._days: dict[str, date] = {}

    @property
    def spans(self) -> Iterator[TimeSpan]:
        """The times of the calls that were added up."""
        for kind in self._kinds.values():
            if kind is not None and kind.groups:
                yield TimeSpan(kind.example.account_id, kind.example.region, kind.first, kind.last)

    @property
    def groups(self) -> Iterator[CallGroup]:
        """The calls, added up by what decides on their price."""
        for kind in self._kinds.values():
            if kind is not None:
                yield from kind.groups.values()

    def is_first(self, record: UsageRecord) -> bool:
        """Note a call that was read in another way; false where it is not to be counted."""
        self.accepted += 1
        key, digest = hash(record.key), hash(record)
        if key in self._uncounted:
            self._set_aside(key, record)
            return False
        known = self.seen.get(key)
        if known is None:
            self.seen[key] = digest
        elif known != digest:
            self.disputed.add(key)
        return known is None

    def add(self, log: Any) -> bool:  # noqa: ANN401
        """Add a decoded log, unless its call came before.

        Returns:
            False for a log that is not plain: nothing was added.
        """
        try:
            return self._add(log)
        except (KeyError, TypeError, AttributeError):  # a field is missing or of another type
            return False

    # One pass over a log without calls to other functions: this runs for every line.
    def _add(self, log: Any) -> bool:  # noqa: ANN401, C901, PLR0911, PLR0912, PLR0915
        schema, _, time, account, identity, region, request_id, operation, model, asked, answer = (
            _get_fields(log)
        )
        error = inference_region = None
        if len(log) != _FIELD_COUNT:
            error, inference_region = log.get("errorCode"), log.get("inferenceRegion")
            more = ("errorCode" in log) + ("inferenceRegion" in log)
            if len(log) != _FIELD_COUNT + more:
                return False
        input_tokens = output_tokens = cache_read = cache_write = 0
        asked_fields, answer_fields = len(asked), len(answer)
        if asked_fields != _TYPE_ALONE:
            input_tokens = asked["inputTokenCount"]
            if asked_fields == _WITH_CACHE:
                cache_read = asked["cacheReadInputTokenCount"]
                cache_write = asked["cacheWriteInputTokenCount"]
            elif asked_fields != _COUNTED:
                return False
        if answer_fields != _TYPE_ALONE:
            output_tokens = answer["outputTokenCount"]
            if answer_fields != _COUNTED:
                return False
        if not (
            "inputContentType" in asked
            and "outputContentType" in answer
            and type(input_tokens) is type(output_tokens) is int
            and type(cache_read) is type(cache_write) is int
            and 0 <= input_tokens <= MAX_COUNT
            and 0 <= output_tokens <= MAX_COUNT
            and 0 <= cache_read <= MAX_COUNT
            and 0 <= cache_write <= MAX_COUNT
            and schema == SCHEMA_TYPE
            and time[_MINUTE:] in _SECONDS
            and time[_DAY:_MINUTE] in _MINUTES
            and len(request_id) == _REQUEST_ID_LENGTH
            and request_id.isascii()
            and not request_id.isspace()
        ):
            return False
        like = (
            *(account, region, model, operation, identity["arn"]),
            *(error, inference_region, asked_fields, answer_fields),
        )
        kind = self._kinds.get(like)
        if kind is None and (kind := self._learn_kind(like, log)) is None:
            return False
        cached = cache_read + cache_write
        may_be_inside = False
        if cached and kind.cached is not CacheReporting.ALWAYS_BESIDE:
            if kind.cached is CacheReporting.INSIDE:
                return False
            may_be_inside = cached <= input_tokens  # which makes the call's usage doubtful
        day = self._days.get(time[:_DAY])
        if day is None and (day := self._learn_day(log, time)) is None:
            return False
        self.accepted += 1
        key = hash((account, region, request_id))
        if self._uncounted and key in self._uncounted:
            self._set_aside(key, read_invocation(log))
            return True
        digest = hash((time, input_tokens, output_tokens, cache_read, cache_write, kind.digest))
        known = self.seen.get(key)
        if known is not None:
            if known != digest:
                self.disputed.add(key)
            return True
        self.seen[key] = digest
        size = input_tokens + cached
        step = bisect_left(self._steps, size) if size > self._first_step else 0
        used = (
            *(day, step, may_be_inside),
            *(not input_tokens, not output_tokens, not cache_read, not cache_write),
        )
        group = kind.groups.get(used)
        if group is None:
            if not kind.groups:
                kind.first = kind.last = time
            group = kind.groups[used] = self._open_group(log)
        group.calls += 1
        group.input += input_tokens
        group.output += output_tokens
        if cached:
            group.cache_read += cache_read
            group.cache_write += cache_write
        if time < kind.first:
            kind.first = time
        elif time > kind.last:
            kind.last = time
        return True

    def _set_aside(self, key: CallKey, reading: Reading) -> None:
        if key in self._wanted and isinstance(reading, UsageRecord):
            self.set_aside.append(bound_reading(reading))

    def _open_group(self, log: object) -> CallGroup:
        record = read_invocation(log)
        if not isinstance(record, UsageRecord):  # its kind and its day were read before
            raise TypeError
        return CallGroup(record)

    def _learn_kind(self, like: tuple[object, ...], log: object) -> _Kind | None:
        """Read the first log of a kind; `None` where the others may be read in another way."""
        if like in self._kinds or len(self._kinds) >= _MAX_MEMOIZED:
            return None
        record = read_invocation(log)
        kind = None
        if (
            isinstance(record, UsageRecord)
            and bound_reading(record) == record
            and (record.account_id, record.region) == like[:2]
        ):
            kind = _Kind(record, hash(like))
        self._kinds[like] = kind
        return kind

    def _learn_day(self, log: object, time: str) -> date | None:
        """Read the day of a call; `None` where the date is invalid."""
        record = read_invocation(log)
        if not isinstance(record, UsageRecord):
            return None
        if len(self._days) >= _MAX_MEMOIZED:
            self._days.clear()
        day = self._days[time[:_DAY]] = record.timestamp.date()
        return day
