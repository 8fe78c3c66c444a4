"""The name of the role that the gateway assumes for each caller."""

from __future__ import annotations

from lambdas.meter_name import METER_NAME

_ROLE = "GatewayCaller"
CALLER_ROLES = f"*-{_ROLE}-"
"""The part of these roles' names between the name of every deployment and the Region."""


def caller_role_name(region: str) -> str:
    """Name the role of a Region; names are unique in an account.

    Its name is part of the identity of each caller, in the ledger, metrics and budgets, so it never
    changes.
    """
    return f"{METER_NAME}-{_ROLE}-{region}"
