"""The gateway is verified with a key that is revoked, and policies that are restored."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from cdk.config import Config
from cdk.operations.gateway_health import GatewayStores
from cdk.operations.verification.check import CheckFailedError, CheckSkippedError
from cdk.operations.verification.estimate import estimate_minutes, estimate_usd
from cdk.operations.verification.gateway import Gateway
from cdk.operations.verification.gateway_check import OWNER, check_gateway
from cdk.operations.verification.model_calls import list_models
from cdk.operations.verification.verified_meter import ModelCalls, VerifiedMeter
from cdk.operations.verification.waiting import Waiting
from dashboards.command_line.commands.verify_account import open_client
from lambdas.adapters.dynamodb.usage_ledger import DynamoDbUsageLedger
from lambdas.domain.api_keys import KeyState
from lambdas.domain.invocations import TokenCounts
from lambdas.domain.limit_policies import PolicyChange
from tests.aws import LEDGER
from tests.builders import usage_record
from tests.gateway import InMemoryApiKeys
from tests.operations.gateway_account import (
    OWN_ROLE,
    ROLE,
    GatewayUrl,
    deploy_gateway,
    open_url,
)
from tests.operations.verification.session import NOVA, Session, meter, refusal
from tests.policies import InMemoryPolicies

POLICIES = (
    '{"policies": [{"name": "own", "limits": [{"unit": "total", "amount": 9, "per": "60s"}]}]}'
)
DENIED, OVER_LIMIT = "AccessDeniedException", "ServiceQuotaExceededException"
THROTTLED = "ThrottlingException"
VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"
SETTINGS = {"governance": True, "gateway": True}


class Functions:
    """Lambda, which knows the role of the gateway's function."""

    def get_function_configuration(self, **_: str) -> dict[str, str]:
        return {"Role": OWN_ROLE}


class LimitedAccount(Session):
    """An account whose gateway answers, limits and logs at once, and may do it wrongly.

    Attributes:
        not_yet: The number of calls that are refused before IAM knows the key's role.
        is_answering: False to refuse all calls.
        is_limiting: False to admit all calls.
        is_logging: False to lose a call.
        has_usage: False for streams without their usage.
        error: Raised by each call once a limit is stored.
        caller: The name of the sessions of calls.
        opened: The URLs and keys of clients.
    """

    def __init__(self) -> None:
        super().__init__(**{"lambda": Functions()})
        self.not_yet = 0
        self.is_answering = self.is_limiting = self.is_logging = self.has_usage = True
        self.error: BaseException | None = None
        self.caller = OWNER
        self.opened: list[tuple[str, str]] = []
        self.keys, self.policies = InMemoryApiKeys(), InMemoryPolicies()
        self.calls = 0

    def open_gateway(self, _: object) -> Gateway:
        return Gateway(
            GatewayStores(self.keys, self.policies), self.keys, self.policies, self.open_client
        )

    @contextmanager
    def open_client(self, url: str, key: str) -> Iterator[Any]:
        self.opened.append((url, key))
        yield self

    def converse(self, **_: Any) -> dict[str, Any]:
        return {"usage": self._answer()}

    def converse_stream(self, **_: Any) -> dict[str, Any]:
        events: list[Any] = [{"messageStop": {}}, {"metadata": {"usage": self._answer()}}]
        return {"stream": events if self.has_usage else events[:1]}

    def _answer(self) -> Mapping[str, int]:
        (key,) = self.keys.list_keys()
        assert key.get_state(datetime.now(UTC)) is KeyState.VALID
        if not self.is_answering or self.not_yet:
            self.not_yet -= 1
            raise refusal(DENIED)
        is_limited = "verification" in (self.policies.read().text or "")
        if is_limited and self.error is not None:
            raise self.error
        if is_limited and self.is_limiting and self.calls > 2:
            raise refusal(OVER_LIMIT)
        self.calls += 1
        if self.is_logging or self.calls != 2:
            self._log()
        return {"inputTokens": 7, "outputTokens": self.calls}

    def _log(self) -> None:
        record = usage_record(
            request_id=f"request-{self.calls}",
            identity_arn=f"arn:aws:sts::123456789012:assumed-role/{ROLE}/{self.caller}",
            tokens=TokenCounts(input=7, output=self.calls),
        )
        client = self.client("dynamodb")
        DynamoDbUsageLedger(client, LEDGER, timedelta(days=90)).write([record])


class StartedMeter(VerifiedMeter):
    """A meter that notes which functions are started."""

    started: list[str]

    def start(self, function: str) -> None:
        self.started.append(function)


@pytest.fixture
def url(aws: None) -> Iterator[GatewayUrl]:
    with open_url() as opened:
        deploy_gateway(opened.url)
        yield opened


def limited(account: LimitedAccount, **settings: Any) -> StartedMeter:
    """A meter with the gateway, which waits by a clock of its own."""
    pauses: list[float] = []
    made: Any = meter(account)
    verified = StartedMeter(
        made.session,
        Config.from_context(SETTINGS | settings),
        Waiting(60, clock=lambda: sum(pauses), pause=pauses.append),
        made.answers,
        made=ModelCalls(NOVA, 2, 14, 4),
        open_gateway=account.open_gateway,
    )
    verified.started = []
    return verified


def check_removed(account: LimitedAccount, text: str | None = None) -> None:
    states = {key.get_state(datetime.now(UTC)) for key in account.keys.list_keys()}
    assert states <= {KeyState.REVOKED}
    assert account.policies.read().text in (text, '{"policies": []}', "{}")


def test_calls_are_answered_limited_and_in_the_ledger(url: GatewayUrl) -> None:
    account = LimitedAccount()
    account.not_yet = 3
    verified = limited(account)
    assert check_gateway(verified) == (
        "3 calls with a key, one of them a stream, are in the ledger under the caller's name,"
        " 27 tokens; one above a limit was refused"
    )
    ((opened, _),) = account.opened
    assert opened == url.url
    assert url.paths == ["/model/none/converse"]
    assert verified.started == ["LimitSettler"]
    check_removed(account)


@pytest.mark.usefixtures("url")
def test_stored_policies_are_restored() -> None:
    account = LimitedAccount()
    account.policies.write(PolicyChange(POLICIES, 0, None, {}), datetime.now(UTC))
    check_gateway(limited(account))
    changes = account.policies.changes
    assert changes[1].before == {"own": changes[2].after["own"]}
    check_removed(account, changes[2].text)
    assert '"own"' in changes[2].text


@pytest.mark.usefixtures("url")
def test_without_the_gateway_nothing_is_made() -> None:
    account = LimitedAccount()
    with pytest.raises(CheckSkippedError, match="gateway=true"):
        check_gateway(limited(account, gateway=False))
    assert account.keys.list_keys() == []


@pytest.mark.usefixtures("url")
def test_without_a_model_that_answers_no_key_is_made() -> None:
    account = LimitedAccount()
    verified = limited(account)
    verified.made = None
    with pytest.raises(CheckSkippedError, match="no calls were made"):
        check_gateway(verified)
    assert account.keys.list_keys() == []


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"is_answering": False}, "answers no call with a new key"),
        ({"is_limiting": False}, "refuses no call above a limit of one request"),
        ({"is_logging": False}, "has 2 calls of the caller with 18 tokens; .* 3 with 27"),
        ({"caller": "other"}, "has 0 calls of the caller with 0 tokens; .* 3 with 27"),
        ({"has_usage": False}, "a stream through the gateway had 0 reports of its usage"),
    ],
)
def test_a_wrong_answer_fails_the_check_and_all_is_removed(
    changes: dict[str, Any], problem: str
) -> None:
    account = LimitedAccount()
    for name, value in changes.items():
        setattr(account, name, value)
    with pytest.raises(CheckFailedError, match=problem):
        check_gateway(limited(account))
    check_removed(account)


def test_a_url_that_admits_requests_without_a_key_fails_the_check(url: GatewayUrl) -> None:
    url.answer = 200, {}
    account = LimitedAccount()
    with pytest.raises(CheckFailedError, match="a request without a key with status 200"):
        check_gateway(limited(account))
    check_removed(account)


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize("error", [KeyboardInterrupt(), refusal("ValidationException")])
def test_all_is_removed_after_an_interruption_and_after_an_error(error: BaseException) -> None:
    account = LimitedAccount()
    account.error = error
    with pytest.raises(type(error)):
        check_gateway(limited(account))
    check_removed(account)


@pytest.mark.usefixtures("url")
def test_the_key_is_revoked_even_if_policies_cannot_be_restored(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = LimitedAccount()
    account.error = KeyboardInterrupt()
    write: Callable[..., int] = account.policies.write

    def fail_second(change: PolicyChange, at: datetime) -> int:
        if account.policies.changes:
            raise refusal(THROTTLED)
        return write(change, at)

    monkeypatch.setattr(account.policies, "write", fail_second)
    with pytest.raises(ClientError, match=THROTTLED):
        check_gateway(limited(account))
    (key,) = account.keys.list_keys()
    assert key.get_state(datetime.now(UTC)) is KeyState.REVOKED


def test_the_estimate_has_the_calls_and_minutes_of_the_gateway() -> None:
    session: Any = Session()
    models = list_models(session)
    without, config = Config(governance=True), Config.from_context(SETTINGS)
    assert estimate_minutes(config) > estimate_minutes(without)
    calls = estimate_usd(config, models) - estimate_usd(without, models)
    assert calls > 8 * max(models).usd


def test_a_caller_sends_its_key_also_where_the_machine_has_credentials(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv(VARIABLE, "before")

    class SentError(Exception):
        """Ends a request before it is sent."""

    def stop(request: Any, **_: object) -> None:
        raise SentError(request.headers["Authorization"])

    with open_client("us-east-1", "https://gateway.example", "bmk_text") as client:
        client.meta.events.register("before-send", stop)
        with pytest.raises(SentError, match="Bearer bmk_text"):
            client.converse(modelId=NOVA, messages=[])
    assert os.environ[VARIABLE] == "before"
