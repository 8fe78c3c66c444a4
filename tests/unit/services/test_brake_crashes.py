"""Whatever happens in between, and wherever a run stops, the next run brings IAM to what should be.

Callers are denied exactly while they should be, released once, and never denied again by their
release. No policy of others is touched, and no exempt caller is ever denied.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from lambdas.domain.brake import (
    BrakeEvent,
    BrakeSwitch,
    DenyState,
    PrincipalTarget,
    Target,
    choose_target,
)
from lambdas.domain.brake import NotEnforceable as Exempt
from tests.brake import ACCOUNT, Crash, FakeIam
from tests.builders import ANA, BEN
from tests.unit.brake.builders import BEN_USER, CHAT, DAILY, MIDNIGHT, daily
from tests.unit.budgets.builders import DOLLAR
from tests.unit.services.braking import CONSENT, BrakedMeter, add_callers, make_role

CAL = f"arn:aws:sts::{ACCOUNT}:assumed-role/chat/cal@example.com"
BREAK_GLASS = f"arn:aws:sts::{ACCOUNT}:assumed-role/break-glass/eve"
CALLERS = (BEN, ANA, CAL, BREAK_GLASS)
callers = st.sampled_from(CALLERS)


MOMENTS = range(24)
"""More moments than a run has in these tests."""


def nothing(_: BrakedMeter) -> None:
    """Leave all as it is."""


def raise_the_budget(meter: BrakedMeter) -> None:
    meter.apply(daily(limit=50))


def switch_off(meter: BrakedMeter) -> None:
    meter.state.switch = BrakeSwitch()


def begin_the_next_day(meter: BrakedMeter) -> None:
    meter.now = MIDNIGHT


def make_meter(caller: str) -> BrakedMeter:
    """A meter with a caller whose budget is used up, which has not run since."""
    meter = BrakedMeter(daily())
    add_callers(meter.iam)
    meter.spend(10, caller)
    return meter


def list_reports(meter: BrakedMeter) -> list[str]:
    """List the kinds of events, without those of a brake that is off."""
    return [kind for kind in meter.events.list_kinds() if kind != "would_deny"]


@pytest.mark.parametrize("then", [nothing, raise_the_budget, switch_off, begin_the_next_day])
@pytest.mark.parametrize("caller", [BEN, ANA])
def test_a_run_that_denies_can_stop_at_any_moment(
    caller: str, then: Callable[[BrakedMeter], None]
) -> None:
    for moments in MOMENTS:
        meter = make_meter(caller)
        meter.events.watchers.append(partial(check_event, meter))
        has_stopped = meter.run_until(moments)
        assert has_stopped or moments > 6
        was_denied = caller in meter.list_denied()
        then(meter)
        for _ in range(2):
            meter.reconcile()
        assert meter.list_denied() == ({caller} if then is nothing else set())
        assert (len(meter.denies.stored), len(list_reports(meter))) in {
            (1, 1),
            (0, 2),
            (0, 0),
        }
        if was_denied:
            assert list_reports(meter)[0] == "denied"
        meter.check_reports()
    assert not has_stopped


@pytest.mark.parametrize("change", [raise_the_budget, switch_off, begin_the_next_day])
@pytest.mark.parametrize("caller", [BEN, ANA])
def test_a_run_that_releases_can_stop_at_any_moment(
    caller: str, change: Callable[[BrakedMeter], None]
) -> None:
    for moments in MOMENTS:
        meter = make_meter(caller)
        meter.reconcile()
        meter.events.watchers.append(partial(check_event, meter))
        change(meter)
        has_stopped = meter.run_until(moments)
        meter.reconcile()
        assert (meter.list_denied(), meter.iam.documents, meter.denies.stored) == (set(), {}, {})
        assert list_reports(meter) == ["denied", "released"]
        meter.check_reports()
    assert not has_stopped


@pytest.mark.parametrize("caller", [BEN, ANA])
def test_a_caller_that_is_to_be_denied_again_amid_its_release_is_released_and_denied_anew(
    caller: str,
) -> None:
    for moments in MOMENTS:
        meter = make_meter(caller)
        meter.reconcile()
        raise_the_budget(meter)
        meter.run_until(moments)
        meter.apply(daily(limit=10))
        for _ in range(2):
            meter.reconcile()
        assert meter.list_denied() == {caller}
        assert list_reports(meter) in (["denied"], ["denied", "released", "denied"])
        meter.check_reports()


def test_a_deny_that_others_take_off_after_a_crash_is_released_in_the_reports() -> None:
    for moments in MOMENTS:
        meter = make_meter(BEN)
        meter.run_until(moments)
        meter.iam.detach(BEN_USER, meter.policy)
        raise_the_budget(meter)
        meter.reconcile()
        assert meter.denies.stored == {}
        meter.check_reports()


def test_a_session_is_not_reported_as_released_while_its_policy_cannot_be_changed() -> None:
    meter = make_meter(ANA)
    meter.reconcile()
    raise_the_budget(meter)
    meter.iam.busy.add(CHAT)
    assert meter.reconcile().released == []
    assert meter.list_denied() == {ANA}
    meter.iam.busy.clear()
    assert meter.reconcile().released == [ANA]
    assert meter.list_denied() == set()


def check_event(meter: BrakedMeter, event: BrakeEvent) -> None:
    """Check that a deny is reported when it is attached, and a release when it is not."""
    arn, kind = event.detail["caller"]["arn"], event.detail["kind"]
    assert (arn in meter.list_denied()) == (kind == "denied")


class BrakeUnderFaults(RuleBasedStateMachine):
    """A meter whose runs stop at any moment, beside one of another Region and other people."""

    def __init__(self) -> None:
        super().__init__()
        self.iam = FakeIam()
        self.iam.add(BEN_USER).policies.add("mine")
        self.exempt = self.iam.add(make_role("break-glass"), tags=dict(CONSENT))
        self.iam.add(CHAT, tags=dict(CONSENT)).policies.add("mine")
        self.there = BrakedMeter(daily(), iam=self.iam, region="eu-central-1")
        for caller in (ANA, BEN):
            self.there.spend(10, caller)
        self.there.reconcile()
        self.meter = BrakedMeter(daily(), iam=self.iam)
        self.meter.events.watchers.append(self.check_event)
        self.limit: int | None = 10
        self.spent: defaultdict[tuple[str, str], float] = defaultdict(float)
        self.released: dict[tuple[str, str], int] = {}
        self.taken_off: defaultdict[str, int] = defaultdict(int)

    @rule(caller=callers, dollars=st.sampled_from([1, 4, 10]))
    def spend(self, caller: str, dollars: int) -> None:
        if self.limit is not None:
            self.spent[self.today, caller] += dollars
        self.meter.spend(dollars, caller)

    @rule(caller=callers)
    def count_late_record(self, caller: str) -> None:
        self.meter.spend(100, caller, at=self.meter.now - timedelta(days=1))

    @rule(minutes=st.sampled_from([1, 7, 60, 60 * 24]))
    def advance(self, minutes: int) -> None:
        self.meter.now += timedelta(minutes=minutes)

    @rule(moments=st.integers(0, 30))
    def run_and_stop(self, moments: int) -> None:
        """Run the brake, and end its process before or after one of its effects."""
        self.meter.run_until(moments)

    @rule()
    def run_the_brake_of_the_other_region(self) -> None:
        """The other one denies the same callers all the time, whatever happens here."""
        self.iam.busy.clear()
        report = self.there.reconcile()
        assert report.failures == []
        expected = {BEN} if CHAT not in self.iam.principals else {ANA, BEN}
        assert self.there.list_denied() == expected

    @rule(moments=st.integers(0, 6))
    def run_watchdog_and_stop(self, moments: int) -> None:
        self.meter.effects.left = moments
        try:
            self.meter.watchdog.release_ended(self.meter.now)
        except Crash:
            return
        finally:
            self.meter.effects.left = None

    @rule(is_on=st.booleans())
    def switch(self, is_on: bool) -> None:
        self.meter.state.switch = BrakeSwitch(is_on=is_on)

    @precondition(lambda self: self.limit is not None)
    @rule(limit=st.sampled_from([8, 10, 20]))
    def change_amount(self, limit: int) -> None:
        self.limit = limit
        self.meter.apply(daily(limit=limit))

    @precondition(lambda self: self.limit is not None)
    @rule()
    def delete_budget(self) -> None:
        self.limit = None
        self.meter.delete("daily")

    @precondition(lambda self: self.limit is None)
    @rule(limit=st.sampled_from([8, 10]))
    def add_budget(self, limit: int) -> None:
        """Add a budget of the same name, in a new generation that has counted nothing yet."""
        self.limit = limit
        self.spent.clear()
        self.released.clear()
        self.meter.apply(daily(limit=limit))

    @rule(place=st.integers(0, 3))
    def release_by_hand(self, place: int) -> None:
        denies = [
            deny
            for deny in self.meter.denies.stored.values()
            if deny.state is not DenyState.RELEASING
        ]
        if not denies:
            return
        deny = denies[place % len(denies)]
        for made in self.meter.release(deny.target):
            key = self.meter.budgets.read().budgets.get(made.key.budget)
            if key is not None and key.generation == made.key.generation:
                place_of_release = made.key.period.id, deny.target.arn
                known = self.released.get(place_of_release, made.level)
                self.released[place_of_release] = min(known, made.level)

    @rule()
    def take_off_the_deny_of_ben(self) -> None:
        attached = self.iam.get_policies(BEN_USER)
        if self.meter.policy in attached:
            attached.remove(self.meter.policy)
            self.count_tampering(BEN_USER)

    @rule()
    def take_off_session_policies(self) -> None:
        if CHAT not in self.iam.principals:
            return
        for policy in self.meter.policies.list_policies():
            self.iam.get_policies(CHAT).discard(policy.name)
        for target in self.meter.denies.stored:
            if target != BEN_USER:
                self.count_tampering(target)

    @rule()
    def attach_the_fixed_policy_to_the_role(self) -> None:
        if CHAT in self.iam.principals:
            self.iam.get_policies(CHAT).add(self.meter.policy)

    @rule()
    def delete_the_role(self) -> None:
        self.iam.remove(CHAT)
        for target in self.meter.denies.stored:
            if target != BEN_USER:
                self.count_tampering(target)

    @precondition(lambda self: CHAT not in self.iam.principals)
    @rule()
    def make_the_role_again(self) -> None:
        self.iam.add(CHAT, tags=dict(CONSENT)).policies.add("mine")

    @rule(is_busy=st.booleans(), busy=st.sampled_from([BEN_USER, CHAT]))
    def let_iam_throttle(self, is_busy: bool, busy: PrincipalTarget) -> None:
        (self.iam.busy.add if is_busy else self.iam.busy.discard)(busy)

    @rule()
    def settle(self) -> None:
        """Let the brake run undisturbed, and compare IAM with what should be."""
        self.iam.busy.clear()
        for _ in range(3):
            report = self.meter.reconcile(timedelta(seconds=40))
            assert (report.failures, report.delayed) == ([], [])
        denied = self.meter.list_denied()
        for caller in CALLERS:
            expected = self.is_expected(caller)
            assert expected is None or (caller in denied) == expected, (caller, expected)
        assert CHAT.arn not in denied
        self.check_stored(denied)
        self.meter.check_reports()

    def is_expected(self, caller: str) -> bool | None:
        """Say if a caller should be denied; `None` between the earliest braking point and 100%."""
        target = choose_target(caller, self.meter.settings.rules)
        if self.limit is None or not self.meter.state.switch.is_on or isinstance(target, Exempt):
            return False
        if target != BEN_USER and CHAT not in self.iam.principals:
            return False
        level = self.released.get((self.today, caller))
        if level is not None and self.limit * DOLLAR >= level:
            return False
        stored = self.meter.denies.stored.get(target)
        if stored is not None and stored.state is DenyState.CONTESTED:
            assert self.taken_off[stored.id] > 3
            return False
        spent = self.spent[self.today, caller]
        if spent >= self.limit:
            return True
        return False if spent < self.limit * 0.8 else None

    def check_stored(self, denied: set[str]) -> None:
        """Denies that are stored as denied are attached, and the other way round."""
        stored = self.meter.denies.stored
        assert {
            target.arn for target, deny in stored.items() if deny.state is DenyState.DENIED
        } == denied
        assert all(deny.until > self.meter.now for deny in stored.values())
        assert all(deny.state is not DenyState.RELEASING for deny in stored.values())

    def check_event(self, event: BrakeEvent) -> None:
        """Check an event, unless others have taken off meanwhile what it reports late."""
        deny_id, _, kind = event.id.rpartition("#")
        if kind == "released" or (kind == "denied" and not self.taken_off[deny_id]):
            check_event(self.meter, event)

    def count_tampering(self, target: Target) -> None:
        deny = self.meter.denies.stored.get(target)
        if deny is not None:
            self.taken_off[deny.id] += 1

    @property
    def today(self) -> str:
        return DAILY.period_at(self.meter.now).id

    @invariant()
    def no_policy_of_others_is_touched(self) -> None:
        assert {"mine", self.there.policy} <= self.iam.get_policies(BEN_USER)
        assert CHAT not in self.iam.principals or "mine" in self.iam.get_policies(CHAT)

    @invariant()
    def no_exempt_caller_is_denied(self) -> None:
        assert self.exempt.policies == set()

    def teardown(self) -> None:
        self.settle()


TestBrakeUnderFaults = BrakeUnderFaults.TestCase
