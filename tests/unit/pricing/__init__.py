"""Proofs of what tokens cost."""
