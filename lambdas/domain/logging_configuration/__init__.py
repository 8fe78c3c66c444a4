"""Bedrock's invocation logging: one setting per account and Region, maybe somebody else's."""

from lambdas.domain.logging_configuration.change import WATCHED, LoggingChange, WatchedActions
from lambdas.domain.logging_configuration.deployed_configuration import deployed_configuration
from lambdas.domain.logging_configuration.drift import (
    DeployedLogging,
    DeployedRole,
    Difference,
    LogGroup,
    PolicyDocument,
    Role,
    Subject,
    compare_configuration,
    compare_log_group,
    compare_role,
)
from lambdas.domain.logging_configuration.plan import (
    NO_MEMORY,
    YOUNG_FLAGS,
    DamagedMemoryError,
    ExistingPolicy,
    ForeignConfigurationError,
    LoggingConfiguration,
    LoggingMemory,
    Plan,
    Step,
    describe,
    plan_delete,
    plan_put,
)
from lambdas.domain.logging_configuration.stack_request import (
    DELETE,
    NotDeployingError,
    check_request,
    is_rollback,
)
from lambdas.domain.logging_configuration.verified_memory import (
    AlteredMemoryError,
    VerifiedMemory,
    compare_memory,
    read_copies,
    verify,
)
from lambdas.domain.logging_configuration.watching import WatchState, watch_notice

__all__ = [
    "DELETE",
    "NO_MEMORY",
    "WATCHED",
    "YOUNG_FLAGS",
    "AlteredMemoryError",
    "DamagedMemoryError",
    "DeployedLogging",
    "DeployedRole",
    "Difference",
    "ExistingPolicy",
    "ForeignConfigurationError",
    "LogGroup",
    "LoggingChange",
    "LoggingConfiguration",
    "LoggingMemory",
    "NotDeployingError",
    "Plan",
    "PolicyDocument",
    "Role",
    "Step",
    "Subject",
    "VerifiedMemory",
    "WatchState",
    "WatchedActions",
    "check_request",
    "compare_configuration",
    "compare_log_group",
    "compare_memory",
    "compare_role",
    "deployed_configuration",
    "describe",
    "is_rollback",
    "plan_delete",
    "plan_put",
    "read_copies",
    "verify",
    "watch_notice",
]
