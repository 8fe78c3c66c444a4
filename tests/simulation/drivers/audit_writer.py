"""The audit trail: each change of a budget and each event once, in one chain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.dynamodb.audit_events import make_audit_event
from lambdas.adapters.dynamodb.audit_store import DynamoDbAuditStore
from lambdas.adapters.dynamodb.governance_stream import GovernanceStream
from lambdas.adapters.dynamodb.person_directory import DynamoDbPersonDirectory
from lambdas.adapters.s3.audit_anchors import S3AuditAnchors
from lambdas.adapters.s3.pointer_history import S3PointerHistory
from lambdas.domain.audit import (
    CONTRACTED_PRICES,
    AuditAction,
    AuditBusyError,
    AuditedChange,
    AuditedSetting,
    ProblemKind,
    read_entry,
    verify_trail,
)
from lambdas.services.anchor_audit import AuditAnchorer
from lambdas.services.append_audit import AuditWriter
from lambdas.services.audit_prices import PriceAuditor
from lambdas.services.audit_settings import SettingsAuditor
from tests.builders import ANA
from tests.simulation.account import AUDIT, GOVERNANCE, Account
from tests.simulation.cloud.event_source import StreamMapping, is_no_expiry
from tests.simulation.drivers.books import PRICES
from tests.simulation.drivers.budgets import plan_budgets
from tests.simulation.drivers.driver import Driver
from tests.simulation.phases import END, FAULTS_END
from tests.simulation.world import START

MAPPING = StreamMapping(
    function="audit_writer",
    batch_size=10,
    max_attempts=10**6,
    max_age=timedelta(hours=23),
    is_taken=is_no_expiry,
)
"""As deployed, but for fewer records a batch, and without its filter of partitions."""
ANCHORS = "anchors"
"""The bucket of anchors."""
_EVENTS = 8
_ACTOR = "meter:simulation"
_EVENTS_EVERY = timedelta(minutes=50)
_TERMS = AuditedSetting(
    CONTRACTED_PRICES,
    AuditAction.CHANGE_CONTRACTED_PRICES,
    default=[],
    state=[{"model": "anthropic.*", "discount_percent": "7.5"}],
)


class Trail(NamedTuple):
    """The services of the function."""

    stream: GovernanceStream
    writer: AuditWriter
    settings: SettingsAuditor
    prices: PriceAuditor
    anchorer: AuditAnchorer


class AuditWriterDriver(Driver):
    """Writes the audit trail."""

    function = "audit_writer"
    expected_errors = (AuditBusyError,)

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.problems: list[str] = []

    def make(self) -> Trail:
        account = self.account
        store = DynamoDbAuditStore(self.dynamodb, AUDIT)
        writer = AuditWriter(store, DynamoDbPersonDirectory(self.dynamodb, GOVERNANCE))
        return Trail(
            stream=GovernanceStream(self.dynamodb, GOVERNANCE),
            writer=writer,
            settings=SettingsAuditor(
                store=store,
                people=writer.people,
                settings=[_TERMS],
                append=writer.append,
            ),
            prices=PriceAuditor(
                store=store,
                history=S3PointerHistory(account.s3, PRICES),
                append=writer.append,
            ),
            anchorer=AuditAnchorer(store, S3AuditAnchors(account.s3, ANCHORS)),
        )

    def run(self, event: Any) -> Any:
        trail, now = self.service, self.account.now
        if "Records" in event:
            trail.writer.append(trail.stream.read(event["Records"]), now)
            return None
        trail.settings.audit(now)
        trail.prices.audit(now, self.has_time)
        report = trail.anchorer.anchor(now)
        self.problems += [
            problem.text
            for problem in report.verification.problems
            if problem.kind is not ProblemKind.NOT_ANCHORED  # runs fail, and stop being hourly
        ]
        return None

    def start(self) -> None:
        self.account.tables[GOVERNANCE].start_stream()
        self.account.map_stream(MAPPING, GOVERNANCE)
        self.account.sources[self.function].start()
        plan_budgets(self.account)
        for number in range(_EVENTS):
            self.account.world.at(START + number * _EVENTS_EVERY, self._deny, number)
        self.every(timedelta(hours=1), START + timedelta(minutes=20), FAULTS_END, retries=0)
        self.every(timedelta(hours=7), FAULTS_END + timedelta(minutes=20), END, retries=0)

    def _deny(self, number: int) -> None:
        """Record a denial, as the function that denies does: again until it is recorded."""
        dynamodb = self.account.dynamodb
        event = AuditedChange(
            source=f"deny/{number}",
            changed_at=self.account.now,
            changed_by=_ACTOR,
            action=AuditAction.DENY,
            subject=f"principal:{ANA}",
        )
        try:
            dynamodb.transact_write_items(TransactItems=[make_audit_event(GOVERNANCE, event)])
        except (BotoCoreError, ClientError):
            items = self.account.tables[GOVERNANCE].items
            if ("audit-events", event.source) not in items:
                self.account.world.after(60, self._deny, number)

    def check(self) -> Iterator[str]:
        store = DynamoDbAuditStore(self.account.dynamodb, AUDIT)
        anchors = S3AuditAnchors(self.account.s3, ANCHORS).read_all().anchors
        entries = [*store.read_entries()]
        yield from (f"audit: {problem}" for problem in self.problems[:3])
        verification = verify_trail(store, anchors, self.account.now)
        problems = [
            each.text for each in verification.problems if each.kind is not ProblemKind.NOT_ANCHORED
        ]
        yield from problems[:3]
        if not anchors:
            yield "audit: no anchor"
        changes = [read_entry(entry.text).change for entry in entries]
        found = Counter(change.source for change in changes)
        for source, times in found.items():
            if times > 1:
                yield f"audit: {times} entries of {source}"
        for source in sorted(self._list_expected() - found.keys()):
            yield f"audit: no entry of {source}"
        denied = sum(change.changed_by == _ACTOR for change in changes)
        if denied != _EVENTS and not self.account.sources[self.function].trimmed:
            yield f"audit: {denied} denials of {_EVENTS}"
        if any(ANA in entry.text for entry in entries):
            yield "audit: a name is in the chain"
        yield from self._find_unaudited(store)

    def _list_expected(self) -> set[str]:
        """List the sources of all changes in the stream that it kept until they were read."""
        stream = self.account.tables[GOVERNANCE].stream
        assert stream is not None
        trimmed = [record["eventID"] for record in self.account.sources[self.function].trimmed]
        records = [
            record
            for shard in stream.shards.values()
            for record in shard.records
            if record["eventID"] not in trimmed
        ]
        reader = GovernanceStream(self.account.dynamodb, GOVERNANCE)
        return {change.source for change in reader.read(records)}

    def _find_unaudited(self, store: DynamoDbAuditStore) -> Iterator[str]:
        """Find versions of the pointer of prices that no run has compared."""
        history = S3PointerHistory(self.account.s3, PRICES)
        for version in history.list_versions():
            is_old = version.written_at < self.account.now - timedelta(hours=8)
            if is_old and not store.has_source(f"prices/{version.id}"):
                yield f"audit: version {version.id} of prices was not audited"
