"""Counts calls of the ledger again, after switching counters on or at new prices."""
