"""Attribution rules match their callers during their period."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lambdas.domain.attribution import (
    AttributionPattern,
    AttributionRules,
    TrustedPrincipal,
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


# Trusted principals.


def test_no_principal_is_trusted_by_default() -> None:
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
def test_a_principal_is_trusted_by_name_or_prefix(principal: str, arn: str) -> None:
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
def test_other_principals_are_not_trusted(arn: str) -> None:
    assert not trusts(trusted("role/chat"), arn)


def test_rules_include_their_start_and_exclude_their_end() -> None:
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
def test_a_pattern_matches_if_every_part_matches(conditions: dict[str, str]) -> None:
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
def test_a_pattern_does_not_match_if_any_part_differs(
    conditions: dict[str, str],
) -> None:
    assert not pattern(**conditions).matches(CallerIdentity.from_arn(ANA), HAIKU_3)


def test_a_caller_without_a_session_matches_no_session_pattern() -> None:
    caller = CallerIdentity.from_arn("arn:aws:iam::111122223333:role/chat")
    assert pattern(**ROLE).matches(caller, HAIKU_3)
    assert not pattern(**ROLE, session_name="b*").matches(caller, HAIKU_3)
