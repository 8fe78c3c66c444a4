"""Finds the models that calls reach, where they name something else."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class CalledModels(Protocol):
    """Finds the models behind application inference profiles. Methods never raise."""

    def find(self, invoked_model_id: str, now: datetime) -> str:
        """Find what a call reaches, as the ledger prices it.

        Args:
            invoked_model_id: The id or ARN that the caller named.
            now: The time.

        Returns:
            The foundation model behind an application inference profile, with `global.` before it
            if the profile copies a global one. The same text if that is not known, and for
            anything else that callers name.
        """


class NamedModels:
    """Takes what callers name as it is."""

    def find(self, invoked_model_id: str, now: datetime) -> str:  # noqa: ARG002  # the port's form
        """Return what the caller named."""
        return invoked_model_id
