"""Policies of the gateway: which limits a call has to keep, and what it needs of them."""

from lambdas.domain.limit_policies.amounts import (
    MeasuredNeed,
    count_amounts,
    measure_amounts,
    measure_call,
)
from lambdas.domain.limit_policies.answers import (
    describe_limit,
    get_window_seconds,
    name_limit,
    refuse,
    refuse_tier,
    refuse_uncountable,
)
from lambdas.domain.limit_policies.call_pricing import CallPricing
from lambdas.domain.limit_policies.call_reports import (
    AdmissionReport,
    LimitReports,
    SettlementReport,
)
from lambdas.domain.limit_policies.counted_names import (
    BUDGETS,
    MAX_COUNTED_POLICIES,
    OTHER_POLICIES,
    UNKNOWN_TIER,
    name_in_metrics,
)
from lambdas.domain.limit_policies.descriptions import describe_policies, describe_policy
from lambdas.domain.limit_policies.marks import (
    DUE_MARKS,
    MARKS,
    NearMark,
    find_marks,
    find_refusals,
)
from lambdas.domain.limit_policies.policy import (
    CallFacts,
    Partition,
    Policy,
    PolicyLimit,
    PolicyMatch,
    PolicySet,
    Tier,
    WhenOut,
)
from lambdas.domain.limit_policies.ports import (
    MarkReports,
    PoliciesChangedError,
    PoliciesUnavailableError,
    PolicyChange,
    PolicySource,
    PolicyStore,
    PolicyWriter,
    PricesUnavailableError,
    StoredPolicies,
    TokenPrices,
)
from lambdas.domain.limit_policies.stored_policies import (
    MAX_AMOUNT,
    MAX_USD,
    read_stored_policies,
)
from lambdas.domain.limit_policies.subject_source import NoSubjects, SubjectSource
from lambdas.domain.limit_policies.subjects import (
    CallNotCountableError,
    PolicySubject,
    SubjectsUnavailableError,
    adopt_subject,
    find_own_subjects,
    find_subjects,
    name_caller,
)

__all__ = [
    "BUDGETS",
    "DUE_MARKS",
    "MARKS",
    "MAX_AMOUNT",
    "MAX_COUNTED_POLICIES",
    "MAX_USD",
    "OTHER_POLICIES",
    "UNKNOWN_TIER",
    "AdmissionReport",
    "CallFacts",
    "CallNotCountableError",
    "CallPricing",
    "LimitReports",
    "MarkReports",
    "MeasuredNeed",
    "NearMark",
    "NoSubjects",
    "Partition",
    "PoliciesChangedError",
    "PoliciesUnavailableError",
    "Policy",
    "PolicyChange",
    "PolicyLimit",
    "PolicyMatch",
    "PolicySet",
    "PolicySource",
    "PolicyStore",
    "PolicySubject",
    "PolicyWriter",
    "PricesUnavailableError",
    "SettlementReport",
    "StoredPolicies",
    "SubjectSource",
    "SubjectsUnavailableError",
    "Tier",
    "TokenPrices",
    "WhenOut",
    "adopt_subject",
    "count_amounts",
    "describe_limit",
    "describe_policies",
    "describe_policy",
    "find_marks",
    "find_own_subjects",
    "find_refusals",
    "find_subjects",
    "get_window_seconds",
    "measure_amounts",
    "measure_call",
    "name_caller",
    "name_in_metrics",
    "name_limit",
    "read_stored_policies",
    "refuse",
    "refuse_tier",
    "refuse_uncountable",
]
