"""The audit trail: a chain of entries in which each has the hash of the one before it."""

from lambdas.domain.audit.budget_changes import describe_budget_change
from lambdas.domain.audit.chain import START_HASH, AuditAnchor, ChainHead, name_hour, read_anchor
from lambdas.domain.audit.entry import (
    AuditAction,
    AuditedChange,
    AuditEntry,
    InvalidEntryError,
    Json,
    StoredEntry,
    hash_text,
    limit_state,
    limit_subject,
    read_entry,
    read_plain_json,
    write_canonical,
)
from lambdas.domain.audit.people import (
    PERSON_ID,
    PERSON_PREFIX,
    PersonDirectory,
    read_actor,
    replace_people,
)
from lambdas.domain.audit.ports import (
    AnchorStore,
    AppendOutcome,
    AuditBusyError,
    AuditStore,
    FoundAnchors,
    PointerHistory,
    PointerVersion,
)
from lambdas.domain.audit.price_changes import (
    CONTRACTED_PRICES,
    PRICES,
    describe_contracted_prices,
    describe_price_change,
)
from lambdas.domain.audit.verification import (
    MAX_PROBLEMS,
    ChainProblem,
    ProblemKind,
    Verification,
    verify_chain,
)

__all__ = [
    "CONTRACTED_PRICES",
    "MAX_PROBLEMS",
    "PERSON_ID",
    "PERSON_PREFIX",
    "PRICES",
    "START_HASH",
    "AnchorStore",
    "AppendOutcome",
    "AuditAction",
    "AuditAnchor",
    "AuditBusyError",
    "AuditEntry",
    "AuditStore",
    "AuditedChange",
    "ChainHead",
    "ChainProblem",
    "FoundAnchors",
    "InvalidEntryError",
    "Json",
    "PersonDirectory",
    "PointerHistory",
    "PointerVersion",
    "ProblemKind",
    "StoredEntry",
    "Verification",
    "describe_budget_change",
    "describe_contracted_prices",
    "describe_price_change",
    "hash_text",
    "limit_state",
    "limit_subject",
    "name_hour",
    "read_actor",
    "read_anchor",
    "read_entry",
    "read_plain_json",
    "replace_people",
    "verify_chain",
    "write_canonical",
]
