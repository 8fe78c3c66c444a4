"""Callers are denied and released as budgets, people and IAM want it, each once."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.domain.audit import AuditAction, AuditedChange
from lambdas.domain.brake import (
    BrakeSwitch,
    ChangeRefusedError,
    Deny,
    DenyState,
    Obstacle,
    OverflowMode,
    PrincipalKind,
    PrincipalTarget,
    Target,
)
from lambdas.domain.budgets import (
    BrakeMode,
    BudgetChanges,
    BudgetSubject,
    DayPeriods,
    HourPeriods,
    MonthPeriods,
    PeriodRule,
    RollingHours,
    make_weeks,
)
from lambdas.domain.counters import PriceEdition, begin_counting
from lambdas.services.brake_principals import CHANGED_MEANWHILE, BrakeReport, DelayedChange
from tests.brake import ACCOUNT, MAX_ATTACHED, FakeIam
from tests.budget_store import InMemoryBudgetStore
from tests.builders import ANA, BEN, HAIKU_3, SONNET_4
from tests.unit.brake.builders import ANA_SESSION, BEN_USER, CHAT, DAY, MIDNIGHT, MINUTE, daily
from tests.unit.services.braking import CONSENT, BrakedMeter, add_callers, make_role

ZOE = PrincipalTarget("aws", ACCOUNT, PrincipalKind.USER, "zoe")
CAL = "arn:aws:sts::111122223333:assumed-role/chat/cal@example.com"


@pytest.fixture
def meter() -> BrakedMeter:
    """A meter with a budget of $10 a day for each identity."""
    made = BrakedMeter(daily())
    add_callers(made.iam)
    return made


def test_a_user_is_denied_and_released_when_the_day_ends(meter: BrakedMeter) -> None:
    meter.spend(10, BEN)
    report = meter.reconcile()
    assert (report.attached, report.denied) == ([BEN], 1)
    assert meter.list_denied() == {BEN}
    assert meter.reconcile().attached == []
    meter.now = MIDNIGHT
    assert meter.reconcile().released == [BEN]
    assert meter.list_denied() == set()
    assert meter.denies.stored == {}
    assert meter.events.list_kinds() == ["denied", "released"]


def test_a_session_is_denied_by_itself_and_another_one_of_the_role_is_not(
    meter: BrakedMeter,
) -> None:
    meter.spend(10, ANA)
    meter.spend(1, CAL)
    meter.reconcile()
    assert meter.list_denied() == {ANA}
    meter.spend(10, CAL)
    meter.reconcile()
    assert meter.list_denied() == {ANA, CAL}
    assert len(meter.iam.documents) == 1
    meter.release(ANA_SESSION)
    meter.reconcile()
    assert meter.list_denied() == {CAL}
    meter.now = MIDNIGHT
    meter.reconcile()
    assert (meter.list_denied(), meter.iam.documents) == (set(), {})
    assert sorted(meter.list_events("released")) == sorted([ANA, CAL])


def test_twelve_people_on_one_role_are_all_denied(meter: BrakedMeter) -> None:
    """Twelve people on one role: twelve marked as denied, ten attached."""
    people = [ANA.replace("ana", f"person-{number}") for number in range(12)]
    for person in people:
        meter.spend(10, person)
    report = meter.reconcile()
    assert meter.list_denied() == set(people)
    assert (report.denied, len(meter.list_events("denied"))) == (12, 12)


def test_sessions_of_a_role_without_the_tag_are_reported_once_a_period(
    meter: BrakedMeter,
) -> None:
    meter.iam.get(CHAT).tags.clear()
    meter.spend(10, ANA)
    for _ in range(3):
        assert meter.reconcile().denied == 0
    assert (meter.list_denied(), meter.iam.documents) == (set(), {})
    assert meter.list_events("not_enforceable") == [ANA]
    (event,) = meter.events.known.values()
    assert event.detail["reason"] == "no_consent"


def test_a_role_that_loses_its_tag_is_released(meter: BrakedMeter) -> None:
    meter.spend(10, ANA)
    meter.reconcile()
    meter.iam.get(CHAT).tags.clear()
    meter.reconcile()
    assert (meter.list_denied(), meter.iam.documents) == (set(), {})
    assert meter.events.list_kinds() == ["denied", "released", "not_enforceable"]
    assert list_release_reasons(meter) == ["exempt"]


def list_release_reasons(meter: BrakedMeter) -> list[str]:
    events = meter.events.known.values()
    return [each.detail["reason"] for each in events if each.detail["kind"] == "released"]


@pytest.mark.parametrize(
    "name",
    [
        "BedrockMeter-Ingestion-X",
        "cdk-x-cfn-exec-role-111122223333-us-east-1",
        "AWSReservedSSO_A_1",
        "break-glass",
    ],
)
def test_exempt_roles_are_never_denied_in_either_grade(name: str) -> None:
    meter = BrakedMeter(daily(), daily("roles", per=BudgetSubject.PRINCIPAL))
    role = meter.iam.add(make_role(name), tags=dict(CONSENT))
    meter.spend(1000, f"arn:aws:sts::111122223333:assumed-role/{name}/ana")
    for _ in range(2):
        meter.reconcile()
    assert (role.policies, meter.iam.documents) == (set(), {})
    assert len(meter.list_events("not_enforceable")) == 2


def test_the_day_after_denies_no_caller_for_the_day_before(meter: BrakedMeter) -> None:
    """The rollover's own write made enforcement attach the old period's deny again, for good."""
    meter.spend(10, BEN)
    meter.reconcile()
    meter.now = MIDNIGHT
    for _ in range(3):
        meter.reconcile()
        meter.spend(100, BEN, at=MIDNIGHT - MINUTE)  # late records
        assert meter.list_denied() == set()
    assert meter.events.list_kinds() == ["denied", "released"]


@pytest.mark.parametrize(
    "periods",
    [
        HourPeriods("UTC"),
        DayPeriods("Asia/Kolkata"),
        make_weeks("America/New_York", "sunday"),
        DayPeriods("UTC", 14),
        MonthPeriods("Europe/Berlin"),
        RollingHours(5),
    ],
    ids=lambda periods: f"{periods.length.number} {periods.length.unit}",
)
@pytest.mark.parametrize("arn", [ANA, BEN])
def test_each_kind_of_period_denies_and_lets_go(periods: PeriodRule, arn: str) -> None:
    """Daily, weekly and hourly budgets made names that IAM refused; rates denied for a month."""
    meter = BrakedMeter(daily(periods=periods))
    add_callers(meter.iam)
    meter.spend(10, arn)
    meter.reconcile()
    assert meter.list_denied() == {arn}
    end = periods.period_at(meter.now).end
    if isinstance(periods, RollingHours):
        end += timedelta(hours=periods.hours - 1)
    for now, denied in ((end - MINUTE, {arn}), (end, set())):
        meter.now = now
        meter.reconcile(timedelta(0))
        assert meter.list_denied() == denied
    assert meter.events.list_kinds() == ["denied", "released"]


def test_usage_of_all_models_counts_together(meter: BrakedMeter) -> None:
    """A budget over all models limited each model by itself."""
    for model in (HAIKU_3, SONNET_4):
        meter.spend(5, BEN, model_id=model)
    meter.reconcile()
    assert meter.list_denied() == {BEN}


def test_many_small_calls_are_summed_exactly(meter: BrakedMeter) -> None:
    """Each call was rounded to 6 decimals: 2,000 small calls cost nothing."""
    meter.apply(daily(limit=0.001))
    for _ in range(1_998):
        meter.spend(0.0000005, BEN)
    meter.reconcile()
    assert meter.list_denied() == set()
    meter.spend(0.0000005, BEN)
    meter.reconcile()
    assert meter.list_denied() == {BEN}
    (cause,) = meter.denies.stored[BEN_USER].causes
    assert (cause.used, cause.reserve) == (1_999 * 500_000, 3 * 500_000)


def test_an_error_of_the_store_is_reported_and_stops_no_other(
    meter: BrakedMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One DynamoDB error lost the record, and the handler reported success."""
    write = meter.denies.write

    def fail_for_ben(deny: Deny, change: AuditedChange | None) -> Deny:
        if deny.target == BEN_USER:
            raise SumsBrokenError
        return write(deny, change)

    monkeypatch.setattr(meter.denies, "write", fail_for_ben)
    for arn in (ANA, BEN):
        meter.spend(10, arn)
    report = meter.reconcile()
    assert [failure.name for failure in report.failures] == [BEN]
    assert meter.list_denied() == {ANA}
    monkeypatch.undo()
    meter.reconcile()
    assert meter.list_denied() == {ANA, BEN}


def test_a_release_by_hand_holds_until_the_day_ends(meter: BrakedMeter) -> None:
    """A manual release attached the deny again at once."""
    meter.spend(10, BEN)
    meter.reconcile()
    meter.release(BEN_USER)
    for _ in range(3):
        meter.reconcile()
        meter.spend(10, BEN)
        assert meter.list_denied() == set()
    meter.now = MIDNIGHT
    meter.spend(10, BEN)
    meter.reconcile()
    assert meter.list_denied() == {BEN}


def test_a_release_by_hand_ends_if_the_budget_is_lowered(meter: BrakedMeter) -> None:
    meter.spend(10, BEN)
    meter.reconcile()
    meter.release(BEN_USER)
    meter.reconcile()
    meter.apply(daily(limit=9))
    meter.reconcile()
    assert meter.list_denied() == {BEN}
    assert meter.events.list_kinds() == ["denied", "released", "denied"]


def test_a_release_that_is_undone_denies_again(meter: BrakedMeter) -> None:
    meter.spend(10, BEN)
    meter.reconcile()
    (release,) = meter.release(BEN_USER)
    meter.reconcile()
    assert meter.list_denied() == set()
    meter.state.add_release(release.end(by="ops", at=meter.now))
    meter.reconcile()
    assert meter.list_denied() == {BEN}


def test_a_contested_caller_that_is_released_and_no_longer_released_is_denied_again(
    meter: BrakedMeter,
) -> None:
    """The runbook ContestedDenies says so."""
    meter.spend(10, BEN)
    meter.reconcile()
    while meter.denies.stored[BEN_USER].state is not DenyState.CONTESTED:
        meter.iam.detach(BEN_USER, meter.policy)
        meter.reconcile()
    (release,) = meter.release(BEN_USER)
    meter.reconcile()
    assert meter.denies.stored == {}
    meter.state.add_release(release.end(by="ops", at=meter.now))
    meter.reconcile()
    assert meter.list_denied() == {BEN}


def raise_it(meter: BrakedMeter) -> None:
    meter.apply(daily(limit=50))


def delete_it(meter: BrakedMeter) -> None:
    meter.delete("daily")


def only_notify(meter: BrakedMeter) -> None:
    meter.apply(daily(brake=BrakeMode.NOTIFY))


def only_shadow(meter: BrakedMeter) -> None:
    meter.apply(daily(brake=BrakeMode.SHADOW))


def switch_off(meter: BrakedMeter) -> None:
    meter.state.switch = BrakeSwitch(is_on=False, by="ops", at=meter.now)


def make_unreadable(meter: BrakedMeter) -> None:
    meter.budgets.make_unreadable("daily")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (raise_it, "budget_raised"),
        (delete_it, "budget_deleted"),
        (only_notify, "budget_changed"),
        (only_shadow, "budget_changed"),
        (switch_off, "switched_off"),
        (make_unreadable, "budget_changed"),
    ],
)
@pytest.mark.parametrize("arn", [BEN, ANA])
def test_a_deny_ends_with_what_it_was_for(
    meter: BrakedMeter, arn: str, change: Callable[[BrakedMeter], None], reason: str
) -> None:
    """Raising or deleting a budget left its deny in place."""
    meter.spend(10, arn)
    meter.reconcile()
    assert meter.list_denied() == {arn}
    change(meter)
    assert meter.reconcile().released == [arn]
    assert (meter.list_denied(), meter.denies.stored) == (set(), {})
    assert list_release_reasons(meter) == [reason]


def test_nothing_is_denied_until_the_brake_is_switched_on(meter: BrakedMeter) -> None:
    meter.state.switch = BrakeSwitch()
    meter.spend(10, BEN)
    for _ in range(2):
        meter.reconcile()
    assert (meter.list_denied(), meter.denies.stored) == (set(), {})
    assert meter.list_events("would_deny") == [BEN]
    meter.state.switch = BrakeSwitch(is_on=True)
    meter.reconcile()
    assert meter.list_denied() == {BEN}


def test_a_shadow_does_everything_but_attach() -> None:
    meter = BrakedMeter(daily(brake=BrakeMode.SHADOW))
    add_callers(meter.iam)
    meter.spend(10, BEN)
    meter.spend(10, ANA)
    for _ in range(3):
        meter.reconcile()
    assert (meter.list_denied(), meter.iam.documents, meter.denies.stored) == (set(), {}, {})
    assert sorted(meter.list_events("would_deny")) == sorted([ANA, BEN])
    meter.now = MIDNIGHT
    meter.spend(10, BEN)
    meter.reconcile()
    assert sorted(meter.list_events("would_deny")) == sorted([ANA, BEN, BEN])


def test_principals_are_released_even_if_iam_does_not_list_policies_of_sessions(
    meter: BrakedMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    for arn in (ANA, BEN):
        meter.spend(10, arn)
    meter.reconcile()
    list_policies = meter.policies.list_policies

    def fail() -> Any:
        raise ChangeRefusedError(Obstacle.NOT_PERMITTED, "iam:ListPolicies")

    monkeypatch.setattr(meter.policies, "list_policies", fail)
    raise_it(meter)
    report = meter.reconcile()
    assert report.released == [BEN]
    assert report.delayed == [DelayedChange("/bedrock-meter/us-east-1/", "not_permitted")]
    assert report.delayed_denies == 1
    assert meter.brake.release_all(meter.now).delayed == report.delayed
    monkeypatch.setattr(meter.policies, "list_policies", list_policies)
    assert meter.reconcile().released == [ANA]


def test_a_shadow_reports_sessions_that_could_not_be_denied() -> None:
    meter = BrakedMeter(daily(brake=BrakeMode.SHADOW))
    meter.iam.add(CHAT)
    meter.spend(10, ANA)
    meter.reconcile()
    assert meter.events.list_kinds() == ["not_enforceable"]


def test_a_window_that_moves_denies_without_a_gap_until_its_usage_has_left() -> None:
    meter = BrakedMeter(daily(periods=RollingHours(24)))
    add_callers(meter.iam)
    for arn in (ANA, BEN):
        meter.spend(10, arn)
    for hour in range(24):
        meter.reconcile(timedelta(hours=1) if hour else MINUTE)
        assert meter.list_denied() == {ANA, BEN}, hour
        assert all(deny.until > meter.now for deny in meter.denies.stored.values())
        assert meter.watchdog.release_ended(meter.now + 10 * MINUTE).released == ()
    meter.reconcile(timedelta(hours=1))
    assert meter.list_denied() == set()
    assert sorted(meter.events.list_kinds()) == ["denied", "denied", "released", "released"]


def test_a_window_that_was_braked_early_is_not_released_by_the_next_hour() -> None:
    meter = BrakedMeter(daily(periods=RollingHours(24)))
    add_callers(meter.iam)
    meter.spend(7, BEN)
    meter.reconcile()
    meter.spend(2, BEN)
    meter.reconcile()
    for _ in range(20):
        meter.reconcile(timedelta(hours=1))
        assert meter.list_denied() == {BEN}


def test_a_run_that_another_one_overtakes_leaves_its_denies(meter: BrakedMeter) -> None:
    meter.spend(10, BEN)
    other, list_denies = meter.make_brake(), meter.denies.list_denies

    def list_and_be_overtaken() -> Any:
        found = list_denies()
        meter.denies.list_denies = list_denies  # type: ignore[method-assign]
        other.reconcile(meter.now)
        return found

    meter.denies.list_denies = list_and_be_overtaken  # type: ignore[method-assign]
    report = meter.reconcile()
    assert report.delayed == [DelayedChange(BEN, "changed_meanwhile")]
    assert meter.list_denied() == {BEN}
    assert meter.reconcile().delayed == []
    assert meter.events.list_kinds() == ["denied"]


def test_a_run_with_older_budgets_does_not_take_off_what_another_run_denies_meanwhile(
    meter: BrakedMeter,
) -> None:
    meter.spend(10, BEN)
    older = replace(meter.make_brake(), budgets=InMemoryBudgetStore())
    list_denies = meter.denies.list_denies

    def list_and_be_overtaken() -> Any:
        found = list_denies()
        meter.denies.list_denies = list_denies  # type: ignore[method-assign]
        meter.brake.reconcile(meter.now)
        return found

    meter.denies.list_denies = list_and_be_overtaken  # type: ignore[method-assign]
    assert older.reconcile(meter.now).swept == []
    assert meter.list_denied() == {BEN}


class SumsBrokenError(Exception):
    """The sums of a budget cannot be read."""


def test_a_budget_that_cannot_be_summed_keeps_its_denies_and_stops_no_other(
    meter: BrakedMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failed read of one budget took its window as monthly: no default on error."""
    meter.apply(daily("other"))
    meter.spend(10, BEN)
    meter.reconcile()
    read_values = meter.sums.read_values

    def fail(generation: int, name: str, max_values: int | None = None) -> Any:
        if "#daily#" in name:
            raise SumsBrokenError
        return read_values(generation, name, max_values)

    monkeypatch.setattr(meter.sums, "read_values", fail)
    meter.spend(10, ANA)
    report = meter.reconcile()
    assert [failure.name for failure in report.failures] == ["daily"]
    assert meter.list_denied() == {ANA, BEN}
    assert [each.key.budget for each in meter.denies.stored[BEN_USER].causes] == ["daily", "other"]


def test_denies_stay_while_usage_is_counted_anew(meter: BrakedMeter) -> None:
    meter.spend(10, BEN)
    meter.reconcile()
    meter.sums.state = None
    meter.reconcile()
    assert meter.list_denied() == {BEN}
    begun = begin_counting(PriceEdition("shipped"), "stack", meter.now, None)
    assert begun is not None
    meter.sums.state = replace(begun, generation=begun.generation + 1)
    meter.reconcile()
    assert meter.list_denied() == {BEN}
    scanned = tuple(replace(each, scanned_at=meter.now) for each in begun.recounts)
    meter.sums.state = replace(meter.sums.state, recounts=scanned)
    assert meter.reconcile().released == [BEN]
    assert list_release_reasons(meter) == ["usage_corrected"]


def test_the_switch_works_even_if_budgets_cannot_be_read(
    meter: BrakedMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    meter.spend(10, BEN)
    meter.spend(10, ANA)
    meter.reconcile()

    def fail() -> Any:
        raise SumsBrokenError

    monkeypatch.setattr(meter.budgets, "read", fail)
    with pytest.raises(SumsBrokenError):
        meter.reconcile()
    assert meter.list_denied() == {ANA, BEN}
    switch_off(meter)
    report = meter.reconcile()
    assert [failure.name for failure in report.failures] == ["budgets"]
    assert (meter.list_denied(), meter.denies.stored) == (set(), {})


def test_a_deny_that_others_take_off_is_attached_three_times_and_then_reported(
    meter: BrakedMeter,
) -> None:
    meter.spend(10, BEN)
    meter.reconcile()
    for _ in range(3):
        meter.iam.detach(BEN_USER, meter.policy)
        meter.reconcile()
        assert meter.list_denied() == {BEN}
    meter.iam.detach(BEN_USER, meter.policy)
    assert meter.reconcile().contested == [BEN]
    after = meter.reconcile()
    assert (after.contested, after.contested_denies) == ([], 1)
    assert meter.list_denied() == set()
    assert meter.events.list_kinds() == ["denied", "contested"]
    meter.now = MIDNIGHT
    meter.reconcile()
    meter.spend(10, BEN)
    meter.reconcile()
    assert meter.list_denied() == {BEN}


def test_a_contested_deny_of_a_window_is_tried_anew_and_reported_again() -> None:
    """Windows overlap without end: four detachments freed a caller from its budget for ever."""
    meter = BrakedMeter(daily(periods=RollingHours(5)))
    add_callers(meter.iam)
    meter.spend(10, BEN)
    meter.reconcile()
    for times in (1, 2):
        while meter.denies.stored[BEN_USER].state is not DenyState.CONTESTED:
            meter.iam.detach(BEN_USER, meter.policy)
            meter.reconcile()
        assert meter.events.list_kinds().count("contested") == times
        for _ in range(5):
            assert meter.list_denied() == set()
            meter.spend(3, BEN)
            meter.reconcile(timedelta(hours=1))
        assert meter.list_denied() == {BEN}


def test_a_session_policy_that_others_change_is_written_three_times_and_then_reported(
    meter: BrakedMeter,
) -> None:
    meter.spend(10, ANA)
    meter.reconcile()
    (name,) = meter.iam.documents
    for _ in range(3):
        meter.iam.documents[name] = meter.iam.documents[name].replace("Deny", "Allow")
        meter.reconcile()
        assert meter.list_denied() == {ANA}
    meter.iam.documents[name] = "{}"
    assert meter.reconcile().contested == [ANA]
    assert (meter.list_denied(), meter.iam.documents) == (set(), {})


def test_an_attachment_without_a_deny_is_taken_off(meter: BrakedMeter) -> None:
    meter.iam.attach(BEN_USER, meter.policy)
    report = meter.reconcile()
    assert (report.swept, report.released) == ([BEN], [])
    assert meter.list_denied() == set()


def test_a_group_to_which_others_attach_the_policy_is_let_go(meter: BrakedMeter) -> None:
    group = PrincipalTarget("aws", BEN_USER.account_id, PrincipalKind.GROUP, "staff")
    meter.iam.add(group)
    meter.iam.attach(group, meter.policy)
    assert meter.reconcile().swept == [group.arn]
    assert meter.list_denied() == set()


def test_other_policies_of_a_principal_are_not_touched(meter: BrakedMeter) -> None:
    meter.iam.attach(BEN_USER, "AdministratorAccess")
    meter.iam.attach(CHAT, "mine")
    meter.iam.documents["mine"] = "{}"
    for arn in (ANA, BEN):
        meter.spend(10, arn)
    meter.reconcile()
    meter.now = MIDNIGHT
    meter.reconcile()
    assert meter.iam.get(BEN_USER).policies == {"AdministratorAccess"}
    assert meter.iam.get(CHAT).policies == {"mine"}
    assert meter.iam.documents == {"mine": "{}"}


def fill(iam: FakeIam) -> None:
    for number in range(MAX_ATTACHED):
        for target in (BEN_USER, CHAT):
            iam.attach(target, f"policy-{number}")


def remove(iam: FakeIam) -> None:
    iam.remove(BEN_USER)


def protect(iam: FakeIam) -> None:
    iam.protected.add(BEN_USER)


def keep_busy(iam: FakeIam) -> None:
    iam.busy.add(BEN_USER)


@pytest.mark.parametrize(
    ("change", "obstacle", "advice"),
    [
        (fill, "no_free_slot", "It has as many managed policies as the quota allows"),
        (remove, "principal_gone", "It does not exist in IAM"),
        (protect, "protected", "Only the AWS service that made it may change it"),
        (keep_busy, "throttled", "IAM was too busy"),
    ],
)
def test_what_iam_refuses_is_reported_once_and_stops_no_other(
    meter: BrakedMeter, change: Callable[[FakeIam], None], obstacle: str, advice: str
) -> None:
    dan = BEN.replace("ben", "dan")
    meter.iam.add(BEN_USER.__class__("aws", BEN_USER.account_id, BEN_USER.kind, "dan"))
    change(meter.iam)
    for arn in (BEN, dan):
        meter.spend(10, arn)
    for _ in range(3):
        report = meter.reconcile()
        assert report.delayed == [DelayedChange(BEN, obstacle)]
    assert meter.list_denied() == {dan}
    assert sorted(meter.events.list_kinds()) == ["denied", "not_attached"]
    details = [event.detail for event in meter.events.known.values()]
    (reported,) = [detail for detail in details if detail["kind"] == "not_attached"]
    assert reported["advice"].startswith(advice)
    assert meter.denies.stored[BEN_USER].state is DenyState.ATTACHING
    meter.now = MIDNIGHT
    meter.iam.busy.clear()
    meter.iam.protected.clear()
    meter.reconcile()
    assert meter.list_events("released") == [dan]
    assert meter.denies.stored == {}


@pytest.mark.parametrize(
    ("change", "obstacle", "delayed"),
    [
        (fill, Obstacle.NO_FREE_SLOT, 1),
        (keep_busy, Obstacle.THROTTLED, 1),
        (remove, Obstacle.PRINCIPAL_GONE, 0),
        (protect, Obstacle.PROTECTED, 0),
    ],
)
def test_a_deny_that_iam_refuses_is_delayed_and_keeps_the_obstacle_until_it_is_attached(
    meter: BrakedMeter, change: Callable[[FakeIam], None], obstacle: Obstacle, delayed: int
) -> None:
    change(meter.iam)
    meter.spend(10, BEN)
    for _ in range(2):
        assert meter.reconcile().delayed_denies == delayed
        assert meter.denies.stored[BEN_USER].obstacle is obstacle
    meter.iam.busy.clear()
    meter.iam.protected.clear()
    meter.iam.add(BEN_USER)
    assert meter.reconcile().delayed_denies == 0
    assert meter.denies.stored[BEN_USER].obstacle is None


@pytest.mark.parametrize(("arn", "target"), [(BEN, BEN_USER), (ANA, ANA_SESSION)])
def test_a_release_that_iam_refuses_is_delayed_and_keeps_the_obstacle(
    meter: BrakedMeter, arn: str, target: Target
) -> None:
    meter.spend(10, arn)
    assert meter.reconcile().delayed_denies == 0
    meter.iam.busy |= {BEN_USER, CHAT}
    meter.state.switch = BrakeSwitch(is_on=False, by="ops", at=meter.now)
    for _ in range(2):
        assert meter.reconcile().delayed_denies > 0
        releasing = meter.denies.stored[target]
        assert (releasing.state, releasing.obstacle) == (
            DenyState.RELEASING,
            Obstacle.THROTTLED,
        )
    meter.iam.busy.clear()
    assert meter.reconcile().delayed_denies == 0
    assert (meter.list_denied(), meter.denies.stored) == (set(), {})


def test_an_obstacle_of_a_deny_is_not_taken_for_one_of_its_release(meter: BrakedMeter) -> None:
    keep_busy(meter.iam)
    meter.spend(10, BEN)
    meter.reconcile()
    stored = meter.denies.stored[BEN_USER]
    meter.iam.busy.clear()
    meter.iam.protected.add(BEN_USER)
    raise_it(meter)
    meter.reconcile()
    assert stored.obstacle is Obstacle.THROTTLED
    assert meter.denies.stored[BEN_USER].obstacle is Obstacle.PROTECTED


def test_sessions_of_a_role_that_iam_does_not_describe_are_delayed(meter: BrakedMeter) -> None:
    meter.unavailable.add(CHAT)
    meter.spend(10, ANA)
    assert meter.reconcile().delayed_denies == 1
    assert meter.list_denied() == set()


def test_callers_that_there_was_no_time_for_are_delayed(meter: BrakedMeter) -> None:
    for arn in (ANA, BEN):
        meter.spend(10, arn)
    assert meter.brake.reconcile(meter.now, lambda: False).delayed_denies == 2


def test_a_deny_that_another_run_has_changed_is_not_delayed() -> None:
    changed = DelayedChange(BEN, CHANGED_MEANWHILE)
    twice = [DelayedChange(ANA, "throttled"), DelayedChange(ANA, "no_free_slot")]
    assert BrakeReport(delayed=[changed]).delayed_denies == 0
    assert BrakeReport(delayed=[changed, *twice]).delayed_denies == 1


def test_a_deny_that_had_no_slot_is_attached_once_there_is_one(meter: BrakedMeter) -> None:
    fill(meter.iam)
    for arn in (ANA, BEN):
        meter.spend(10, arn)
    assert meter.reconcile().denied == 0
    assert sorted(meter.list_events("not_attached")) == sorted([ANA, BEN])
    for target in (BEN_USER, CHAT):
        meter.iam.detach(target, "policy-0")
    assert meter.reconcile().denied == 2


def test_a_role_that_is_deleted_and_made_again_is_denied_with_its_new_id(
    meter: BrakedMeter,
) -> None:
    meter.spend(10, ANA)
    meter.reconcile()
    (name, before), *_ = meter.iam.documents.items()
    meter.iam.remove(CHAT)
    meter.reconcile()
    assert (meter.list_denied(), meter.iam.documents) == (set(), {})
    meter.iam.add(CHAT, tags=dict(CONSENT))
    meter.reconcile()
    assert meter.list_denied() == {ANA}
    assert meter.iam.documents[name] != before


def test_a_release_frees_a_place_before_another_policy_takes_it() -> None:
    """Releases come first, so that the tenth place of a role serves both."""
    meter = BrakedMeter(daily(), daily("roles", per=BudgetSubject.PRINCIPAL))
    add_callers(meter.iam)
    for number in range(MAX_ATTACHED - 1):
        meter.iam.attach(CHAT, f"policy-{number}")
    meter.spend(10, ANA)
    meter.delete("daily")
    meter.reconcile()
    assert meter.list_denied() == {CHAT.arn}
    meter.apply(daily())
    meter.delete("roles")
    meter.spend(10, ANA)
    meter.reconcile()
    assert meter.list_denied() == {ANA}


def spend_of_many(meter: BrakedMeter) -> list[str]:
    people = [ANA.replace("ana", f"{number:03d}-".ljust(50, "x")) for number in range(200)]
    for number, person in enumerate(people):
        meter.spend(10 + number, person)
    return people


def test_sessions_without_room_deny_the_whole_role_and_are_reported(meter: BrakedMeter) -> None:
    people = spend_of_many(meter)
    report = meter.reconcile()
    denied = meter.list_denied()
    assert CHAT.arn in denied
    assert len(meter.iam.documents) == 2
    assert report.is_above_limit
    placed = [person for person in people if person in denied]
    assert 100 < len(placed) < 200
    assert placed == people[-len(placed) :]
    assert meter.list_events("overflow") == [CHAT.arn]
    meter.reconcile()
    assert meter.list_denied() == denied
    meter.now = MIDNIGHT
    meter.reconcile()
    assert (meter.list_denied(), meter.denies.stored) == (set(), {})


def test_a_role_is_released_once_its_sessions_have_room_again(meter: BrakedMeter) -> None:
    people = spend_of_many(meter)
    meter.reconcile()
    for target in list(meter.denies.stored):
        if target.arn in people[100:]:
            meter.release(target)
    meter.reconcile()
    assert CHAT.arn not in meter.list_denied()
    assert set(list_release_reasons(meter)) == {"by_hand", "room_again"}
    meter.reconcile()
    assert meter.list_denied() == set(people[:100])


@pytest.mark.parametrize("mode", OverflowMode)
def test_a_denied_session_keeps_its_place_whatever_others_use(
    meter: BrakedMeter, mode: OverflowMode
) -> None:
    """Those without room overtook the denied ones, which took turns every minute."""
    meter.overflow_to(mode)
    people = spend_of_many(meter)
    meter.reconcile()
    denied, written = meter.list_denied(), meter.policies.written
    for _ in range(3):
        for person in {*people} - denied:
            meter.spend(500, person)
        report = meter.reconcile()
        assert (report.attached, report.released) == ([], [])
    assert meter.list_denied() == denied
    assert meter.policies.written == written
    assert meter.events.list_kinds().count("denied") == len(denied)


def test_a_session_that_loses_its_room_is_released_and_reported(meter: BrakedMeter) -> None:
    """Another end of some denies needs a statement of its own, which takes room."""
    spend_of_many(meter)
    meter.reconcile()
    denied = meter.list_denied() - {CHAT.arn}
    meter.apply(daily("monthly", 10, periods=MonthPeriods("UTC")))
    for person in sorted(denied)[:10]:
        meter.spend(10, person)
    meter.reconcile()
    lost = denied - meter.list_denied()
    assert lost
    assert set(meter.list_events("released")) == lost
    assert set(list_release_reasons(meter)) == {"no_room"}
    assert CHAT.arn in meter.list_denied()


def test_a_release_of_a_role_covers_the_sessions_for_which_it_is_denied(
    meter: BrakedMeter,
) -> None:
    people = spend_of_many(meter)
    meter.reconcile()
    denied = meter.list_denied()
    meter.release(CHAT)
    meter.reconcile()
    assert meter.list_denied() == denied - {CHAT.arn}
    assert meter.list_events("released") == [CHAT.arn]
    assert list_release_reasons(meter) == ["by_hand"]
    meter.reconcile()
    assert meter.list_denied() == denied - {CHAT.arn}
    late = ANA.replace("ana", "late-".ljust(50, "x"))
    meter.spend(10, late)  # a sum that was not released
    meter.reconcile()
    assert CHAT.arn in meter.list_denied()
    assert late not in people


@pytest.mark.parametrize("mode", OverflowMode)
def test_a_release_of_all_covers_sessions_without_room(
    meter: BrakedMeter, mode: OverflowMode
) -> None:
    """No deny was stored for them, so they took the room of those that were released."""
    meter.overflow_to(mode)
    people = spend_of_many(meter)
    meter.reconcile()
    assert {deny.target.arn for deny in meter.denies.stored.values()} - {CHAT.arn} == {*people}
    denied = meter.list_denied()
    for target in list(meter.denies.stored):
        meter.release(target)
    for _ in range(3):
        meter.reconcile()
        assert meter.list_denied() == set()
    assert meter.denies.stored == {}
    for person in people:
        recorded = {*meter.trail.list_actions(person)}
        expected = {AuditAction.DENY, AuditAction.RELEASE} if person in denied else set()
        assert recorded == expected


def test_a_role_with_very_many_sessions_is_denied_by_a_deny_of_limited_size(
    meter: BrakedMeter,
) -> None:
    """An item has 400 KB, so a role with a thousand sessions without room was not denied."""
    for number in range(400):
        meter.spend(10, ANA.replace("ana", f"person-{number:03d}".ljust(50, "x")))
    meter.reconcile()
    assert CHAT.arn in meter.list_denied()
    stored = meter.denies.stored[CHAT]
    assert len(stored.causes) == 100
    meter.reconcile()
    assert meter.denies.stored[CHAT] is stored  # nothing is written again
    (overflow,) = (
        each.detail for each in meter.events.known.values() if each.detail["kind"] == "overflow"
    )
    assert len(overflow["budgets"]) == 100


def test_a_session_without_room_is_denied_once_there_is_some(meter: BrakedMeter) -> None:
    people = spend_of_many(meter)
    meter.reconcile()
    waiting = [deny for deny in meter.denies.stored.values() if deny.state is DenyState.NO_ROOM]
    assert meter.reconcile().denied == len(people) - len(waiting) + 1  # and the role
    for target in list(meter.denies.stored):
        if target.arn in people[100:]:
            meter.release(target)
    meter.reconcile()
    meter.reconcile()
    assert meter.list_denied() == {*people[:100]}
    for deny in waiting[:3]:
        assert meter.list_events("denied").count(deny.target.arn) == 1
        assert meter.trail.list_actions(deny.target.arn) == [AuditAction.DENY]
    meter.check_reports()


def test_a_policy_that_others_attach_elsewhere_stays_in_force_and_is_detached_there(
    meter: BrakedMeter,
) -> None:
    """Whoever attached it to itself freed all sessions of the role within four minutes."""
    meter.spend(10, ANA)
    meter.reconcile()
    (name,) = meter.iam.documents
    for _ in range(5):
        meter.iam.attach(BEN_USER, name)
        report = meter.reconcile()
        assert (report.swept, report.contested) == ([BEN], [])
        assert meter.list_denied() == {ANA}
        assert name not in meter.iam.get_policies(BEN_USER)
    assert set(meter.trail.list_actions(BEN)) == {AuditAction.RELEASE}
    assert meter.denies.stored[ANA_SESSION].taken_off == 0


def test_sessions_are_released_when_the_setting_is_switched_off(meter: BrakedMeter) -> None:
    """They were reported as released while IAM went on to deny them."""
    meter.spend(10, ANA)
    meter.reconcile()
    meter.change_settings(rules=replace(meter.settings.rules, has_sessions=False))
    assert meter.reconcile().released == [ANA]
    assert (meter.list_denied(), meter.iam.documents, meter.denies.stored) == (set(), {}, {})
    assert list_release_reasons(meter) == ["exempt"]


def test_a_role_that_iam_does_not_describe_stays_denied_for_its_sessions_without_room(
    meter: BrakedMeter,
) -> None:
    spend_of_many(meter)
    meter.reconcile()
    denied = meter.list_denied()
    meter.unavailable.add(CHAT)
    assert meter.reconcile().released == []
    assert meter.list_denied() == denied
    meter.apply(daily(limit=10_000))
    meter.unavailable.clear()
    meter.reconcile()
    assert (meter.list_denied(), meter.denies.stored) == (set(), {})


def test_sessions_without_room_are_only_reported_if_the_setting_says_so(
    meter: BrakedMeter,
) -> None:
    meter.overflow_to(OverflowMode.NOTIFY)
    spend_of_many(meter)
    meter.reconcile()
    assert CHAT.arn not in meter.list_denied()
    assert meter.list_events("overflow") == [CHAT.arn]


def test_more_denies_than_expected_are_attached_and_reported(meter: BrakedMeter) -> None:
    meter.change_settings(max_denied=1)
    meter.spend(10, BEN)
    assert not meter.reconcile().is_above_limit
    meter.spend(10, ANA)
    report = meter.reconcile()
    assert (report.denied, report.is_above_limit) == (2, True)


def test_callers_without_time_are_left_for_the_next_run(meter: BrakedMeter) -> None:
    for arn in (ANA, BEN):
        meter.spend(10, arn)
    assert meter.brake.reconcile(meter.now, lambda: False).skipped == 2
    assert meter.list_denied() == set()
    meter.reconcile()
    assert meter.list_denied() == {ANA, BEN}


def test_two_budgets_deny_until_the_later_one_ends() -> None:
    meter = BrakedMeter(daily(), daily("monthly", 15, periods=MonthPeriods("UTC")))
    add_callers(meter.iam)
    meter.spend(15, ANA)
    meter.reconcile()
    meter.now = MIDNIGHT
    assert meter.reconcile().released == []
    assert meter.list_denied() == {ANA}
    meter.now = MIDNIGHT.replace(month=10, day=1)
    meter.reconcile()
    assert meter.list_events("released") == [ANA]


def test_all_is_released_before_the_meter_is_removed(meter: BrakedMeter) -> None:
    for arn in (ANA, BEN):
        meter.spend(10, arn)
    meter.reconcile()
    meter.iam.attach(CHAT, meter.policy)  # without a deny
    assert meter.brake.release_all(meter.now).failures == []
    assert (meter.list_denied(), meter.iam.documents) == (set(), {})
    assert meter.denies.stored == {}
    assert sorted(meter.list_events("released")) == sorted([ANA, BEN])


def test_what_iam_refuses_to_release_is_named_and_stays_until_it_is_asked_again(
    meter: BrakedMeter,
) -> None:
    for arn in (ANA, BEN):
        meter.spend(10, arn)
    meter.reconcile()
    meter.iam.busy.add(BEN_USER)
    assert meter.brake.release_all(meter.now).delayed == [DelayedChange(BEN, "throttled")]
    assert meter.list_denied() == {BEN}
    meter.iam.busy.clear()
    assert meter.brake.release_all(meter.now).delayed == []
    assert meter.list_denied() == set()


def test_callers_that_there_was_no_time_to_release_are_counted(meter: BrakedMeter) -> None:
    deny_many(meter, 5)
    report = meter.brake.release_all(meter.now, time_for(2))
    assert (len(report.released), report.skipped) == (2, 3)


def test_a_deny_that_was_never_attached_is_not_reported_as_released(meter: BrakedMeter) -> None:
    fill(meter.iam)
    meter.spend(10, BEN)
    meter.reconcile()
    meter.brake.release_all(meter.now)
    assert (meter.events.list_kinds(), meter.denies.stored) == (["not_attached"], {})


@pytest.mark.parametrize("moment", range(14))
def test_a_run_in_flight_leaves_no_caller_denied_once_the_brake_is_removed(
    meter: BrakedMeter, moment: int
) -> None:
    def remove() -> None:
        meter.brake.release_all(meter.now)

    for arn in (ANA, BEN):
        meter.spend(10, arn)
    meter.effects.left, meter.effects.interrupt = moment, remove
    meter.reconcile()
    assert meter.effects.left is None, "the brake was not removed during the run"
    assert (meter.list_denied(), meter.iam.documents, meter.denies.stored) == (set(), {}, {})


def test_a_long_run_stops_to_deny_as_soon_as_the_brake_is_switched_off(meter: BrakedMeter) -> None:
    users = add_users(meter, 20)
    off = BrakeSwitch(is_on=False, by="ops", at=meter.now)
    meter.effects.left, meter.effects.interrupt = 10, lambda: meter.state.write_switch(off)
    report = meter.reconcile()
    assert 0 < len(report.attached) < len(users)
    assert (meter.list_denied(), meter.denies.stored) == (set(), {})


def test_callers_that_fail_keep_no_other_one_waiting(meter: BrakedMeter) -> None:
    """Users that no longer exist came first in each run, and used up its time."""
    for user in add_users(meter, 20):
        meter.iam.remove(user)
    meter.spend(10, ZOE.arn)
    meter.iam.add(ZOE)
    for _ in range(3):
        meter.now += MINUTE
        meter.brake.reconcile(meter.now, time_for(10))
    assert meter.list_denied() == {ZOE.arn}


def test_reports_wait_for_releases_and_are_stored_once_in_a_process() -> None:
    meter = BrakedMeter(daily(), has_sessions=False)
    add_callers(meter.iam)
    meter.spend(10, BEN)
    meter.reconcile()
    for number in range(50):
        meter.spend(10, ANA.replace("ana", f"person-{number}"))
    meter.delete("daily")
    meter.apply(daily("other"))
    for number in range(50):
        meter.spend(10, ANA.replace("ana", f"person-{number}"))
    meter.now += MINUTE
    meter.brake.reconcile(meter.now, time_for(1))
    assert meter.list_denied() == set()
    assert meter.list_events("not_enforceable") == []
    meter.reconcile()
    assert len(meter.list_events("not_enforceable")) == 50
    meter.events.asked = 0
    meter.reconcile()
    assert meter.events.asked == 0


def add_users(meter: BrakedMeter, number: int) -> list[PrincipalTarget]:
    """Add users that have used up their budgets."""
    users = [
        PrincipalTarget("aws", ACCOUNT, PrincipalKind.USER, f"a-{each:02}")
        for each in range(number)
    ]
    for user in users:
        meter.iam.add(user)
        meter.spend(10, user.arn)
    return users


def deny_many(meter: BrakedMeter, number: int) -> None:
    add_users(meter, number)
    meter.reconcile()


def time_for(callers: int) -> Callable[[], bool]:
    """Time for a number of callers."""
    left = iter(range(callers))
    return lambda: next(left, None) is not None


def test_a_budget_that_is_built_again_denies_no_caller_meanwhile(meter: BrakedMeter) -> None:
    meter.spend(10, BEN)
    meter.reconcile()
    meter.budgets.write(BudgetChanges((daily(),)), meter.budgets.read().revision)
    assert meter.reconcile().released == [BEN]
    assert meter.list_denied() == set()


def test_the_reaction_time_is_from_the_last_reading_below_to_the_last_growth(
    meter: BrakedMeter,
) -> None:
    meter.spend(7, BEN)
    meter.reconcile()  # the last reading without a brake
    meter.spend(3, BEN)
    meter.reconcile()
    meter.spend(1, BEN)  # a call that had begun before
    meter.reconcile()
    for _ in range(9):
        meter.reconcile()
    assert list(meter.state.reactions.values()) == [timedelta(minutes=2)]
    assert meter.denies.stored[BEN_USER].watch is None
    meter.spend(1, BEN)
    meter.reconcile()
    assert len(meter.state.reactions) == 1


def test_no_reaction_time_is_measured_by_a_process_that_was_idle(meter: BrakedMeter) -> None:
    """One idle process measured 46 minutes, which denied growing sums early for weeks."""
    meter.spend(6, BEN)
    meter.reconcile()
    meter.spend(4, BEN)
    meter.reconcile(timedelta(minutes=45))
    assert meter.list_denied() == {BEN}
    assert meter.denies.stored[BEN_USER].watch is None
    meter.reconcile(timedelta(minutes=12))
    assert meter.state.reactions == {}


def test_no_reaction_time_is_measured_without_a_reading_before(meter: BrakedMeter) -> None:
    meter.spend(10, BEN)
    for _ in range(12):
        meter.reconcile()
    assert meter.state.reactions == {}


def test_a_fast_caller_is_denied_before_the_limit(meter: BrakedMeter) -> None:
    meter.spend(7, BEN)
    meter.reconcile()
    meter.spend(1.5, BEN)
    meter.reconcile()
    assert meter.list_denied() == {BEN}
    meter.restart()  # the rate is forgotten, and the deny stays
    meter.reconcile(timedelta(hours=1))
    assert meter.list_denied() == {BEN}
    (deny,) = meter.denies.stored.values()
    assert deny.causes[0].reserve == deny.causes[0].amount.limit // 5


def test_meters_of_two_regions_touch_only_their_own_denies() -> None:
    iam = FakeIam()
    add_callers(iam)
    here = BrakedMeter(daily(), iam=iam)
    there = BrakedMeter(daily(), iam=iam, region="eu-central-1")
    for arn in (ANA, BEN):
        here.spend(10, arn)
        there.spend(10, arn)
    here.reconcile()
    there.reconcile()
    assert here.list_denied() == there.list_denied() == {ANA, BEN}
    here.delete("daily")
    for _ in range(2):
        here.reconcile()
        there.reconcile()
    assert (here.list_denied(), there.list_denied()) == (set(), {ANA, BEN})
    assert there.brake.release_all(there.now).failures == []
    assert iam.documents == {}


def test_the_day_after_is_denied_anew_with_its_own_events(meter: BrakedMeter) -> None:
    for day in range(2):
        meter.now = MIDNIGHT + day * DAY
        meter.reconcile()
        meter.spend(10, BEN)
        meter.reconcile()
    assert meter.events.list_kinds() == ["denied", "released", "denied"]
    assert len(meter.events.known) == 3


def test_a_deny_and_its_release_are_in_the_audit_trail_with_the_states_before_and_after(
    meter: BrakedMeter,
) -> None:
    meter.spend(10, BEN)
    meter.reconcile()
    meter.apply(daily(limit=50))
    meter.reconcile()
    denied, released = meter.trail.changes.values()
    assert (denied.action, denied.before, denied.after["state"]) == (
        *(AuditAction.DENY, None, "attaching"),
    )
    assert [each["name"] for each in denied.after["budgets"]] == ["daily"]
    assert (released.action, released.after) == (AuditAction.RELEASE, None)
    assert (released.before["state"], released.before["release"]) == ("releasing", "budget_raised")
    for change in (denied, released):
        assert (change.changed_by, change.subject) == ("meter:brake_controller", f"principal:{BEN}")


@pytest.mark.parametrize("arn", [BEN, ANA])
def test_without_an_audit_trail_no_caller_is_denied(meter: BrakedMeter, arn: str) -> None:
    meter.trail.is_available = False
    meter.spend(10, arn)
    assert meter.reconcile().failures
    assert (meter.list_denied(), meter.denies.stored) == (set(), {})
    meter.trail.is_available = True
    meter.reconcile()
    assert meter.list_denied() == {arn}


@pytest.mark.parametrize("arn", [BEN, ANA])
def test_without_an_audit_trail_callers_are_released_and_recorded_once_it_is_back(
    meter: BrakedMeter, arn: str
) -> None:
    meter.spend(10, arn)
    meter.reconcile()
    meter.apply(daily(limit=50))
    meter.trail.is_available = False
    for _ in range(2):
        assert meter.reconcile().failures
        assert meter.list_denied() == set()
    assert meter.trail.list_actions() == [AuditAction.DENY]
    meter.trail.is_available = True
    for _ in range(2):
        meter.reconcile()
    assert meter.trail.list_actions() == [AuditAction.DENY, AuditAction.RELEASE]
    assert meter.denies.stored == {}


def test_a_deny_that_is_deleted_by_hand_is_decided_again_and_recorded(meter: BrakedMeter) -> None:
    meter.spend(10, BEN)
    meter.reconcile()
    meter.denies.stored.clear()
    for _ in range(2):
        meter.reconcile()
    assert meter.list_denied() == {BEN}
    assert meter.trail.list_actions(BEN).count(AuditAction.DENY) == 2


def test_an_attachment_without_a_deny_is_recorded_as_released(meter: BrakedMeter) -> None:
    meter.iam.attach(CHAT, meter.policy)
    meter.reconcile()
    assert meter.trail.list_actions(CHAT.arn) == [AuditAction.RELEASE]


def test_a_deny_that_others_took_off_is_recorded_as_changed(meter: BrakedMeter) -> None:
    meter.spend(10, BEN)
    meter.reconcile()
    for _ in range(4):
        meter.iam.detach(BEN_USER, meter.policy)
        meter.reconcile()
    changes = [each.after for each in meter.trail.changes.values()][1:]
    assert [each["taken_off"] for each in changes] == [1, 2, 3, 3]
    assert changes[-1]["state"] == "contested"


def test_a_removal_releases_all_even_without_an_audit_trail(meter: BrakedMeter) -> None:
    for arn in (ANA, BEN):
        meter.spend(10, arn)
    meter.reconcile()
    meter.trail.is_available = False
    failed = [failure.name for failure in meter.brake.release_all(meter.now).failures]
    assert sorted(failed) == sorted([ANA, BEN])
    assert (meter.list_denied(), len(meter.denies.stored)) == (set(), 2)
    meter.trail.is_available = True
    meter.iam.attach(CHAT, meter.policy)
    assert meter.brake.release_all(meter.now).failures == []
    assert (meter.denies.stored, meter.state.switch.is_on) == ({}, False)
    actions = meter.trail.list_actions()
    assert actions.count(AuditAction.RELEASE) == 3
