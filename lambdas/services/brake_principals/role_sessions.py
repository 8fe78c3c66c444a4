"""The denied sessions of roles, in the policies that they share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lambdas.domain.brake import (
    Action,
    CauseKey,
    ChangeRefusedError,
    DenyCause,
    DenyState,
    Obstacle,
    OverflowMode,
    PrincipalKind,
    PrincipalTarget,
    ReleaseReason,
    RoleDirectory,
    RolePlan,
    SessionPolicyStore,
    SessionTarget,
    StoredPolicy,
    Target,
    WantedState,
    list_denied_sessions,
    plan_role,
    report_overflow,
)
from lambdas.services.brake_principals.records import DenyRecords
from lambdas.services.brake_principals.settings import BrakeSettings

_MAX_ROLE_CAUSES = 100
"""The sums that the deny of a role names for sessions without room: items and events have limits.

Each of these sessions has a stored deny of its own, with its sums.
"""


@dataclass(slots=True, kw_only=True)
class RoleSessions:
    """Plans and changes the policies of roles.

    Attributes:
        records: The stored denies.
        policies: The policies of sessions.
        roles: The facts of roles.
        settings: The settings.
        listed: The policies that IAM has, by their role and name.
    """

    records: DenyRecords
    policies: SessionPolicyStore
    roles: RoleDirectory
    settings: BrakeSettings
    _listed: dict[PrincipalTarget, dict[str, StoredPolicy]] = field(
        default_factory=dict, init=False
    )
    _unplanned: set[PrincipalTarget] = field(default_factory=set, init=False)

    def plan(self, wanted: WantedState, policies: Sequence[StoredPolicy] | None) -> list[RolePlan]:
        """Plan each role with denied sessions or policies.

        A role whose facts cannot be read is left as it is.

        Args:
            wanted: The denies that should be in force.
            policies: The policies that IAM has; `None` if it did not list them.
        """
        self._list_by_role(policies or ())
        sessions: dict[PrincipalTarget, dict[SessionTarget, tuple[DenyCause, ...]]] = {}
        for target in {*wanted.denies, *self.records.stored}:
            if isinstance(target, SessionTarget):
                causes = wanted.denies.get(target, ())
                sessions.setdefault(target.role, {})[target] = causes
        plans, roles = [], {*self._listed, *sessions}
        for role in sorted(roles, key=lambda role: role.arn):
            if policies is None:
                break
            with self.records.report.isolate(role.arn):
                plans.append(self._plan_role(role, sessions.get(role, {})))
        self._unplanned = roles - {plan.role for plan in plans}
        return plans

    def add_whole_roles(
        self, plans: Iterable[RolePlan], wanted: WantedState
    ) -> dict[PrincipalTarget, tuple[DenyCause, ...]]:
        """Add roles with more denied sessions than there is room for, if the setting says so.

        The deny of a role that could not be planned goes on for sessions that are still wanted.

        Returns:
            The causes of all principals that should be denied.
        """
        found: dict[PrincipalTarget, dict[CauseKey, DenyCause]] = {
            target: {cause.key: cause for cause in causes}
            for target, causes in wanted.denies.items()
            if isinstance(target, PrincipalTarget)
        }
        for plan in plans:
            if plan.overflow:
                causes = self._report_overflow(plan)
                if self.settings.overflow is OverflowMode.ROLE:
                    found.setdefault(plan.role, {}).update(causes)
        for role in self._unplanned & self.records.stored.keys():
            keys = {
                cause.key
                for target, causes in wanted.denies.items()
                if isinstance(target, SessionTarget) and target.role == role
                for cause in causes
            }
            kept = [each for each in self.records.stored[role].causes if each.key in keys]
            if kept:
                found.setdefault(role, {}).update({cause.key: cause for cause in kept})
        return {
            role: tuple(causes[key] for key in sorted(causes)) for role, causes in found.items()
        }

    def apply(self, plans: Sequence[RolePlan], has_time: Callable[[], bool]) -> None:
        """Change the sessions and policies of roles as planned. One that fails stops no other.

        Policies are first detached from principals that someone else has attached them to.
        """
        report = self.records.report
        foreign = [
            (policy.name, target)
            for policies in self._listed.values()
            for policy in policies.values()
            for target in policy.others
        ]
        for name, target in report.take_while_time(foreign, has_time):
            with report.isolate(target.arn):
                if self.policies.detach(name, target):
                    self.records.record_sweep(target)
        for plan in report.take_while_time(plans, has_time):
            with report.isolate(plan.role.arn):
                self._apply(plan, self._listed.get(plan.role, {}))

    def store_waiting(self, plans: Iterable[RolePlan], has_time: Callable[[], bool]) -> None:
        """Store the sessions that have no room, so that people can see and release them."""
        waiting = [
            step.deny
            for plan in plans
            for step in plan.steps
            if step.action is Action.WAIT and step.deny is not None
        ]
        for deny in self.records.report.take_while_time(waiting, has_time):
            with self.records.report.isolate(deny.target.arn):
                self.records.write(deny)

    def _list_by_role(self, policies: Iterable[StoredPolicy]) -> None:
        """Group policies by the role that their names name."""
        rules = self.settings.rules
        for policy in policies:
            name = self.settings.names.read_role_name(policy.name)
            if name is not None:
                role = PrincipalTarget(rules.partition, rules.account_id, PrincipalKind.ROLE, name)
                self._listed.setdefault(role, {})[policy.name] = policy

    def _plan_role(
        self, role: PrincipalTarget, sessions: Mapping[SessionTarget, tuple[DenyCause, ...]]
    ) -> RolePlan:
        return plan_role(
            role,
            sessions,
            self.roles.get_role(role) if any(sessions.values()) else None,
            stored=self.records.stored,
            policies=self._listed.get(role, {}).values(),
            names=self.settings.names,
            now=self.records.now,
        )

    def _report_overflow(self, plan: RolePlan) -> dict[CauseKey, DenyCause]:
        """Report sessions without room; returns their causes, the first ones of many."""
        found = {cause.key: cause for causes in plan.overflow.values() for cause in causes}
        named = {key: found[key] for key in sorted(found)[:_MAX_ROLE_CAUSES]}
        mode, now = self.settings.overflow, self.records.now
        with self.records.report.isolate(plan.role.arn):
            causes = list(named.values())
            event = report_overflow(plan.role, causes, len(plan.overflow), mode, now)
            self.records.add_event(event)
        return named

    def _apply(self, plan: RolePlan, policies: Mapping[str, StoredPolicy]) -> None:
        """Store the intents of a role's sessions, change its policies, and record what holds."""
        region = self.settings.names.region
        denied_before = list_denied_sessions(policies.values(), region)
        for step in plan.steps:
            if step.deny is None or step.action in {Action.NONE, Action.WAIT}:
                continue
            if step.action is Action.RELEASE:
                is_attached = _get_session_name(step.target) in denied_before
                if step.deny.state is DenyState.NO_ROOM and not is_attached:
                    self.records.forget(step.deny)
                    continue
                reason = _explain(step.target, plan)
                self.records.begin_release(step.deny, is_attached=is_attached, reason=reason)
                continue
            if step.action is Action.CONTEST:
                self.records.report_contested(step.deny)
            self.records.write(step.deny)
        in_force = dict(policies)
        try:
            self._change_policies(plan, in_force)
        except ChangeRefusedError as error:
            self._record_sessions(plan, in_force, error.obstacle)
            raise
        self._record_sessions(plan, in_force, None)
        denied = list_denied_sessions(in_force.values(), region)
        self._record_sweeps(plan, sorted({*denied_before} - {*denied}))

    def _change_policies(self, plan: RolePlan, in_force: dict[str, StoredPolicy]) -> None:
        """Bring the policies of a role to the planned ones, and note those that are in force.

        A policy is removed once all others are as planned: a session may move to another one.
        """
        for planned in plan.policies:
            found = in_force.get(planned.name)
            if found is None or not found.holds(planned):
                self.policies.write(plan.role, planned.name, planned.document)
                in_force[planned.name] = StoredPolicy(
                    planned.name, planned.document, is_attached=True
                )
        for name in sorted(in_force.keys() - {policy.name for policy in plan.policies}):
            self.policies.remove(name)
            del in_force[name]

    def _record_sessions(
        self, plan: RolePlan, in_force: Mapping[str, StoredPolicy], obstacle: Obstacle | None
    ) -> None:
        """Report and store what the policies in force deny and no longer deny."""
        denied = list_denied_sessions(in_force.values(), self.settings.names.region)
        for step in plan.steps:
            deny, is_denied = (
                self.records.stored.get(step.target),
                _get_session_name(step.target) in denied,
            )
            if deny is None:
                continue
            if step.action is Action.RELEASE and not is_denied:
                self.records.end_release(deny)
            elif step.action is Action.ATTACH and is_denied:
                self.records.record_attachment(deny)
            elif step.action is Action.ATTACH and obstacle is not None:
                self.records.report_obstacle(deny, obstacle)
            elif step.action is Action.RELEASE and obstacle is not None:
                self.records.write(replace(deny, obstacle=obstacle))

    def _record_sweeps(self, plan: RolePlan, released: Iterable[str]) -> None:
        """Record sessions for which no deny was stored, and that are no longer denied."""
        known = {_get_session_name(step.target) for step in plan.steps}
        for name in released:
            if name not in known:
                self.records.record_sweep(SessionTarget(plan.role, name))


def _explain(target: Target, plan: RolePlan) -> ReleaseReason | None:
    """Find why the plan of a role releases a session; `None` if its budgets do."""
    if target in plan.overflow:
        return ReleaseReason.NO_ROOM
    is_refused = any(refusal.caller.arn == target.arn for refusal in plan.refusals)
    return ReleaseReason.EXEMPT if is_refused else None


def _get_session_name(target: Target) -> str:
    return target.session_name if isinstance(target, SessionTarget) else ""
