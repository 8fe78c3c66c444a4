"""Each caller is denied in its own way, or not at all, with a reason and an advice."""

from dataclasses import replace

import pytest

from lambdas.domain.brake import (
    Exemption,
    NotEnforceable,
    PrincipalKind,
    PrincipalTarget,
    RoleFacts,
    SessionTarget,
    check_role,
    choose_target,
)
from tests.brake import ACCOUNT
from tests.builders import ANA, BEN
from tests.unit.brake.builders import ANA_SESSION, BEN_USER, CHAT, RULES

ALLOWED = {"bedrock-meter-brake": "allowed"}


@pytest.mark.parametrize(
    ("arn", "target"),
    [
        (BEN, BEN_USER),
        ("arn:aws:iam::111122223333:user/team/ben", BEN_USER),
        (
            "arn:aws:iam::111122223333:user/BedrockAPIKey-abcd",
            PrincipalTarget("aws", ACCOUNT, PrincipalKind.USER, "BedrockAPIKey-abcd"),
        ),
        ("arn:aws:iam::111122223333:role/chat", CHAT),
        (ANA, ANA_SESSION),
    ],
)
def test_users_roles_and_sessions_are_targets(
    arn: str, target: PrincipalTarget | SessionTarget
) -> None:
    assert choose_target(arn, RULES) == target


@pytest.mark.parametrize("target", [BEN_USER, CHAT, ANA_SESSION])
def test_the_arn_of_a_target_leads_to_it(target: PrincipalTarget | SessionTarget) -> None:
    assert choose_target(target.arn, RULES) == target


@pytest.mark.parametrize(
    ("arn", "exemption"),
    [
        ("arn:aws:iam::111122223333:root", Exemption.ROOT),
        ("arn:aws:sts::111122223333:federated-user/eve", Exemption.FEDERATED_USER),
        ("arn:aws:iam::999999999999:user/eve", Exemption.OTHER_ACCOUNT),
        ("arn:aws-cn:iam::111122223333:user/eve", Exemption.OTHER_ACCOUNT),
        ("unknown", Exemption.UNKNOWN_CALLER),
        ("conflicting", Exemption.UNKNOWN_CALLER),
        (
            "arn:aws:sts::111122223333:assumed-role/AWSReservedSSO_Admin_0123/ana",
            Exemption.IDENTITY_CENTER,
        ),
        ("arn:aws:iam::111122223333:role/AWSReservedSSO_Admin_0123", Exemption.IDENTITY_CENTER),
        (
            "arn:aws:iam::111122223333:role/AWSServiceRoleForAmazonBedrock",
            Exemption.SERVICE_LINKED,
        ),
        ("arn:aws:iam::111122223333:role/BedrockMeter-Ingestion-X-1", Exemption.METER_OR_CDK),
        (
            "arn:aws:iam::111122223333:role/BedrockMeter-GatewayCaller-us-east-1",
            Exemption.GATEWAY_CALLER,
        ),
        (
            "arn:aws:sts::111122223333:assumed-role/BedrockMeter-Test-GatewayCaller-us-east-1/ana",
            Exemption.GATEWAY_CALLER,
        ),
        (
            "arn:aws:sts::111122223333:assumed-role/cdk-x-deploy-role-111122223333-eu-west-1/x1",
            Exemption.METER_OR_CDK,
        ),
    ],
)
def test_callers_that_are_never_denied_have_a_reason_and_an_advice(
    arn: str, exemption: Exemption
) -> None:
    found = choose_target(arn, RULES)
    assert found == NotEnforceable(arn, exemption)
    assert found.reason
    assert found.advice.endswith(".")


@pytest.mark.parametrize("name", ["cdk-chatbot", "cdk-x-role-999999999999-us-east-1", "BedrockApp"])
def test_roles_of_others_with_a_similar_name_are_denied(name: str) -> None:
    arn = f"arn:aws:iam::111122223333:role/{name}"
    assert isinstance(choose_target(arn, RULES), PrincipalTarget)


def test_break_glass_principals_are_never_denied_in_either_grade() -> None:
    rules = replace(RULES, break_glass=("arn:aws:iam::*:role/chat",))
    for arn in (CHAT.arn, ANA):
        assert choose_target(arn, rules) == NotEnforceable(arn, Exemption.BREAK_GLASS)
    assert choose_target(BEN, rules) == BEN_USER


def test_a_session_cannot_exempt_itself_by_its_name() -> None:
    rules = replace(RULES, break_glass=("arn:aws:iam::*:role/BreakGlass*",))
    arn = "arn:aws:sts::111122223333:assumed-role/chat/BreakGlass"
    assert isinstance(choose_target(arn, rules), SessionTarget)


def test_sessions_are_not_denied_unless_the_setting_is_on() -> None:
    rules = replace(RULES, has_sessions=False)
    assert choose_target(ANA, rules) == NotEnforceable(ANA, Exemption.SESSIONS_OFF)
    assert choose_target(CHAT.arn, rules) == CHAT


@pytest.mark.parametrize("name", ["*", "a?c", "${aws:username}", "a b", "x", "é" * 3, "a/b"])
def test_a_session_name_that_a_policy_could_interpret_is_not_denied(name: str) -> None:
    arn = f"arn:aws:sts::111122223333:assumed-role/chat/{name}"
    assert choose_target(arn, RULES) == NotEnforceable(arn, Exemption.SESSION_NAME)


@pytest.mark.parametrize(
    ("facts", "exemption"),
    [
        (RoleFacts("AROA1", "/", ALLOWED), None),
        (RoleFacts("AROA1", "/team/", ALLOWED), None),
        (None, Exemption.ROLE_GONE),
        (RoleFacts("AROA1", "/", {}), Exemption.NO_CONSENT),
        (RoleFacts("AROA1", "/", {"bedrock-meter-brake": "no"}), Exemption.NO_CONSENT),
        (RoleFacts("AROA1", "/aws-service-role/x/", ALLOWED), Exemption.SERVICE_LINKED),
        (RoleFacts("AROA1", "/aws-reserved/sso.amazonaws.com/", ALLOWED), Exemption.SERVICE_LINKED),
    ],
)
def test_sessions_are_denied_on_roles_that_exist_and_consent(
    facts: RoleFacts | None, exemption: Exemption | None
) -> None:
    found = check_role(ANA_SESSION, facts)
    assert (None if found is None else found.exemption) == exemption
