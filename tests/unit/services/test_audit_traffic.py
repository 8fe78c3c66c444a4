"""An audit of traffic outside the logs notifies of each kind once, even if parts are unreadable."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from lambdas.domain.unmetered import (
    AsyncInvocation,
    BatchJob,
    RegionTraffic,
    TierCalls,
    TrafficReport,
    TrafficScope,
)
from lambdas.services.audit_traffic import TrafficAuditor, TrafficSources
from tests.builders import HAIKU_3, NOON
from tests.fakes import InMemoryNotifier
from tests.traffic import InMemoryAsyncInvocations, InMemorySentNotices, InMemoryTraffic

RUN = NOON + timedelta(minutes=20)
HOME, NORTH, WEST = "us-east-1", "eu-north-1", "us-west-2"
REEL = "amazon.nova-reel-v1:1"


class Account:
    """An account whose meter is in one Region, with calls in two others."""

    def __init__(self) -> None:
        self.traffic = InMemoryTraffic(
            RegionTraffic(HOME, {HAIKU_3: 9}),
            RegionTraffic(NORTH, {HAIKU_3: 5}),
            RegionTraffic(WEST, {HAIKU_3: 7}, {"gpt": 1}),
            RegionTraffic("ap-south-1"),
        )
        self.invocations = InMemoryAsyncInvocations()
        self.sent = InMemorySentNotices()
        self.notifier = InMemoryNotifier()
        self.scope = TrafficScope(HOME, (), are_tiers_logged=False)

    @property
    def auditor(self) -> TrafficAuditor:
        sources = TrafficSources(self.traffic, self.traffic, self.invocations)
        return TrafficAuditor(self.scope, sources, self.sent, self.notifier)

    def run(self, moment: datetime) -> TrafficReport:
        """Audit, then notify."""
        report = self.auditor.audit(moment)
        self.auditor.notify(report, moment)
        return report

    def invoke(self, number: int = 1, *, minutes_ago: int = 30, caller: str | None = None) -> None:
        at = NOON - timedelta(minutes=minutes_ago)
        arn = f"arn:aws:bedrock:us-east-1:123456789012:async-invoke/{number}"
        self.invocations.append(AsyncInvocation(arn, REEL, at, caller))

    @property
    def subjects(self) -> list[str]:
        return [notice.subject for notice in self.notifier.notices]


@pytest.fixture
def account() -> Account:
    return Account()


def test_each_unmetered_region_is_notified_once_a_day(account: Account) -> None:
    report = account.run(RUN)
    assert [traffic.region for traffic in report.unmetered] == [NORTH, WEST]
    assert report.unmetered_calls == 13
    texts = [notice.text for notice in account.notifier.notices]
    assert [NORTH in texts[0], WEST in texts[1], len(texts)] == [True, True, 2]
    again = account.run(RUN + timedelta(hours=1))
    assert again.unmetered_calls == 13
    assert len(account.notifier.notices) == 2
    account.run(RUN + timedelta(days=1))
    assert len(account.notifier.notices) == 4


def test_a_hundred_times_as_many_calls_notify_again_the_same_day(
    account: Account,
) -> None:
    """A first call must not suppress the notice of a million later ones."""
    found = []
    for hour, calls in enumerate([1, 99, 100, 50, 1_000_000, 10_000, 1]):
        account.traffic.regions = {WEST: RegionTraffic(WEST, {HAIKU_3: calls})}
        before = len(account.notifier.notices)
        account.run(RUN - timedelta(hours=6 - hour))
        found.append(len(account.notifier.notices) - before)
    assert found == [1, 0, 1, 0, 1, 0, 0]
    first, second, third = (notice.text for notice in account.notifier.notices)
    assert "follows at 100 calls in two hours." in first
    assert "follows at 10,000 calls in two hours." in second
    assert "follows at 100,000,000 calls in two hours." in third


def test_regions_with_a_deployment_are_not_read(account: Account) -> None:
    account.scope = replace(account.scope, regions=(HOME, NORTH))
    assert [traffic.region for traffic in account.run(RUN).unmetered] == [WEST]
    assert account.traffic.read == ["ap-south-1", WEST]


def test_only_the_first_deployment_checks_other_regions(account: Account) -> None:
    account.scope = replace(account.scope, regions=(NORTH, HOME))
    report = account.run(RUN)
    assert (report.unmetered, report.unreadable, account.traffic.read) == ((), {}, [])
    assert account.notifier.notices == []
    assert not account.scope.has_other_regions


def test_an_unreadable_region_is_not_quiet_and_stops_no_other(account: Account) -> None:
    account.traffic.denied = {NORTH}
    report = account.run(RUN)
    assert report.unreadable == {NORTH: f"{NORTH}: AccessDenied"}
    assert [traffic.region for traffic in report.unmetered] == [WEST]


def test_a_region_denied_by_policy_is_expected_to_be_unreadable(account: Account) -> None:
    account.scope = replace(account.scope, denied=(NORTH, HOME))
    account.traffic.denied = {NORTH, "ap-south-1", "tiers"}
    report = account.run(RUN)
    assert report.unreadable.keys() == {NORTH, "ap-south-1", HOME}
    assert account.scope.unexpected(report.unreadable) == ["ap-south-1", HOME]
    account.traffic.denied = set()
    assert [traffic.region for traffic in account.run(RUN).unmetered] == [NORTH, WEST]


def test_an_unreadable_list_of_regions_is_not_empty(account: Account) -> None:
    account.traffic.denied = {"ListRegions"}
    account.invoke()
    report = account.run(RUN)
    assert report.unreadable == {"all": "ListRegions: AccessDenied"}
    assert len(report.invocations) == 1


def test_unreadable_sources_of_the_deployment_s_region_are_counted_once(account: Account) -> None:
    account.traffic.denied = {"tiers"}
    account.invocations.is_denied = True
    report = account.run(RUN)
    assert report.unreadable == {
        HOME: "asynchronous invocations: AccessDenied; tiers: AccessDenied"
    }
    assert len(report.unmetered) == 2


def test_an_unpublished_notice_is_published_by_the_next_run(
    account: Account,
) -> None:
    account.notifier.refusals = 1
    with pytest.raises(ConnectionError):
        account.run(RUN)
    assert account.sent.sent == {}
    account.run(RUN)
    assert len(account.notifier.notices) == 2


def quiet() -> Account:
    account = Account()
    account.traffic.regions = {HOME: RegionTraffic(HOME)}
    return account


def test_asynchronous_invocations_notify_once_per_model_and_day() -> None:
    account = quiet()
    for number in range(3):
        account.invoke(number)
    report = account.run(RUN)
    assert len(report.invocations) == 3
    (notice,) = account.notifier.notices
    assert f"- {REEL}: 3" in notice.text
    account.invoke(4, minutes_ago=-30)
    assert len(account.run(RUN + timedelta(hours=1)).invocations) == 1
    assert len(account.notifier.notices) == 1


def test_each_invocation_is_counted_in_one_hour() -> None:
    account = quiet()
    for minutes in range(0, 240, 10):
        account.invoke(minutes, minutes_ago=minutes)
    counted = [
        call.arn
        for hours in range(-6, 3)
        for call in account.run(RUN + timedelta(hours=hours)).invocations
    ]
    assert sorted(counted) == sorted(call.arn for call in account.invocations)


def test_the_next_run_notifies_of_an_hour_whose_run_failed() -> None:
    account = quiet()
    account.invoke(minutes_ago=30)
    assert account.run(RUN + timedelta(hours=1)).invocations == ()
    assert len(account.notifier.notices) == 1


def test_an_invocation_reported_by_a_trail_is_not_notified_again() -> None:
    account = quiet()
    for caller in ("arn:aws:iam::1:role/a", "arn:aws:iam::1:role/a", "arn:aws:iam::1:role/b"):
        account.invoke(caller=caller)
    news = [account.auditor.report_invocation(call, NOON) for call in account.invocations]
    assert news == [True, False, True]
    account.invocations[:] = [replace(call, caller=None) for call in account.invocations]
    account.run(RUN)
    assert len(account.notifier.notices) == 2


def test_a_batch_job_notifies_once() -> None:
    account = quiet()
    job = BatchJob("arn:job", HAIKU_3, "Submitted")
    assert account.auditor.is_new(job)
    for _ in range(2):
        account.auditor.report_batch_job(job, NOON)
    assert not account.auditor.is_new(job)
    assert account.subjects == ["Bedrock Meter: a batch job is not logged"]


def test_new_models_and_tiers_of_a_run_share_one_notice() -> None:
    account = quiet()
    account.traffic.tiers = [TierCalls(HAIKU_3, "flex", 4), TierCalls("b", "priority", 2)]
    assert len(account.run(RUN).tiers) == 2
    account.traffic.tiers.append(TierCalls("c", "flex", 1))
    account.run(RUN + timedelta(hours=1))
    first, second = account.notifier.notices
    assert HAIKU_3 in first.text
    assert "- c: 1 calls at flex" in second.text
    assert HAIKU_3 not in second.text


def test_tiers_in_the_logs_are_not_read_from_metrics() -> None:
    account = quiet()
    account.scope = replace(account.scope, are_tiers_logged=True)
    account.traffic.denied = {"tiers"}
    account.traffic.tiers = [TierCalls(HAIKU_3, "flex", 4)]
    report = account.run(RUN)
    assert (report.tiers, report.unreadable, account.subjects) == ((), {}, [])


def test_each_finding_is_an_event_with_its_usage_and_an_id_that_stays(account: Account) -> None:
    account.traffic.tiers = [TierCalls(HAIKU_3, "flex", 4), TierCalls("b", "priority", 2)]
    account.run(RUN)
    events = [event for notice in account.notifier.notices for event in notice.events]
    assert [event.scope for event in events] == [
        {"region": (NORTH,)},
        {"region": (WEST,)},
        {"model": (HAIKU_3,)},
        {"model": ("b",)},
    ]
    kinds = [event.detail["kind"] for event in events]
    assert kinds == ["unmetered_region"] * 2 + ["service_tier"] * 2
    assert "b: 2 calls" not in events[2].text
    account.sent.sent.clear()  # as if the function had ended before it noted what it sent
    account.traffic.tiers.append(TierCalls("c", "flex", 1))
    account.run(RUN + timedelta(minutes=5))
    again = [event for notice in account.notifier.notices[3:] for event in notice.events]
    assert [event.id for event in again[:4]] == [event.id for event in events]
    assert len({event.id for event in again}) == 5


def test_an_asynchronous_invocation_is_an_event_about_its_caller() -> None:
    account = quiet()
    role = "arn:aws:iam::1:role/a"
    account.invoke(caller=role)
    (call,) = account.invocations
    account.auditor.report_invocation(call, NOON)
    (event,) = account.notifier.notices[0].events
    assert event.scope == {"model": (REEL,), "principal": (role,)}
    account.auditor.report_batch_job(BatchJob("arn:job", HAIKU_3, "Submitted"), NOON)
    (event,) = account.notifier.notices[1].events
    assert event.scope == {"model": (HAIKU_3,)}
