"""The callers that can be denied: whole principals, and single sessions of a role."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, TypeAlias

from lambdas.domain.budgets import BudgetScope
from lambdas.domain.invocations.identity import CallerIdentity, IdentityKind
from lambdas.domain.patterns import is_pattern, matches
from lambdas.meter_name import DEFAULT_NAME, GATEWAY_CALLER

CONSENT_TAG = "bedrock-meter-brake"
"""The tag of a role whose single sessions may be denied."""
CONSENT_VALUE = "allowed"
_SESSION_NAME = re.compile(r"[A-Za-z0-9_+=,.@-]{2,64}")
_CALLER_ROLES = f"{DEFAULT_NAME}-*{GATEWAY_CALLER}-*"
_PROTECTED_PATHS = ("/aws-service-role/", "/aws-reserved/")


class PrincipalKind(StrEnum):
    """The kind of a principal of IAM."""

    ROLE = "role"
    USER = "user"
    GROUP = "group"
    """Never denied. But someone else may attach the policy of the brake to a group."""


@dataclass(frozen=True, slots=True)
class PrincipalTarget:
    """A role or a user with all its sessions, or a group.

    Names are unique in an account, also without a path.

    Attributes:
        partition: The partition of AWS.
        account_id: The account.
        kind: The kind.
        name: The name, without a path.
    """

    partition: str
    account_id: str
    kind: PrincipalKind
    name: str

    @property
    def arn(self) -> str:
        """The ARN without a path, as logs have it."""
        return f"arn:{self.partition}:iam::{self.account_id}:{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class SessionTarget:
    """One session of a role.

    Attributes:
        role: The role.
        session_name: The name of the session, which holds no character that a policy interprets.
    """

    role: PrincipalTarget
    session_name: str

    @property
    def arn(self) -> str:
        """The ARN of the session, as logs have it."""
        role = self.role
        path = f"assumed-role/{role.name}/{self.session_name}"
        return f"arn:{role.partition}:sts::{role.account_id}:{path}"


Target: TypeAlias = PrincipalTarget | SessionTarget


class Exemption(StrEnum):
    """A reason for which a caller is not denied."""

    ROOT = "root"
    FEDERATED_USER = "federated_user"
    OTHER_ACCOUNT = "other_account"
    UNKNOWN_CALLER = "unknown_caller"
    IDENTITY_CENTER = "identity_center"
    SERVICE_LINKED = "service_linked"
    GATEWAY_CALLER = "gateway_caller"
    METER_OR_CDK = "meter_or_cdk"
    BREAK_GLASS = "break_glass"
    SESSIONS_OFF = "sessions_off"
    NO_CONSENT = "no_consent"
    ROLE_GONE = "role_gone"
    SESSION_NAME = "session_name"
    NO_CALLER = "no_caller"


_PROTECTED_NAMES = {
    Exemption.IDENTITY_CENTER,
    Exemption.SERVICE_LINKED,
    Exemption.GATEWAY_CALLER,
    Exemption.METER_OR_CDK,
}
"""The reasons that a beginning of a role's name is enough for."""
_WITHOUT_POLICIES = {
    IdentityKind.ROOT: Exemption.ROOT,
    IdentityKind.FEDERATED_USER: Exemption.FEDERATED_USER,
    IdentityKind.UNKNOWN: Exemption.UNKNOWN_CALLER,
}
_REASONS: Mapping[Exemption, str] = {
    Exemption.ROOT: "IAM policies do not hold for the root user",
    Exemption.FEDERATED_USER: "a federated user has no policies of its own",
    Exemption.OTHER_ACCOUNT: "it belongs to another account",
    Exemption.UNKNOWN_CALLER: "its log names no single caller",
    Exemption.IDENTITY_CENTER: "IAM protects roles of IAM Identity Center",
    Exemption.SERVICE_LINKED: "IAM protects service-linked roles",
    Exemption.GATEWAY_CALLER: "it is a caller of the gateway, whose role the brake never denies",
    Exemption.METER_OR_CDK: "it is a role of the meter or of the CDK",
    Exemption.BREAK_GLASS: "the setting brake_exempt names it",
    Exemption.SESSIONS_OFF: "it is a session of a role, and the setting brake_sessions is off",
    Exemption.NO_CONSENT: f"its role has no tag {CONSENT_TAG} = {CONSENT_VALUE}",
    Exemption.ROLE_GONE: "its role no longer exists",
    Exemption.SESSION_NAME: "its session name has characters that STS does not allow",
    Exemption.NO_CALLER: (
        "a deny stops all Bedrock use of a caller, and the scope names no caller, or only some of"
        " its use"
    ),
}
_ADVICE: Mapping[Exemption, str] = {
    Exemption.ROOT: "Stop using the root user for Bedrock.",
    Exemption.FEDERATED_USER: "Limit the user that called GetFederationToken.",
    Exemption.OTHER_ACCOUNT: "Limit it in its own account, or remove its access to this one.",
    Exemption.UNKNOWN_CALLER: "Find the calls in the invocation logs.",
    Exemption.IDENTITY_CENTER: (
        "Use a service control policy, or change the permission set in Identity Center."
    ),
    Exemption.SERVICE_LINKED: "Limit the service that uses it.",
    Exemption.GATEWAY_CALLER: (
        'The gateway refuses its calls if the budget has "gateway": "enforce".'
    ),
    Exemption.METER_OR_CDK: "Leave it as it is: a deny could break the meter.",
    Exemption.BREAK_GLASS: "Leave it as it is, or change the setting.",
    Exemption.SESSIONS_OFF: (
        "Switch brake_sessions on and tag the role, or use a budget per principal, which denies"
        " the whole role."
    ),
    Exemption.NO_CONSENT: (
        "Tag the role, or use a budget per principal, which denies the whole role."
    ),
    Exemption.ROLE_GONE: "Do nothing: its sessions end by themselves.",
    Exemption.SESSION_NAME: "Use a budget per principal, which denies the whole role.",
    Exemption.NO_CALLER: (
        "Grant credits to identities or principals by their ARNs alone, or let the gateway refuse"
        " calls: add gateway to the setting credits_exhausted."
    ),
}


class NotEnforceable(NamedTuple):
    """A caller that is not denied, although its budget is used up.

    Attributes:
        arn: The ARN that the budget names or counts.
        exemption: The reason.
    """

    arn: str
    exemption: Exemption

    @property
    def reason(self) -> str:
        """The reason in words, as the end of a sentence."""
        return _REASONS[self.exemption]

    @property
    def advice(self) -> str:
        """The action to take, in a sentence."""
        return _ADVICE[self.exemption]


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetRules:
    """The rules for choosing targets.

    Attributes:
        account_id: The account of the meter.
        partition: Its partition of AWS.
        break_glass: Patterns of ARNs of principals, without paths, that are never denied. Sessions
            cannot be named: callers choose the names of their sessions.
        has_sessions: True if single sessions may be denied.
    """

    account_id: str
    partition: str = "aws"
    break_glass: tuple[str, ...] = ()
    has_sessions: bool = False


def list_own_roles(account_id: str) -> tuple[str, ...]:
    """List the patterns of names of roles that are never denied: of all meters and of the CDK.

    Source: https://docs.aws.amazon.com/cdk/v2/guide/bootstrapping-env.html
    """
    return (f"{DEFAULT_NAME}-*", f"cdk-*-role-{account_id}-*")


class RoleFacts(NamedTuple):
    """The facts of a role that logs do not have.

    Attributes:
        role_id: The unique id, with which `aws:userid` of its sessions begins.
        path: The path.
        tags: The tags.
    """

    role_id: str
    path: str
    tags: Mapping[str, str]


def choose_target(arn: str, rules: TargetRules) -> Target | NotEnforceable:
    """Choose how a caller is denied, by its ARN alone.

    A user is denied as a whole. A session of a role is denied by itself, see `check_role` as well.
    A role without a session is denied with all its sessions.

    Args:
        arn: The ARN of an identity, or of a principal without its path.
        rules: The rules.

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    caller = CallerIdentity.from_arn(arn)
    if caller.kind in _WITHOUT_POLICIES:
        return NotEnforceable(arn, _WITHOUT_POLICIES[caller.kind])
    if (caller.partition, caller.account_id) != (rules.partition, rules.account_id):
        return NotEnforceable(arn, Exemption.OTHER_ACCOUNT)
    kind, _, name = caller.principal.partition("/")
    principal = PrincipalTarget(rules.partition, rules.account_id, PrincipalKind(kind), name)
    exemption = _find_exemption(principal, rules)
    if exemption is not None:
        return NotEnforceable(arn, exemption)
    if caller.session_name is None:
        return principal
    if rules.has_sessions and _SESSION_NAME.fullmatch(caller.session_name):
        return SessionTarget(principal, caller.session_name)
    is_off = not rules.has_sessions
    return NotEnforceable(arn, Exemption.SESSIONS_OFF if is_off else Exemption.SESSION_NAME)


def _find_exemption(principal: PrincipalTarget, rules: TargetRules) -> Exemption | None:
    """Find why a principal is never denied, by its name.

    Sources:
        https://docs.aws.amazon.com/singlesignon/latest/userguide/referencingpermissionsets.html
        https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_create-service-linked-role.html
    """
    if any(matches(pattern, principal.arn) for pattern in rules.break_glass):
        return Exemption.BREAK_GLASS
    if principal.kind is PrincipalKind.USER:
        return None
    patterns = (
        ("AWSReservedSSO_*", Exemption.IDENTITY_CENTER),
        ("AWSServiceRoleFor*", Exemption.SERVICE_LINKED),
        (_CALLER_ROLES, Exemption.GATEWAY_CALLER),
        *((pattern, Exemption.METER_OR_CDK) for pattern in list_own_roles(rules.account_id)),
    )
    found = (exemption for pattern, exemption in patterns if matches(pattern, principal.name))
    return next(found, None)


def is_gateway_caller(arn: str) -> bool:
    """Say if an identity or a principal is a caller of the gateway, or its role of callers."""
    kind, _, name = CallerIdentity.from_arn(arn).principal.partition("/")
    return kind == PrincipalKind.ROLE and matches(_CALLER_ROLES, name)


def find_never_denied(scope: BudgetScope) -> Iterator[NotEnforceable]:
    """Find the callers that a scope names and no deployment denies, whatever its settings.

    A pattern is one of them if all names that it matches are.
    """
    for name in (*scope.identity, *scope.principal):
        caller = CallerIdentity.from_arn(name)
        rules = TargetRules(
            account_id=caller.account_id or "", partition=caller.partition or "", has_sessions=True
        )
        found = choose_target(name, rules)
        if isinstance(found, NotEnforceable) and (
            found.exemption in _PROTECTED_NAMES or not is_pattern(name)
        ):
            yield found


def check_role(target: SessionTarget, facts: RoleFacts | None) -> NotEnforceable | None:
    """Check that a session's role exists, is not protected, and allows that sessions are denied.

    Args:
        target: The session.
        facts: The facts of its role; `None` if it does not exist.
    """
    if facts is None:
        return NotEnforceable(target.arn, Exemption.ROLE_GONE)
    if facts.path.startswith(_PROTECTED_PATHS):
        return NotEnforceable(target.arn, Exemption.SERVICE_LINKED)
    if facts.tags.get(CONSENT_TAG) != CONSENT_VALUE:
        return NotEnforceable(target.arn, Exemption.NO_CONSENT)
    return None
