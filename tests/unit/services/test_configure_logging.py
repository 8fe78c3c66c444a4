"""Logging is switched on and off without harm to an existing configuration."""

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
FOREIGN, CHANGED = configuration("audit"), configuration("somebody-else-since")
LIVE = {"none": None, "ours": OURS, "foreign": FOREIGN, "changed since": CHANGED}


class Account:
    """An account whose logging is in one of the four states that a request can meet."""

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
def test_creating_and_updating(
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
def test_deleting_removes_or_restores_only_what_is_still_ours(
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
def test_a_failed_update_leaves_something_that_is_recognized_as_ours(
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


def test_an_update_that_was_refused_can_be_rolled_back() -> None:
    """Else the stack would be stuck between what it was and what it should have become."""
    account = Account("none")
    account.put(OURS, REFUSE)
    account.api.live = CHANGED
    with pytest.raises(ForeignConfigurationError):
        account.put(NEW, REFUSE)
    account.put(OURS, REFUSE)
    assert account.api.live == CHANGED
    account.delete()
    assert account.api.live == CHANGED


def test_what_was_replaced_is_restored_after_any_number_of_updates() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.put(NEW, REPLACE)
    account.put(OURS, REPLACE)
    account.delete()
    assert account.api.live == FOREIGN


def test_of_two_that_were_replaced_the_newer_is_restored() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.api.live = CHANGED
    account.put(OURS, REPLACE)
    account.delete()
    assert account.api.live == CHANGED


def test_a_restore_that_is_refused_is_reported_and_ours_goes_all_the_same() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.api.refused = [FOREIGN]
    not_restored = account.delete()
    assert not_restored is not None
    assert not_restored.configuration == FOREIGN
    assert account.api.live is None
    assert account.store.logging_state == LoggingState(found=FOREIGN)


def test_a_restore_that_was_refused_is_made_up_for_by_the_next_deployment() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.api.refused = [FOREIGN]
    account.delete()
    account.delete()  # as CloudFormation does where the first answer got lost
    account.put(NEW, REPLACE)
    account.api.refused = []
    assert account.delete() is None
    assert account.api.live == FOREIGN


def test_adopting_what_was_replaced_puts_it_back() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.put(OURS, ADOPT)
    assert account.api.live == FOREIGN
    account.put(OURS, REPLACE)  # CloudFormation rolls back
    assert account.api.live == OURS
    account.delete()
    assert account.api.live == FOREIGN


def test_adopting_another_group_than_what_was_replaced_is_an_error() -> None:
    account = Account("ours", replaced=CHANGED)
    with pytest.raises(ForeignConfigurationError, match="somebody-else-since, but log group audit"):
        account.put(OURS, ADOPT)
    assert account.api.live == OURS


@pytest.mark.parametrize("since", [None, CHANGED])
def test_an_update_of_an_adoption_that_was_refused_can_be_rolled_back(
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


def test_what_cannot_be_remembered_is_not_done() -> None:
    account = Account("foreign")
    account.store.writes_left = 0
    with pytest.raises(StateUnavailableError):
        account.put(OURS, REPLACE)
    assert account.api.live == FOREIGN


def test_a_memory_that_fails_after_the_step_still_knows_what_is_ours() -> None:
    """A creation that fails is not undone: the step would stay, and its stack would go."""
    account = Account("foreign")
    account.store.writes_left = 1
    account.put(OURS, REPLACE)
    account.store.writes_left = 2
    account.delete()
    assert account.api.live == FOREIGN


@pytest.mark.parametrize("copies", range(9))
@pytest.mark.parametrize("stored", range(5))
def test_wherever_writing_is_interrupted_it_goes_on_where_it_was(stored: int, copies: int) -> None:
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
def test_what_others_wrote_into_the_memory_is_not_put_back(planted: LoggingState) -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.store.logging_state = planted
    not_restored = account.delete()
    assert account.api.live is None
    assert not_restored is not None
    assert not_restored.configuration is None
    assert "differs from the copy" in not_restored.reason
    assert account.store.logging_state == planted


def test_what_others_wrote_into_the_copy_is_not_put_back() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.copy.states = (LoggingState((OURS,), found=PLANTED),)
    assert account.delete() is not None
    assert account.api.live is None


def test_a_configuration_of_others_that_the_memory_calls_ours_is_not_removed() -> None:
    account = Account("ours")
    account.api.live = FOREIGN
    account.store.logging_state = LoggingState((FOREIGN,), found=PLANTED)
    assert account.delete() is not None
    assert account.api.live == FOREIGN


def test_a_memory_that_lost_its_copy_is_not_put_back() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.copy.states = ()
    assert account.delete() is not None
    assert account.api.live is None


def test_nothing_is_deployed_with_a_memory_that_others_wrote() -> None:
    account = Account("foreign")
    account.put(OURS, REPLACE)
    account.store.logging_state = LoggingState((OURS,), found=PLANTED)
    with pytest.raises(AlteredStateError, match="replaced: bucket attacker-bucket"):
        account.put(NEW, REPLACE)
    assert account.api.live == OURS


def test_a_memory_of_the_version_before_is_taken_by_the_first_update() -> None:
    account = Account("ours", replaced=FOREIGN)
    account.copy.states = ()
    account.put(NEW, REPLACE)
    assert account.copy.load() == (account.store.logging_state,)
    assert account.delete() is None
    assert account.api.live == FOREIGN


def test_any_number_of_failed_updates_stays_within_a_parameter() -> None:
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


def test_flags_that_a_region_does_not_know_do_not_make_ours_foreign() -> None:
    account = Account("none")
    account.put(OURS, REFUSE)
    account.api.live = {
        name: value for name, value in OURS.items() if not name.startswith(("video", "audio"))
    }
    account.put(NEW, REFUSE)
    assert account.api.live == NEW


def test_a_flag_that_was_changed_makes_ours_foreign() -> None:
    account = Account("ours")
    account.api.live = OURS | {"textDataDeliveryEnabled": True}
    with pytest.raises(ForeignConfigurationError):
        account.put(NEW, REFUSE)


@pytest.mark.parametrize(
    ("live", "policy", "message"),
    [
        (FOREIGN, REFUSE, "log group audit. Nothing was changed. Either use it as it is"),
        (CHANGED, ADOPT, "log group somebody-else-since, but log group audit"),
        ({"s3Config": {"bucketName": "archive"}}, ADOPT, "bucket archive alone"),
        ({"s3Config": {"bucketName": "archive"}}, REFUSE, "goes to bucket archive"),
        ({"textDataDeliveryEnabled": True}, REFUSE, "goes to nowhere"),
    ],
)
def test_an_error_tells_what_was_found_and_what_to_do(
    live: LoggingConfiguration, policy: ExistingPolicy, message: str
) -> None:
    account = Account("none")
    account.api.live = live
    with pytest.raises(ForeignConfigurationError, match=message):
        account.put(OURS, policy)
    assert account.api.live == live
