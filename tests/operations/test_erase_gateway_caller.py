"""`make erase-identity` takes a caller's name out of keys and limits of the gateway."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from cdk.config import stack_names
from cdk.config.gateway_names import caller_role_name
from dashboards.command_line.entry_point import FailedCommand
from lambdas.adapters.dynamodb.api_key_changes import DynamoDbApiKeyChanges
from lambdas.adapters.dynamodb.api_key_store import DynamoDbApiKeys
from lambdas.adapters.dynamodb.limited_identity import DynamoDbLimitedIdentity
from lambdas.adapters.dynamodb.limits_store import DynamoDbLimits
from lambdas.adapters.dynamodb.policy_writer import DynamoDbPolicyWriter
from lambdas.domain.api_keys import ApiKey, KeyState, create_key
from lambdas.domain.limit_policies import PolicyChange
from lambdas.domain.limits import Limit, LimitSubject, LimitUnit, RollingWindow
from tests.adapters.dynamodb.test_usage_counters import create_table
from tests.aws import create_sorted_table
from tests.budget_store import GOVERNANCE, create_governance_table
from tests.builders import NOON
from tests.command_line import call_command
from tests.limits import tokens
from tests.operations.deployed import deploy

LIMITS = "limits"
ROLE = f"arn:aws:sts::111122223333:assumed-role/{caller_role_name('us-east-1')}"
OWNER, TENANT = "ana@example.com", "acme"
SESSION = f"{TENANT},{OWNER}"
ANA, BEN = f"{ROLE}/{SESSION}", f"{ROLE}/{SESSION}.org"
"""Two callers; the name of the second one begins with that of the first."""
QUOTED = "caller=acme%2Cana@example.com"
TOKENS = Limit(LimitUnit.TOTAL, 1000, RollingWindow(60))
Erase = Callable[[], str]


@pytest.fixture(autouse=True)
def deployed(aws: None) -> None:
    create_table()
    create_governance_table()
    create_sorted_table(LIMITS)
    deploy(stack_names.STORAGE)


@pytest.fixture
def erase(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Erase:
    def run() -> str:
        monkeypatch.setattr("builtins.input", lambda _: "erase")
        call_command("erase-identity", "--identity", ANA)
        return capsys.readouterr().out

    return run


def make_key(number: int, *, is_revoked: bool = True, owner: str = OWNER) -> ApiKey:
    dynamodb = boto3.client("dynamodb")
    _, key = create_key(bytes([number] * 32), owner, NOON, tenant=TENANT)
    changes = DynamoDbApiKeyChanges(dynamodb, GOVERNANCE, None)
    changes.create(key)
    if is_revoked:
        changes.revoke(key, datetime.now(UTC) - timedelta(days=2))
    return key


def read_owners() -> dict[str, tuple[str, str | None]]:
    keys = DynamoDbApiKeys(boto3.client("dynamodb"), GOVERNANCE).list_keys()
    return {key.digest: (key.owner, key.tenant) for key in keys}


def reserve(subject: str, amount: int) -> None:
    store = DynamoDbLimits(boto3.client("dynamodb"), LIMITS)
    store.reserve(LimitSubject(subject, (TOKENS,)), "call-1", tokens(amount), NOON)


def read_total(subject: str) -> int | None:
    state = DynamoDbLimits(boto3.client("dynamodb"), LIMITS).read(subject)
    return None if state is None or TOKENS.key is None else state.get_total(TOKENS.key)


def list_items(table: str = LIMITS) -> list[Any]:
    return boto3.client("dynamodb").scan(TableName=table)["Items"]


def write_policies(*callers: str, break_glass: tuple[str, ...] = ()) -> None:
    limits = [{"unit": "total", "amount": 1, "per": "60s"}]
    own = {"name": "own", "match": {"caller": list(callers)}, "limits": limits}
    document = {
        "policies": [own, {"name": "everyone", "match": {"caller": "*"}, "limits": limits}],
        "tiers": {"gold": {"policies": [{**own, "name": "more"}]}},
        "break_glass": break_glass,
    }
    change = PolicyChange(json.dumps(document), 0, None, {})
    DynamoDbPolicyWriter(boto3.client("dynamodb"), GOVERNANCE, None).write(change, NOON)


def test_keys_get_a_pseudonym_as_their_owner_and_stay_revoked(erase: Erase) -> None:
    hers = [make_key(number) for number in (1, 2)]
    other = make_key(3, owner=f"{OWNER}.org", is_revoked=False)
    printed = erase()
    owners = read_owners()
    assert owners.pop(other.digest) == (f"{OWNER}.org", TENANT)
    ((pseudonym, tenant),) = set(owners.values())
    assert owners.keys() == {key.digest for key in hers}
    assert pseudonym.startswith("erased-")
    assert tenant is None
    assert "\n2 API keys\n" in printed
    assert f"/{pseudonym} in" in printed
    assert "run the command again in a few minutes" not in printed
    keys = DynamoDbApiKeys(boto3.client("dynamodb"), GOVERNANCE).list_keys()
    states = {key.digest: key.get_state(datetime.now(UTC)) for key in keys}
    assert states.pop(other.digest) is KeyState.VALID
    assert {*states.values()} == {KeyState.REVOKED}


def test_a_valid_key_is_revoked_before_the_name_is_erased(erase: Erase) -> None:
    key = make_key(1, is_revoked=False)
    reserve(f"tokens|{QUOTED}", 60)
    before = list_items(), list_items(GOVERNANCE)
    with pytest.raises(FailedCommand, match=rf"has valid API keys: {key.prefix}\. Run .* revoke"):
        erase()
    assert (list_items(), list_items(GOVERNANCE)) == before


def test_limits_keep_their_usage_under_the_pseudonym(erase: Erase) -> None:
    for number, subject in enumerate(
        (
            f"tokens|{QUOTED}",
            f"tokens|{QUOTED}|project=search",
            f"budget#team#3#{ANA}",
        )
    ):
        reserve(subject, 10 + number)
    others = [f"tokens|{QUOTED}.org", f"budget#team#3#{BEN}", f"tokens|project={OWNER}"]
    for subject in others:
        reserve(subject, 5)
    printed = erase()
    assert "\n3 limits of the gateway\n" in printed
    assert "run the command again in a few minutes" not in printed
    assert [read_total(subject) for subject in others] == [5, 5, 5]
    names = {item["sk"]["S"] for item in list_items()} - {*others}
    (pseudonym,) = {found[0] for name in names if (found := re.search("erased-[0-9a-f]{8}", name))}
    renamed = f"tokens|caller={pseudonym}"
    assert read_total(renamed) == 10
    assert read_total(f"{renamed}|project=search") == 11
    assert read_total(f"budget#team#3#{ROLE}/{pseudonym}") == 12


def test_limits_that_a_call_changes_meanwhile_stay_for_the_next_run() -> None:
    subject = f"tokens|{QUOTED}"
    reserve(subject, 60)

    class LateClient:
        """A client before whose transaction another call is admitted."""

        def __getattr__(self, name: str) -> Any:
            return getattr(boto3.client("dynamodb"), name)

        def transact_write_items(self, **request: Any) -> Any:
            store = DynamoDbLimits(boto3.client("dynamodb"), LIMITS)
            store.reserve(LimitSubject(subject, (TOKENS,)), "call-2", tokens(40), NOON)
            return boto3.client("dynamodb").transact_write_items(**request)

    client: Any = LateClient()
    identity = DynamoDbLimitedIdentity(client, GOVERNANCE, LIMITS, ANA, SESSION)
    assert dict(identity.erase(f"{ROLE}/erased-1"))["limits of the gateway"] == 0
    assert read_total(subject) == 100
    assert identity.count()["limits of the gateway"] == 1


def test_policies_that_name_the_person_are_listed_and_left(erase: Erase) -> None:
    make_key(1)
    write_policies(SESSION, break_glass=("acme,*",))
    before = [item for item in list_items(GOVERNANCE) if item["pk"]["S"] == "policies"]
    printed = " ".join(erase().split())
    assert "or match the name by a pattern: own, gold/more, break_glass. Take the name" in printed
    assert [item for item in list_items(GOVERNANCE) if item["pk"]["S"] == "policies"] == before


def test_policies_that_name_others_are_not_listed(erase: Erase) -> None:
    make_key(1)
    write_policies("ben@example.com", break_glass=("*",))
    assert "These policies" not in erase()


def test_a_person_who_is_no_caller_of_the_gateway_has_no_keys() -> None:
    make_key(1)
    other = f"arn:aws:sts::111122223333:assumed-role/Developer/{SESSION}"
    with pytest.raises(FailedCommand, match="check the ARN"):
        call_command("erase-identity", "--identity", other)
