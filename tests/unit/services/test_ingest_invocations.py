"""Every counted message is in the ledger, and every rejected one in quarantine."""

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from lambdas.domain.invocations import Ignored, Reading, RejectedRecord, RejectionReason
from lambdas.services.ingest_invocations import Ingestor, IngestReport
from tests.builders import usage_record, usage_records
from tests.fakes import InMemoryQuarantine, InMemoryUsageLedger

readings = st.lists(
    usage_records | st.sampled_from(RejectionReason) | st.sampled_from(list(Ignored))
)


def test_a_bad_record_is_quarantined_with_its_reason_and_never_stops_its_batch() -> None:
    ledger, quarantine = InMemoryUsageLedger(), InMemoryQuarantine()
    ingestor = Ingestor(ledger, quarantine)
    batch: list[Reading] = [
        usage_record(request_id="1"),
        RejectionReason.NOT_JSON,
        Ignored.PERMISSION_NOTICE,
        usage_record(request_id="2"),
        RejectionReason.NO_MODEL,
    ]
    report = ingestor.ingest("a.json", batch, first_line=41)
    assert report == IngestReport(read=5, accepted=2, ignored=1, rejected=2)
    assert len(ledger.records) == 2
    assert quarantine.records == [
        RejectedRecord("a.json", 42, RejectionReason.NOT_JSON),
        RejectedRecord("a.json", 45, RejectionReason.NO_MODEL),
    ]


def test_a_call_older_than_the_ledger_s_retention_is_rejected_as_too_old() -> None:
    ledger, quarantine = InMemoryUsageLedger(), InMemoryQuarantine()
    call = usage_record()
    ingestor = Ingestor(ledger, quarantine, oldest=call.timestamp)
    older = call._replace(request_id="older", timestamp=call.timestamp - timedelta(seconds=1))
    assert ingestor.ingest("a.json", [older, call], first_line=1).accepted == 1
    assert list(ledger.records.values()) == [call]
    assert quarantine.records == [RejectedRecord("a.json", 1, RejectionReason.TOO_OLD)]


def test_only_metadata_used_by_rules_or_the_meter_is_kept() -> None:
    ledger = InMemoryUsageLedger()
    ours = ("bedrock-meter-reservation", "r-1")
    said = (ours, ("note", "XyzzyMarker"), ("project", "search"))
    ingestor = Ingestor(ledger, InMemoryQuarantine(), metadata_names={"project"})
    ingestor.ingest("a.json", [usage_record(request_metadata=said)], first_line=1)
    (record,) = ledger.records.values()
    assert record.request_metadata == (ours, ("project", "search"))


@given(readings)
def test_every_message_is_accepted_ignored_or_rejected(batch: list[Reading]) -> None:
    quarantine = InMemoryQuarantine()
    report = Ingestor(InMemoryUsageLedger(), quarantine).ingest("a.json", batch, first_line=1)
    assert report.read == len(batch) == report.accepted + report.ignored + report.rejected
    assert len(quarantine.records) == report.rejected


@given(readings, st.integers(0, 10))
def test_reports_of_parts_add_up_to_the_report_of_the_whole(batch: list[Reading], cut: int) -> None:
    ingestor = Ingestor(InMemoryUsageLedger(), InMemoryQuarantine())
    first = ingestor.ingest("a", batch[:cut], first_line=1)
    rest = ingestor.ingest("a", batch[cut:], first_line=1 + cut)
    assert first + rest == ingestor.ingest("a", batch, first_line=1)
