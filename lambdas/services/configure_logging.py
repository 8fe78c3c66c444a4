"""Switches Bedrock's invocation logging on, and in the end leaves things as they were."""

from __future__ import annotations

from dataclasses import dataclass

from lambdas.domain.logging_configuration import (
    ExistingPolicy,
    LoggingConfiguration,
    Plan,
    Step,
    plan_delete,
    plan_put,
)
from lambdas.domain.logging_configuration.ports import (
    ConfigurationRefusedError,
    LoggingApi,
    MemoryStore,
)


@dataclass(frozen=True, slots=True)
class ConfigureLogging:
    """Carries out what the domain plans: state first, so that nothing of ours is forgotten."""

    api: LoggingApi
    memory: MemoryStore

    def put(
        self,
        wanted: LoggingConfiguration,
        policy: ExistingPolicy,
        adopted_log_group: str | None = None,
    ) -> None:
        """Create or update.

        Raises:
            ForeignConfigurationError: Somebody else's is there, and the policy does not fit it.
            ConfigurationRefusedError: Bedrock does not take ours.
        """
        live, memory = self.api.get(), self.memory.recall()
        self._carry_out(plan_put(live, memory, wanted, policy, adopted_log_group))

    def delete(self) -> ConfigurationRefusedError | None:
        """Put back what was there, or switch ours off, if it is still ours.

        Returns:
            Why what was there could not be put back (logging is then switched off, since our role
            goes as well); `None` if all went well.
        """
        plan = plan_delete(self.api.get(), self.memory.recall())
        try:
            self._carry_out(plan)
        except ConfigurationRefusedError as error:
            self.api.remove()
            self.memory.remember(plan.after)
            return error
        return None

    def _carry_out(self, plan: Plan) -> None:
        self.memory.remember(plan.before)
        if plan.step is Step.PUT and plan.configuration is not None:
            self.api.put(plan.configuration)
        elif plan.step is Step.REMOVE:
            self.api.remove()
        self.memory.remember(plan.after)
