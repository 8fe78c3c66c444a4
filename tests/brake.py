"""In-memory twins of IAM and of the stores of the brake, which can stop between any two effects."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from lambdas.domain.audit import AuditAction, AuditedChange
from lambdas.domain.brake import (
    MAX_REACTIONS,
    BrakeEvent,
    BrakeSwitch,
    CauseKey,
    ChangeRefusedError,
    Deny,
    DenyChangedError,
    Obstacle,
    PrincipalKind,
    PrincipalTarget,
    Release,
    RoleFacts,
    SessionPolicyNames,
    StoredPolicy,
    Target,
    write_switch,
)

ACCOUNT = "111122223333"
MAX_ATTACHED = 10
"""The managed policies of a principal, by IAM's default quota."""


class AuditEventRefusedError(Exception):
    """The change for the audit trail is not stored."""


class Crash(BaseException):
    """The process ends here: no code of it runs any more."""


@dataclass(slots=True)
class Effects:
    """Counts effects, and lets the process end before or after one of them.

    Attributes:
        left: The moments until the end, two for each effect; `None` for no end.
        interrupt: What happens then, if the process does not end.
    """

    left: int | None = None
    interrupt: Callable[[], None] | None = None

    def run(self, effect: Callable[[], None]) -> None:
        self._pass()
        effect()
        self._pass()

    def _pass(self) -> None:
        if self.left is None:
            return
        if self.left == 0:
            self.left = None
            if self.interrupt is None:
                raise Crash
            self.interrupt()
            return
        self.left -= 1


@dataclass(slots=True)
class FakePrincipal:
    """A role or a user in IAM.

    Attributes:
        unique_id: Its id, which a principal made later never has.
        policies: The names of attached managed policies.
        tags: Its tags.
        path: Its path.
    """

    unique_id: str
    policies: set[str] = field(default_factory=set)
    tags: dict[str, str] = field(default_factory=dict)
    path: str = "/"


class FakeIam:
    """Principals and managed policies of one account, which the meters of all Regions share."""

    def __init__(self) -> None:
        self.principals: dict[PrincipalTarget, FakePrincipal] = {}
        self.documents: dict[str, str] = {}
        self.busy: set[PrincipalTarget] = set()
        self.protected: set[PrincipalTarget] = set()
        self._ids = 0

    def add(self, target: PrincipalTarget, **facts: object) -> FakePrincipal:
        self._ids += 1
        prefix = "AROA" if target.kind is PrincipalKind.ROLE else "AIDA"
        made = FakePrincipal(f"{prefix}{self._ids:017d}", **facts)  # type: ignore[arg-type]
        self.principals[target] = made
        return made

    def remove(self, target: PrincipalTarget) -> None:
        self.principals.pop(target, None)

    def get(self, target: PrincipalTarget) -> FakePrincipal:
        self.check(target)
        found = self.principals.get(target)
        if found is None:
            raise ChangeRefusedError(Obstacle.PRINCIPAL_GONE, target.arn)
        return found

    def check(self, target: PrincipalTarget) -> None:
        if target in self.busy:
            raise ChangeRefusedError(Obstacle.THROTTLED, target.arn)
        if target in self.protected:
            raise ChangeRefusedError(Obstacle.PROTECTED, target.arn)

    def attach(self, target: PrincipalTarget, policy: str) -> None:
        attached = self.get(target).policies
        if policy not in attached and len(attached) >= MAX_ATTACHED:
            raise ChangeRefusedError(Obstacle.NO_FREE_SLOT, target.arn)
        attached.add(policy)

    def detach(self, target: PrincipalTarget, policy: str) -> bool:
        self.check(target)
        found = self.principals.get(target)
        if found is None or policy not in found.policies:
            return False
        found.policies.discard(policy)
        return True

    def get_policies(self, target: PrincipalTarget) -> set[str]:
        return self.principals[target].policies

    def find_attached(self, policy: str) -> list[PrincipalTarget]:
        return [target for target, found in self.principals.items() if policy in found.policies]


def _detach(iam: FakeIam, effects: Effects, target: PrincipalTarget, policy: str) -> bool:
    was_attached = False

    def detach() -> None:
        nonlocal was_attached
        was_attached = iam.detach(target, policy)

    effects.run(detach)
    return was_attached


class FakeAttachments:
    """The attachments of one policy of the account."""

    def __init__(self, iam: FakeIam, policy: str, effects: Effects) -> None:
        self.iam, self.policy, self.effects = iam, policy, effects

    def list_attached(self) -> Collection[PrincipalTarget]:
        return self.iam.find_attached(self.policy)

    def attach(self, target: PrincipalTarget) -> None:
        self.effects.run(lambda: self.iam.attach(target, self.policy))

    def detach(self, target: PrincipalTarget) -> bool:
        return _detach(self.iam, self.effects, target, self.policy)


class FakeSessionPolicies:
    """Policies below the path of one Region; each change of IAM is an effect of its own."""

    def __init__(self, iam: FakeIam, names: SessionPolicyNames, effects: Effects) -> None:
        self.iam, self.names, self.effects = iam, names, effects
        self.written = 0

    def list_policies(self) -> Sequence[StoredPolicy]:
        return [
            self._describe(name, role_name, document)
            for name, document in sorted(self.iam.documents.items())
            if (role_name := self.names.read_role_name(name)) is not None
        ]

    def write(self, role: PrincipalTarget, name: str, document: str) -> None:
        assert self.names.read_role_name(name) == role.name
        self.iam.check(role)
        self.written += 1
        self.effects.run(lambda: self.iam.documents.update({name: document}))
        self.effects.run(lambda: self.iam.attach(role, name))

    def detach(self, name: str, target: PrincipalTarget) -> bool:
        return _detach(self.iam, self.effects, target, name)

    def remove(self, name: str) -> None:
        assert self.names.read_role_name(name) is not None
        for target in self.iam.find_attached(name):
            self.detach(name, target)
        self.effects.run(lambda: self._delete(name))

    def _delete(self, name: str) -> None:
        self.iam.documents.pop(name, None)

    def _describe(self, name: str, role_name: str, document: str) -> StoredPolicy:
        attached = self.iam.find_attached(name)
        is_role = [(each.kind, each.name) == (PrincipalKind.ROLE, role_name) for each in attached]
        others = tuple(each for each, is_own in zip(attached, is_role, strict=True) if not is_own)
        return StoredPolicy(name, document, any(is_role), others)


class FakeRoles:
    """Facts of the roles of an account."""

    def __init__(self, iam: FakeIam, unavailable: Collection[PrincipalTarget] = ()) -> None:
        self.iam, self.unavailable = iam, unavailable

    def get_role(self, role: PrincipalTarget) -> RoleFacts | None:
        self.iam.check(role)
        if role in self.unavailable:
            raise ChangeRefusedError(Obstacle.THROTTLED, role.arn)
        found = self.iam.principals.get(role)
        return None if found is None else RoleFacts(found.unique_id, found.path, found.tags)


class InMemoryAuditEvents:
    """Changes for the audit trail, in their order."""

    def __init__(self, effects: Effects) -> None:
        self.changes: dict[str, AuditedChange] = {}
        self.is_available = True
        self._effects = effects

    def add(self, change: AuditedChange) -> None:
        self._effects.run(lambda: self.store(change))

    def store(self, change: AuditedChange) -> None:
        """Store a change as a part of another effect."""
        if not self.is_available:
            raise AuditEventRefusedError
        self.changes.setdefault(change.source, change)

    def list_actions(self, arn: str | None = None) -> list[AuditAction]:
        """List what happened, to one caller or to all."""
        return [
            change.action
            for change in self.changes.values()
            if arn is None or change.subject == f"principal:{arn}"
        ]


class InMemoryDenies:
    """Denies in a dictionary."""

    def __init__(self, effects: Effects, trail: InMemoryAuditEvents | None = None) -> None:
        self.stored: dict[Target, Deny] = {}
        self.trail = trail or InMemoryAuditEvents(effects)
        self._effects = effects
        self._made = 0

    def list_denies(self) -> Sequence[Deny]:
        return list(self.stored.values())

    def write(self, deny: Deny, change: AuditedChange | None) -> Deny:
        token = deny.token
        if not deny.revision:
            self._made += 1
            token = f"{self._made:08x}"
        written = replace(deny, revision=deny.revision + 1, token=token)

        def write() -> None:
            self._check(deny)
            if change is not None:
                self.trail.store(change)
            self.stored[deny.target] = written

        self._effects.run(write)
        return written

    def delete(self, deny: Deny, change: AuditedChange | None) -> None:
        def delete() -> None:
            if deny.target in self.stored:
                self._check(deny)
                if change is not None:
                    self.trail.store(change)
                del self.stored[deny.target]

        self._effects.run(delete)

    def _check(self, deny: Deny) -> None:
        found = self.stored.get(deny.target)
        identity = (0, "") if found is None else (found.revision, found.token)
        if identity != (deny.revision, deny.token):
            raise DenyChangedError(deny.target.arn)


class InMemoryBrakeState:
    """Decisions of people, and reaction times by deny."""

    def __init__(self) -> None:
        self.switch = BrakeSwitch()
        self._releases: dict[tuple[str, CauseKey], Release] = {}
        self.reactions: dict[str, timedelta] = {}

    def read_switch(self) -> BrakeSwitch:
        return self.switch

    def write_switch(self, switch: BrakeSwitch) -> None:
        write_switch(switch)  # one that was never set cannot be written
        self.switch = switch

    def list_releases(self) -> Collection[Release]:
        return self._releases.values()

    def add_release(self, release: Release) -> None:
        self._releases[release.target_arn, release.key] = release

    def read_reactions(self) -> Sequence[timedelta]:
        return list(self.reactions.values())[-MAX_REACTIONS:]

    def add_reaction(self, deny_id: str, reaction: timedelta) -> None:
        self.reactions.setdefault(deny_id, reaction)


class InMemoryBrakeEvents:
    """Events by their ids; those that were sent stay known."""

    def __init__(self, effects: Effects) -> None:
        self.known: dict[str, BrakeEvent] = {}
        self.sent: set[str] = set()
        self.claims: dict[str, datetime] = {}
        self.asked = 0
        self.watchers: list[Callable[[BrakeEvent], None]] = []
        self._effects = effects

    def add_due(self, event: BrakeEvent) -> bool:
        self.asked += 1
        if event.id in self.known:
            return False
        for watch in self.watchers:
            watch(event)
        self._effects.run(lambda: self.known.update({event.id: event}))
        return True

    def list_due(self) -> Iterator[BrakeEvent]:
        due = [event for event in self.known.values() if event.id not in self.sent]
        return iter(sorted(due, key=lambda event: (event.detail["at"], event.id)))

    def claim(self, event_id: str, now: datetime) -> bool:
        if event_id in self.sent or self.claims.get(event_id, now) > now:
            return False
        self.claims[event_id] = now + timedelta(minutes=10)
        return True

    def release(self, event_id: str) -> None:
        self.claims.pop(event_id, None)

    def mark_sent(self, event_id: str, sent_at: datetime) -> None:  # noqa: ARG002  # the port has it
        self.sent.add(event_id)

    def list_kinds(self) -> list[str]:
        return [event.detail["kind"] for event in self.known.values()]
