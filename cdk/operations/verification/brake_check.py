"""Checks that the brake denies a role that was made for this, and releases it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from cdk.operations.aws_errors import error_code
from cdk.operations.denies import release_callers, set_switch
from cdk.operations.verification.check import CheckFailedError, CheckSkippedError
from cdk.operations.verification.denied_role import DeniedRole, delete_roles
from cdk.operations.verification.governance import Governance
from cdk.operations.verification.model_calls import converse
from cdk.operations.verification.verified_meter import VerifiedMeter
from lambdas.domain.brake import DenyState
from lambdas.domain.budgets import BudgetChanges
from lambdas.wiring.budgets_file import read_budgets

_BUDGET = "verification"
_DENIED, _OTHER = "denied", "other"
_REFUSED = "AccessDeniedException"


def check_brake(meter: VerifiedMeter) -> str:
    """Let a role use up a budget, and see its calls refused, and answered after its release."""
    if not meter.config.brake:
        message = (
            "the brake is off: set governance and brake (SET='-c governance=true -c brake=true')"
        )
        raise CheckSkippedError(message)
    run = _BrakeRun(meter, meter.calls.model, meter.governance, DeniedRole.create(meter.session))
    try:
        return run.run()
    finally:
        run.remove()


@dataclass(frozen=True, slots=True)
class _BrakeRun:
    """One run with a role of its own.

    Attributes:
        meter: The meter.
        model: The model to call.
        governance: Its budgets and its brake.
        role: The role.
    """

    meter: VerifiedMeter
    model: str
    governance: Governance
    role: DeniedRole

    @property
    def _target(self) -> str:
        """The ARN of the caller that is denied: a session if the brake denies these."""
        is_session = self.meter.config.brake_sessions
        return self.role.session_arn(_DENIED) if is_session else self.role.arn

    def run(self) -> str:
        """Deny and release.

        Raises:
            CheckFailedError: A call was answered that should be refused, or the other way round.
        """
        denied, other = self._open(_DENIED), self._open(_OTHER)
        self._await(denied, is_refused=False)  # IAM takes some seconds to know a new role
        self._write_budget()
        set_switch(self.governance.brake, is_on=True, now=datetime.now(UTC))
        seconds_to_deny = self._await(denied, is_refused=True)
        if not self.meter.waiting.until(self._is_denied):  # it is attached before it is stored
            message = "the role's calls are refused, but not by the brake"
            raise CheckFailedError(message)
        found = f"the role's calls were refused after {seconds_to_deny:.0f} seconds"
        if self.meter.config.brake_sessions:
            if self._is_refused(other):
                message = "another session of the role is refused, too"
                raise CheckFailedError(message)
            found += ", those of another session were not"
        now = datetime.now(UTC)
        release_callers(self.governance.brake, [self._target], until=None, now=now)
        seconds_to_release = self._await(denied, is_refused=False)
        return f"{found}; they were answered {seconds_to_release:.0f} seconds after a release"

    def remove(self) -> None:
        """Switch the brake off, and delete the budget and the role."""
        budgets = self.governance.budgets
        try:
            set_switch(self.governance.brake, is_on=False, now=datetime.now(UTC))
            budgets.write(BudgetChanges(deleted=(_BUDGET,)), budgets.read().revision)
        finally:
            delete_roles(self.meter.session)

    def _open(self, session_name: str) -> Any:  # noqa: ANN401  # a client without types
        runtime = self.meter.waiting.until(lambda: self.role.open_runtime(session_name))
        if runtime is None:
            message = "STS opens no session of the role"
            raise CheckFailedError(message)
        return runtime

    def _write_budget(self) -> None:
        """Store a budget of one token, which one call of the role uses up."""
        is_session = self.meter.config.brake_sessions
        budget = {
            "name": _BUDGET,
            "scope": {"principal": self.role.arn},
            **({"per": "identity"} if is_session else {}),
            "amount": {"total_tokens": 1},
            "period": {"every": "month"},
            "alerts": {"actual": [], "forecast": []},
            "brake": "deny",
        }
        declared = read_budgets(json.dumps({"managed_by": "verification", "budgets": [budget]}))
        store = self.governance.budgets
        book = store.write(BudgetChanges(declared.budgets), store.read().revision)
        # Its sums need no usage from before: the calls that follow use it up.
        store.mark_active(_BUDGET, book.budgets[_BUDGET].generation)

    def _await(self, runtime: Any, *, is_refused: bool) -> float:  # noqa: ANN401  # likewise
        """Call the model until the calls are refused, or no longer; returns the seconds.

        Raises:
            CheckFailedError: That does not happen.
        """
        waiting = self.meter.waiting
        begin = waiting.clock()
        if (
            waiting.until(lambda: self._is_refused(runtime), lambda found: found is is_refused)
            is not is_refused
        ):
            expected = "refused" if is_refused else "answered"
            message = (
                f"calls of the role are not {expected} after {waiting.limit_seconds:.0f} seconds"
            )
            raise CheckFailedError(message)
        return waiting.clock() - begin

    def _is_refused(self, runtime: Any) -> bool:  # noqa: ANN401  # likewise
        try:
            converse(runtime, self.model)
        except ClientError as error:
            if error_code(error) != _REFUSED:
                raise
            return True
        return False

    def _is_denied(self) -> bool:
        return any(
            deny.target.arn == self._target and deny.state is DenyState.DENIED
            for deny in self.governance.brake.denies.list_denies()
        )
