"""The usage ledger: one entry per call, whatever the number of its readings."""

from lambdas.domain.ledger.usage_ledger import LedgerChange, LedgerStream, UsageLedger

__all__ = ["LedgerChange", "LedgerStream", "UsageLedger"]
