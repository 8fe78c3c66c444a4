"""Attribution rules are validated when read, and errors say what to write instead."""

from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from lambdas.domain.attribution import AttributionRules, Labels
from lambdas.wiring.attribution_rules import (
    MAX_NAMES,
    AttributionPatternSetting,
    AttributionSetting,
    LabelNamesSetting,
    TrustedPrincipalSetting,
    TrustedProfileSetting,
)
from tests.builders import HAIKU_3, NOON

ACCOUNT = "111122223333"
ROLE = {"account_id": ACCOUNT, "principal": "role/chat"}
SECOND = timedelta(seconds=1)


def trusted(principal: str = "role/chat", **changes: Any) -> TrustedPrincipalSetting:
    given: dict[str, Any] = {"account_id": ACCOUNT, "effective_from": NOON}
    return TrustedPrincipalSetting(**(given | {"principal": principal} | changes))


def pattern(**changes: Any) -> AttributionPatternSetting:
    given: dict[str, Any] = {"effective_from": NOON, "project": "search"}
    return AttributionPatternSetting(**(given | changes))


def refused(reason: str) -> AbstractContextManager[Any]:
    """Expect an error that names a field and its allowed values."""
    field, _, what = reason.partition(": ")
    return pytest.raises(ValidationError, match=rf"{field}(\n.*error, |: ){what}")


@pytest.mark.parametrize("account_id", ["", "1111", "11112222333a", "\u0661" * 12, "*"])
def test_an_account_has_12_digits(account_id: str) -> None:
    for make in (trusted, pattern):
        with refused("account_id: allowed: the 12 digits"):
            make(account_id=account_id)


@pytest.mark.parametrize(
    "principal",
    [
        *(
            "",
            "*",
            "chat",
            "role",
            "role/",
            "ro*",
            "role/*chat",
            "role/a*b*",
            "root*",
            "session/ana",
        ),
        *("role/service/chat", "user/staff/*", "role/a b", "user/ren\u00e9"),
    ],
)
def test_a_principal_has_a_type_and_at_most_a_trailing_wildcard(principal: str) -> None:
    for make in (trusted, pattern):
        with refused("principal: allowed: root, role/NAME"):
            make(account_id=ACCOUNT, principal=principal)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({}, "pattern: allowed: at least one of account_id"),
        ({"principal": "role/chat", "model_id": "a"}, "principal: allowed: together with account"),
        ({"session_name": "a"}, "pattern: allowed: at least one of account_id"),
        ({"session_name": "a", "model_id": "a"}, "session_name: allowed: together with account_id"),
        ({"session_name": "*"}, "session_name: allowed: text as AWS has it, whole"),
        ({**ROLE, "session_name": "*"}, "session_name: allowed: text as AWS has it, whole"),
        ({**ROLE, "session_name": ""}, "session_name: allowed: text as AWS has it, whole"),
        (
            {**ROLE, "session_name": "bob@.*|ana"},
            "session_name: allowed: text as AWS has it, whole",
        ),
        ({"model_id": "*claude"}, "model_id: allowed: text as AWS has it, whole"),
        ({"model_id": "a", "project": None}, "pattern: allowed: at least one of project"),
        ({"model_id": "a", "project": ""}, "project: allowed: 1 to 256 printable"),
        ({"model_id": "a", "project": "a\n"}, "project: allowed: 1 to 256 printable"),
        ({"model_id": "a", "project": "x" * 257}, "project: allowed: 1 to 256 printable"),
        ({"model_id": "a", "department": "unattributed"}, "department: allowed"),
        ({"model_id": "a", "use_case": "__other__"}, "use_case: allowed"),
    ],
)
def test_an_invalid_pattern_is_reported(changes: dict[str, Any], reason: str) -> None:
    with refused(reason):
        pattern(**changes)


@pytest.mark.parametrize("principal", [None, "role/*", "user/ben", "root", "federated-user/eva"])
def test_a_session_pattern_requires_a_role(
    principal: str | None,
) -> None:
    with refused("session_name: allowed: together with account_id"):
        pattern(account_id=ACCOUNT, principal=principal, session_name="ana")


@pytest.mark.parametrize("principal", ["federated-user/eva", "federated-user/*"])
def test_a_caller_chosen_name_cannot_be_trusted(principal: str) -> None:
    assert pattern(account_id=ACCOUNT, principal=principal).principal == principal
    with refused("principal: .*chooses its name, so let it assume a role"):
        trusted(principal)


@pytest.mark.parametrize(
    "model_id",
    [
        *("us.anthropic.claude-sonnet-4-20250514-v1:0", "global.anthropic.*", "us.anthropic*"),
        f"arn:aws:bedrock:us-east-1::foundation-model/{HAIKU_3}",
        f"arn:aws:bedrock:us-east-1:{ACCOUNT}:inference-profile/us.anthropic.*",
        f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/a1b2c3",
    ],
)
def test_a_model_that_no_call_has_is_reported_with_the_right_one(model_id: str) -> None:
    reason = "model_id: allowed: the foundation model .* so (anthropic|application-inference-prof)"
    with refused(reason):
        pattern(model_id=model_id)


@pytest.mark.parametrize("model_id", ["amazon.nova-lite-v1:0", "us*", "imported-model/*", HAIKU_3])
def test_a_model_id_as_in_calls_is_accepted(model_id: str) -> None:
    assert pattern(model_id=model_id).model_id == model_id


@pytest.mark.parametrize("name", ["effective_from", "effective_until"])
def test_a_time_without_a_zone_is_refused(name: str) -> None:
    naive = (NOON + SECOND).replace(tzinfo=None)
    with refused(f"{name}: allowed: a time with its zone"):
        trusted("role/chat", **{name: naive})


@pytest.mark.parametrize("until", [NOON, NOON - SECOND])
def test_a_rule_that_ends_before_it_starts_is_refused(until: datetime) -> None:
    with refused("effective_until: allowed: a time after"):
        pattern(model_id="a", effective_until=until)


CONFIGURATION: dict[str, Any] = {
    "label_names": {"project": ["project", "Cost-Center"]},
    "trusted_principals": [
        {
            "account_id": ACCOUNT,
            "principal": "role/gateway",
            "effective_from": "2026-09-01T00:00:00Z",
        }
    ],
    "patterns": [
        {
            "account_id": ACCOUNT,
            "principal": "role/chat*",
            "project": "chat",
            "effective_from": "2026-09-01T00:00:00+02:00",
        }
    ],
}


def test_rules_are_read_from_configuration_and_written_back() -> None:
    setting = AttributionSetting.model_validate(CONFIGURATION)
    assert AttributionSetting.model_validate_json(setting.model_dump_json()) == setting
    rules = setting.to_domain()
    assert rules.label_names.project == ("project", "Cost-Center")
    assert rules.label_names.department == ("department",)
    assert rules.trusted_principals[0].effective_from == datetime(2026, 9, 1, tzinfo=UTC)
    assert rules.patterns[0].labels == Labels(project="chat")
    assert AttributionSetting().to_domain() == AttributionRules()


@pytest.mark.parametrize("field", ["effective_from", "effective_until"])
@pytest.mark.parametrize("value", [20260901, 1.5, "20260901", "2026", "+5", "", True])
def test_a_time_is_text_not_a_number_of_seconds(field: str, value: object) -> None:
    for part in ("trusted_principals", "patterns"):
        rule = CONFIGURATION[part][0] | {field: value}
        with pytest.raises(ValidationError, match=rf"{part}\.0\.{field}\n.*allowed: ISO 8601 text"):
            AttributionSetting.model_validate({part: [rule]})


@pytest.mark.parametrize("part", ["label_names", "trusted_principals", "patterns", "rules"])
def test_a_misspelt_field_is_reported(part: str) -> None:
    misspelt = {"effective_form": "2026-09-01T00:00:00Z"}
    match CONFIGURATION.get(part):
        case [rule]:
            configuration: dict[str, Any] = {part: [rule | misspelt]}
        case dict(names):
            configuration = {part: names | misspelt}
        case _:
            configuration = misspelt
    with pytest.raises(ValidationError, match="effective_form\n"):
        AttributionSetting.model_validate(configuration)


def test_an_invalid_rule_is_reported_with_its_position() -> None:
    rule = CONFIGURATION["patterns"][0] | {"account_id": "1"}
    with pytest.raises(ValidationError, match=r"patterns\.0\.account_id\n.*allowed: the 12 digits"):
        AttributionSetting.model_validate({"patterns": [rule]})


PROFILES = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/"


@pytest.mark.parametrize("profile", [f"{PROFILES}abc123", f"{PROFILES}abc*", f"{PROFILES}*"])
def test_trusted_profiles_are_named_by_arn(profile: str) -> None:
    rule = {"profile": profile, "effective_from": "2026-09-01T00:00:00Z"}
    rules = AttributionSetting.model_validate({"trusted_profiles": [rule]}).to_domain()
    assert rules.trusts_profile(f"{PROFILES}abc123", NOON)
    assert not rules.trusts_profile(f"{PROFILES}abc123", datetime(2026, 8, 1, tzinfo=UTC))
    assert not rules.trusts_profile(PROFILES.replace("1111", "2222"), NOON)


@pytest.mark.parametrize("profile", ["*", "arn:*", "abc123", f"{PROFILES}", f"{PROFILES}a*b"])
def test_a_trusted_profile_without_an_account_is_refused(profile: str) -> None:
    with refused("profile: allowed: the ARN"):
        TrustedProfileSetting(profile=profile, effective_from=NOON)


def test_the_date_from_which_caller_tags_decide_has_a_zone() -> None:
    setting = AttributionSetting.model_validate({"own_tags_first_from": "2026-09-01T00:00:00Z"})
    rules = setting.to_domain()
    assert rules.puts_own_tags_first(datetime(2026, 9, 1, tzinfo=UTC))
    assert not rules.puts_own_tags_first(datetime(2026, 8, 31, tzinfo=UTC))
    with refused("own_tags_first_from: allowed: a time"):
        AttributionSetting(own_tags_first_from=datetime(2026, 9, 1))  # noqa: DTZ001


@pytest.mark.parametrize("principal", ["role/*", "user/*"])
def test_a_whole_account_cannot_be_trusted(principal: str) -> None:
    with refused("principal: allowed: not every role"):
        TrustedPrincipalSetting(account_id=ACCOUNT, principal=principal, effective_from=NOON)


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        ({"project": ("a",) * (MAX_NAMES + 1)}, "project: allowed: 3 names at most"),
        ({"department": ("",)}, "department: allowed: names of 1 to 128 characters"),
        ({"department": (" ",)}, "department: allowed: names of 1 to 128 characters"),
        ({"use_case": ("x" * 129,)}, "use_case: allowed: names of 1 to 128 characters"),
        ({"project": ("a", "A")}, "label_names: allowed: each name once"),
        ({"use_case": ("Project",)}, "label_names: allowed: each name once"),
    ],
)
def test_invalid_label_names_are_reported(names: dict[str, tuple[str, ...]], reason: str) -> None:
    with refused(reason):
        LabelNamesSetting(**names)
