"""The watchdog takes off what outlasts its end, with stored denies and IAM alone."""

from datetime import timedelta

import pytest

from lambdas.domain.brake import ChangeRefusedError, Obstacle
from lambdas.services.release_ended_denies import EndedDeny, WatchdogReport
from tests.builders import ANA, BEN
from tests.unit.brake.builders import BEN_USER, CHAT, MIDNIGHT, MINUTE, daily
from tests.unit.services.braking import BrakedMeter, add_callers


@pytest.fixture
def meter() -> BrakedMeter:
    """A meter whose brake has denied Ben until midnight, and has failed since."""
    made = BrakedMeter(daily())
    add_callers(made.iam)
    made.spend(10, BEN)
    made.reconcile()
    return made


def test_a_deny_that_the_brake_failed_to_release_is_taken_off_some_minutes_later(
    meter: BrakedMeter,
) -> None:
    for minutes in (-1, 0, 4):
        now = MIDNIGHT + timedelta(minutes=minutes)
        assert meter.watchdog.release_ended(now) == WatchdogReport()
    now = MIDNIGHT + 5 * MINUTE
    assert meter.watchdog.release_ended(now).released == (EndedDeny(BEN, MIDNIGHT),)
    assert meter.list_denied() == set()
    assert meter.watchdog.release_ended(now) == WatchdogReport()


def test_the_brake_reports_the_release_of_the_watchdog_once_it_runs_again(
    meter: BrakedMeter,
) -> None:
    meter.now = MIDNIGHT + 5 * MINUTE
    meter.watchdog.release_ended(meter.now)
    assert meter.reconcile().released == [BEN]
    assert meter.events.list_kinds() == ["denied", "released"]


def test_an_attachment_without_a_deny_is_taken_off_at_once(meter: BrakedMeter) -> None:
    meter.iam.attach(CHAT, meter.policy)
    assert meter.watchdog.release_ended(meter.now).released == (EndedDeny(CHAT.arn, None),)
    assert meter.list_denied() == {BEN}


def test_an_attachment_that_is_taken_off_meanwhile_is_no_failure_of_the_brake(
    meter: BrakedMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    attached = list(meter.attachments.list_attached())
    meter.now = MIDNIGHT
    meter.reconcile()
    monkeypatch.setattr(meter.attachments, "list_attached", lambda: attached)
    assert meter.watchdog.release_ended(meter.now) == WatchdogReport()


def test_other_policies_and_session_policies_are_not_touched(meter: BrakedMeter) -> None:
    meter.spend(10, ANA)
    meter.reconcile()
    meter.iam.attach(BEN_USER, "AdministratorAccess")
    before = dict(meter.iam.documents)
    meter.watchdog.release_ended(MIDNIGHT + 5 * MINUTE)
    assert meter.iam.get(BEN_USER).policies == {"AdministratorAccess"}
    assert meter.iam.documents == before


def test_a_principal_that_cannot_be_changed_is_reported_and_stops_no_other(
    meter: BrakedMeter,
) -> None:
    meter.iam.attach(CHAT, meter.policy)
    meter.iam.busy.add(BEN_USER)
    report = meter.watchdog.release_ended(MIDNIGHT + 5 * MINUTE)
    assert report.released == (EndedDeny(CHAT.arn, None),)
    assert report.still_denied == ((BEN, Obstacle.THROTTLED.value),)


def test_a_principal_that_was_deleted_needs_nothing(meter: BrakedMeter) -> None:
    meter.iam.remove(BEN_USER)
    assert meter.watchdog.release_ended(MIDNIGHT + 5 * MINUTE) == WatchdogReport()


def test_a_list_that_iam_does_not_give_is_an_error_and_not_an_empty_one(
    meter: BrakedMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise ChangeRefusedError(Obstacle.THROTTLED, "busy")

    monkeypatch.setattr(meter.attachments, "list_attached", fail)
    with pytest.raises(ChangeRefusedError):
        meter.watchdog.release_ended(MIDNIGHT + 5 * MINUTE)


def test_without_the_table_it_goes_by_what_it_last_read_and_says_so(
    meter: BrakedMeter, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = RuntimeError("the table does not exist")

    def fail() -> None:
        raise gone

    meter.watchdog.release_ended(meter.now)
    monkeypatch.setattr(meter.denies, "list_denies", fail)
    meter.iam.attach(CHAT, meter.policy)  # it may have a deny
    assert meter.watchdog.release_ended(MIDNIGHT) == WatchdogReport(read_error=gone)
    report = meter.watchdog.release_ended(MIDNIGHT + 5 * MINUTE)
    assert report == WatchdogReport((EndedDeny(BEN, MIDNIGHT),), (), gone)
    assert meter.list_denied() == {CHAT.arn}
