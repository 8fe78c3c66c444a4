"""A report can be attached to a bug report: it names no account, no person and no role."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cdk.operations.verification.check import Result, Status
from cdk.operations.verification.redaction import redact, redact_values
from cdk.operations.verification.report import Report

ACCOUNT = "123456789012"


def report(*results: Result, left: tuple[str, ...] = ()) -> Report:
    return Report(
        region="eu-west-1",
        started_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        seconds=1234.4,
        estimated_usd=Decimal("0.12345"),
        is_interrupted=False,
        results=results,
        left=left,
    )


@pytest.mark.parametrize(
    "text",
    [
        f"arn:aws:iam::{ACCOUNT}:user/jane.doe",
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/Admin/jane@example.com is not authorized",
        f"bucket bedrockmeter-reports-{ACCOUNT}-eu-west-1",
        f'{{"arn":"arn:aws-us-gov:iam::{ACCOUNT}:role/team/jane"}}',
        f"https://sqs.eu-west-1.amazonaws.com/{ACCOUNT}/queue",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/doe,jane@example.com is not authorized",
        "AROAEXAMPLE1234567890:jane@example.com",
        "assumed-role/Admin/jane@example.com",
        "account 1234-5678-9012",
    ],
)
def test_account_ids_and_arns_are_replaced(text: str) -> None:
    redacted = redact(text)
    assert ACCOUNT not in redacted.replace("-", "")
    assert "jane" not in redacted
    assert "arn:aws" not in redacted


def test_other_numbers_and_names_stay() -> None:
    text = "1234567890123 bytes of BedrockMeter-Verify-Storage at 2026-03-01T12:00:00"
    assert redact(text) == text


def test_the_caller_s_own_names_are_replaced() -> None:
    assert redact("janedoe may not, janedoes may", ["janedoe"]) == "NAME may not, janedoes may"


def test_numbers_stay_numbers() -> None:
    answer = {"Values": [0.000123456789, 123456789012], "Label": "0.000123456789"}
    assert redact_values(answer) == answer


def test_a_report_is_json_without_accounts() -> None:
    result = Result("ledger", Status.FAILED, f"arn:aws:dynamodb:x:{ACCOUNT}:table/t", 2.5)
    text = report(result, left=(f"stack arn:aws:cloudformation:x:{ACCOUNT}:stack/s",)).to_json()
    assert ACCOUNT not in text
    document = json.loads(text)
    assert document["results"] == [
        {"name": "ledger", "status": "failed", "reason": "ARN", "seconds": 2.5}
    ]
    assert document["left"] == ["stack ARN"]
    assert document["estimated_usd"] == "0.12"
    assert document["started_at"] == "2026-03-01T12:00:00+00:00"
