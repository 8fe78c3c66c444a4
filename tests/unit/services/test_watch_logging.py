"""A change of invocation logging and its end are each reported once, with the caller."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from lambdas.domain.alerts import Notice
from lambdas.domain.logging_configuration import (
    Drift,
    LoggingChange,
    LoggingConfiguration,
    LoggingState,
    Subject,
    VerifiedState,
    WatchState,
)
from lambdas.domain.logging_configuration.watch_ports import WatchStateChangedError
from lambdas.domain.safeguards.ports import NotReadableError
from lambdas.services.watch_logging import LiveLogging, LoggingWatcher
from tests.fakes import (
    InMemoryChangeHistory,
    InMemoryDeployments,
    InMemoryLoggingApi,
    InMemoryLogGroups,
    InMemoryNotifier,
    InMemoryRoles,
    InMemorySafeguards,
    InMemoryStateCopy,
    InMemoryStateStore,
    InMemoryWatchStateStore,
)
from tests.unit.logging_configuration.deployed import (
    CONFIGURATION,
    CONFIGURATOR,
    DEPLOYED,
    GROUP,
    LIVE_GROUP,
    LIVE_ROLE,
    LOGGING_STATE,
    MALLORY,
    NOON,
    ROLE,
    change,
    group,
    make_session,
)

OFF = "Bedrock's invocation logging is off"


class Account:
    """An account where invocation logging is as it was deployed, and a watcher."""

    def __init__(self) -> None:
        self.api = InMemoryLoggingApi(CONFIGURATION)
        self.store, self.copy = InMemoryStateStore(), InMemoryStateCopy()
        self.save(CONFIGURATION)
        self.groups = InMemoryLogGroups({GROUP: LIVE_GROUP})
        self.roles = InMemoryRoles({ROLE: LIVE_ROLE})
        self.safeguards = InMemorySafeguards()
        self.history = InMemoryChangeHistory()
        self.deployments = InMemoryDeployments()
        self.watch_state = InMemoryWatchStateStore()
        self.notifier = InMemoryNotifier()
        self.watcher = LoggingWatcher(
            deployed=DEPLOYED,
            deploying_role_arn=CONFIGURATOR,
            verified_state=VerifiedState(self.store, self.copy),
            live=LiveLogging(self.api, self.groups, self.roles),
            safeguards=self.safeguards,
            history=self.history,
            deployments=self.deployments,
            watch_state=self.watch_state,
            notifier=self.notifier,
        )

    def save(self, *written: LoggingConfiguration) -> None:
        self.store.logging_state = LoggingState(written)
        self.copy.states = (self.store.logging_state,)

    def check(self, cause: LoggingChange | None = None) -> int:
        """Check at noon; returns the number of differences from the deployment."""
        return len(self.watcher.check(cause, NOON).drifts)

    @property
    def texts(self) -> list[str]:
        """The texts of all notices so far."""
        return [notice.text for notice in self.notifier.notices]

    @property
    def subjects(self) -> list[str]:
        return [notice.subject.removeprefix("Bedrock Meter: ") for notice in self.notifier.notices]


CHANGED = "invocation logging was changed"
RESOLVED = "drift is resolved"
METER_CHANGED = "the meter itself was changed"
METER_TOUCHED = "a change to the meter itself was undone or left no trace"
TOUCHED = "a change to invocation logging was undone or left no trace"


@pytest.fixture
def account() -> Account:
    return Account()


def test_an_unchanged_account_does_not_notify(account: Account) -> None:
    assert [account.check(), account.check()] == [0, 0]
    assert account.texts == []
    assert account.watch_state.state is None


def test_a_change_reported_by_a_trail_is_notified_with_caller_and_change(account: Account) -> None:
    account.api.live = None
    assert account.check(change()) == 1
    assert account.subjects == [CHANGED]
    (text,) = account.texts
    assert f"- {OFF}" in text
    assert (
        f"Changed by: {MALLORY}, with DeleteModelInvocationLoggingConfiguration at"
        " 2026-09-08 11:58:03 UTC."
    ) in text


def test_without_a_trail_the_check_finds_the_change_and_its_caller_in_cloudtrail(
    account: Account,
) -> None:
    account.api.live = None
    deployed = NOON - timedelta(seconds=90)
    account.deployments.over.append((deployed, deployed + timedelta(minutes=1)))
    account.history += [
        change(eventID="old", eventTime="2026-09-08T10:00:00Z"),
        change(eventID="earlier", eventTime="2026-09-08T11:50:00Z", userIdentity=None),
        change(),
        change(
            eventID="ours",
            eventTime="2026-09-08T11:59:00Z",
            userIdentity=make_session(CONFIGURATOR),
        ),
        change("DeleteLogGroup", eventTime="2026-09-08T11:59:30Z", requestParameters=None),
    ]
    account.check()
    (text,) = account.texts
    assert f"Changed by: {MALLORY}" in text


def test_a_change_of_another_log_group_is_not_a_cause(account: Account) -> None:
    del account.groups[GROUP]
    account.history.append(change("DeleteLogGroup", requestParameters={"logGroupName": "other"}))
    account.check()
    (text,) = account.texts
    assert f"log group {GROUP} is gone" in text
    assert "Changed by: not known yet." in text
    assert "DeleteLogGroup, PutRetentionPolicy, DeleteRetentionPolicy" in text


def test_a_change_found_repeatedly_is_notified_once(account: Account) -> None:
    account.api.live = None
    for cause in (change(), change(), None, None):
        assert account.check(cause) == 1
    assert account.subjects == [CHANGED]


def test_a_change_found_by_the_check_is_not_notified_again_by_the_trail(account: Account) -> None:
    account.api.live = None
    account.history.append(change())
    account.check()
    account.check(change())
    assert account.subjects == [CHANGED]


def test_further_drift_is_notified_with_all_drift(account: Account) -> None:
    account.api.live = None
    account.check(change())
    account.groups[GROUP] = group(subscriptions=frozenset())
    account.check()
    assert account.subjects == [CHANGED, CHANGED]
    assert (
        f"- {OFF}\n- log group {GROUP} has no subscription filter of the meter any more"
        in account.texts[-1]
    )


def test_resolved_drift_is_notified_once(account: Account) -> None:
    account.api.live = None
    account.check(change())
    account.api.live = CONFIGURATION
    assert [account.check(), account.check()] == [0, 0]
    assert account.subjects == [CHANGED, RESOLVED]


def test_a_change_undone_before_the_check_is_still_notified(account: Account) -> None:
    account.check(change())
    account.check(change())
    assert account.subjects == [TOUCHED]
    assert f"Changed by: {MALLORY}" in account.texts[0]
    assert (
        "In the meantime, calls might not have been logged, or alarms might not have notified."
        in account.texts[0]
    )


@pytest.mark.parametrize(
    "identity",
    [
        make_session(CONFIGURATOR),
        make_session("arn:aws:iam::1:role/cdk", invokedBy="cloudformation.amazonaws.com"),
    ],
)
def test_changes_by_deployments_do_not_notify(account: Account, identity: dict[str, Any]) -> None:
    renamed = CONFIGURATION | {"textDataDeliveryEnabled": True}
    put = change("PutModelInvocationLoggingConfiguration", userIdentity=identity)
    account.deployments.under_way = True
    account.save(CONFIGURATION, renamed)
    account.api.live = renamed
    account.check(put)
    account.groups[GROUP] = group(retention_days=30)  # a stack after the other
    assert account.check(put) == account.check() == 2
    account.deployments.under_way = False
    account.deployments.over.append((NOON - timedelta(minutes=5), NOON))
    account.save(renamed)
    account.groups[GROUP] = LIVE_GROUP
    account.check(put)
    account.watcher = replace(account.watcher, deployed=replace(DEPLOYED, configuration=renamed))
    account.check()
    assert account.texts == []


BY_CLOUDFORMATION = make_session(
    "arn:aws:iam::1:role/cdk", invokedBy="cloudformation.amazonaws.com"
)


def test_a_change_by_another_stack_is_notified(account: Account) -> None:
    account.api.live = None
    account.check(change(userIdentity=BY_CLOUDFORMATION))
    assert account.subjects == [CHANGED]
    assert "Changed by: arn:aws:sts::111122223333:assumed-role/cdk/session" in account.texts[0]


def test_a_change_by_another_stack_is_found_by_the_check_too(account: Account) -> None:
    account.api.live = None
    account.history.append(change(userIdentity=BY_CLOUDFORMATION))
    account.check()
    assert "Changed by: arn:aws:sts::111122223333:assumed-role/cdk/session" in account.texts[0]


@pytest.mark.parametrize(
    ("at", "subjects"),
    [
        ("2026-09-08T11:49:59Z", [TOUCHED]),
        ("2026-09-08T11:50:00Z", []),
        ("2026-09-08T11:54:59Z", []),
        ("2026-09-08T11:55:00Z", [TOUCHED]),
    ],
)
def test_a_deployment_s_change_reported_after_its_end_does_not_notify(
    account: Account, at: str, subjects: list[str]
) -> None:
    begun = NOON - timedelta(minutes=10)
    account.deployments.over.append((begun, begun + timedelta(minutes=5)))
    account.check(change("PutRolePolicy", eventTime=at, userIdentity=BY_CLOUDFORMATION))
    assert account.subjects == subjects


def test_use_of_the_deploying_role_outside_a_deployment_is_reported(account: Account) -> None:
    account.check(change(userIdentity=make_session(CONFIGURATOR)))
    assert account.subjects == [TOUCHED]


def test_a_deployment_s_change_is_judged_after_its_other_stacks(
    account: Account,
) -> None:
    """The watcher has the environment of the previous version until its stack is deployed."""
    begun = NOON - timedelta(minutes=10)
    account.deployments.over.append((begun, NOON))
    renamed = CONFIGURATION | {"textDataDeliveryEnabled": True}
    account.save(renamed)
    account.api.live = renamed
    assert account.check(change(userIdentity=make_session(CONFIGURATOR))) == 2
    assert account.texts == []
    account.check()
    assert account.subjects == [CHANGED]


def test_a_forged_logging_state_hides_no_drift(account: Account) -> None:
    """An attacker writes the same configuration to Bedrock, the logging state and its copy."""
    theirs = CONFIGURATION | {
        "s3Config": {"bucketName": "attacker-bucket"},
        "textDataDeliveryEnabled": True,
    }
    account.api.live = theirs
    account.save(theirs)
    account.check()
    (text,) = account.texts
    assert "s3Config.bucketName is 'attacker-bucket', was not set" in text
    assert "textDataDeliveryEnabled is True, was False" in text
    assert (
        "saved state of Bedrock's logging configuration does not match the deployed configuration"
        in text
    )


def test_a_planted_configuration_is_reported_before_it_is_restored(account: Account) -> None:
    planted = {"s3Config": {"bucketName": "attacker-bucket"}}
    account.store.logging_state = LoggingState((CONFIGURATION,), found=planted)
    account.check()
    (text,) = account.texts
    assert "in SSM differs from its copy in the state table" in text
    assert "PutParameter, DeleteParameter, DeleteParameters" in text


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("PutParameter", {"name": LOGGING_STATE, "value": "HIDDEN_DUE_TO_SECURITY_REASONS"}),
        ("DeleteParameters", {"names": ["other", LOGGING_STATE]}),
    ],
)
def test_the_caller_that_changed_the_logging_state_is_named(
    account: Account, action: str, parameters: dict[str, Any]
) -> None:
    account.store.logging_state = LoggingState()
    account.history += [
        change(action, eventID="other", requestParameters={"name": "other"}, userIdentity=None),
        change(action, requestParameters=parameters),
    ]
    account.check()
    (text,) = account.texts
    assert f"Changed by: {MALLORY}, with {action} on " in text
    assert LOGGING_STATE in text


def test_an_undone_change_of_the_logging_state_is_reported(account: Account) -> None:
    account.check(change("PutParameter", requestParameters={"name": LOGGING_STATE}))
    assert account.subjects == [TOUCHED]


def test_drift_left_by_a_deployment_is_notified(account: Account) -> None:
    account.groups[GROUP] = group(retention_days=30)
    account.deployments.under_way = True
    account.check()
    assert account.texts == []
    account.deployments.under_way = False
    account.check()
    assert account.subjects == [CHANGED]


def test_another_caller_cannot_hide_behind_a_deployment(account: Account) -> None:
    account.deployments.under_way = True
    account.api.live = None
    account.check(change())
    assert account.subjects == [CHANGED]


def test_an_unpublished_notice_is_published_by_the_next_check(account: Account) -> None:
    account.api.live = None
    account.notifier.refusals = 1
    with pytest.raises(ConnectionError):
        account.check(change())
    state = account.watch_state.load()
    assert replace(state, found_at="") == WatchState((OFF,), ("event-1",), is_reported=False)
    account.check(change())
    account.check()
    assert account.subjects == [CHANGED]
    assert f"Changed by: {MALLORY}" in account.texts[0]


def test_the_state_is_saved_before_the_notice_is_published(account: Account) -> None:
    account.api.live = None

    class Quicker(InMemoryWatchStateStore):
        """Another check that saves the same state at the same time."""

        def load(self) -> WatchState:
            before = super().load()
            self.state = replace(before, drifts=(OFF,))
            return before

    watcher = replace(account.watcher, watch_state=Quicker())
    with pytest.raises(WatchStateChangedError):
        watcher.check(None, NOON)
    assert account.texts == []


def test_a_limited_number_of_events_is_saved(account: Account) -> None:
    for number in range(60):
        account.check(change(eventID=f"event-{number}"))
    assert len(account.watch_state.load().events) == 50
    assert account.watch_state.load().events[-1] == "event-59"
    assert len(account.texts) == 60


def test_the_role_of_adopted_logging_is_not_checked(account: Account) -> None:
    account.roles.clear()
    assert account.check() == 1
    account.store.logging_state = LoggingState(adopted=GROUP)
    account.copy.states = (account.store.logging_state,)
    adopted = replace(DEPLOYED, configuration=None, retention_days=None, role=None)
    adopting = replace(account.watcher, deployed=adopted)
    assert adopting.check(None, NOON + timedelta(minutes=15)).drifts == ()
    assert account.subjects == [CHANGED, RESOLVED]


ALARM = "BedrockMeter-Health-Coverage"
ALARM_GONE = Drift(Subject.ALARM, f"alarms are gone: {ALARM}")


def test_a_deleted_alarm_is_notified_once_with_the_caller(account: Account) -> None:
    account.safeguards.names = frozenset({ALARM})
    account.safeguards.drifts.append(ALARM_GONE)
    account.history.append(
        change("DeleteAlarms", requestParameters={"alarmNames": ["other", ALARM]})
    )
    assert [account.check(), account.check()] == [1, 1]
    assert account.subjects == [METER_CHANGED]
    (text,) = account.texts
    assert f"The meter itself differs from the deployment:\n- alarms are gone: {ALARM}" in text
    assert f"Changed by: {MALLORY}, with DeleteAlarms on other, {ALARM} at" in text
    account.safeguards.drifts.clear()
    account.check()
    assert account.subjects == [METER_CHANGED, RESOLVED]


def test_a_change_of_another_alarm_is_not_a_cause(account: Account) -> None:
    account.safeguards.names = frozenset({ALARM})
    account.safeguards.drifts.append(ALARM_GONE)
    account.history.append(change("DeleteAlarms", requestParameters={"alarmNames": ["other"]}))
    account.check()
    assert "Changed by: not known yet." in account.texts[0]
    assert "DeleteAlarms, DisableAlarmActions" in account.texts[0]


def test_changes_of_logging_and_of_the_meter_share_one_notice(account: Account) -> None:
    account.api.live = None
    account.safeguards.drifts.append(ALARM_GONE)
    assert account.check(change()) == 2
    assert account.subjects == ["invocation logging and the meter itself were changed"]
    assert account.texts[0].splitlines()[:4] == [
        "Invocation logging differs from the deployment:",
        f"- {OFF}",
        "The meter itself differs from the deployment:",
        f"- {ALARM_GONE.text}",
    ]


def forced(**changes: Any) -> LoggingChange:
    """A change that no comparison can show."""
    made: LoggingChange = change(
        "SetAlarmState", **{"requestParameters": {"alarmName": ALARM}} | changes
    )
    return made


def test_a_forced_state_of_an_alarm_is_notified_by_the_trail_and_by_the_check(
    account: Account,
) -> None:
    account.safeguards.names = frozenset({ALARM})
    account.history.append(forced())
    assert [account.check(), account.check(), account.check(forced())] == [0, 0, 0]
    assert account.subjects == [METER_TOUCHED]
    assert f"Changed by: {MALLORY}, with SetAlarmState on {ALARM}" in account.texts[0]


def test_each_of_two_forced_states_is_notified(account: Account) -> None:
    account.safeguards.names = frozenset({ALARM})
    account.history += [forced(), forced(eventID="event-2", eventTime="2026-09-08T11:59:00Z")]
    for _ in range(3):
        account.check()
    assert account.subjects == [METER_TOUCHED, METER_TOUCHED]


def test_an_alarm_that_is_forced_into_alarm_silences_nothing(account: Account) -> None:
    """`make test-notification` does this."""
    test = forced(requestParameters={"alarmName": ALARM, "stateValue": "ALARM"})
    account.safeguards.names = frozenset({ALARM})
    account.history.append(test)
    assert [account.check(), account.check(test)] == [0, 0]
    assert account.texts == []


@pytest.mark.parametrize("state", ["OK", "INSUFFICIENT_DATA"])
def test_an_alarm_that_is_forced_out_of_alarm_is_notified(account: Account, state: str) -> None:
    account.safeguards.names = frozenset({ALARM})
    account.history.append(forced(requestParameters={"alarmName": ALARM, "stateValue": state}))
    account.check()
    assert account.subjects == [METER_TOUCHED]


def test_a_test_of_an_alarm_hides_no_drift(account: Account) -> None:
    account.api.live = None
    account.check(forced(requestParameters={"alarmName": ALARM, "stateValue": "ALARM"}))
    assert account.subjects == [CHANGED]


def test_a_forced_state_of_another_alarm_is_not_notified(account: Account) -> None:
    account.safeguards.names = frozenset({ALARM})
    account.history.append(forced(requestParameters={"alarmName": "other"}))
    account.check()
    assert account.texts == []


def test_code_updated_by_a_deployment_does_not_notify(account: Account) -> None:
    account.safeguards.names = frozenset({"BedrockMeter-Ingestion-LogProcessor"})
    account.deployments.over.append((NOON - timedelta(minutes=10), NOON))
    account.history.append(
        change(
            "UpdateFunctionCode20150331v2",
            requestParameters={"functionName": "BedrockMeter-Ingestion-LogProcessor"},
            userIdentity=BY_CLOUDFORMATION,
        )
    )
    account.check()
    assert account.texts == []


def test_a_partly_published_notice_is_repeated_and_marked(
    account: Account,
) -> None:
    account.api.live = None
    account.notifier.refusals = 2
    for _ in range(2):
        with pytest.raises(ConnectionError):
            account.check(change())
    account.check()
    assert [notice.is_repeated for notice in account.notifier.notices] == [True]


class Unreadable:
    """A port whose every request fails."""

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: object, **__: object) -> None:
            raise NotReadableError("ThrottlingException")  # noqa: EM101  # as an adapter raises it

        return refuse


@pytest.mark.parametrize(
    ("part", "name"),
    [
        ("api", "Bedrock's logging configuration"),
        ("groups", f"log group {GROUP}"),
        ("roles", f"logging role {ROLE}"),
    ],
)
def test_an_unreadable_part_of_logging_is_drift_and_hides_no_other(
    account: Account, part: str, name: str
) -> None:
    live = replace(account.watcher.live, **{part: Unreadable()})
    account.watcher = replace(account.watcher, live=live)
    account.safeguards.drifts.append(ALARM_GONE)
    assert [account.check(), account.check()] == [2, 2]
    (text,) = account.texts
    assert f"- {name} cannot be read: ThrottlingException\n" in text
    assert f"- {ALARM_GONE.text}\n" in text


@pytest.mark.parametrize("part", ["store", "copy"])
def test_an_unreadable_logging_state_is_drift(account: Account, part: str) -> None:
    altered = replace(account.watcher.verified_state, **{part: Unreadable()})
    account.watcher = replace(account.watcher, verified_state=altered)
    account.check()
    (text,) = account.texts
    assert "- the saved state of Bedrock's logging configuration cannot be read: Throttling" in text


@pytest.mark.parametrize(
    ("refused", "gap"),
    [
        ({"load"}, "- what was notified before cannot be read from the state table: Access"),
        ({"save"}, ""),
        ({"load", "save"}, "- what was notified before cannot be read"),
    ],
)
def test_a_check_without_its_state_publishes_its_drift_and_fails(
    account: Account, refused: set[str], gap: str
) -> None:
    """A disabled key blocks the state table and the topic at once."""
    key = Drift(Subject.KEY, "the key of the topic cannot be used: its state is Disabled")
    account.safeguards.drifts.append(key)
    account.watch_state.refused = refused
    for _ in range(2):
        with pytest.raises(NotReadableError, match="AccessDenied"):
            account.check()
    assert account.subjects == [METER_CHANGED, METER_CHANGED]
    assert all(f"- {key.text}\n" in text and gap in text for text in account.texts)
    assert [notice.is_repeated for notice in account.notifier.notices] == [False, False]
    account.watch_state.refused = set()
    account.check()
    account.check()
    assert account.subjects == [METER_CHANGED] * 3


def test_an_unreadable_deployment_status_excuses_nothing(account: Account) -> None:
    account.deployments.under_way = True
    account.deployments.is_readable = False
    account.api.live = None
    account.check(change(userIdentity=make_session(CONFIGURATOR)))
    assert account.subjects == [CHANGED]


def test_an_incomplete_history_is_drift(account: Account) -> None:
    account.history.gaps = ("SetAlarmState: more than 1,000 events",)
    assert [account.check(), account.check()] == [1, 1]
    (text,) = account.texts
    assert (
        "- CloudTrail's event history cannot be read to its end: SetAlarmState: more than" in text
    )


def test_a_notice_fits_every_channel_and_an_omitted_change_is_new(
    account: Account,
) -> None:
    account.safeguards.drifts += [
        Drift(Subject.ALARM, f"alarm {number}: {'x' * 1_000}") for number in range(1_000)
    ]
    names = [f"{'n' * 250}{number}" for number in range(100)]
    account.check(forced(requestParameters={"alarmNames": names}))
    account.safeguards.drifts[-1] = Drift(Subject.ALARM, "alarm 999: other")
    account.check()
    account.check()
    assert len(account.texts) == 2
    assert "and 950 more (" in account.texts[0]
    assert "and 95 more at" in account.texts[0]
    assert max(map(len, account.texts)) < 40_000
    assert len(account.watch_state.load().to_text()) < 40_000


def test_a_notice_suggests_one_short_lookup_command(account: Account) -> None:
    account.api.live = None
    account.safeguards.drifts += [Drift(subject, f"{subject} changed") for subject in Subject]
    account.check()
    (line,) = (line for line in account.texts[0].splitlines() if line.startswith("Changed by: "))
    assert "aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName" in line
    assert "more in docs/tampering.md." in line
    assert len(line) < 700


def test_a_notice_that_is_repeated_has_an_event_with_the_same_id(account: Account) -> None:
    account.api.live = None
    broken = replace(account.watcher, notifier=FailingOnce(account.notifier))
    with pytest.raises(ConnectionError):
        broken.check(None, NOON)
    broken.check(None, NOON + timedelta(minutes=5))
    first, again = (notice.events[0] for notice in account.notifier.notices)
    assert first.id == again.id
    assert (first.at, again.at) == (NOON, NOON)
    assert first.detail["kind"] == "logging_drift"


def test_the_same_drift_at_another_time_is_another_event(account: Account) -> None:
    for hour, live in enumerate([None, CONFIGURATION, None]):
        account.api.live = live
        account.watcher.check(None, NOON + timedelta(hours=hour))
    ids = [notice.events[0].id for notice in account.notifier.notices]
    assert len(set(ids)) == len(ids) == 3


def test_a_state_of_an_earlier_version_is_notified_with_the_time_of_the_check(
    account: Account,
) -> None:
    account.api.live = None
    account.watch_state.state = WatchState((OFF,), (), is_reported=False)
    account.check()
    (notice,) = account.notifier.notices
    assert notice.events[0].at == NOON
    earlier = json.dumps({"drifts": [OFF], "events": [], "is_reported": False})
    assert WatchState.from_text(earlier) == WatchState((OFF,), (), is_reported=False)


class FailingOnce:
    """Publishes the first notice, and fails before it can say so."""

    def __init__(self, notifier: InMemoryNotifier) -> None:
        self.notifier = notifier
        self.has_failed = False

    def publish(self, notice: Notice) -> None:
        self.notifier.publish(notice)
        if not self.has_failed:
            self.has_failed = True
            raise ConnectionError
