"""Reports over the ledger: FOCUS, model comparison, reconciliation with the bill."""
