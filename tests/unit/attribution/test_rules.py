"""What configuration says of attribution: checked when it is read, and each for its time."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from lambdas.domain.attribution import (
    AttributionPattern,
    AttributionRules,
    InvalidRuleError,
    Labels,
    TrustedPrincipal,
    TrustedProfile,
)
from lambdas.domain.invocations import CallerIdentity
from tests.builders import ANA, BEN, HAIKU_3, NOON, SONNET_4

ACCOUNT = "111122223333"
ROLE = {"account_id": ACCOUNT, "principal": "role/chat"}
SECOND = timedelta(seconds=1)


def trusted(principal: str = "role/chat", **changes: Any) -> TrustedPrincipal:
    given: dict[str, Any] = {"account_id": ACCOUNT, "effective_from": NOON}
    return TrustedPrincipal(**(given | {"principal": principal} | changes))


def pattern(**changes: Any) -> AttributionPattern:
    given: dict[str, Any] = {"effective_from": NOON, "project": "search"}
    return AttributionPattern(**(given | changes))


def trusts(rule: TrustedPrincipal, arn: str) -> bool:
    return AttributionRules(trusted_principals=(rule,)).trusts(CallerIdentity.from_arn(arn), NOON)


def session(role: str, name: str = "s", account_id: str = ACCOUNT) -> str:
    return f"arn:aws:sts::{account_id}:assumed-role/{role}/{name}"


# Who is trusted.


def test_nobody_is_trusted_unless_somebody_is_named() -> None:
    assert not AttributionRules().trusts(CallerIdentity.from_arn(ANA), NOON)


@pytest.mark.parametrize(
    ("principal", "arn"),
    [
        ("role/chat", ANA),
        ("role/chat", "arn:aws:iam::111122223333:role/service/chat"),
        ("role/ch*", ANA),
        ("role/chat*", ANA),
        ("user/ben", BEN),
        ("user/ben", "arn:aws:iam::111122223333:user/staff/ben"),
        ("root", "arn:aws:iam::111122223333:root"),
    ],
)
def test_a_principal_is_trusted_by_its_name_or_the_beginning_of_it(
    principal: str, arn: str
) -> None:
    assert trusts(trusted(principal), arn)


@pytest.mark.parametrize(
    "arn",
    [
        pytest.param(session("chat", account_id="444455556666"), id="another_account"),
        pytest.param(session("chat-2"), id="a_longer_name"),
        pytest.param(session("Chat"), id="another_case"),
        pytest.param(session("other", name="chat"), id="session_name"),
        pytest.param(session("other", name="role/chat"), id="session_name_like_a_principal"),
        pytest.param("arn:aws:iam::111122223333:user/chat", id="user"),
        pytest.param("arn:aws:sts::111122223333:federated-user/role/chat", id="federated_user"),
        pytest.param("role/chat", id="bare_text"),
        pytest.param("arn:aws:sts::111122223333:assumed-role/chat", id="no_session"),
        pytest.param("unknown", id="unknown"),
    ],
)
def test_nobody_else_is_trusted(arn: str) -> None:
    assert not trusts(trusted("role/chat"), arn)


def test_rules_hold_from_their_first_moment_to_before_the_moment_of_their_end() -> None:
    rule = trusted(effective_until=NOON + 2 * SECOND)
    times = [NOON + SECOND * seconds for seconds in (-1, 0, 1, 2)]
    assert [rule.is_in_effect(when) for when in times] == [False, True, True, False]
    assert trusted().is_in_effect(datetime(9999, 1, 1, tzinfo=UTC))


# Patterns.


@pytest.mark.parametrize(
    "conditions",
    [
        {"account_id": ACCOUNT},
        {"account_id": ACCOUNT, "principal": "role/chat"},
        {"account_id": ACCOUNT, "principal": "role/c*"},
        {**ROLE, "session_name": "ana@example.com"},
        {**ROLE, "session_name": "ana@*"},
        {"model_id": HAIKU_3},
        {"model_id": "anthropic.*"},
        {"account_id": ACCOUNT, "principal": "role/c*", "session_name": "ana*", "model_id": "an*"},
    ],
)
def test_a_pattern_matches_whom_all_of_it_describes(conditions: dict[str, str]) -> None:
    assert pattern(**conditions).matches(CallerIdentity.from_arn(ANA), HAIKU_3)


@pytest.mark.parametrize(
    "conditions",
    [
        {"account_id": "444455556666"},
        {"account_id": ACCOUNT, "principal": "role/cha"},
        {"account_id": ACCOUNT, "principal": "user/chat"},
        {**ROLE, "session_name": "ana"},
        {**ROLE, "session_name": "b*"},
        {"model_id": SONNET_4},
        {"model_id": SONNET_4, "account_id": ACCOUNT, "principal": "role/chat"},
    ],
)
def test_a_pattern_matches_nobody_whom_a_part_of_it_does_not_describe(
    conditions: dict[str, str],
) -> None:
    assert not pattern(**conditions).matches(CallerIdentity.from_arn(ANA), HAIKU_3)


def test_who_has_no_session_matches_no_session() -> None:
    caller = CallerIdentity.from_arn("arn:aws:iam::111122223333:role/chat")
    assert pattern(**ROLE).matches(caller, HAIKU_3)
    assert not pattern(**ROLE, session_name="b*").matches(caller, HAIKU_3)


# What cannot be meant so.


@pytest.mark.parametrize("account_id", ["", "1111", "11112222333a", "\u0661" * 12, "*"])
def test_an_account_has_12_digits(account_id: str) -> None:
    for make in (trusted, pattern):
        with pytest.raises(InvalidRuleError, match="account_id: allowed: the 12 digits"):
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
def test_a_principal_says_what_it_is_and_ends_at_its_star(principal: str) -> None:
    for make in (trusted, pattern):
        with pytest.raises(InvalidRuleError, match="principal: allowed: root, role/NAME"):
            make(account_id=ACCOUNT, principal=principal)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({}, "pattern: allowed: at least one of account_id"),
        ({"principal": "role/chat", "model_id": "a"}, "principal: allowed: together with account"),
        ({"session_name": "a"}, "pattern: allowed: at least one of account_id"),
        ({"session_name": "a", "model_id": "a"}, "session_name: allowed: together with account_id"),
        ({"session_name": "*"}, "pattern: allowed: at least one of account_id"),
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
def test_a_pattern_that_cannot_be_meant_so_is_told(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(InvalidRuleError, match=told):
        pattern(**changes)


@pytest.mark.parametrize("principal", [None, "role/*", "user/ben", "root", "federated-user/eva"])
def test_a_session_goes_with_a_role_for_its_name_is_chosen_by_whoever_may_assume_that(
    principal: str | None,
) -> None:
    with pytest.raises(InvalidRuleError, match="session_name: allowed: together with account_id"):
        pattern(account_id=ACCOUNT, principal=principal, session_name="ana")


@pytest.mark.parametrize("principal", ["federated-user/eva", "federated-user/*"])
def test_nobody_is_trusted_by_a_name_of_their_choice(principal: str) -> None:
    assert pattern(account_id=ACCOUNT, principal=principal).principal == principal
    with pytest.raises(InvalidRuleError, match="chooses its name, so let it assume a role"):
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
def test_a_model_that_no_call_is_put_down_to_is_told_with_the_one_behind_it(model_id: str) -> None:
    told = "model_id: allowed: the foundation model .* so (anthropic|application-inference-prof)"
    with pytest.raises(InvalidRuleError, match=told):
        pattern(model_id=model_id)


@pytest.mark.parametrize("model_id", ["amazon.nova-lite-v1:0", "us*", "imported-model/*", HAIKU_3])
def test_a_model_by_the_id_that_calls_have_is_taken(model_id: str) -> None:
    assert pattern(model_id=model_id).model_id == model_id


@pytest.mark.parametrize("name", ["effective_from", "effective_until"])
def test_a_time_without_its_zone_is_none(name: str) -> None:
    naive = (NOON + SECOND).replace(tzinfo=None)
    with pytest.raises(InvalidRuleError, match=f"{name}: allowed: a time with its zone"):
        trusted("role/chat", **{name: naive})


@pytest.mark.parametrize("until", [NOON, NOON - SECOND])
def test_a_rule_does_not_end_before_it_starts(until: datetime) -> None:
    with pytest.raises(InvalidRuleError, match="effective_until: allowed: a time after"):
        pattern(model_id="a", effective_until=until)


# Configuration.

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
adapter = TypeAdapter(AttributionRules)


def test_rules_are_read_from_configuration_and_written_back() -> None:
    rules = adapter.validate_python(CONFIGURATION)
    assert rules.label_names.project == ("project", "Cost-Center")
    assert rules.label_names.department == ("department",)
    assert rules.trusted_principals[0].effective_from == datetime(2026, 9, 1, tzinfo=UTC)
    assert rules.patterns[0].labels == Labels(project="chat")
    assert adapter.validate_json(adapter.dump_json(rules)) == rules
    assert adapter.validate_python({}) == AttributionRules()


@pytest.mark.parametrize("field", ["effective_from", "effective_until"])
@pytest.mark.parametrize("value", [20260901, 1.5, "20260901", "2026", "+5", "", True])
def test_a_time_is_text_and_no_number_of_seconds(field: str, value: object) -> None:
    for part in ("trusted_principals", "patterns"):
        rule = CONFIGURATION[part][0] | {field: value}
        with pytest.raises(ValidationError, match=rf"{part}\.0\.{field}\n.*allowed: ISO 8601 text"):
            adapter.validate_python({part: [rule]})


@pytest.mark.parametrize("part", ["label_names", "trusted_principals", "patterns", "rules"])
def test_a_misspelt_field_in_configuration_is_told(part: str) -> None:
    misspelt = {"effective_form": "2026-09-01T00:00:00Z"}
    match CONFIGURATION.get(part):
        case [rule]:
            configuration: dict[str, Any] = {part: [rule | misspelt]}
        case dict(names):
            configuration = {part: names | misspelt}
        case _:
            configuration = misspelt
    with pytest.raises(ValidationError, match="effective_form\n"):
        adapter.validate_python(configuration)


def test_a_rule_that_cannot_be_meant_so_is_told_with_its_place() -> None:
    rule = CONFIGURATION["patterns"][0] | {"account_id": "1"}
    with pytest.raises(ValidationError, match=r"patterns\.0\n.*account_id: allowed: the 12 digits"):
        adapter.validate_python({"patterns": [rule]})


PROFILES = f"arn:aws:bedrock:us-east-1:{ACCOUNT}:application-inference-profile/"


@pytest.mark.parametrize("profile", [f"{PROFILES}abc123", f"{PROFILES}abc*", f"{PROFILES}*"])
def test_trusted_profiles_are_named_by_arn(profile: str) -> None:
    rule = {"profile": profile, "effective_from": "2026-09-01T00:00:00Z"}
    rules = adapter.validate_python({"trusted_profiles": [rule]})
    assert rules.trusts_profile(f"{PROFILES}abc123", NOON)
    assert not rules.trusts_profile(f"{PROFILES}abc123", datetime(2026, 8, 1, tzinfo=UTC))
    assert not rules.trusts_profile(PROFILES.replace("1111", "2222"), NOON)


@pytest.mark.parametrize("profile", ["*", "arn:*", "abc123", f"{PROFILES}", f"{PROFILES}a*b"])
def test_trusted_profile_without_its_account_is_refused(profile: str) -> None:
    with pytest.raises(InvalidRuleError, match="profile: allowed: the ARN"):
        TrustedProfile(profile=profile, effective_from=NOON)


def test_date_from_which_own_tags_decide_has_a_zone() -> None:
    rules = adapter.validate_python({"own_tags_first_from": "2026-09-01T00:00:00Z"})
    assert rules.puts_own_tags_first(datetime(2026, 9, 1, tzinfo=UTC))
    assert not rules.puts_own_tags_first(datetime(2026, 8, 31, tzinfo=UTC))
    with pytest.raises(InvalidRuleError, match="own_tags_first_from: allowed: a time"):
        AttributionRules(own_tags_first_from=datetime(2026, 9, 1))  # noqa: DTZ001


@pytest.mark.parametrize("principal", ["role/*", "user/*"])
def test_whole_account_is_not_trusted(principal: str) -> None:
    with pytest.raises(InvalidRuleError, match="principal: allowed: not every role"):
        TrustedPrincipal(account_id=ACCOUNT, principal=principal, effective_from=NOON)
