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
from lambdas.domain.credits.exhausted import (
    LOW_PERCENT,
    ExhaustedAction,
    ExhaustedScope,
    ExhaustedScopes,
    read_exhausted,
    write_exhausted,
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
    GrantExistsError,
)

__all__ = [
    "GRANTED",
    "LOW_PERCENT",
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
    "EntryKind",
    "ExhaustedAction",
    "ExhaustedScope",
    "ExhaustedScopes",
    "GrantBalance",
    "GrantExistsError",
    "Payment",
    "Posting",
    "read_exhausted",
    "write_exhausted",
]
