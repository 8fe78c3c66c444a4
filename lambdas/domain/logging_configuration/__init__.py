"""Bedrock's invocation logging: one setting per account and Region, maybe somebody else's."""

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

__all__ = [
    "NO_MEMORY",
    "YOUNG_FLAGS",
    "DamagedMemoryError",
    "ExistingPolicy",
    "ForeignConfigurationError",
    "LoggingConfiguration",
    "LoggingMemory",
    "Plan",
    "Step",
    "describe",
    "plan_delete",
    "plan_put",
]
