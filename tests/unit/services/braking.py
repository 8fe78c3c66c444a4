"""A meter with a brake, over in-memory twins of everything."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from lambdas.domain.audit import AuditAction
from lambdas.domain.brake import (
    CONSENT_TAG,
    CONSENT_VALUE,
    BrakeSwitch,
    BurnRates,
    OverflowMode,
    PrincipalKind,
    PrincipalTarget,
    Release,
    SessionPolicyNames,
    Target,
    TargetRules,
    list_denied_sessions,
    make_releases,
)
from lambdas.domain.budgets import Budget, BudgetChanges, BudgetSubject
from lambdas.domain.budgets.accumulators import accumulate
from lambdas.domain.change_marks import BRAKE_CONTROLLER
from lambdas.domain.counters import Chunk, PriceEdition, Sums, UsageChange, begin_counting
from lambdas.services.brake_principals import BrakeReport, BrakeSettings, PrincipalBrake
from lambdas.services.release_ended_denies import BrakeWatchdog
from tests.brake import (
    ACCOUNT,
    Crash,
    Effects,
    FakeAttachments,
    FakeIam,
    FakeRoles,
    FakeSessionPolicies,
    InMemoryAuditEvents,
    InMemoryBrakeEvents,
    InMemoryBrakeState,
    InMemoryDenies,
)
from tests.budget_store import InMemoryBudgetStore
from tests.builders import NOON
from tests.counters import InMemoryCounters
from tests.unit.brake.builders import BEN_USER, CHAT, daily
from tests.unit.budgets.builders import change

REGION = "us-east-1"
CONSENT = {CONSENT_TAG: CONSENT_VALUE}
PER_PRINCIPAL = daily("per-principal", per=BudgetSubject.PRINCIPAL)


class BrakedMeter:
    """A meter in one Region, with its brake and its watchdog.

    Attributes:
        now: The time.
    """

    def __init__(
        self,
        *made: Budget,
        iam: FakeIam | None = None,
        region: str = REGION,
        has_sessions: bool = True,
    ) -> None:
        self.now = NOON
        self.effects = Effects()
        self.iam = iam or FakeIam()
        self.budgets, self.sums = InMemoryBudgetStore(), InMemoryCounters()
        begun = begin_counting(PriceEdition("shipped"), "stack", NOON, None)
        assert begun is not None
        self.sums.state = replace(
            begun, recounts=tuple(replace(each, scanned_at=NOON) for each in begun.recounts)
        )
        self.unavailable: set[PrincipalTarget] = set()
        self.names = SessionPolicyNames("BedrockMeter", region)
        self.policy = f"BedrockMeter-{region}-deny"
        self.attachments = FakeAttachments(self.iam, self.policy, self.effects)
        self.policies = FakeSessionPolicies(self.iam, self.names, self.effects)
        self.trail = InMemoryAuditEvents(self.effects)
        self.denies = InMemoryDenies(self.effects, self.trail)
        self.state, self.events = InMemoryBrakeState(), InMemoryBrakeEvents(self.effects)
        rules = TargetRules(
            account_id=ACCOUNT,
            break_glass=(f"arn:aws:iam::{ACCOUNT}:role/break-glass",),
            has_sessions=has_sessions,
        )
        self.settings = BrakeSettings(rules=rules, names=self.names)
        self.brake = self.make_brake()
        self.watchdog = BrakeWatchdog(self.attachments, self.denies, self.trail)
        self._counted = 0
        self.state.switch = BrakeSwitch(is_on=True, by="ops", at=NOON)
        self.apply(*made)

    def make_brake(self) -> PrincipalBrake:
        return PrincipalBrake(
            budgets=self.budgets,
            sums=self.sums,
            attachments=self.attachments,
            policies=self.policies,
            roles=FakeRoles(self.iam, self.unavailable),
            denies=self.denies,
            state=self.state,
            events=self.events,
            trail=self.trail,
            settings=self.settings,
            rates=BurnRates(),
        )

    def restart(self) -> None:
        """Let a new process take over, which has no readings of the old one."""
        self.brake = self.make_brake()

    def change_settings(self, **changes: object) -> None:
        self.settings = replace(self.settings, **changes)  # type: ignore[arg-type]
        self.restart()

    def overflow_to(self, mode: OverflowMode) -> None:
        self.change_settings(overflow=mode)

    def apply(self, *made: Budget) -> None:
        """Store budgets; new ones are built at once."""
        stored = self.budgets.read().budgets
        amended = tuple(
            each
            for each in made
            if each.name in stored and each.counts_like(stored[each.name].budget)
        )
        written = tuple(each for each in made if each not in amended)
        changes = BudgetChanges(written, amended=amended)
        book = self.budgets.write(changes, self.budgets.read().revision)
        for each in written:
            self.budgets.mark_active(each.name, book.revision)

    def delete(self, name: str) -> None:
        changes = BudgetChanges(deleted=(name,))
        self.budgets.write(changes, self.budgets.read().revision)

    def spend(self, dollars: float, arn: str, at: datetime | None = None, **labels: str) -> None:
        """Count a call of a caller."""
        self._count(change(dollars, at or self.now, None, identity_arn=arn, **labels))

    def _count(self, *changes: UsageChange) -> None:
        self._counted += 1
        sums = accumulate(changes, list(self.budgets.read()))
        added = Sums(accumulators={key.counter_key: totals for key, totals in sums.items()})
        self.sums.commit(Chunk(1, "shard", self._counted, self._counted, added, (), NOON))

    def reconcile(self, after: timedelta = timedelta(minutes=1)) -> BrakeReport:
        """Let time pass, and run the brake once."""
        self.now += after
        return self.brake.reconcile(self.now)

    def release(self, target: Target, until: datetime | None = None) -> list[Release]:
        """Release a caller by hand, as the command does."""
        made = make_releases(self.denies.stored[target], by="ops", at=self.now, until=until)
        for each in made:
            self.state.add_release(each)
        return made

    def list_denied(self) -> set[str]:
        """The ARNs of principals and sessions that IAM denies now."""
        found = {target.arn for target in self.attachments.list_attached()}
        for policy in self.policies.list_policies():
            role = self.names.read_role_name(policy.name)
            for name in list_denied_sessions([policy], self.names.region):
                found.add(f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}")
        return found

    def list_events(self, kind: str) -> Sequence[str]:
        """The ARNs of callers that events of a kind are about."""
        return [
            event.detail["caller"]["arn"]
            for event in self.events.known.values()
            if event.detail["kind"] == kind
        ]

    def run_until(self, moments: int) -> bool:
        """Run the brake in a process that ends at a moment; returns false if it ended before."""
        self.effects.left = moments
        try:
            self.reconcile(timedelta(seconds=40))
        except Crash:
            self.restart()
            return True
        finally:
            self.effects.left = None
        return False

    def check_reports(self) -> None:
        """Check that each deny is reported once, and its release once it is released."""
        ids = self.events.known
        denied = {name.removesuffix("#denied") for name in ids if name.endswith("#denied")}
        released = {name.removesuffix("#released") for name in ids if name.endswith("#released")}
        stored = self.denies.stored.values()
        assert released <= denied
        assert denied - released == {deny.id for deny in stored if deny.attached_at is not None}
        self._check_audit_trail()

    def _check_audit_trail(self) -> None:
        """Check that each deny is in the audit trail before it holds, and each release once."""
        recorded = defaultdict[str, list[AuditAction]](list)
        for each in self.trail.changes.values():
            is_of_a_deny = "budgets" in (each.after or each.before)
            if each.changed_by == BRAKE_CONTROLLER and is_of_a_deny:
                recorded[each.subject.removeprefix("principal:")].append(each.action)
        stored = {target.arn for target in self.denies.stored}
        assert stored <= recorded.keys()
        for arn, actions in recorded.items():
            ends = [action for action in actions if action is not AuditAction.CHANGE_DENY]
            in_turn = [AuditAction.DENY, AuditAction.RELEASE] * len(ends)
            assert ends == in_turn[: len(ends)]
            assert (ends[-1] is AuditAction.DENY) == (arn in stored)


def make_role(name: str) -> PrincipalTarget:
    return PrincipalTarget("aws", ACCOUNT, PrincipalKind.ROLE, name)


def add_callers(iam: FakeIam) -> None:
    """Add Ben, and the role of Ana, whose sessions may be denied."""
    iam.add(BEN_USER)
    iam.add(CHAT, tags=dict(CONSENT))
