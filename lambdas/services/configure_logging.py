"""Switches Bedrock's invocation logging on, and restores the earlier configuration in the end."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from lambdas.domain.logging_configuration import (
    DELETE,
    DamagedStateError,
    ExistingPolicy,
    LoggingConfiguration,
    LoggingState,
    Plan,
    Step,
    VerifiedState,
    check_request,
    is_rollback,
    plan_delete,
    plan_put,
)
from lambdas.domain.logging_configuration.ports import (
    ConfigurationRefusedError,
    LoggingApi,
    StateUnavailableError,
)
from lambdas.observability import logger


@dataclass(frozen=True, slots=True)
class NotRestored:
    """The result of a deletion that did not restore the earlier configuration.

    Attributes:
        configuration: The earlier configuration, which Bedrock did not accept again; `None` if the
            saved one could not be trusted.
        reason: Bedrock's error message, or the fault of the saved state.
    """

    configuration: LoggingConfiguration | None
    reason: str


@dataclass(frozen=True, slots=True)
class LoggingConfigurator:
    """Carries out plans: saves the state first, so that every change can be undone."""

    api: LoggingApi
    logging_state: VerifiedState

    def put(
        self,
        wanted: LoggingConfiguration,
        policy: ExistingPolicy,
        adopted_log_group: str | None = None,
    ) -> None:
        """Create or update.

        Raises:
            ForeignConfigurationError: Another configuration exists that the policy does not fit.
            DamagedStateError: Nothing was done: the saved state cannot be read or was altered.
            ConfigurationRefusedError: Bedrock does not take it.
            StateUnavailableError: Nothing was done: the state could not be saved.
        """
        # Versions before the copy wrote the logging state alone: the first update adds the copy.
        live, logging_state = self.api.get(), self.logging_state.load(may_lack_copy=True)
        plan = plan_put(live, logging_state, wanted, policy, adopted_log_group)
        self._take_step(plan, logging_state)
        # An error now would fail a creation that nothing undoes. The state that was saved before
        # the step covers the live configuration as well.
        with suppress(StateUnavailableError):
            self.logging_state.save(plan.after, replaced=plan.before)

    def delete(self, ours: LoggingConfiguration) -> NotRestored | None:
        """Restore the earlier configuration, or switch logging off, if ours is still there.

        Args:
            ours: The deployed configuration. If the saved state is damaged or altered, this alone
                is switched off, and no other configuration is restored.

        Returns:
            The earlier configuration that could not be restored; `None` if all went well. If it
            could not, logging is switched off, since our role is deleted too, and the earlier
            configuration stays saved.

        Raises:
            StateUnavailableError: Try again.
        """
        live = self.api.get()
        try:
            logging_state = self.logging_state.load()
        except DamagedStateError as error:
            self._change(plan_delete(live, LoggingState((ours,))))
            return NotRestored(None, str(error))
        plan = plan_delete(live, logging_state)
        try:
            self._take_step(plan, logging_state)
        except ConfigurationRefusedError as error:
            self.api.remove()
            self.logging_state.save(LoggingState(found=plan.configuration), replaced=plan.before)
            return NotRestored(plan.configuration or {}, str(error))
        self.logging_state.save(plan.after, replaced=plan.before)
        return None

    def _take_step(self, plan: Plan, logging_state: LoggingState) -> None:
        self.logging_state.save(plan.before, replaced=logging_state)
        self._change(plan)

    def _change(self, plan: Plan) -> None:
        if plan.step is Step.PUT and plan.configuration is not None:
            self.api.put(plan.configuration)
        elif plan.step is Step.REMOVE:
            self.api.remove()


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingResource:
    """The custom resource that holds Bedrock's logging configuration.

    Attributes:
        configurator: Configures logging.
        wanted: The configuration that Bedrock is to have.
        policy: The treatment of an existing configuration.
        metered_log_group: The log group that is metered: with the policy `adopt` an existing one.
        read_stack_status: Reads the status of the stack, as CloudFormation spells it.
    """

    configurator: LoggingConfigurator
    wanted: LoggingConfiguration
    policy: ExistingPolicy
    metered_log_group: str
    read_stack_status: Callable[[], str]

    def respond(self, request_type: str) -> None:
        """Carry out a request of CloudFormation; an error fails the deployment."""
        stack_status = self.read_stack_status()
        check_request(request_type, stack_status)
        if request_type == DELETE:
            self._delete()
        else:
            self._put(stack_status)

    def _delete(self) -> None:
        not_restored = self.configurator.delete(self.wanted)
        if not_restored is not None:
            logger.warning(
                "The logging configuration that was there before was not put back; ours is off",
                reason=not_restored.reason,
                configuration=not_restored.configuration,
            )

    def _put(self, stack_status: str) -> None:
        try:
            self.configurator.put(self.wanted, self.policy, self.metered_log_group)
        except DamagedStateError as error:
            if not is_rollback(stack_status):
                raise
            # An error now would leave the stack stuck. The update was refused for the same reason,
            # so nothing was changed; had it been, the watch would report it.
            logger.warning("The rollback leaves the logging configuration alone", reason=str(error))
