"""Switches Bedrock's invocation logging on, and in the end leaves things as they were."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from lambdas.domain.logging_configuration import (
    ExistingPolicy,
    LoggingConfiguration,
    LoggingMemory,
    Plan,
    Step,
    plan_delete,
    plan_put,
)
from lambdas.domain.logging_configuration.ports import (
    ConfigurationRefusedError,
    LoggingApi,
    MemoryStore,
    MemoryUnavailableError,
)


@dataclass(frozen=True, slots=True)
class NotRestored:
    """Somebody else's configuration that Bedrock did not take back.

    Attributes:
        configuration: As Bedrock had it.
        reason: In Bedrock's words.
    """

    configuration: LoggingConfiguration
    reason: str


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
            ConfigurationRefusedError: Bedrock does not take it.
            MemoryUnavailableError: Nothing was done, since it could not be remembered.
        """
        live, memory = self.api.get(), self.memory.recall()
        plan = plan_put(live, memory, wanted, policy, adopted_log_group)
        self._take_step(plan)
        # An error now would fail a creation that nothing undoes. What was remembered before the
        # step knows what is live as well.
        with suppress(MemoryUnavailableError):
            self.memory.remember(plan.after)

    def delete(self) -> NotRestored | None:
        """Put back what was there, or switch ours off, if it is still ours.

        Returns:
            What was there and could not be put back; `None` if all went well. Logging is then
            switched off, since our role goes as well, and what was there stays remembered.

        Raises:
            MemoryUnavailableError: Try again.
        """
        plan = plan_delete(self.api.get(), self.memory.recall())
        try:
            self._take_step(plan)
        except ConfigurationRefusedError as error:
            self.api.remove()
            self.memory.remember(LoggingMemory(found=plan.configuration))
            return NotRestored(plan.configuration or {}, str(error))
        self.memory.remember(plan.after)
        return None

    def _take_step(self, plan: Plan) -> None:
        self.memory.remember(plan.before)
        if plan.step is Step.PUT and plan.configuration is not None:
            self.api.put(plan.configuration)
        elif plan.step is Step.REMOVE:
            self.api.remove()
