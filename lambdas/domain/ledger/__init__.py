"""The usage ledger: one entry per call, whatever the number of its readings."""

from lambdas.domain.ledger.cost_corrections import (
    CorrectionProgress,
    CorrectionReport,
    CostCorrections,
    ProgressChangedError,
)
from lambdas.domain.ledger.readings import (
    RECORD_TEXTS,
    bound_reading,
    join,
    join_readings,
    latest_timestamp,
)
from lambdas.domain.ledger.recorded_calls import RecordedCalls, ScannedCall, ScannedPage
from lambdas.domain.ledger.reservations import (
    ReservedCalls,
    find_reservation,
    is_gateway_call,
)
from lambdas.domain.ledger.stream import StreamedChange, StreamRecord
from lambdas.domain.ledger.tampering import TamperedCall, Tampering
from lambdas.domain.ledger.unpriced_calls import (
    GROUP_RENEWAL,
    MIN_GROUP_AGE,
    NOTHING_PAID,
    CallKey,
    PriceNeed,
    RepricedModel,
    RepriceReport,
    RunLock,
    UnpricedCalls,
    UnpricedNotes,
    WaitingGroup,
    price_need,
)
from lambdas.domain.ledger.usage_ledger import LedgerChange, LedgerListener, UsageLedger

__all__ = [
    "GROUP_RENEWAL",
    "MIN_GROUP_AGE",
    "NOTHING_PAID",
    "RECORD_TEXTS",
    "CallKey",
    "CorrectionProgress",
    "CorrectionReport",
    "CostCorrections",
    "LedgerChange",
    "LedgerListener",
    "PriceNeed",
    "ProgressChangedError",
    "RecordedCalls",
    "RepriceReport",
    "RepricedModel",
    "ReservedCalls",
    "RunLock",
    "ScannedCall",
    "ScannedPage",
    "StreamRecord",
    "StreamedChange",
    "TamperedCall",
    "Tampering",
    "UnpricedCalls",
    "UnpricedNotes",
    "UsageLedger",
    "WaitingGroup",
    "bound_reading",
    "find_reservation",
    "is_gateway_call",
    "join",
    "join_readings",
    "latest_timestamp",
    "price_need",
]
