"""Denies callers whose budgets are used up, and releases them again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NamedTuple, TypeVar

from lambdas.domain.brake import (
    Action,
    BrakeEvent,
    BrakeEventStore,
    BrakeInputs,
    BrakeStateStore,
    BurnRates,
    CauseKey,
    ChangeRefusedError,
    Deny,
    DenyAttachments,
    DenyCause,
    DenyChangedError,
    DenyState,
    DenyStore,
    Obstacle,
    OverflowMode,
    PrincipalKind,
    PrincipalTarget,
    ReactionWatch,
    Refusal,
    ReleaseReason,
    RoleDirectory,
    RoleFacts,
    RolePlan,
    SessionPolicyNames,
    SessionPolicyStore,
    SessionTarget,
    Step,
    StoredPolicy,
    Target,
    TargetRules,
    WantedState,
    check_role,
    choose_step,
    estimate_reaction,
    explain_release,
    find_wanted,
    list_callers,
    list_denied_sessions,
    plan_role,
    report_contested,
    report_denied,
    report_not_attached,
    report_overflow,
    report_refusal,
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

_T = TypeVar("_T")
_OBSERVATION = timedelta(minutes=10)
"""The time after an attachment for which a sum is observed: longer than logs are late."""
_ADVICE = {
    Obstacle.NO_FREE_SLOT: (
        "Detach a managed policy that is not needed, or raise the quota of managed policies."
    ),
    Obstacle.PRINCIPAL_GONE: "Nothing, if it was deleted on purpose.",
    Obstacle.PROTECTED: "Use the gateway, or a service control policy.",
    Obstacle.THROTTLED: "Nothing, unless it goes on for several minutes.",
    Obstacle.NOT_PERMITTED: "Compare the role of the function and the boundary with the deployed.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BrakeSettings:
    """The settings of the brake.

    Attributes:
        rules: The rules of targets.
        names: The names of session policies.
        partition: The partition of AWS.
        overflow: What happens to sessions that no policy has room for.
        max_denied: The number of denied callers above which people are alerted.
    """

    rules: TargetRules
    names: SessionPolicyNames
    partition: str = "aws"
    overflow: OverflowMode = OverflowMode.ROLE
    max_denied: int = 20


class Hindrance(NamedTuple):
    """A change that was not made, and is tried again by the next run.

    Attributes:
        arn: The ARN of the caller.
        reason: The obstacle in IAM, or that another run has changed the deny meanwhile.
    """

    arn: str
    reason: str


class BrakeFailure(NamedTuple):
    """An error that nothing explains.

    Attributes:
        name: The ARN of the caller, or the name of the budget.
        error: The error.
    """

    name: str
    error: Exception


@dataclass(slots=True)
class BrakeReport:
    """The result of a run.

    Attributes:
        denied: The number of callers that are denied now.
        is_above_limit: True if more are denied than the setting expects.
        attached: The callers that were denied in this run.
        released: The callers that were released in this run.
        swept: Attachments that no deny was stored for, which were taken off.
        contested: Callers that others let go again and again, in this run.
        events: The number of events that are due since.
        skipped: The number of callers for which there was no time.
        hindrances: The changes that were not made.
        failures: The errors that nothing explains.
    """

    denied: int = 0
    is_above_limit: bool = False
    attached: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)
    swept: list[str] = field(default_factory=list)
    contested: list[str] = field(default_factory=list)
    events: int = 0
    skipped: int = 0
    hindrances: list[Hindrance] = field(default_factory=list)
    failures: list[BrakeFailure] = field(default_factory=list)

    @contextmanager
    def isolate(self, name: str) -> Iterator[None]:
        """Let an error that concerns one caller or budget stop that one alone."""
        try:
            yield
        except ChangeRefusedError as error:
            self.hindrances.append(Hindrance(name, error.obstacle.value))
        except DenyChangedError:
            self.hindrances.append(Hindrance(name, "changed_meanwhile"))
        except Exception as error:  # noqa: BLE001  # the caller reports each
            self.failures.append(BrakeFailure(name, error))


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
        settings: The settings.
        rates: The growth of sums, which lives as long as the process.
    """

    budgets: BudgetStore
    sums: SumReader
    attachments: DenyAttachments
    policies: SessionPolicyStore
    roles: RoleDirectory
    denies: DenyStore
    state: BrakeStateStore
    events: BrakeEventStore
    settings: BrakeSettings
    rates: BurnRates

    def reconcile(self, now: datetime, has_time: Callable[[], bool] = lambda: True) -> BrakeReport:
        """Release and deny callers, releases first. One that fails stops no other.

        What IAM has attached is read before the stored denies: so a deny that another run attaches
        meanwhile is never taken for one without an intent.

        Args:
            now: The time.
            has_time: Asked before each caller.

        Raises:
            ChangeRefusedError: IAM did not list what is attached. Nothing is changed.
        """
        report = BrakeReport()
        attached = frozenset(self.attachments.list_attached())
        policies = self.policies.list_policies()
        stored = self.denies.list_denies()
        inputs = self._read_inputs(stored, now, report)
        reaction = estimate_reaction(self.state.read_reactions())
        wanted = find_wanted(inputs, lambda status: self.rates.get_reserve(status, reaction))
        run = _Run(self, inputs, report, {deny.target: deny for deny in stored})
        run.report_unattached(wanted)
        run.reconcile(wanted, attached, policies, has_time)
        run.measure_reactions()
        report.is_above_limit = report.denied > self.settings.max_denied
        return report

    def release_all(self, now: datetime) -> BrakeReport:
        """Take off all denies of this meter and Region, before it is removed from the account.

        It asks IAM alone what is attached: it works without budgets and without stored denies.

        Args:
            now: The time.

        Raises:
            ChangeRefusedError: IAM did not list what is attached.
        """
        report = BrakeReport()
        for target in sorted(self.attachments.list_attached(), key=_get_arn):
            with report.isolate(target.arn):
                self.attachments.detach(target)
                report.released.append(target.arn)
        for policy in self.policies.list_policies():
            with report.isolate(policy.name):
                self.policies.remove(policy.name)
        if report.hindrances or report.failures:
            return report
        for deny in self.denies.list_denies():
            with report.isolate(deny.target.arn):
                if deny.attached_at is not None:
                    event = report_released(deny, ReleaseReason.UNINSTALLED, now)
                    report.events += self.events.add_due(event)
                self.denies.delete(deny)
        return report

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
            rules=self.settings.rules,
            now=now,
        )

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


@dataclass(slots=True)
class _Run:
    """One run: the stored denies, and what is done about them."""

    brake: PrincipalBrake
    inputs: BrakeInputs
    report: BrakeReport
    stored: dict[Target, Deny]

    @property
    def now(self) -> datetime:
        return self.inputs.now

    def report_unattached(self, wanted: WantedState) -> None:
        """Report what would be denied, and what cannot be, each once a period."""
        facts: dict[PrincipalTarget, RoleFacts | None] = {}
        for shadow in wanted.shadows:
            target = shadow.target
            with self.report.isolate(target.arn):
                refused = None
                if isinstance(target, SessionTarget):
                    if target.role not in facts:
                        facts[target.role] = self.brake.roles.get_role(target.role)
                    refused = check_role(target, facts[target.role])
                if refused is None:
                    self._add_event(report_shadow(shadow, self.now))
                else:
                    self._report_refusals([Refusal(refused, shadow.cause)])
        self._report_refusals(wanted.refusals)

    def reconcile(
        self,
        wanted: WantedState,
        attached: Collection[PrincipalTarget],
        policies: Sequence[StoredPolicy],
        has_time: Callable[[], bool],
    ) -> None:
        principals: dict[Target, tuple[DenyCause, ...]] = {
            target: causes
            for target, causes in wanted.denies.items()
            if isinstance(target, PrincipalTarget)
        }
        by_role = self._group_policies(policies)
        role_plans = self._plan_roles(wanted, by_role, principals)
        steps = [
            choose_step(
                target,
                principals.get(target, ()),
                self.stored.get(target),
                is_attached=target in attached,
                now=self.now,
            )
            for target in sorted({*principals, *attached, *self._list_principals()}, key=_get_arn)
        ]
        for step in self._while_time(_select(steps, Action.RELEASE, Action.SWEEP), has_time):
            with self.report.isolate(step.target.arn):
                self._release(step, is_attached=step.target in attached)
        for plan in self._while_time(role_plans, has_time):
            with self.report.isolate(plan.role.arn):
                self._apply_role(plan, by_role.get(plan.role, {}))
        again = [
            choose_step(target, causes, None, is_attached=False, now=self.now)
            for target, causes in principals.items()
            if target not in self.stored
        ]
        others = _select(steps, Action.ATTACH, Action.STORE, Action.CONTEST)
        planned = {step.target for step in others}
        others += [step for step in again if step.target not in planned]
        for step in self._while_time(others, has_time):
            with self.report.isolate(step.target.arn):
                self._take(step)
        self.report.denied = sum(deny.state is DenyState.DENIED for deny in self.stored.values())

    def measure_reactions(self) -> None:
        """Go on with the measurements of reaction times, and end those that are observed."""
        statuses = self._get_statuses()
        for deny in list(self.stored.values()):
            watch, attached_at = deny.watch, deny.attached_at
            if watch is None or attached_at is None or deny.state is not DenyState.DENIED:
                continue
            with self.report.isolate(deny.target.arn):
                if self.now >= attached_at + _OBSERVATION:
                    self.brake.state.add_reaction(deny.id, watch.grown_at - watch.began_at)
                    self._write(replace(deny, watch=None))
                    continue
                status = statuses.get(deny.causes[0].key)
                if status is not None and status.used > watch.used:
                    grown = watch._replace(grown_at=self.now, used=status.used)
                    self._write(replace(deny, watch=grown))

    def _list_principals(self) -> list[PrincipalTarget]:
        return [target for target in self.stored if isinstance(target, PrincipalTarget)]

    def _while_time(self, entries: Sequence[_T], has_time: Callable[[], bool]) -> Iterator[_T]:
        for number, entry in enumerate(entries):
            if not has_time():
                self.report.skipped += len(entries) - number
                return
            yield entry

    def _take(self, step: Step) -> None:
        """Take a step of a principal that is no release."""
        deny = step.deny
        if deny is None or not isinstance(step.target, PrincipalTarget):
            return
        if step.action is Action.CONTEST:
            self._report_contested(deny)
        deny = self._write(deny)
        if step.action is not Action.ATTACH:
            return
        try:
            self.brake.attachments.attach(step.target)
        except ChangeRefusedError as error:
            self._report_obstacle(deny, error.obstacle)
            raise
        self._record_attachment(deny)

    def _release(self, step: Step, *, is_attached: bool) -> None:
        """Take off the fixed policy of a principal."""
        target = step.target
        if not isinstance(target, PrincipalTarget):
            return
        if step.deny is None:
            if self.brake.attachments.detach(target):
                self.report.swept.append(target.arn)
            return
        deny = self._begin_release(step.deny, is_attached=is_attached)
        self.brake.attachments.detach(target)
        self._end_release(deny)

    def _begin_release(
        self, deny: Deny, *, is_attached: bool, reason: ReleaseReason | None = None
    ) -> Deny:
        """Store the reason of a release, and that the deny was attached."""
        if deny.attached_at is None and is_attached:
            deny = replace(deny, attached_at=self.now)
        if deny.state is DenyState.ATTACHING and deny.attached_at is not None:
            self._add_event(report_denied(deny, self.now))  # a run ended before it did
        if deny.state is not DenyState.RELEASING:
            reason = reason or explain_release(deny, self.inputs)
            deny = replace(deny, state=DenyState.RELEASING, release=reason, watch=None)
        return self._write(deny)

    def _end_release(self, deny: Deny) -> None:
        """Report a release, and delete the deny. A deny that was never attached is not reported."""
        if deny.attached_at is not None and deny.release is not None:
            self._add_event(report_released(deny, deny.release, self.now))
            self.report.released.append(deny.target.arn)
        self.brake.denies.delete(deny)
        del self.stored[deny.target]

    def _record_attachment(self, deny: Deny) -> None:
        """Store that a deny is attached, report it, and store that it is reported."""
        watch = self._begin_watch(deny) if deny.attached_at is None else None
        deny = self._write(replace(deny, attached_at=self.now))
        self._add_event(report_denied(deny, self.now))
        self.report.attached.append(deny.target.arn)
        self._write(replace(deny, state=DenyState.DENIED, watch=watch))

    def _begin_watch(self, deny: Deny) -> ReactionWatch | None:
        """Begin to measure a reaction time, if the sum is that of this caller alone."""
        key = deny.causes[0].key
        status = self._get_statuses().get(key)
        if len(deny.causes) > 1 or status is None:
            return None
        began_at = self.brake.rates.get_last_reading(status, self.now)
        callers = list_callers(status.stored.budget, key.value)
        if began_at is None or len(callers) > 1:
            return None
        return ReactionWatch(began_at, self.now, status.used)

    def _get_statuses(self) -> Mapping[CauseKey, BudgetStatus]:
        return {
            CauseKey(
                status.stored.budget.name, status.stored.generation, status.value, status.period
            ): status
            for status in self.inputs.statuses
        }

    def _group_policies(
        self, policies: Iterable[StoredPolicy]
    ) -> dict[PrincipalTarget, dict[str, StoredPolicy]]:
        """Group policies by the role that their names name."""
        settings = self.brake.settings
        found: dict[PrincipalTarget, dict[str, StoredPolicy]] = {}
        for policy in policies:
            name = settings.names.read_role_name(policy.name)
            if name is not None:
                kind = PrincipalKind.ROLE
                role = PrincipalTarget(settings.partition, settings.rules.account_id, kind, name)
                found.setdefault(role, {})[policy.name] = policy
        return found

    def _plan_roles(
        self,
        wanted: WantedState,
        policies: Mapping[PrincipalTarget, Mapping[str, StoredPolicy]],
        principals: dict[Target, tuple[DenyCause, ...]],
    ) -> list[RolePlan]:
        """Plan each role with denied sessions or policies, and deny roles with too many of them.

        A role whose facts cannot be read is left as it is.
        """
        sessions: dict[PrincipalTarget, dict[SessionTarget, tuple[DenyCause, ...]]] = {}
        for target in {*wanted.denies, *self.stored}:
            if isinstance(target, SessionTarget):
                causes = wanted.denies.get(target, ())
                sessions.setdefault(target.role, {})[target] = causes
        plans = []
        for role in sorted({*policies, *sessions}, key=_get_arn):
            found = sessions.get(role, {})
            with self.report.isolate(role.arn):
                plan = plan_role(
                    role,
                    found,
                    self.brake.roles.get_role(role) if any(found.values()) else None,
                    stored=self.stored,
                    policies=policies.get(role, {}).values(),
                    names=self.brake.settings.names,
                    now=self.now,
                )
                plans.append(plan)
                self._report_refusals(plan.refusals)
                if plan.overflow:
                    self._handle_overflow(plan, principals)
        return plans

    def _handle_overflow(
        self, plan: RolePlan, principals: dict[Target, tuple[DenyCause, ...]]
    ) -> None:
        """Report sessions without room, and deny their whole role if the setting says so."""
        role, mode = plan.role, self.brake.settings.overflow
        found = {cause.key: cause for causes in plan.overflow.values() for cause in causes}
        causes = [found[key] for key in sorted(found)]
        self._add_event(report_overflow(role, causes, len(plan.overflow), mode, self.now))
        if mode is OverflowMode.ROLE:
            found |= {cause.key: cause for cause in principals.get(role, ())}
            principals[role] = tuple(found[key] for key in sorted(found))

    def _apply_role(self, plan: RolePlan, policies: Mapping[str, StoredPolicy]) -> None:
        """Store the intents of a role's sessions, change its policies, and record what holds."""
        region = self.brake.settings.names.region
        denied_before = list_denied_sessions(policies.values(), region)
        for step in plan.steps:
            if step.deny is None or step.action is Action.NONE:
                continue
            if step.action is Action.RELEASE:
                is_attached = _get_session_name(step.target) in denied_before
                reason = ReleaseReason.NO_ROOM if step.target in plan.overflow else None
                self._begin_release(step.deny, is_attached=is_attached, reason=reason)
                continue
            if step.action is Action.CONTEST:
                self._report_contested(step.deny)
            self._write(step.deny)
        in_force = dict(policies)
        try:
            self._change_policies(plan, in_force)
        except ChangeRefusedError as error:
            self._record_sessions(plan, in_force, error.obstacle)
            raise
        self._record_sessions(plan, in_force, None)

    def _change_policies(self, plan: RolePlan, in_force: dict[str, StoredPolicy]) -> None:
        """Bring the policies of a role to the planned ones, and note those that are in force.

        A policy is removed once all others are as planned: a session may move to another one.
        """
        for planned in plan.policies:
            found = in_force.get(planned.name)
            if found is None or not found.holds(planned):
                self.brake.policies.write(plan.role, planned.name, planned.document)
                in_force[planned.name] = StoredPolicy(
                    planned.name, planned.document, is_attached=True
                )
        for name in sorted(in_force.keys() - {policy.name for policy in plan.policies}):
            self.brake.policies.remove(name)
            del in_force[name]

    def _record_sessions(
        self, plan: RolePlan, in_force: Mapping[str, StoredPolicy], obstacle: Obstacle | None
    ) -> None:
        """Report and store what the policies in force deny and no longer deny."""
        denied = list_denied_sessions(in_force.values(), self.brake.settings.names.region)
        for step in plan.steps:
            deny, is_denied = self.stored.get(step.target), _get_session_name(step.target) in denied
            if deny is None:
                continue
            if step.action is Action.RELEASE and not is_denied:
                self._end_release(deny)
            elif step.action is Action.ATTACH and is_denied:
                self._record_attachment(deny)
            elif step.action is Action.ATTACH and obstacle is not None:
                self._report_obstacle(deny, obstacle)

    def _report_refusals(self, refusals: Iterable[Refusal]) -> None:
        for refusal in refusals:
            with self.report.isolate(refusal.caller.arn):
                self._add_event(report_refusal(refusal, self.now))

    def _report_contested(self, deny: Deny) -> None:
        self._add_event(report_contested(deny, self.now))
        self.report.contested.append(deny.target.arn)

    def _report_obstacle(self, deny: Deny, obstacle: Obstacle) -> None:
        event = report_not_attached(deny, obstacle.value, _ADVICE[obstacle], self.now)
        self._add_event(event)

    def _add_event(self, event: BrakeEvent) -> None:
        self.report.events += self.brake.events.add_due(event)

    def _write(self, deny: Deny) -> Deny:
        """Write a deny, unless it is stored like that."""
        if self.stored.get(deny.target) == deny:
            return self.stored[deny.target]
        written = self.brake.denies.write(deny)
        self.stored[deny.target] = written
        return written


def _select(steps: Sequence[Step], *actions: Action) -> list[Step]:
    return [step for step in steps if step.action in actions]


def _get_session_name(target: Target) -> str:
    return target.session_name if isinstance(target, SessionTarget) else ""


def _get_arn(target: Target) -> str:
    return target.arn
