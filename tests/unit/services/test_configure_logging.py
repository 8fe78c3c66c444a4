"""Logging is switched on and off without damage to an existing configuration."""

from contextlib import suppress

import pytest

from lambdas.domain.logging_configuration import (
    AlteredStateError,
    ExistingPolicy,
    ForeignConfigurationError,
    LoggingConfiguration,
    LoggingState,
    VerifiedState,
)
from lambdas.domain.logging_configuration.ports import (
    ConfigurationRefusedError,
    StateUnavailableError,
)
from lambdas.services.configure_logging import LoggingConfigurator, NotRestored
from tests.fakes import InMemoryLoggingApi, InMemoryStateCopy, InMemoryStateStore

REFUSE, ADOPT, REPLACE = ExistingPolicy


def configuration(group: str) -> LoggingConfiguration:
    flags = ("text", "image", "embedding", "video", "audio")
    return {
        "cloudWatchConfig": {"logGroupName": group, "roleArn": "arn:aws:iam::1:role/logging"},
        **{f"{flag}DataDeliveryEnabled": False for flag in flags},
    }


OURS, NEW = configuration("ours"), configuration("ours-renamed")
FOREIGN, CHANGED = configuration("audit"), configuration("another-team")
LIVE = {"none": None, "ours": OURS, "foreign": FOREIGN, "changed since": CHANGED}


class Account:
    """An account whose logging is in one of the four states of a request."""

    def __init__(self, state: str, replaced: LoggingConfiguration | None = None) -> None:
        self.api = InMemoryLoggingApi(LIVE[state])
        self.store = InMemoryStateStore()
        self.copy = InMemoryStateCopy()
        if state in ("ours", "changed since"):  # we wrote ours once
            self.save(LoggingState((OURS,), replaced))
        self.configurator = LoggingConfigurator(self.api, VerifiedState(self.store, self.copy))

    def save(self, logging_state: LoggingState) -> None:
        self.store.logging_state, self.copy.states = logging_state, (logging_state,)

    def delete(self) -> NotRestored | None:
        return self.configurator.delete(OURS)

    def put(self, wanted: LoggingConfiguration, policy: ExistingPolicy) -> None:
        self.configurator.put(wanted, policy, adopted_log_group="audit")


@pytest.mark.parametrize(
    ("state", "policy", "live_afterwards"),
    [
        ("none", REFUSE, NEW),
        ("none", ADOPT, "an error"),  # nothing to adopt
        ("none", REPLACE, NEW),
        ("ours", REFUSE, NEW),
        ("ours", ADOPT, "an error"),
        ("ours", REPLACE, NEW),
        ("foreign", REFUSE, "an error"),
        ("foreign", ADOPT, FOREIGN),
        ("foreign", REPLACE, NEW),
        ("changed since", REFUSE, "an error"),
        ("changed since", ADOPT, "an error"),  # it is not the log group that was to be adopted
        ("changed since", REPLACE, NEW),
    ],
)
@pytest.mark.parametrize("request_type", ["create", "update", "rolled-back update"])
def test_creating_and_updating_follow_the_conflict_policy(
    state: str, policy: ExistingPolicy, live_afterwards: object, request_type: str
) -> None:
    account = Account(state)
    if request_type == "rolled-back update" and state == "ours":
        newer = configuration("newer")  # what the update wrote before it was rolled back
        account.api.live = newer
        account.save(LoggingState((OURS, newer)))
    if live_afterwards == "an error":
        before = account.api.live
        with pytest.raises(ForeignConfigurationError):
            account.put(NEW, policy)
        assert account.api.live == before
        return
    account.put(NEW, policy)
    assert account.api.live == live_afterwards


@pytest.mark.parametrize("policy", ExistingPolicy)
@pytest.mark.parametrize(
    ("state", "replaced", "live_afterwards"),
    [
        ("none", None, None),
        ("ours", None, None),
        ("ours", FOREIGN, FOREIGN),
        ("foreign", None, FOREIGN),
        ("changed since", None, CHANGED),
        ("changed since", FOREIGN, CHANGED),
    ],
)
def test_deleting_changes_only_the_meter_s_configuration(
    state: str,
    replaced: LoggingConfiguration | None,
    live_afterwards: LoggingConfiguration | None,
    policy: ExistingPolicy,
) -> None:
    account = Account(state, replaced)
    if state == "foreign" and policy is ADOPT:
        account.put(OURS, ADOPT)
    assert account.delete() is None
    assert account.api.live == live_afterwards
    assert account.store.logging_state == LoggingState()


@pytest.mark.parametrize("policy", ExistingPolicy)
@pytest.mark.parametrize("state", ["none", "foreign", "changed since"])
def test_a_delete_after_a_failed_create_changes_nothing(state: str, policy: ExistingPolicy) -> None:
    account = Account(state)
    account.save(LoggingState())
    account.api.refused = [OURS]
    is_adopted = policy is ADOPT and state == "foreign"
    if not is_adopted:
        with pytest.raises((ForeignConfigurationError, ConfigurationRefusedError)):
            account.put(OURS, policy)
    assert account.delete() is None
    assert account.api.live == LIVE[state]


@pytest.mark.parametrize("fails_after_write", [False, True])
def test_a_configuration_left_by_a_failed_update_is_recognized(
    fails_after_write: bool,
) -> None:
    account = Account("ours")
    account.api.refused = [] if fails_after_write else [NEW]
    if fails_after_write:
        account.put(NEW, REFUSE)
    else:
        with pytest.raises(ConfigurationRefusedError):
            account.put(NEW, REFUSE)
    account.put(OURS, REFUSE)  # CloudFormation rolls back
    assert account.api.live == OURS
    account.delete()
    assert account.api.live is None


def test_a_refused_update_can_be_rolled_back() -> None:
    """Otherwise the stack would be stuck between its old and its new state."""
    account = Account("none")
    account.put(OURS, REFUSE)
    account.api.live = CHANGED
    with pytest.raises(ForeignConfigurationError):
        account.put(NEW, REFUSE)
    account.put(OURS, REFUSE)
    assert account.api.live == CHANGED
    account.delete()
    assert account.api.live == CHANGED


def test_a_replaced_configuration_is_restored_after_any_number_of_updates() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.put(NEW, REPLACE)
    account.put(OURS, REPLACE)
    account.delete()
    assert account.api.live == FOREIGN


def test_the_newer_of_two_replaced_configurations_is_restored() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.api.live = CHANGED
    account.put(OURS, REPLACE)
    account.delete()
    assert account.api.live == CHANGED


def test_a_refused_restore_is_reported_and_the_meter_s_configuration_removed() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.api.refused = [FOREIGN]
    not_restored = account.delete()
    assert not_restored is not None
    assert not_restored.configuration == FOREIGN
    assert account.api.live is None
    assert account.store.logging_state == LoggingState(found=FOREIGN)


def test_the_next_deployment_completes_a_refused_restore() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.api.refused = [FOREIGN]
    account.delete()
    account.delete()  # as CloudFormation does where the first answer got lost
    account.put(NEW, REPLACE)
    account.api.refused = []
    assert account.delete() is None
    assert account.api.live == FOREIGN


def test_adopting_a_replaced_configuration_restores_it() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.put(OURS, ADOPT)
    assert account.api.live == FOREIGN
    account.put(OURS, REPLACE)  # CloudFormation rolls back
    assert account.api.live == OURS
    account.delete()
    assert account.api.live == FOREIGN


def test_adopting_another_group_than_the_replaced_one_is_an_error() -> None:
    account = Account("ours", replaced=CHANGED)
    with pytest.raises(
        ForeignConfigurationError, match="another-team, but adopted_log_group is audit"
    ):
        account.put(OURS, ADOPT)
    assert account.api.live == OURS


@pytest.mark.parametrize("since", [None, CHANGED])
def test_a_refused_update_of_an_adoption_can_be_rolled_back(
    since: LoggingConfiguration | None,
) -> None:
    account = Account("foreign")
    account.put(OURS, ADOPT)
    account.api.live = since
    with pytest.raises(ForeignConfigurationError):
        account.configurator.put(OURS, ADOPT, adopted_log_group="another")
    account.put(OURS, ADOPT)
    account.delete()
    assert account.api.live == since


def test_a_change_that_cannot_be_saved_is_not_made() -> None:
    account = Account("foreign")
    account.store.writes_left = 0
    with pytest.raises(StateUnavailableError):
        account.put(OURS, REPLACE)
    assert account.api.live == FOREIGN


def test_a_failed_save_after_the_change_keeps_the_meter_s_configuration_known() -> None:
    """A creation that fails is not undone: the step would stay, and its stack would go."""
    account = Account("foreign")
    account.store.writes_left = 1
    account.put(OURS, REPLACE)
    account.store.writes_left = 2
    account.delete()
    assert account.api.live == FOREIGN


@pytest.mark.parametrize("copies", range(9))
@pytest.mark.parametrize("stored", range(5))
def test_an_interrupted_write_is_resumed_at_any_step(stored: int, copies: int) -> None:
    account = Account("foreign")
    account.store.writes_left, account.copy.writes_left = stored, copies
    with suppress(StateUnavailableError):
        account.put(OURS, REPLACE)
        account.put(NEW, REPLACE)
        account.delete()
    account.store.writes_left = account.copy.writes_left = 1_000
    account.put(OURS, REPLACE)
    assert account.api.live == OURS
    assert account.delete() is None
    assert account.api.live == FOREIGN


PLANTED: LoggingConfiguration = {
    "s3Config": {"bucketName": "attacker-bucket"},
    "textDataDeliveryEnabled": True,
}


@pytest.mark.parametrize(
    "planted",
    [
        LoggingState((OURS,), found=PLANTED),
        LoggingState(found=PLANTED),
        LoggingState(),
        LoggingState(adopted="audit"),
    ],
)
def test_a_foreign_write_to_the_logging_state_is_not_restored(planted: LoggingState) -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.store.logging_state = planted
    not_restored = account.delete()
    assert account.api.live is None
    assert not_restored is not None
    assert not_restored.configuration is None
    assert "differs from the copy" in not_restored.reason
    assert account.store.logging_state == planted


def test_a_foreign_write_to_the_state_copy_is_not_restored() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.copy.states = (LoggingState((OURS,), found=PLANTED),)
    assert account.delete() is not None
    assert account.api.live is None


def test_a_foreign_configuration_claimed_by_the_logging_state_is_not_removed() -> None:
    account = Account("ours")
    account.api.live = FOREIGN
    account.store.logging_state = LoggingState((FOREIGN,), found=PLANTED)
    assert account.delete() is not None
    assert account.api.live == FOREIGN


def test_a_logging_state_without_its_copy_is_not_restored() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.copy.states = ()
    assert account.delete() is not None
    assert account.api.live is None


def test_a_foreign_logging_state_stops_a_deployment() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.store.logging_state = LoggingState((OURS,), found=PLANTED)
    with pytest.raises(AlteredStateError, match="replaced: bucket attacker-bucket"):
        account.put(NEW, REPLACE)
    assert account.api.live == OURS


def test_the_first_update_takes_over_the_state_of_the_previous_version() -> None:
    account = Account("ours", replaced=FOREIGN)
    account.copy.states = ()
    account.put(NEW, REPLACE)
    assert account.copy.load() == (account.store.logging_state,)
    assert account.delete() is None
    assert account.api.live == FOREIGN


def test_the_state_of_any_number_of_failed_updates_fits_into_a_parameter() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    for number in range(50):
        newer = configuration(f"a-group-that-bedrock-does-not-take-{number}")
        account.api.refused = [newer]
        with pytest.raises(ConfigurationRefusedError):
            account.put(newer, REPLACE)
    assert len(account.store.logging_state.to_text()) < 4_096
    account.delete()
    assert account.api.live == FOREIGN


def test_flags_unknown_to_a_region_do_not_make_the_configuration_foreign() -> None:
    account = Account("none")
    account.put(OURS, REFUSE)
    account.api.live = {
        name: value for name, value in OURS.items() if not name.startswith(("video", "audio"))
    }
    account.put(NEW, REFUSE)
    assert account.api.live == NEW


def test_a_changed_flag_makes_the_configuration_foreign() -> None:
    account = Account("ours")
    account.api.live = OURS | {"textDataDeliveryEnabled": True}
    with pytest.raises(ForeignConfigurationError):
        account.put(NEW, REFUSE)


@pytest.mark.parametrize(
    ("live", "policy", "message"),
    [
        (FOREIGN, REFUSE, "log group audit. Nothing was changed. Either use it as it is"),
        (CHANGED, ADOPT, "log group another-team, but adopted_log_group is audit"),
        ({"s3Config": {"bucketName": "archive"}}, ADOPT, "goes only to bucket archive"),
        ({"s3Config": {"bucketName": "archive"}}, REFUSE, "goes to bucket archive"),
        ({"textDataDeliveryEnabled": True}, REFUSE, "goes to nowhere"),
    ],
)
def test_an_error_describes_the_found_configuration_and_the_fix(
    live: LoggingConfiguration, policy: ExistingPolicy, message: str
) -> None:
    account = Account("none")
    account.api.live = live
    with pytest.raises(ForeignConfigurationError, match=message):
        account.put(OURS, policy)
    assert account.api.live == live
