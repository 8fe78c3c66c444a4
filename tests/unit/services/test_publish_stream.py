"""Batches of the ledger's stream are published once, at the prices that are in force."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from lambdas.domain.ledger import LedgerChange
from lambdas.domain.ledger.stream import StreamedChange
from lambdas.domain.ledger.tampering import TamperedCall
from lambdas.domain.metrics.publish_report import PublishReport
from lambdas.services.publish_stream import MAX_FIRST_TRY, BatchOutcome, StreamPublisher
from tests.builders import NOON, usage_record
from tests.enriching import current_books

DEPLOYED = NOON - timedelta(days=1)
LONG_AGO = datetime.min.replace(tzinfo=UTC)
NOW = NOON + timedelta(seconds=30)


class InMemoryPublisher:
    """Records its changes, and sends only the first of them."""

    def __init__(self, first_unsent: int | None = None) -> None:
        self.first_unsent = first_unsent
        self.published: list[str] = []
        self.is_retried = False

    def publish(
        self,
        changes: Sequence[LedgerChange | TamperedCall],
        now: datetime,  # noqa: ARG002
        has_time: Callable[[], bool],  # noqa: ARG002
        *,
        is_retried: bool,
    ) -> PublishReport:
        self.published = [change.record.request_id for change in changes if change.record]
        self.is_retried = is_retried
        return PublishReport(len(changes), first_unsent=self.first_unsent)


def change(number: int, changed_at: datetime = NOON) -> StreamedChange:
    record = usage_record(request_id=str(number))
    return StreamedChange(f"sequence-{number}", changed_at, LedgerChange(record))


def publish(
    publisher: InMemoryPublisher, *batch: StreamedChange, started_at: datetime = LONG_AGO
) -> BatchOutcome:
    stream = StreamPublisher(
        read=lambda _: batch,
        books=current_books(),
        make_publisher=lambda _: publisher,
        deployed_at=DEPLOYED,
        started_at=started_at,
    )
    return stream.publish([], NOW, lambda: True)


def test_changes_before_the_deployment_are_left_to_the_previous_one() -> None:
    publisher = InMemoryPublisher(first_unsent=1)
    old = change(1, DEPLOYED - timedelta(seconds=1))
    outcome = publish(publisher, old, change(2, DEPLOYED), change(3))
    assert publisher.published == ["2", "3"]
    assert outcome.first_unsent == "sequence-3"


@pytest.mark.parametrize(
    ("changed_at", "started_at", "is_retried"),
    [
        (NOON, LONG_AGO, False),
        (NOON, NOON, True),  # a process before this one may have tried
        (NOW - MAX_FIRST_TRY, LONG_AGO, True),
        (NOW - MAX_FIRST_TRY + timedelta(seconds=1), LONG_AGO, False),
    ],
)
def test_a_batch_maybe_tried_at_other_prices_is_published_as_retried(
    changed_at: datetime, started_at: datetime, *, is_retried: bool
) -> None:
    publisher = InMemoryPublisher()
    batch = (change(1, changed_at), change(2, NOW))
    outcome = publish(publisher, *batch, started_at=started_at)
    assert publisher.is_retried is is_retried
    assert outcome.first_unsent is None
