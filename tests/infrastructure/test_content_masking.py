"""Secrets in logged prompts are masked where the settings say so, and metadata never is."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cdk.config import Config, ConfigurationError
from cdk.config.masked_identifiers import MASKED_IDENTIFIERS
from cdk.operations.boundary import BOUNDARY_FILE
from cdk.operations.deployer_policies import Subject
from cdk.operations.masking_samples import find_masking_errors, masking_prompt, masking_samples
from lambdas.domain.invocations import RejectionReason, UsageRecord, read_message
from lambdas.domain.safeguards.masking import masked_identifiers
from tests.infrastructure.synthesis import ROOT, deployment, only, synthesize
from tests.invocation_logs import log
from tests.log_masking import FORMS, PRIVATE_KEYS, TABLE, TOKENS, get_keywords, mask

MAX_POLICY_LETTERS = 30_720
"""Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/mask-sensitive-log-data.html"""
LOOKS_LIKE_IDENTITIES = {"Address", "EmailAddress", "IpAddress", "Name"}


def get_policy(storage: dict[str, Any]) -> dict[str, Any] | None:
    policy: dict[str, Any] | None = only(storage, "AWS::Logs::LogGroup").get("DataProtectionPolicy")
    return policy


def resolve_arns(policy: dict[str, Any]) -> dict[str, Any]:
    """Write the policy as CloudWatch Logs has it, with whole ARNs."""
    join = json.dumps({"Fn::Join": ["", ["arn:", {"Ref": "AWS::Partition"}, "TAIL"]]})
    start, end = join.split("TAIL")
    text = json.dumps(policy).replace(start, '"arn:aws').replace(end, '"')
    whole: dict[str, Any] = json.loads(text)
    return whole


def test_logged_prompts_are_masked_by_default() -> None:
    policy = get_policy(deployment("everything").storage)
    assert policy is not None
    whole = resolve_arns(policy)
    assert masked_identifiers(whole) == set(MASKED_IDENTIFIERS)
    assert len(json.dumps(whole)) <= MAX_POLICY_LETTERS
    audit, deidentify = whole["Statement"]
    assert audit["DataIdentifier"] == deidentify["DataIdentifier"]  # as CloudWatch Logs demands
    assert audit["Operation"] == {"Audit": {"FindingsDestination": {}}}  # copies nothing


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"log_content": True, "mask_log_content": False},
        {"log_content": True, "existing_logging": "adopt", "adopted_log_group": "theirs"},
    ],
)
def test_nothing_is_masked_without_prompts_or_in_an_adopted_log_group(
    settings: dict[str, Any],
) -> None:
    assert not Config.from_context(settings).is_content_masked
    assert get_policy(synthesize(settings).storage) is None


def test_an_existing_policy_is_not_replaced() -> None:
    known = {"log_content": True, "known_log_policies": ["data-protection"]}
    with pytest.raises(ConfigurationError, match=r"mask_log_content.*would replace yours"):
        Config.from_context(known)
    assert not Config.from_context(known | {"mask_log_content": False}).is_content_masked
    assert not Config.from_context(known | {"log_content": False}).is_content_masked


def test_no_role_may_read_unmasked_logs() -> None:
    texts = [json.dumps(dict(deployment("everything").templates))]
    texts += [path.read_text() for path in (BOUNDARY_FILE, *(subject.file for subject in Subject))]
    for text in texts:
        assert "logs:Unmask" not in text
        assert '"logs:*"' not in text


MASKED_NUMBERS = sorted({*MASKED_IDENTIFIERS} - PRIVATE_KEYS.keys())


def test_all_private_keys_are_masked() -> None:
    assert PRIVATE_KEYS.keys() <= {*MASKED_IDENTIFIERS}


@pytest.mark.parametrize("identifier", MASKED_NUMBERS)
def test_an_identifier_needs_a_keyword(identifier: str) -> None:
    row = TABLE[identifier]
    assert row["keyword_required"]
    assert row["keywords"]


def numbers(identifier: str) -> st.SearchStrategy[str]:
    return st.from_regex(re.compile(TOKENS[identifier], re.ASCII), fullmatch=True)


@pytest.mark.parametrize("identifier", MASKED_NUMBERS)
@given(st.data())
def test_no_identifier_matches_across_parts_of_a_record(
    identifier: str, data: st.DataObject
) -> None:
    assert not {*data.draw(numbers(identifier))} & {*'/":,{}[]'}


def test_nothing_is_masked_that_can_match_an_identity() -> None:
    assert TABLE.keys() >= LOOKS_LIKE_IDENTITIES
    assert not LOOKS_LIKE_IDENTITIES.intersection(MASKED_IDENTIFIERS)


def read_sample_records() -> Iterator[dict[str, Any]]:
    lines = (ROOT / "tests" / "fixtures" / "invocation-logs.ndjson").read_text().splitlines()
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue
        if isinstance(record, dict):
            yield record


def write_metadata(record: dict[str, Any]) -> str:
    """Write a record without what callers and models wrote."""
    sides = {
        side: {name: value for name, value in record[side].items() if "Body" not in name}
        for side in ("input", "output")
        if isinstance(record.get(side), dict)
    }
    return json.dumps(record | sides, separators=(",", ":")).lower()


def test_metadata_has_no_keyword_and_no_secret_like_text() -> None:
    records = [write_metadata(record) for record in read_sample_records()]
    assert len(records) > 50
    for text in records:
        for identifier in MASKED_IDENTIFIERS:
            assert FORMS[identifier].search(text) is None
            assert [keyword for keyword in get_keywords(identifier) if keyword in text] == []


KEYWORDS = sorted({keyword for name in MASKED_IDENTIFIERS for keyword in get_keywords(name)})
digits = st.text("0123456789", min_size=12, max_size=12)
counts = st.integers(0, 9_999_999)
keywords = st.sampled_from(KEYWORDS)
SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
"""Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html"""
# Names of sessions as SDKs, EC2 and IAM Identity Center make them.
sdk_sessions = st.one_of(
    st.integers(1_500_000_000, 2_100_000_000).map("botocore-session-{}".format),
    st.integers(1_500_000_000_000, 2_100_000_000_000).map("aws-sdk-js-session-{}".format),
    st.integers(15 * 10**17, 21 * 10**17).map(str),
    st.text("0123456789abcdef", min_size=17, max_size=17).map("i-{}".format),
    st.from_regex(r"[a-z]{1,12}\.[a-z]{1,12}@example\.com", fullmatch=True),
)


@st.composite
def chosen_sessions(draw: st.DrawFn) -> str:
    """Draw a session name with a keyword and a number of its identifier."""
    identifier = draw(st.sampled_from(sorted(TOKENS)))
    keyword = draw(st.sampled_from(sorted({*get_keywords(identifier)})))
    number = draw(numbers(identifier))
    between = draw(st.sampled_from(["", ".", "-", "="]))
    session = between.join(draw(st.permutations([keyword, number])))
    return session if SESSION_NAME.fullmatch(session) else draw(st.from_regex(SESSION_NAME))


@given(
    keywords,
    digits,
    sdk_sessions | chosen_sessions() | st.from_regex(SESSION_NAME, fullmatch=True),
    st.uuids(),
    counts,
    counts,
)
@example("iban", "111122223333", "iban.DE89370400440532013000", "request-1", 1, 2)
@example("secret key", "111122223333", f"secretkey{'a' * 22}", "request-1", 1, 2)
@example("cnpj", "111122223333", "123412-cnpj", "request-1", 1, 2)
def test_no_caller_can_have_more_masked_than_its_own_session_name(
    keyword: str, account: str, session: str, request: Any, received: int, generated: int
) -> None:
    role = f"arn:aws:sts::{account}:assumed-role/app-20260101-{keyword}"
    record = log(
        str(request),
        accountId=account,
        identity={"arn": f"{role}/{session}"},
        requestMetadata={keyword: keyword},
        input={"inputBodyJson": {"text": keyword}, "inputTokenCount": received},
        output={
            "outputBodyJson": {"model": "claude-3-haiku-20240307", "text": keyword},
            "outputTokenCount": generated,
        },
    )
    message = json.dumps(record, separators=(",", ":"))
    before, after = read_message(message), read_message(mask(message, MASKED_IDENTIFIERS))
    assert isinstance(before, UsageRecord)
    assert isinstance(after, UsageRecord)
    assert after.identity_arn.startswith(f"{role}/")
    assert after == before._replace(identity_arn=after.identity_arn)


def test_a_role_whose_name_has_the_form_of_a_number_is_never_lost_silently() -> None:
    arn = "arn:aws:sts::111122223333:assumed-role/tenant-123-45-6789/ssn"
    message = json.dumps(log(identity={"arn": arn}))
    masked = mask(message, MASKED_IDENTIFIERS)
    assert masked != message
    assert read_message(masked) is RejectionReason.MASKED


@pytest.mark.parametrize(
    ("left_out", "principal", "prompt"),
    [
        ("CreditCardSecurityCode", "role/session", "cvv"),
        ("BankAccountNumber-US", "savings-account/session", ""),
        ("Ssn-ES", "ssn/session", ""),
        ("NhsNumber-GB", "nhs/botocore-session-1788869433", ""),
        ("InseeCode-FR", "social/aws-sdk-js-session-1788869433000", ""),
        ("VehicleIdentificationNumber", "driving/i-0f1e2d3c4b5a69788", ""),
        ("AwsSecretKey", "app/secretkeyaaaaaaaaaaaaaaaaaaaaaa", ""),
        ("Cnpj-BR", "app-20260101/123412-cnpj", ""),
    ],
)
def test_an_identifier_that_could_mask_metadata_is_left_out(
    left_out: str, principal: str, prompt: str
) -> None:
    record = log(
        identity={"arn": f"arn:aws:sts::111122223333:assumed-role/{principal}"},
        input={"inputBodyJson": {"text": prompt}, "inputTokenCount": 1234},
    )
    message = json.dumps(record, separators=(",", ":"))
    assert mask(message, [left_out]) != message
    assert mask(message, MASKED_IDENTIFIERS) == message
    assert left_out not in MASKED_IDENTIFIERS


def test_a_masked_record_counts_as_before() -> None:
    record = log(input={"inputBodyJson": {"text": masking_prompt()}, "inputTokenCount": 10})
    message = json.dumps(record)
    masked = mask(message, MASKED_IDENTIFIERS)
    assert masked != message
    before, after = read_message(message), read_message(masked)
    assert isinstance(before, UsageRecord)
    assert after == before


def test_samples_are_masked_and_names_are_not() -> None:
    assert {sample.identifier for sample in masking_samples()} <= set(MASKED_IDENTIFIERS)
    message = json.dumps({"text": masking_prompt()})
    assert len([*find_masking_errors(message)]) == len(masking_samples())
    masked = mask(message, MASKED_IDENTIFIERS)
    assert [*find_masking_errors(masked)] == []
    gone = masked.replace("192.0.2.7", "*********")
    assert [*find_masking_errors(gone)] == ["192.0.2.7 is masked or missing"]
