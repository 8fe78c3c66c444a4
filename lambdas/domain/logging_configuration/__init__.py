"""Bedrock's invocation logging: one setting per account and Region, maybe somebody else's."""

from lambdas.domain.logging_configuration.plan import (
    YOUNG_FLAGS,
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
    "YOUNG_FLAGS",
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
