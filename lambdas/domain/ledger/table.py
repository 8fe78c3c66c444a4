"""Names in the table of calls, `UsageLedger`. The meter's own state lies in a table of its own."""

from __future__ import annotations

from lambdas.domain import governance_keys

PARTITION_KEY = "pk"
"""The key of an item in both tables; in that of calls it is the call's."""
EXPIRES_AT = governance_keys.EXPIRES_AT
"""The attribute by which Time to Live deletes items of both tables."""
RESERVATION_KEY = "reservation"
"""The attribute of a call of the gateway's role with the reservation that its metadata names."""
RESERVATION_INDEX = "Reservations"
"""The index of calls by that attribute. Calls without it are not in the index."""
