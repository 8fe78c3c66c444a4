"""Admits every call, where no policy limits any."""

from __future__ import annotations

from datetime import datetime

from lambdas.domain.bedrock_calls import Admission, GatewayCall
from lambdas.domain.invocations import TokenCounts


class UnlimitedAdmission:
    """Reserves nothing, so that nothing is to be settled."""

    def admit(self, call: GatewayCall, at: datetime) -> Admission:  # noqa: ARG002  # the port's form
        """Admit a call."""
        return Admission()

    def settle(self, reservation_id: str, used: TokenCounts, at: datetime) -> None:
        """Do nothing: there are no reservations."""

    def give_back(self, reservation_id: str, at: datetime) -> None:
        """Do nothing: there are no reservations."""
