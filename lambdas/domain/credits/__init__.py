"""Credits: prepaid amounts that usage draws down, in double entry."""

from lambdas.domain.credits.booked_cells import BookedCell, CellId, Payment
from lambdas.domain.credits.entries import (
    GRANTED,
    Account,
    AccountKind,
    CreditEntry,
    EntryKind,
    Posting,
)
from lambdas.domain.credits.grants import (
    MAX_GRANTS,
    CreditBook,
    CreditGrant,
    GrantBalance,
)
from lambdas.domain.credits.ports import (
    ChangedHour,
    ChangedHours,
    CreditsChangedError,
    CreditStore,
    CreditsUnavailableError,
    GrantExistsError,
)

__all__ = [
    "GRANTED",
    "MAX_GRANTS",
    "Account",
    "AccountKind",
    "BookedCell",
    "CellId",
    "ChangedHour",
    "ChangedHours",
    "CreditBook",
    "CreditEntry",
    "CreditGrant",
    "CreditStore",
    "CreditsChangedError",
    "CreditsUnavailableError",
    "EntryKind",
    "GrantBalance",
    "GrantExistsError",
    "Payment",
    "Posting",
]
