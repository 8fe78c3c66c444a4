"""The steps for the denied sessions of a role, and the policies that deny them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias

from lambdas.domain.brake.denies import Deny, DenyCause, DenyState
from lambdas.domain.brake.reconciliation import Action, Step, choose_step, wait_for_room
from lambdas.domain.brake.session_policies import (
    NO_PLACE,
    DeniedSession,
    SessionPlan,
    SessionPolicy,
    SessionPolicyNames,
    is_same_document,
    plan_session_policies,
    read_document,
)
from lambdas.domain.brake.targets import (
    PrincipalTarget,
    RoleFacts,
    SessionTarget,
    Target,
    check_role,
)
from lambdas.domain.brake.wanted import Refusal

SessionCauses: TypeAlias = Mapping[SessionTarget, tuple[DenyCause, ...]]


class StoredPolicy(NamedTuple):
    """A policy below the path of the meter.

    Attributes:
        name: Its name.
        document: The document of its default version, decoded.
        is_attached: True if it is attached to the role that its name names.
        others: Other principals that someone has attached it to. It denies none of their sessions,
            since `aws:userid` names the role.
    """

    name: str
    document: str
    is_attached: bool
    others: tuple[PrincipalTarget, ...] = ()

    def holds(self, planned: SessionPolicy) -> bool:
        """Say if it is as planned."""
        return self.is_attached and is_same_document(self.document, planned.document)


@dataclass(frozen=True, slots=True)
class RolePlan:
    """The steps for the sessions of a role.

    Attributes:
        role: The role.
        steps: The steps, in the order of the sessions' ARNs.
        policies: The policies that deny sessions after these steps.
        refusals: Sessions that cannot be denied.
        overflow: Sessions that no policy has room for, with their causes.
    """

    role: PrincipalTarget
    steps: tuple[Step, ...] = ()
    policies: tuple[SessionPolicy, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    overflow: SessionCauses = field(default_factory=dict)


def plan_role(  # noqa: PLR0913  # what is, and what should be
    role: PrincipalTarget,
    wanted: SessionCauses,
    facts: RoleFacts | None,
    *,
    stored: Mapping[Target, Deny],
    policies: Iterable[StoredPolicy],
    names: SessionPolicyNames,
    now: datetime,
) -> RolePlan:
    """Plan the sessions and policies of a role.

    Args:
        role: The role.
        wanted: The causes of each session that is to be denied, or that is stored; empty for one
            that is to be released.
        facts: The facts of the role; `None` if it does not exist, or if no session is wanted.
        stored: The stored denies.
        policies: The policies of the role.
        names: The names of policies.
        now: The time.

    Raises:
        InvalidPolicyNameError: IAM does not take the name of a policy.
    """
    refusals = [
        Refusal(refused, cause)
        for target, causes in wanted.items()
        for cause in causes
        if (refused := check_role(target, facts)) is not None
    ]
    refused_arns = {refusal.caller.arn for refusal in refusals}
    allowed = {
        target: () if target.arn in refused_arns else causes for target, causes in wanted.items()
    }
    places = _find_places(policies, names.region, facts)
    steps = {
        target: choose_step(
            target,
            causes,
            stored.get(target),
            is_attached=target.session_name in places,
            now=now,
        )
        for target, causes in allowed.items()
    }
    plan = SessionPlan()
    if facts is not None:
        denied = _list_denied(allowed, steps, places)
        plan = plan_session_policies(role, facts.role_id, denied, names)
    overflow = {
        target: causes for target, causes in allowed.items() if target.session_name in plan.overflow
    }
    for target, causes in overflow.items():
        steps[target] = wait_for_room(target, causes, stored.get(target), now)
    ordered = sorted(steps.values(), key=lambda step: step.target.arn)
    return RolePlan(role, tuple(ordered), plan.policies, tuple(refusals), overflow)


def list_denied_sessions(
    policies: Iterable[StoredPolicy], region: str, facts: RoleFacts | None = None
) -> set[str]:
    """List the names of the sessions that attached policies of a role deny, or did until their end.

    Args:
        policies: The policies.
        region: The Region.
        facts: The facts of the role, so that sessions of a deleted one of its name do not count.
    """
    found = set[str]()
    for policy in policies:
        content = read_document(policy.document, region) if policy.is_attached else None
        if content is not None and (facts is None or content.role_id == facts.role_id):
            found |= content.session_names
    return found


def _find_places(
    policies: Iterable[StoredPolicy], region: str, facts: RoleFacts | None
) -> dict[str, int]:
    """Find the number of the policy that denies each session now."""
    places: dict[str, int] = {}
    for policy in policies:
        number = SessionPolicyNames.read_number(policy.name)
        for session_name in list_denied_sessions([policy], region, facts):
            places[session_name] = number
    return places


def _list_denied(
    wanted: SessionCauses, steps: Mapping[SessionTarget, Step], places: Mapping[str, int]
) -> list[DeniedSession]:
    """List the sessions that are denied after their steps, each until its last cause ends."""
    return [
        DeniedSession(
            target.session_name,
            max(cause.until for cause in causes),
            max(cause.amount.get_percentage(cause.used) for cause in causes),
            places.get(target.session_name, NO_PLACE),
        )
        for target, causes in wanted.items()
        if causes and _is_in_force(steps[target])
    ]


def _is_in_force(step: Step) -> bool:
    """Say if a session is denied after a step."""
    is_contested = step.deny is not None and step.deny.state is DenyState.CONTESTED
    return step.action is not Action.RELEASE and not is_contested
