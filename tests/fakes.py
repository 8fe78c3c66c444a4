"""In-memory twins of the adapters, for tests of rules."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path

from lambdas.domain.alerts.notifications import Notice
from lambdas.domain.attribution.ports import (
    FoundTags,
    TagEntry,
    TagSourceBusyError,
    TagsUnavailableError,
)
from lambdas.domain.attribution.tags import get_service
from lambdas.domain.completeness import AuditWindow
from lambdas.domain.invocations import RejectedRecord, UsageRecord
from lambdas.domain.ledger import LedgerChange, LedgerListener
from lambdas.domain.ledger.cost_corrections import CorrectionProgress, ProgressChangedError
from lambdas.domain.ledger.readings import join, join_readings
from lambdas.domain.ledger.recorded_calls import ScannedCall, ScannedPage
from lambdas.domain.ledger.unpriced_calls import (
    NOTHING_PAID,
    CallKey,
    UnpricedCalls,
    WaitingGroup,
    price_need,
)
from lambdas.domain.logging_configuration import (
    Drift,
    LoggingChange,
    LoggingConfiguration,
    LoggingState,
    LogGroup,
    Role,
    WatchState,
)
from lambdas.domain.logging_configuration.ports import (
    ConfigurationRefusedError,
    StateUnavailableError,
)
from lambdas.domain.logging_configuration.watch_ports import (
    FoundChanges,
    WatchStateChangedError,
)
from lambdas.domain.metrics import Admission, DataPoint, Distribution
from lambdas.domain.metrics.aggregation import Dimensions, StatisticSet
from lambdas.domain.metrics.catalog import MODEL_ID, NAMESPACE
from lambdas.domain.metrics.sink import MetricsUnavailableError
from lambdas.domain.pricing.editions import (
    Edition,
    InvalidPriceDocumentError,
    Listing,
    PointerMovedError,
    PriceEditionsUnavailableError,
    PriceUpdates,
    StoredPointer,
)
from lambdas.domain.pricing.price_list_source import FetchedListing, PriceListUnavailableError
from lambdas.domain.reports.comparison import InvocationLogsUnavailableError
from lambdas.domain.safeguards.ports import NotReadableError, SafeguardReport


class InMemoryUsageLedger:
    """A usage ledger in a dictionary."""

    def __init__(self, *streams: LedgerListener) -> None:
        self.records: dict[tuple[str, str, str], UsageRecord] = {}
        self._streams = streams

    def write(self, records: Sequence[UsageRecord]) -> None:
        changes = []
        for key, record in join_readings(records).items():
            replaced = self.records.get(key)
            joined = record if replaced is None else join(record, replaced)
            if joined != replaced:
                changes.append(LedgerChange(joined, replaced))
                self.records[key] = joined
        for stream in self._streams:
            stream(changes)


class InMemoryRecordedCalls:
    """Calls of a ledger, read a small batch at a time."""

    BATCH = 7

    def __init__(
        self,
        records: Iterable[UsageRecord],
        *,
        unreadable_items: int = 0,
        created_at: datetime = datetime(2026, 9, 1, tzinfo=UTC),
    ) -> None:
        self._records = join_readings(records)
        self._unreadable_items = unreadable_items
        self._created_at = created_at

    def get_creation_time(self) -> datetime:
        return self._created_at

    def scan_range(
        self, start: datetime, end: datetime, after: str | None = None
    ) -> Iterator[ScannedPage]:
        left = sorted((repr(key), record) for key, record in self._records.items())
        left = [entry for entry in left if after is None or entry[0] > after]
        while True:
            page, left = left[: self.BATCH], left[self.BATCH :]
            found = [ScannedCall(*entry) for entry in page if start <= entry[1].timestamp < end]
            unreadable = 0 if left else self._unreadable_items
            yield ScannedPage(found, page[-1][0] if left else None, unreadable)
            if not left:
                return


class InMemoryCostCorrections:
    """The progress of corrections by edition."""

    def __init__(self) -> None:
        self.saved: dict[str, CorrectionProgress] = {}

    def get_progress(self, edition: str) -> CorrectionProgress:
        return self.saved.get(edition, CorrectionProgress(edition))

    def save_progress(self, progress: CorrectionProgress) -> None:
        if self.get_progress(progress.edition).revision != progress.revision - 1:
            raise ProgressChangedError(progress.edition)
        self.saved[progress.edition] = progress


class InMemoryReportFiles:
    """Files by name, the latest last."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def store(self, file: Path, name: str) -> None:
        self.kept[name] = file.read_bytes()


class InMemoryInvocationLogs:
    """Messages by time, one per page; unavailable if a reason is given."""

    def __init__(self, messages: Mapping[datetime, str]) -> None:
        self._messages = messages
        self.unavailable_because: str | None = None

    def scan_range(self, start: datetime, end: datetime) -> Iterator[Sequence[str]]:
        yield []
        if self.unavailable_because is not None:
            raise InvocationLogsUnavailableError(self.unavailable_because)
        for at in sorted(self._messages):
            if start <= at < end:
                yield [self._messages[at]]


class InMemoryMetricSink:
    """Records the data points of each request; refuses one after a number of accepted ones."""

    def __init__(self) -> None:
        self.calls: list[Sequence[DataPoint]] = []
        self.taken_before_a_refusal: int | None = None

    def send(self, data_points: Sequence[DataPoint]) -> None:
        if self.taken_before_a_refusal == 0:
            self.taken_before_a_refusal = None
            message = "throttled"
            raise MetricsUnavailableError(message)
        if self.taken_before_a_refusal is not None:
            self.taken_before_a_refusal -= 1
        self.calls.append(data_points)


def usd_in(sink: InMemoryMetricSink) -> Decimal:
    """The cost of the account in all that was sent."""
    return sum(
        (
            Decimal(point.values.sum)
            for points in sink.calls
            for point in points
            if (point.metric.name, point.dimensions) == ("EstimatedCostUSD", ())
            and isinstance(point.values, StatisticSet)
        ),
        Decimal(0),
    )


class InMemoryUnpricedCalls:
    """Notes of calls without a cost, and the groups that they wait in."""

    def __init__(self) -> None:
        self.noted: dict[tuple[str, str, str], UsageRecord] = {}
        self.groups: dict[str, tuple[WaitingGroup, datetime]] = {}
        self._waiting: dict[tuple[str, str, str], str] = {}
        self._paid: dict[CallKey, Decimal] = {}
        self._is_locked = False

    def acquire_lock(self, _now: datetime) -> bool:
        is_free, self._is_locked = not self._is_locked, True
        return is_free

    def release_lock(self) -> None:
        self._is_locked = False

    def write(self, records: Sequence[UsageRecord], now: datetime) -> None:
        for record in records:
            name = repr(price_need(record))
            self.groups[name] = (WaitingGroup(name, record), now)
            self.noted[record.key] = record
            self._waiting[record.key] = name

    def get_noted(self, records: Sequence[UsageRecord]) -> frozenset[tuple[str, str, str]]:
        return frozenset(record.key for record in records if record.key in self.noted)

    def get_waiting(self, records: Sequence[UsageRecord]) -> frozenset[tuple[str, str, str]]:
        return frozenset(record.key for record in records if record.key in self._waiting)

    def get_groups(self) -> Sequence[WaitingGroup]:
        return [group for group, _ in self.groups.values()]

    def scan_group(self, group: WaitingGroup) -> Iterator[Sequence[UsageRecord]]:
        for key in [key for key, name in self._waiting.items() if name == group.name]:
            yield [self.noted[key]]

    def get_paid(self, records: Sequence[UsageRecord]) -> Mapping[CallKey, Decimal]:
        return {
            record.key: self._paid[record.key] for record in records if record.key in self._paid
        }

    def mark_priced(
        self, records: Sequence[UsageRecord], paid: Mapping[CallKey, Decimal] = NOTHING_PAID
    ) -> None:
        for record in records:
            self._waiting.pop(record.key, None)
        self._paid |= paid

    def delete_group(self, group: WaitingGroup, written_before: datetime) -> None:
        if self.groups[group.name][1] < written_before:
            del self.groups[group.name]


def find_waiting(unpriced: UnpricedCalls) -> set[UsageRecord]:
    """The calls that wait for a price in any group."""
    return {
        record
        for group in unpriced.get_groups()
        for records in unpriced.scan_group(group)
        for record in records
    }


class InMemoryQuarantine:
    """A quarantine in a list."""

    def __init__(self) -> None:
        self.records: list[RejectedRecord] = []

    def store(self, rejected: Sequence[RejectedRecord]) -> None:
        self.records.extend(rejected)


class InMemoryLoggingApi:
    """Bedrock's logging configuration; refuses the configurations in `refused`."""

    def __init__(self, live: LoggingConfiguration | None = None) -> None:
        self.live = live
        self.refused: list[LoggingConfiguration] = []

    def get(self) -> LoggingConfiguration | None:
        return self.live

    def put(self, configuration: LoggingConfiguration) -> None:
        if configuration in self.refused:
            raise ConfigurationRefusedError
        self.live = configuration

    def remove(self) -> None:
        self.live = None


class InMemoryStateStore:
    """A state that accepts a number of writes."""

    def __init__(self) -> None:
        self.logging_state = LoggingState()
        self.writes_left = 1_000

    def load(self) -> LoggingState:
        return self.logging_state

    def save(self, logging_state: LoggingState) -> None:
        if not self.writes_left:
            raise StateUnavailableError
        self.writes_left -= 1
        self.logging_state = logging_state


class InMemoryStateCopy:
    """A copy of a state that accepts a number of writes."""

    def __init__(self) -> None:
        self.states: tuple[LoggingState, ...] = ()
        self.writes_left = 1_000

    def load(self) -> tuple[LoggingState, ...]:
        return self.states

    def save(self, states: tuple[LoggingState, ...]) -> None:
        if not self.writes_left:
            raise StateUnavailableError
        self.writes_left -= 1
        self.states = states


class InMemoryMetrics:
    """CloudWatch's metrics, which are written as a sink and read as a reader."""

    def __init__(self) -> None:
        self.values: list[tuple[str, str, Dimensions, datetime, int]] = []
        self.read: Counter[str] = Counter()
        self.counted = 0

    def add(
        self, namespace: str, name: str, at: datetime, value: int = 1, model: str | None = None
    ) -> None:
        dimensions = () if model is None else ((MODEL_ID, model),)
        self.values.append((namespace, name, dimensions, at, value))

    def send(self, data_points: Sequence[DataPoint]) -> None:
        for point in data_points:
            values = point.values
            if isinstance(values, Distribution):
                counts = zip(values.values, values.counts, strict=True)
                total = sum(value * count for value, count in counts)
            else:
                total = values.sum
            self.values.append(
                (NAMESPACE, point.metric.name, point.dimensions, point.minute, int(total))
            )

    def sum_by_model(
        self, namespace: str, names: Collection[str], window: AuditWindow
    ) -> Mapping[str, Mapping[str, int]]:
        listed = {name: self._list(namespace, name) for name in names}
        return self.sum_models(namespace, listed, window)

    def count_models(self, namespace: str, name: str) -> int:
        self.counted += 1
        return len(self._list(namespace, name))

    def list_models(self, namespace: str, name: str, at_most: int) -> Collection[str]:
        return self._list(namespace, name)[:at_most]

    def sum_models(
        self, namespace: str, models: Mapping[str, Collection[str]], window: AuditWindow
    ) -> Mapping[str, Mapping[str, int]]:
        wanted = {(name, ((MODEL_ID, model),)) for name in models for model in models[name]}
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for name, dimensions, value in self._within(namespace, models, window):
            if (name, dimensions) in wanted:
                found[dimensions[0][1]][name] += value
        self.read.update(name for name, _ in wanted)
        return found

    def _list(self, namespace: str, name: str) -> list[str]:
        found = {
            dimensions[0][1]: None
            for space, metric, dimensions, _, _ in self.values
            if (space, metric) == (namespace, name) and [key for key, _ in dimensions] == [MODEL_ID]
        }
        return list(found)

    def sum_account(
        self, namespace: str, names: Collection[str], window: AuditWindow
    ) -> Mapping[str, int]:
        found: Counter[str] = Counter()
        for name, dimensions, value in self._within(namespace, names, window):
            if not dimensions:
                found[name] += value
        return found

    def lowest_values(
        self, namespace: str, name: str, dimension: str, window: AuditWindow, *, at_most: int
    ) -> Mapping[str, float]:
        found: dict[str, float] = {}
        for _, dimensions, value in self._within(namespace, [name], window):
            if [key for key, _ in dimensions] == [dimension]:
                series = dimensions[0][1]
                found[series] = min(value, found.get(series, value))
        self.read[name] += min(len(found), at_most)
        return dict(islice(found.items(), at_most))

    def _within(
        self, namespace: str, names: Collection[str], window: AuditWindow
    ) -> Iterable[tuple[str, Dimensions, int]]:
        for space, name, dimensions, at, value in self.values:
            if space == namespace and name in names and window.start <= at < window.end:
                yield name, dimensions, value


class InMemoryIdentityRegistry:
    """The identities of each month, up to a number of them and of sessions of each role."""

    def __init__(self, bound: int, sessions_per_role: int) -> None:
        self._bound = bound
        self._sessions_per_role = sessions_per_role
        self._members: defaultdict[str, set[str]] = defaultdict(set)
        self._sessions: Counter[tuple[str, str]] = Counter()

    def admit(self, month: str, value: str, role: str | None) -> Admission:
        members = self._members[month]
        if value in members:
            return Admission.ADMITTED
        if role is not None and self._sessions[month, role] >= self._sessions_per_role:
            return Admission.ROLE_IS_FULL
        if len(members) >= self._bound:
            return Admission.FULL
        members.add(value)
        if role is not None:
            self._sessions[month, role] += 1
        return Admission.ADMITTED


class InMemoryNotifier:
    """Records notices after a number of refusals."""

    def __init__(self) -> None:
        self.notices: list[Notice] = []
        self.refusals = 0

    def publish(self, notice: Notice) -> None:
        if self.refusals:
            self.refusals -= 1
            raise ConnectionError
        self.notices.append(notice)


class InMemoryLogGroups(dict[str, LogGroup]):
    """Log groups by name."""


class InMemoryRoles(dict[str, Role]):
    """Roles by name."""


class InMemorySafeguards:
    """Alarms, notifications, logs and functions with so many drifts."""

    def __init__(self) -> None:
        self.drifts: list[Drift] = []
        self.names: frozenset[str] = frozenset()

    def check(self, now: datetime) -> SafeguardReport:  # noqa: ARG002  # as the port has it
        return SafeguardReport(tuple(self.drifts), self.names)


class InMemoryChangeHistory(list[LoggingChange]):
    """Changes that CloudTrail knows."""

    gaps: tuple[str, ...] = ()

    def search(self, actions: Iterable[str], since: datetime, *, limit: int) -> FoundChanges:
        wanted = set(actions)
        found = [change for change in self if change.action in wanted and change.at >= since]
        return FoundChanges(found[:limit], self.gaps)


class InMemoryDeployments:
    """Times of deployments: the current one and past ones."""

    def __init__(self) -> None:
        self.is_readable = True
        self.under_way = False
        self.over: list[tuple[datetime, datetime]] = []

    def is_under_way(self) -> bool:
        self._check()
        return self.under_way

    def _check(self) -> None:
        if not self.is_readable:
            raise NotReadableError("ThrottlingException")  # noqa: EM101  # as an adapter raises it

    def was_under_way(self, at: datetime) -> bool:
        self._check()
        return self.under_way or any(start <= at < end for start, end in self.over)


class InMemoryWatchStateStore:
    """The state of the watcher in memory."""

    def __init__(self) -> None:
        self.state: WatchState | None = None
        self.refused: set[str] = set()

    def load(self) -> WatchState:
        self._check("load")
        return self.state or WatchState()

    def _check(self, action: str) -> None:
        if action in self.refused:
            raise NotReadableError("AccessDeniedException")  # noqa: EM101  # likewise

    def save(self, state: WatchState, before: WatchState) -> None:
        self._check("save")
        if self.state not in (None, before):
            raise WatchStateChangedError
        self.state = state


class InMemoryTagCache:
    """A cache of tags in a dictionary; records the requested ARNs."""

    def __init__(self) -> None:
        self.entries: dict[str, TagEntry] = {}
        self.loaded: list[str] = []

    def load(self, arn: str) -> TagEntry | None:
        self.loaded.append(arn)
        return self.entries.get(arn)

    def load_all(self, arns: Sequence[str]) -> Mapping[str, TagEntry | None]:
        return {arn: self.load(arn) for arn in arns}

    def save(self, arn: str, entry: TagEntry, replaced: TagEntry | None) -> TagEntry:
        standing = self.entries.get(arn)
        if standing is None or standing == replaced:
            self.entries[arn] = standing = entry
        return standing


class InMemoryTagSource:
    """Tags that tests change; records each lookup, and fails for the ARNs that tests name."""

    def __init__(self) -> None:
        self.found: dict[str, FoundTags] = {}
        self.asked: list[str] = []
        self.denied: set[str] = set()
        self.busy: set[str] = set()
        self.failing: set[str] = set()

    def get(self, arn: str) -> FoundTags:
        self.asked.append(arn)
        if get_service(arn) in self.busy:
            raise TagSourceBusyError(get_service(arn), "iam:ListRoleTags failed: Throttling")
        if arn in self.failing:
            message = "iam:ListRoleTags failed: InvalidInput"
            raise TagsUnavailableError(message)
        if arn in self.denied:
            return FoundTags(denied=("iam:ListRoleTags is denied",))
        return self.found.get(arn, FoundTags())


class InMemoryPriceEditions:
    """Documents of price updates as JSON texts; unavailable if a reason is given."""

    def __init__(self) -> None:
        self.documents: dict[str, str] = {}
        self.reads: Counter[str] = Counter()
        self.before_publishing: Callable[[], None] = lambda: None
        self.unavailable_because: str | None = None
        self._pointer: str | None = None
        self._version = 0

    def read_pointer(self) -> StoredPointer:
        return self.read_newer_pointer(None) or StoredPointer(PriceUpdates(), None)

    def read_newer_pointer(self, version: str | None) -> StoredPointer | None:
        self._check("pointer")
        if self._pointer is None or version == str(self._version):
            return None
        return StoredPointer(PriceUpdates.model_validate_json(self._pointer), str(self._version))

    def read_edition(self, edition: str) -> Edition:
        return Edition.model_validate_json(self._document(edition))

    def read_listing(self, key: str) -> Listing:
        return Listing.model_validate_json(self._document(key))

    def write_edition(self, edition: Edition) -> None:
        self.documents[edition.id] = edition.model_dump_json(exclude_none=True)

    def write_listing(self, listing: Listing) -> None:
        self.documents[listing.key] = listing.model_dump_json(exclude_none=True)

    def publish(self, updates: PriceUpdates, replaces: str | None) -> None:
        before, self.before_publishing = self.before_publishing, lambda: None
        before()
        if replaces != (str(self._version) if self._pointer else None):
            raise PointerMovedError
        self._pointer = updates.model_dump_json(exclude_none=True)
        self._version += 1

    def _document(self, key: str) -> str:
        self._check(key)
        if key not in self.documents:
            raise InvalidPriceDocumentError(key)
        return self.documents[key]

    def _check(self, key: str) -> None:
        self.reads[key] += 1
        if self.unavailable_because is not None:
            raise PriceEditionsUnavailableError(self.unavailable_because)


class InMemoryPriceList:
    """Listings by offer, whose entity tag is their content; counts complete downloads."""

    def __init__(self, *listings: Listing) -> None:
        self.listings = {listing.offer: listing for listing in listings}
        self.sent: list[str] = []
        self.unavailable_because: str | None = None

    def fetch(
        self, offer: str, known_etag: str | None, has_time: Callable[[], bool]
    ) -> FetchedListing | None:
        if self.unavailable_because is not None or not has_time():
            raise PriceListUnavailableError(self.unavailable_because or "there is no time left")
        listing = self.listings.get(offer)
        if listing is None:
            return FetchedListing(None, None)
        if known_etag == listing.key:
            return None
        self.sent.append(offer)
        return FetchedListing(listing, listing.key)


class InMemorySummaryDeliveries:
    """Weekly summaries that are due or were sent."""

    DUE_TIMEOUT = timedelta(minutes=15)

    def __init__(self) -> None:
        self.due_until: dict[str, datetime] = {}
        self.sent: dict[str, datetime] = {}

    def begin(self, week: str, now: datetime) -> bool:
        if week in self.sent or self.due_until.get(week, now) > now:
            return False
        self.due_until[week] = now + self.DUE_TIMEOUT
        return True

    def give_up(self, week: str) -> None:
        self.due_until.pop(week, None)

    def complete(self, week: str, now: datetime) -> None:
        self.sent[week] = now
