"""The calls of the gateway in the ledger, by the reservations that their metadata names."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from lambdas.domain.invocations import UsageRecord
from lambdas.domain.invocations.identity import CallerIdentity
from lambdas.domain.invocations.request_metadata import RESERVATION_NAME


def is_gateway_call(record: UsageRecord, caller_role: str) -> bool:
    """True for a call of the role, in the called account, that the gateway assumes for callers.

    Args:
        record: The call.
        caller_role: The name of the role.
    """
    caller = CallerIdentity.from_arn(record.identity_arn)
    is_of_role = caller.session_name is not None and caller.principal == f"role/{caller_role}"
    return is_of_role and caller.account_id == record.account_id


def find_reservation(record: UsageRecord, caller_role: str) -> str | None:
    """Find the reservation of a call; `None` for calls of others than the gateway's role.

    Anyone can write a reservation's id into the metadata of a call. Only the metadata of calls of
    the role that the gateway assumes was written by the gateway.

    Args:
        record: The call.
        caller_role: The name of the role, in the called account, that the gateway assumes for each
            caller.
    """
    if not is_gateway_call(record, caller_role):
        return None
    return dict(record.request_metadata).get(RESERVATION_NAME) or None


class ReservedCalls(Protocol):
    """The calls in the ledger that name a reservation."""

    def find(self, reservation_ids: Collection[str]) -> Mapping[str, Sequence[UsageRecord]]:
        """Find the calls of reservations. Those without a call are left out."""
