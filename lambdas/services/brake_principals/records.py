"""The stored denies of a run: intents before effects, reports after them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile

from lambdas.domain.audit import AuditEventStore
from lambdas.domain.brake import (
    BrakeEvent,
    BrakeEventStore,
    BrakeInputs,
    BrakeStateStore,
    BurnRates,
    CauseKey,
    Deny,
    DenyState,
    DenyStore,
    Obstacle,
    Refusal,
    ReleaseReason,
    Target,
    begin_watch,
    describe_deny,
    describe_release,
    explain_release,
    observe,
    read_reaction,
    report_contested,
    report_denied,
    report_not_attached,
    report_refusal,
    report_released,
)
from lambdas.domain.budgets import BudgetStatus
from lambdas.domain.change_marks import BRAKE_CONTROLLER
from lambdas.services.brake_principals.memory import RunMemory
from lambdas.services.brake_principals.report import BrakeReport

_ADVICE = {
    Obstacle.NO_FREE_SLOT: (
        "It has as many managed policies as the quota allows: detach one that is not needed, or"
        " raise the quota."
    ),
    Obstacle.PRINCIPAL_GONE: (
        "It does not exist in IAM. If it was deleted on purpose, there is nothing to do."
    ),
    Obstacle.PROTECTED: (
        "Only the AWS service that made it may change it: use a service control policy."
    ),
    Obstacle.THROTTLED: (
        "IAM was too busy. There is nothing to do unless this goes on for several minutes."
    ),
    Obstacle.INVALID: (
        "IAM does not accept its name, or a policy: release the caller by hand, and report this as"
        " a bug."
    ),
    Obstacle.NOT_PERMITTED: (
        "The brake may not change it: compare the role of the function and its boundary with those"
        " that were deployed."
    ),
}


@dataclass(slots=True, kw_only=True)
class DenyRecords:
    """The stored denies, and the events about them.

    Attributes:
        denies: The store of denies.
        events: The store of events.
        state: The reaction times.
        trail: The changes for the audit trail that no deny is stored for.
        rates: The growth of sums.
        inputs: All that the wanted state depends on.
        report: The result of the run so far.
        memory: State that the process keeps from run to run.
        stored: The denies that are stored now.
    """

    denies: DenyStore
    events: BrakeEventStore
    state: BrakeStateStore
    trail: AuditEventStore
    rates: BurnRates
    inputs: BrakeInputs
    report: BrakeReport
    memory: RunMemory
    stored: dict[Target, Deny] = field(init=False)
    _statuses: Mapping[CauseKey, BudgetStatus] = field(init=False)

    def __post_init__(self) -> None:
        """Begin with the denies and sums of the inputs."""
        self.stored = {deny.target: deny for deny in self.inputs.denies}
        self._statuses = {
            CauseKey(
                status.stored.budget.name, status.stored.generation, status.value, status.period
            ): status
            for status in self.inputs.statuses
        }

    @property
    def now(self) -> datetime:
        """The time."""
        return self.inputs.now

    def write(self, deny: Deny) -> Deny:
        """Write a deny, unless it is stored like that."""
        if self.stored.get(deny.target) == deny:
            return self.stored[deny.target]
        before = self.stored.get(deny.target)
        change = describe_deny(before, deny, at=self.now, by=BRAKE_CONTROLLER)
        written = self.denies.write(deny, change)
        self.stored[deny.target] = written
        return written

    def add_event(self, event: BrakeEvent) -> None:
        """Store an event as due, once. What the process has stored before costs no request."""
        if event.id not in self.memory.events:
            self.report.events += self.events.add_due(event)
            self.memory.note_event(event.id)

    def begin_release(
        self, deny: Deny, *, is_attached: bool, reason: ReleaseReason | None = None
    ) -> Deny:
        """Store the reason of a release, and that the deny was attached."""
        if deny.attached_at is None and is_attached:
            deny = replace(deny, attached_at=self.now)
        if deny.state is DenyState.ATTACHING and deny.attached_at is not None:
            self.add_event(report_denied(deny, self.now))  # a run ended before it did
        if deny.state is not DenyState.RELEASING:
            reason = reason or explain_release(deny, self.inputs)
            deny = replace(
                deny, state=DenyState.RELEASING, release=reason, obstacle=None, watch=None
            )
        return self.write(deny)

    def end_release(self, deny: Deny) -> None:
        """Report a release, and delete the deny, with its release for the audit trail.

        It is taken off already: an audit trail that cannot be written keeps no caller denied. The
        deny stays until its release is recorded. One that was never attached is not reported.
        """
        if deny.attached_at is not None and deny.release is not None:
            self.add_event(report_released(deny, deny.release, self.now))
            self.report.released.append(deny.target.arn)
        change = describe_release(deny.target, deny, at=self.now, by=BRAKE_CONTROLLER)
        self.denies.delete(deny, change)
        del self.stored[deny.target]

    def forget(self, deny: Deny) -> None:
        """Delete a deny that has waited for room: nothing was decided, so nothing is released."""
        self.denies.delete(deny, None)
        del self.stored[deny.target]

    def record_sweep(self, target: Target) -> None:
        """Record that a caller for whom no deny is stored was released."""
        self.report.swept.append(target.arn)
        self.trail.add(describe_release(target, None, at=self.now, by=BRAKE_CONTROLLER))

    def record_attachment(self, deny: Deny) -> None:
        """Store that a deny is attached, report it, and store that it is reported."""
        watch = None
        if deny.attached_at is None:
            status = self._statuses.get(deny.causes[0].key)
            watch = begin_watch(deny, status, self.rates, self.now)
        deny = self.write(replace(deny, attached_at=self.now, obstacle=None))
        self.add_event(report_denied(deny, self.now))
        self.report.attached.append(deny.target.arn)
        self.write(replace(deny, state=DenyState.DENIED, watch=watch))

    def report_refusals(self, refusals: Iterable[Refusal], has_time: Callable[[], bool]) -> None:
        """Report callers that cannot be denied, each once a period."""
        for refusal in takewhile(lambda _: has_time(), refusals):
            with self.report.isolate(refusal.caller.arn):
                self.add_event(report_refusal(refusal, self.now))

    def report_contested(self, deny: Deny) -> None:
        """Report a deny that others take off again and again."""
        self.add_event(report_contested(deny, self.now))
        self.report.contested.append(deny.target.arn)

    def report_obstacle(self, deny: Deny, obstacle: Obstacle) -> None:
        """Report a deny that IAM did not take, and store why."""
        event = report_not_attached(deny, obstacle.value, _ADVICE[obstacle], self.now)
        self.add_event(event)
        self.write(replace(deny, obstacle=obstacle))

    def measure_reactions(self) -> None:
        """Go on with the measurements of reaction times, and end those that are observed."""
        for deny in list(self.stored.values()):
            with self.report.isolate(deny.target.arn):
                reaction = read_reaction(deny, self.now)
                if reaction is None:
                    self.write(observe(deny, self._statuses.get(deny.causes[0].key), self.now))
                else:
                    self.state.add_reaction(deny.id, reaction)
                    self.write(replace(deny, watch=None))
