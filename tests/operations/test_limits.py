"""`bedrock-meter limits` and `keys` change policies and keys without a deployment."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from dashboards.command_line.entry_point import FailedCommand
from lambdas.adapters.dynamodb.api_key_store import DynamoDbApiKeys
from lambdas.adapters.dynamodb.policy_store import DynamoDbPolicies
from lambdas.domain.api_keys import ApiKey, create_key, digest_secret, is_well_formed
from lambdas.domain.limit_policies import StoredPolicies
from tests.adapters.dynamodb.test_api_key_store import read_events
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.command_line import call_command
from tests.operations.deployed import deploy
from tests.policies import PER_MINUTE, policy

WriteFile = Callable[..., Path]
TOKENS = "tokens: 1,000 tokens per 60s; for each caller; fail closed"


@pytest.fixture
def write_file(tmp_path: Path) -> WriteFile:
    def write(*policies: Any, **others: Any) -> Path:
        path = tmp_path / "limits.json"
        path.write_text(json.dumps({"policies": policies} | others), encoding="utf-8")
        return path

    return write


@pytest.fixture
def deployed(aws: None) -> None:
    create_governance_table()
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    deploy(stack_names.GOVERNANCE, UsageCounterName="counter")
    deploy(stack_names.GATEWAY, GatewayUrl="https://abc.lambda-url.us-east-1.on.aws/")


def read_stored() -> StoredPolicies:
    return DynamoDbPolicies(boto3.client("dynamodb"), GOVERNANCE).read()


def list_keys() -> list[ApiKey]:
    return list(DynamoDbApiKeys(boto3.client("dynamodb"), GOVERNANCE).list_keys())


def read_failure(*arguments: Path | str) -> str:
    with pytest.raises(FailedCommand) as failure:
        call_command(*arguments)
    return failure.value.message


@pytest.mark.usefixtures("deployed")
def test_policies_are_applied_and_listed(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("limits", "apply", write_file(policy()))
    assert capsys.readouterr().out.splitlines() == [
        f"+ {TOKENS}",
        "1 new, 0 changed, 0 deleted, 0 the same.",
        "Applied, revision 1. The gateway reads policies every 30 seconds.",
    ]
    call_command("limits", "list")
    assert capsys.readouterr().out.splitlines() == [TOKENS, "Revision 1."]
    call_command("limits", "apply", write_file(policy()))
    assert capsys.readouterr().out.splitlines()[-1] == "Nothing to change."
    call_command(
        "limits", "apply", write_file(policy(limits=[PER_MINUTE | {"per": "hour"}])), "--dry-run"
    )
    assert "tokens starts at zero" in capsys.readouterr().out
    (event,) = read_events()
    assert (event.action, event.before) == ("limits.change", {})
    assert event.changed_by is not None
    assert event.changed_by.startswith("person-")


@pytest.mark.usefixtures("deployed")
def test_a_dry_run_of_limits_changes_nothing(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("limits", "apply", write_file(policy(), policy("old")))
    before = read_stored()
    capsys.readouterr()
    changed = policy(limits=[PER_MINUTE | {"amount": 5, "near": [80]}])
    call_command("limits", "apply", write_file(changed), "--dry-run")
    assert capsys.readouterr().out.splitlines() == [
        "~ tokens",
        f"    {TOKENS.removeprefix('tokens: ')}",
        " -> 5 tokens per 60s near 80%; for each caller; fail closed",
        f"- {TOKENS.replace('tokens:', 'old:')}",
        "0 new, 1 changed, 1 deleted, 0 the same.",
        "This was a dry run: nothing is changed.",
    ]
    assert read_stored() == before


def test_validate_warns_of_a_pattern_of_every_caller_in_break_glass(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("limits", "validate", write_file(policy(), break_glass=["*@example.com"]))
    assert "Warning" not in capsys.readouterr().out
    call_command("limits", "validate", write_file(policy(), break_glass=["*"]))
    assert "Warning: break_glass has *" in capsys.readouterr().out


@pytest.mark.usefixtures("deployed")
def test_callers_in_policies_do_not_enter_the_audit_trail(write_file: WriteFile) -> None:
    named = policy(match={"caller": ["ana@example.com", "ben"], "tier": "gold"})
    call_command("limits", "apply", write_file(named, break_glass=["ana@example.com"]))
    (event,) = read_events()
    assert event.after == {
        "tokens": "1,000 tokens per 60s; for each caller; 2 patterns of callers; tier gold;"
        " fail closed",
        "break_glass": "1 pattern of callers",
    }


def test_a_file_is_checked_without_an_account(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_file(
        policy("money", limits=[{"unit": "usd", "amount": 2.5, "per": "day", "mode": "shadow"}]),
        tiers={"gold": {"extends": "free"}, "free": {"policies": [policy(partition_by="key")]}},
    )
    call_command("limits", "validate", path)
    assert capsys.readouterr().out.splitlines() == [
        "money: $2.50 per day UTC (shadow); for each caller; fail closed",
        "tier gold: has the policies of free, too",
        "free/tokens: 1,000 tokens per 60s; for each key; fail closed",
        f"{path}: valid.",
    ]
    message = read_failure("limits", "validate", write_file(policy(when_out="wait")))
    assert message == f"limits validate: {path}: 1 problem:"


@pytest.mark.usefixtures("deployed")
def test_the_text_of_a_key_is_printed_once_and_never_stored(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command(
        *["keys", "create", "--owner", "ana@example.com", "--project", "chat", "--days", "30"]
    )
    *_, text = capsys.readouterr().out.splitlines()
    assert is_well_formed(text)
    (key,) = list_keys()
    assert (key.digest, key.owner, key.project) == (digest_secret(text), "ana@example.com", "chat")
    assert key.expires_at is not None
    call_command("keys", "list")
    listed = capsys.readouterr().out
    assert key.prefix in listed
    assert text not in listed
    assert text not in str(boto3.client("dynamodb").scan(TableName=GOVERNANCE)["Items"])


@pytest.mark.usefixtures("deployed")
def test_a_rotated_key_ends_and_a_revoked_one_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    call_command("keys", "create", "--owner", "ana")
    (key,) = list_keys()
    capsys.readouterr()
    call_command("keys", "rotate", key.prefix, "--overlap-hours", "2")
    *_, text = capsys.readouterr().out.splitlines()
    (successor,) = [each for each in list_keys() if each.replaces == key.prefix]
    assert successor.digest == digest_secret(text)
    call_command("keys", "revoke", successor.prefix)
    assert "Revoked." in capsys.readouterr().out
    assert read_failure("keys", "revoke", successor.prefix).endswith("was revoked before.")
    assert "is revoked: make a new key." in read_failure("keys", "rotate", successor.prefix)
    actions = sorted(str(event.action) for event in read_events())
    assert actions == ["api_key.create", "api_key.revoke", "api_key.rotate"]


@pytest.mark.usefixtures("deployed")
def test_dry_runs_of_keys_change_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("keys", "create", "--owner", "ana", "--dry-run")
    assert list_keys() == []
    call_command("keys", "create", "--owner", "ana")
    (key,) = list_keys()
    call_command("keys", "rotate", key.prefix, "--dry-run")
    call_command("keys", "revoke", key.prefix, "--dry-run")
    assert list_keys() == [key]
    assert capsys.readouterr().out.count("This was a dry run: nothing is changed.") == 3


@pytest.mark.usefixtures("deployed")
def test_wrong_keys_are_explained(write_file: WriteFile) -> None:
    absent = "bmk_abcdefgh"
    assert f"no key with the prefix {absent}" in read_failure("keys", "revoke", absent)
    text = create_key(bytes(32), "ana", NOON)[0].text
    whole = read_failure("keys", "revoke", text)
    assert "give its first 12 characters" in whole
    assert text not in whole
    owner = "x" * 65
    assert "AWS allows 64" in read_failure("keys", "create", "--owner", owner)
    assert "A project has 1 to" in read_failure("keys", "create", "--owner", "a", "--project", "é")
    call_command("limits", "apply", write_file(policy(match={"tier": "gold"})))
    create = ("keys", "create", "--owner", "ana", "--tier")
    assert "no policy has the tier golf: add it to your limits file" in read_failure(
        *create, "golf"
    )
    call_command(*create, "gold")


@pytest.mark.usefixtures("deployed")
def test_a_key_without_a_tier_is_pointed_out_where_policies_have_tiers(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    create = ("keys", "create", "--owner", "ana")
    call_command(*create)
    assert "The key has no tier" not in capsys.readouterr().out
    call_command("limits", "apply", write_file(tiers={"gold": {}}))
    call_command(*create)
    assert "The key has no tier: only the policies outside" in capsys.readouterr().out


@pytest.mark.usefixtures("deployed")
def test_applying_names_the_keys_whose_tier_is_gone(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    call_command("keys", "create", "--owner", "ana", "--tier", "gold")
    (key,) = list_keys()
    call_command("limits", "apply", write_file(policy(match={"tier": "silver"})), "--dry-run")
    assert f"The key {key.prefix} has the tier gold" in capsys.readouterr().out


@pytest.mark.usefixtures("deployed")
def test_the_end_of_new_keys_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("keys", "create", "--owner", "ana", "--days", "30")
    (key,) = list_keys()
    assert f"The new key expires {key.expires_at:%Y-%m-%d %H:%M} UTC." in capsys.readouterr().out
    call_command("keys", "rotate", key.prefix)
    (successor,) = [each for each in list_keys() if each.replaces == key.prefix]
    expected = f"The new key expires {successor.expires_at:%Y-%m-%d %H:%M} UTC."
    assert expected in capsys.readouterr().out


@pytest.mark.usefixtures("aws")
def test_commands_warn_where_no_gateway_reads_what_they_change(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    create_governance_table()
    deploy(stack_names.STORAGE, GovernanceTableName=GOVERNANCE)
    deploy(stack_names.GOVERNANCE, UsageCounterName="counter")
    warning = "Warning: no gateway is deployed in this Region, so this has no effect yet."
    for arguments in (
        ("limits", "apply", write_file(policy())),
        ("limits", "list"),
        ("keys", "create", "--owner", "ana"),
        ("keys", "list"),
    ):
        call_command(*arguments)
        assert warning in capsys.readouterr().out
    deploy(stack_names.GATEWAY, GatewayUrl="https://abc.lambda-url.us-east-1.on.aws/")
    call_command("keys", "list")
    assert warning not in capsys.readouterr().out


UNMET = [
    ({"model": "claude*"}, "matches no model that has a price."),
    ({"model": "amazon.nova-prol-v1:0"}, "matches no model that has a price."),
    ({"caller": "z"}, 'Write "=7A".'),
    ({"caller": "ana=b*"}, 'Write "ana=3Db*".'),
]


@pytest.mark.parametrize(("match", "advice"), UNMET)
def test_conditions_that_no_call_meets_cause_a_warning(
    write_file: WriteFile,
    capsys: pytest.CaptureFixture[str],
    match: dict[str, Any],
    advice: str,
) -> None:
    call_command("limits", "validate", write_file(policy("some", match=match)))
    (warning,) = [
        line for line in capsys.readouterr().out.splitlines() if line.startswith("Warning: ")
    ]
    assert warning.startswith("Warning: some: match.")
    assert advice in warning


@pytest.mark.usefixtures("deployed")
def test_applying_warns_of_callers_and_tiers_that_no_call_has(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str]
) -> None:
    tiers = {
        "free": {"policies": [policy("tokens", match={"tier": "gold"})]},
        "gold": {"policies": [policy("other", match={"tier": "gold"})]},
        "base": {"policies": [policy("inherited", match={"tier": "silver"})]},
        "silver": {"extends": "base"},
    }
    path = write_file(tiers=tiers, break_glass=["z"])
    call_command("limits", "apply", path, "--dry-run")
    tier, caller = [line for line in capsys.readouterr().out.splitlines() if "Warning" in line]
    assert tier == (
        "Warning: free/tokens: match.tier gold is not a tier of this policy, which has free. Leave"
        " match.tier out."
    )
    assert caller == (
        'Warning: break_glass "z" is no session name, as keys list prints it. Write "=7A".'
    )


@pytest.mark.parametrize(
    "match",
    [
        {"model": ["anthropic.claude-*", "*", "*claude*", "amazon.nova-pro-v1:0"]},
        {"model": "anthropic.claude-sonnet-4-20250514-v1:0"},
        {"model": "anthropic.claude-3-haiku-20240307-v1*"},
        {"caller": ["acme,Ana=20Mar=C3=ADa", "*@example.com", "*", "acme,*", "ana+x@example.com"]},
    ],
)
def test_conditions_that_calls_can_meet_are_fine(
    write_file: WriteFile, capsys: pytest.CaptureFixture[str], match: dict[str, Any]
) -> None:
    call_command("limits", "validate", write_file(policy(match=match)))
    assert "Warning" not in capsys.readouterr().out
