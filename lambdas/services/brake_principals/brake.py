"""Brings what is attached in IAM to what should be."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile

from lambdas.domain.audit import AuditEventStore
from lambdas.domain.brake import (
    Action,
    BrakeDecisionStore,
    BrakeEventStore,
    BrakeInputs,
    BrakeSwitch,
    BurnRates,
    CauseKey,
    ChangeRefusedError,
    Deny,
    DenyAttachments,
    DenyCause,
    DenyState,
    DenyStore,
    PrincipalTarget,
    Refusal,
    ReleaseReason,
    RoleDirectory,
    RoleFacts,
    SessionPolicyStore,
    SessionTarget,
    Step,
    StoredPolicy,
    WantedState,
    check_role,
    choose_step,
    describe_release,
    estimate_reaction,
    find_wanted,
    report_released,
    report_shadow,
)
from lambdas.domain.budgets import (
    BrakeMode,
    BudgetBook,
    BudgetStatus,
    BudgetStore,
    SumReader,
    read_statuses,
)
from lambdas.domain.change_marks import BRAKE_CONTROLLER
from lambdas.domain.credits import CreditState, CreditStateReader
from lambdas.services.brake_principals.memory import RunMemory
from lambdas.services.brake_principals.records import DenyRecords
from lambdas.services.brake_principals.report import BrakeReport
from lambdas.services.brake_principals.role_sessions import RoleSessions
from lambdas.services.brake_principals.settings import BrakeSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class PrincipalBrake:
    """Brings what is attached in IAM to what should be. To repeat it at any time is safe.

    Each deny is stored as an intent before it is attached, and reported afterwards. So after a
    crash between any two effects, the next run goes on where this one ended.

    Attributes:
        budgets: The stored budgets.
        sums: Their sums.
        attachments: The attachments of the fixed policy.
        policies: The policies of sessions.
        roles: The facts of roles.
        denies: The stored denies.
        state: The switch, releases by hand and reaction times.
        events: The events that are reported.
        trail: The changes for the audit trail that no deny is stored for.
        credits: The credits that can deny; `None` where none can.
        settings: The settings.
        rates: The growth of sums, which lives as long as the process.
        memory: State that the process keeps from run to run.
    """

    budgets: BudgetStore
    sums: SumReader
    attachments: DenyAttachments
    policies: SessionPolicyStore
    roles: RoleDirectory
    denies: DenyStore
    state: BrakeDecisionStore
    events: BrakeEventStore
    trail: AuditEventStore
    settings: BrakeSettings
    credits: CreditStateReader | None = None
    rates: BurnRates
    memory: RunMemory = field(default_factory=RunMemory)

    def reconcile(self, now: datetime, has_time: Callable[[], bool] = lambda: True) -> BrakeReport:
        """Release and deny callers, releases first. One that fails stops no other.

        Whole principals and single sessions do not depend on each other.

        The switch is read again afterwards. If it was turned off meanwhile, all are released at
        once: no later run may come.

        Args:
            now: The time.
            has_time: Asked before each caller.

        Raises:
            ChangeRefusedError: IAM did not list what is attached. Nothing is changed.
        """
        report = self._reconcile(now, has_time)
        if report.is_on and not self.state.read_switch().is_on:
            undone = self._reconcile(now, has_time)
            undone.attached[:0] = report.attached
            undone.events += report.events
            return undone
        return report

    def _reconcile(self, now: datetime, has_time: Callable[[], bool]) -> BrakeReport:
        """Bring IAM to what should be, as it was when this began.

        What IAM has attached is read before the stored denies: so a deny that another run attaches
        meanwhile is never taken for one without an intent.
        """
        report = BrakeReport()
        attached = frozenset(self.attachments.list_attached())
        policies: Sequence[StoredPolicy] | None = None
        with report.isolate(self.settings.names.path):
            policies = self.policies.list_policies()
        inputs = self._read_inputs(self.denies.list_denies(), now, report)
        report.is_on = inputs.switch.is_on
        reaction = estimate_reaction(self.state.read_reactions())
        wanted = find_wanted(inputs, lambda status: self.rates.get_reserve(status, reaction))
        records = DenyRecords(
            denies=self.denies,
            events=self.events,
            state=self.state,
            trail=self.trail,
            rates=self.rates,
            inputs=inputs,
            report=report,
            memory=self.memory,
        )
        sessions = RoleSessions(
            records=records, policies=self.policies, roles=self.roles, settings=self.settings
        )
        role_plans = sessions.plan(wanted, policies)
        principals = _Principals(
            self.attachments,
            records,
            attached,
            wanted=sessions.add_whole_roles(role_plans, wanted),
            sums_of_sessions=_list_sums_of_sessions(wanted),
        )
        principals.release(has_time)
        sessions.apply(role_plans, has_time)
        principals.deny(self._while_on(has_time))
        sessions.store_waiting(role_plans, self._while_on(has_time))
        records.measure_reactions()
        records.report_refusals(
            [*wanted.refusals, *(each for plan in role_plans for each in plan.refusals)], has_time
        )
        self._report_shadows(wanted, records, has_time)
        self.memory.count_setbacks(
            [change.arn for change in report.delayed], report.attached + report.released
        )
        states = Counter(deny.state for deny in records.stored.values())
        report.denied, report.contested_denies = (
            states[DenyState.DENIED],
            states[DenyState.CONTESTED],
        )
        report.is_above_limit = report.denied > self.settings.max_denied
        return report

    def release_all(
        self, now: datetime, has_time: Callable[[], bool] = lambda: True
    ) -> BrakeReport:
        """Take off all denies of this meter and Region, before it is removed from the account.

        The brake is switched off first, for runs that begin meanwhile. IAM alone is asked what is
        attached, so that this works without budgets, without stored denies and without an audit
        trail. It is asked again at the end, since a run may have denied a caller meanwhile.

        Args:
            now: The time.
            has_time: Asked before each caller.

        Raises:
            ChangeRefusedError: IAM did not list what is attached.
        """
        report = BrakeReport()
        with report.isolate("switch"):
            self.state.write_switch(BrakeSwitch(is_on=False, by=BRAKE_CONTROLLER, at=now))
        detached = list[PrincipalTarget]()
        for _ in range(_LISTINGS):
            attached = sorted(self.attachments.list_attached(), key=lambda target: target.arn)
            if not attached:
                break
            for target in report.take_while_time(attached, has_time):
                with report.isolate(target.arn):
                    if self.attachments.detach(target):
                        report.released.append(target.arn)
                        detached.append(target)
            if report.delayed or report.failures or report.skipped:
                break
        with report.isolate(self.settings.names.path):
            for policy in report.take_while_time(self.policies.list_policies(), has_time):
                with report.isolate(policy.name):
                    self.policies.remove(policy.name)
        if not (report.delayed or report.failures or report.skipped):
            self._record_removal(detached, now, report)
        return report

    def _record_removal(
        self, detached: Iterable[PrincipalTarget], now: datetime, report: BrakeReport
    ) -> None:
        """Report and record that all callers were released, and delete their denies."""
        reason = ReleaseReason.UNINSTALLED
        stored = {deny.target: deny for deny in self.denies.list_denies()}
        for target, deny in stored.items():
            with report.isolate(target.arn):
                if deny.attached_at is not None:
                    report.events += self.events.add_due(report_released(deny, reason, now))
                released = replace(deny, release=reason)
                change = describe_release(target, released, at=now, by=BRAKE_CONTROLLER)
                self.denies.delete(deny, change)
        for target in detached:
            if target not in stored:
                with report.isolate(target.arn):
                    change = describe_release(target, None, at=now, by=BRAKE_CONTROLLER)
                    self.trail.add(change)

    def _while_on(self, has_time: Callable[[], bool]) -> Callable[[], bool]:
        """Go on while there is time and the switch is not turned off."""
        return lambda: has_time() and self.state.read_switch().is_on

    def _read_inputs(
        self, stored: Sequence[Deny], now: datetime, report: BrakeReport
    ) -> BrakeInputs:
        """Read budgets, usage and decisions. A brake that is off needs no budget to release."""
        switch = self.state.read_switch()
        book, statuses, uncertain = BudgetBook(0, {}), list[BudgetStatus](), frozenset[str]()
        if switch.is_on:
            book = self.budgets.read()
            statuses, uncertain = self._read_statuses(book, now, report)
        else:
            with report.isolate("budgets"):
                book = self.budgets.read()
                statuses, _ = self._read_statuses(book, now, report)
        self.rates.note(statuses, now)
        return BrakeInputs(
            book=book,
            statuses=statuses,
            uncertain=uncertain,
            denies=stored,
            releases=self.state.list_releases() if switch.is_on else (),
            switch=switch,
            credits=self._read_credits(now, report),
            rules=self.settings.rules,
            now=now,
        )

    def _read_credits(self, now: datetime, report: BrakeReport) -> CreditState | None:
        """Read the state of credits; `None` if it is not known."""
        if self.credits is None:
            return CreditState()
        with report.isolate("credits"):
            return self.credits.read_state(now)
        return None

    def _read_statuses(
        self, book: BudgetBook, now: datetime, report: BrakeReport
    ) -> tuple[list[BudgetStatus], frozenset[str]]:
        """Read the usage of budgets with a brake, and name those whose usage is not known."""
        state = self.sums.read_state()
        braked = [stored for stored in book if stored.budget.brake is not BrakeMode.NOTIFY]
        every = frozenset(stored.budget.name for stored in braked)
        if state is None:
            return [], every
        statuses, known = list[BudgetStatus](), set[str]()
        for stored in braked:
            if stored.is_active:
                with report.isolate(stored.budget.name):
                    statuses += read_statuses(book, stored, self.sums, state, now)
                    known.add(stored.budget.name)
        is_complete = state.incomplete_since is None
        return statuses, every - known if is_complete else every

    def _report_shadows(
        self, wanted: WantedState, records: DenyRecords, has_time: Callable[[], bool]
    ) -> None:
        """Report what would be denied, each once a period."""
        facts: dict[PrincipalTarget, RoleFacts | None] = {}
        for shadow in takewhile(lambda _: has_time(), wanted.shadows):
            target, event = shadow.target, report_shadow(shadow, records.now)
            if event.id in self.memory.events:
                continue
            with records.report.isolate(target.arn):
                refused = None
                if isinstance(target, SessionTarget):
                    if target.role not in facts:
                        facts[target.role] = self.roles.get_role(target.role)
                    refused = check_role(target, facts[target.role])
                if refused is None:
                    records.add_event(event)
                else:
                    records.report_refusals([Refusal(refused, shadow.cause)], has_time)


class _Principals:
    """The steps for whole principals."""

    def __init__(
        self,
        attachments: DenyAttachments,
        records: DenyRecords,
        attached: Collection[PrincipalTarget],
        *,
        wanted: Mapping[PrincipalTarget, tuple[DenyCause, ...]],
        sums_of_sessions: Collection[tuple[PrincipalTarget, CauseKey]],
    ) -> None:
        self._attachments, self._records = attachments, records
        self._attached, self._wanted = attached, wanted
        self._sums_of_sessions = sums_of_sessions
        stored = [target for target in records.stored if isinstance(target, PrincipalTarget)]
        every = records.memory.order({*wanted, *attached, *stored})
        self._steps = [(target, self._choose(target)) for target in every]

    def release(self, has_time: Callable[[], bool]) -> None:
        """Take off what is not wanted, or no deny is stored for."""
        report = self._records.report
        found = [entry for entry in self._steps if entry[1].action in _TAKING_OFF]
        for target, step in report.take_while_time(found, has_time):
            with report.isolate(target.arn):
                self._take_off(target, step)

    def deny(self, has_time: Callable[[], bool]) -> None:
        """Attach what is wanted, also what was released just now and is wanted again."""
        report = self._records.report
        found = [
            (target, self._choose(target) if step.action is Action.RELEASE else step)
            for target, step in self._steps
        ]
        found = [entry for entry in found if entry[1].action in _PUTTING_ON]
        for target, step in report.take_while_time(found, has_time):
            with report.isolate(target.arn):
                self._put_on(target, step)

    def _choose(self, target: PrincipalTarget) -> Step:
        return choose_step(
            target,
            self._wanted.get(target, ()),
            self._records.stored.get(target),
            is_attached=target in self._attached,
            now=self._records.now,
        )

    def _take_off(self, target: PrincipalTarget, step: Step) -> None:
        if step.deny is None:
            if self._attachments.detach(target):
                self._records.record_sweep(target)
            return
        has_room = any((target, cause.key) in self._sums_of_sessions for cause in step.deny.causes)
        deny = self._records.begin_release(
            step.deny,
            is_attached=target in self._attached,
            reason=ReleaseReason.ROOM_AGAIN if has_room else None,
        )
        try:
            self._attachments.detach(target)
        except ChangeRefusedError as error:
            self._records.write(replace(deny, obstacle=error.obstacle))
            raise
        self._records.end_release(deny)

    def _put_on(self, target: PrincipalTarget, step: Step) -> None:
        if step.deny is None:
            return
        if step.action is Action.CONTEST:
            self._records.report_contested(step.deny)
        deny = self._records.write(step.deny)
        if step.action is not Action.ATTACH:
            return
        try:
            self._attachments.attach(target)
        except ChangeRefusedError as error:
            self._records.report_obstacle(deny, error.obstacle)
            raise
        self._records.record_attachment(deny)


_LISTINGS = 3
_TAKING_OFF = frozenset({Action.RELEASE, Action.SWEEP})
_PUTTING_ON = frozenset({Action.ATTACH, Action.STORE, Action.CONTEST})


def _list_sums_of_sessions(wanted: WantedState) -> set[tuple[PrincipalTarget, CauseKey]]:
    """List the sums that sessions are denied for, with the role of each."""
    return {
        (target.role, cause.key)
        for target, causes in wanted.denies.items()
        if isinstance(target, SessionTarget)
        for cause in causes
    }
