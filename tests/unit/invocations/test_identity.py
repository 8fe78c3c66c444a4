"""The caller, as read from an ARN."""

import pytest
from hypothesis import given

from lambdas.domain.invocations import CallerIdentity, IdentityKind
from tests.unit.invocations.records import any_text

USER, API_KEY = IdentityKind.USER, IdentityKind.API_KEY
SESSION, FEDERATED = IdentityKind.ROLE_SESSION, IdentityKind.FEDERATED_USER
SSO_ROLE = "AWSReservedSSO_PowerUser_0123456789abcdef"
HARNESS_ROLE = "AmazonBedrockAgentCoreHarnessDefaultServiceRole-x1"
AGENT_SESSION = "BedrockAgentCore-2f1c5d3e-8a4b-4c6d-9e0f-112233445566"


@pytest.mark.parametrize(
    ("resource", "kind", "principal"),
    [
        pytest.param("user/ben", USER, "user/ben", id="user"),
        pytest.param("user/ben@example.com", USER, "user/ben@example.com", id="e_mail"),
        pytest.param("user/ops/alice", USER, "user/alice", id="user_with_path"),
        pytest.param("user/ops/eu/alice", USER, "user/alice", id="user_with_long_path"),
        pytest.param(
            "user/BedrockAPIKey-a1b2", API_KEY, "user/BedrockAPIKey-a1b2", id="long_term_api_key"
        ),
        pytest.param(
            "user/bedrockapikey-a1b2",
            USER,
            "user/bedrockapikey-a1b2",
            id="lower_case_is_no_api_key",
        ),
        pytest.param("root", IdentityKind.ROOT, "root", id="root"),
        pytest.param("role/chat", SESSION, "role/chat", id="role_without_session"),
        pytest.param("role/service/eu/chat", SESSION, "role/chat", id="role_with_path"),
    ],
)
def test_an_iam_identity_is_named_by_the_last_part_of_its_path(
    resource: str, kind: IdentityKind, principal: str
) -> None:
    arn = f"arn:aws:iam::111122223333:{resource}"
    assert CallerIdentity.from_arn(arn) == CallerIdentity(
        arn, kind, principal, None, account_id="111122223333", partition="aws"
    )


@pytest.mark.parametrize(
    ("role", "session_name"),
    [
        pytest.param("chat", "summarize-tickets", id="lambda_function"),
        pytest.param(SSO_ROLE, "ana@example.com", id="identity_center"),
        pytest.param("chat", "i-0abcd1234efgh5678", id="ec2_instance"),
        pytest.param(HARNESS_ROLE, AGENT_SESSION, id="agent_core"),
        pytest.param("kb-role", "DocumentLoaderTask-AB12", id="knowledge_base_ingestion"),
        pytest.param("chat", "a=b,c.d@e-f", id="every_character_of_a_session_name"),
        pytest.param("chat", "team:ana", id="colon"),
        pytest.param("chat", "team/ana", id="slash"),
    ],
)
def test_a_session_of_a_role_keeps_the_role_as_its_principal(role: str, session_name: str) -> None:
    arn = f"arn:aws:sts::111122223333:assumed-role/{role}/{session_name}"
    assert CallerIdentity.from_arn(arn) == CallerIdentity(
        arn, SESSION, f"role/{role}", session_name, account_id="111122223333", partition="aws"
    )


def test_a_federated_user_has_no_session() -> None:
    arn = "arn:aws:sts::111122223333:federated-user/chloe"
    assert CallerIdentity.from_arn(arn) == CallerIdentity(
        arn,
        FEDERATED,
        "federated-user/chloe",
        None,
        account_id="111122223333",
        partition="aws",
    )


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
@pytest.mark.parametrize(
    ("service_and_resource", "kind"),
    [
        ("iam::111122223333:user/ben", USER),
        ("iam::111122223333:user/BedrockAPIKey-a1b2", API_KEY),
        ("iam::111122223333:root", IdentityKind.ROOT),
        ("sts::111122223333:assumed-role/chat/ana", SESSION),
        ("sts::111122223333:federated-user/chloe", FEDERATED),
    ],
)
def test_identities_are_read_alike_in_every_partition(
    partition: str, service_and_resource: str, kind: IdentityKind
) -> None:
    caller = CallerIdentity.from_arn(f"arn:{partition}:{service_and_resource}")
    assert (caller.partition, caller.account_id) == (partition, "111122223333")
    assert caller.kind is kind


def test_a_redacted_account_is_kept_unchanged() -> None:
    caller = CallerIdentity.from_arn("arn:aws:iam::XXXXXXXXXXXX:user/elif")
    assert (caller.kind, caller.account_id) == (USER, "XXXXXXXXXXXX")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("unknown", id="unknown"),
        pytest.param("<redacted>", id="redacted"),
        pytest.param("", id="empty"),
        pytest.param("arn:aws:sts::xxxx", id="cut_off"),
        pytest.param("arn:aws:sts::111122223333:assumed-role/chat", id="role_without_its_session"),
        pytest.param("arn:aws:sts::111122223333:assumed-role/chat/", id="empty_session"),
        pytest.param("arn:aws:sts::111122223333:assumed-role//ana", id="empty_role"),
        pytest.param("arn:aws:sts::111122223333:federated-user/", id="empty_federated_user"),
        pytest.param("arn:aws:iam::111122223333:user/", id="empty_user"),
        pytest.param("arn:aws:iam::111122223333:user", id="user_without_name"),
        pytest.param("arn:aws:iam::111122223333:root/x", id="more_than_root"),
        pytest.param("arn:aws:iam::111122223333:assumed-role/chat/ana", id="wrong_service"),
        pytest.param("arn:aws:s3:::bucket", id="no_caller"),
        pytest.param("nra:aws:iam::111122223333:user/ben", id="no_arn"),
        pytest.param(" arn:aws:iam::111122223333:user/ben", id="blank_before"),
    ],
)
def test_text_that_is_not_a_caller_arn_is_used_as_the_principal(text: str) -> None:
    assert CallerIdentity.from_arn(text) == CallerIdentity(
        text, IdentityKind.UNKNOWN, principal=text
    )


@given(any_text)
def test_any_text_is_kept_in_full(text: str) -> None:
    assert CallerIdentity.from_arn(text).arn == text


@given(any_text, any_text)
def test_any_session_name_is_kept_in_full_under_its_role(account: str, session_name: str) -> None:
    arn = f"arn:aws:sts::{account.replace(':', '')}:assumed-role/chat/{session_name}x"
    caller = CallerIdentity.from_arn(arn)
    assert (caller.arn, caller.principal) == (arn, "role/chat")
    assert caller.session_name == f"{session_name}x"
