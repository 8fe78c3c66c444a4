"""The company's gateway: callers of two tiers, and the limits as their AWS SDK sees them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from botocore.config import Config
from botocore.exceptions import ClientError

from cdk.config.gateway_names import caller_role_name
from cdk.local_cloud.cloud import ACCOUNT, REGION, LocalCloud, open_session
from cdk.local_cloud.tls import make_certificates, serve_tls
from cdk.operations.aws_errors import error_code
from cdk.operations.terminal import CommandError
from dashboards.cloudwatch import CloudWatchMetrics, Periods
from dashboards.demo.commands import run_command
from dashboards.demo.measured_sums import read_metric
from lambdas.domain.metrics.catalog import IDENTITY_ARN, INVOCATIONS, TOTAL_TOKENS

LIMITS = Path(__file__).with_name("limits.json")
"""The limits of both tiers."""
THROTTLED, TOO_LARGE = "ThrottlingException", "ServiceQuotaExceededException"
_MODEL = "us.anthropic.claude-sonnet-4-20250514-v1:0"
_PROMPT = "Which invoices are due? " * 167  # some 4,000 bytes, 1,000 tokens
_MAX_TOKENS, _TOO_MANY_TOKENS = 200, 8000
_MAX_CALLS = 8  # the third is refused; a slow machine may make them too far apart
_KEY_VARIABLE = "AWS_BEARER_TOKEN_BEDROCK"
_PAUSE_SECONDS = 0.2
_MAX_WAIT_SECONDS = 30
_SHOWN = timedelta(days=1)


class Caller(NamedTuple):
    """A caller with a key.

    Attributes:
        owner: The owner of the key, and so the session name of the calls.
        tier: The tier of the key.
    """

    owner: str
    tier: str

    @property
    def arn(self) -> str:
        """The identity of the calls in Bedrock's log."""
        return f"arn:aws:sts::{ACCOUNT}:assumed-role/{caller_role_name(REGION)}/{self.owner}"


FREE = Caller("trial@example.com", "free")
GOLD = Caller("checkout@example.com", "gold")


class GatewayAnswer(NamedTuple):
    """The answer to a call, as the SDK shows it.

    Attributes:
        caller: The caller.
        operation: The operation of Bedrock.
        refusal: The exception that the SDK raised; `None` for an answered call.
        used_tokens: The tokens that the answer reports; 0 for a refused call.
        headers: The headers.
        waited_seconds: The time that the caller waited before the call.
    """

    caller: Caller
    operation: str
    refusal: str | None
    used_tokens: int
    headers: Mapping[str, str]
    waited_seconds: float = 0


class Counted(NamedTuple):
    """The calls of a caller in the meter.

    Attributes:
        calls: Their number.
        total_tokens: Their tokens.
    """

    calls: int
    total_tokens: int


@dataclass(frozen=True, slots=True)
class CompanyGateway:
    """A deployed gateway, over TLS as on AWS.

    Attributes:
        cloud: The local cloud.
        url: Its URL.
        authority: The file of the authority that its certificate has.
    """

    cloud: LocalCloud
    url: str
    authority: Path

    @classmethod
    @contextmanager
    def open(cls, cloud: LocalCloud, public_url: str) -> Iterator[CompanyGateway]:
        """Serve a gateway over TLS until the block ends.

        Args:
            cloud: The local cloud.
            public_url: The URL of its function.
        """
        certificates = make_certificates(cloud.home)
        name = public_url.removeprefix("https://").partition(".")[0]
        with serve_tls(cloud.endpoint, certificates.server) as url:
            yield cls(cloud, f"{url}/_aws/lambda-url/{name}", certificates.authority)

    def call_models(self) -> Sequence[GatewayAnswer]:
        """Apply limits, make keys, and let both callers call a model.

        The caller of the tier free calls until it is refused, and again after the wait that the
        refusal names. In between, the one of the tier gold goes on.

        Raises:
            CommandError: A command failed, or a call had another answer.
        """
        run_command(self.cloud, "limits", "apply", str(LIMITS))
        free, gold = map(self._make_key, (FREE, GOLD))
        answers = [gold.call("Converse")]
        while answers[-1].refusal is None and len(answers) <= _MAX_CALLS:
            operation = "Converse" if len(answers) % 2 else "ConverseStream"
            answers.append(free.call(operation))
        refused = answers[-1]
        _check(refused, THROTTLED)
        answers.append(gold.call("ConverseStream"))
        answers.append(_call_after_waits(free, refused))
        for answer in answers[-2:]:
            _check(answer, None)
        answers.append(free.call("Converse", _TOO_MANY_TOKENS))
        _check(answers[-1], TOO_LARGE)
        return answers

    def wait_for_counts(
        self, answers: Sequence[GatewayAnswer], seconds_to_settle: float
    ) -> Mapping[Caller, Counted]:
        """Wait until the meter has counted the calls of each caller under its own identity.

        Args:
            answers: All answers.
            seconds_to_settle: The time to wait.

        Raises:
            CommandError: The metrics do not say what the answers said.
        """
        expected = {caller: _add_up(caller, answers) for caller in (FREE, GOLD)}
        deadline = time.monotonic() + seconds_to_settle
        while (counted := self._read_counts()) != expected:
            if time.monotonic() > deadline:
                message = f"the meter has counted {counted}, and answers reported {expected}."
                raise CommandError(message)
            time.sleep(_PAUSE_SECONDS)
        return counted

    def _read_counts(self) -> dict[Caller, Counted]:
        source = CloudWatchMetrics(self.cloud.client("cloudwatch"))
        soon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        period = Periods(soon, int(_SHOWN.total_seconds()), 1)
        calls, tokens = (
            read_metric(source, metric.name, IDENTITY_ARN, period)
            for metric in (INVOCATIONS, TOTAL_TOKENS)
        )
        return {
            caller: Counted(int(calls.get(caller.arn, 0)), int(tokens.get(caller.arn, 0)))
            for caller in (FREE, GOLD)
        }

    def _make_key(self, caller: Caller) -> _Sdk:
        """Make a key, and open a client that has it and no other credentials.

        AWS's SDKs try refused calls again by themselves. Here they do not, to show the refusals.
        """
        printed = run_command(
            self.cloud, "keys", "create", "--owner", caller.owner, "--tier", caller.tier
        )
        *_, key = printed.split()
        session: Any = open_session()
        with _set_variable(_KEY_VARIABLE, key):
            client = session.client(
                "bedrock-runtime",
                endpoint_url=self.url,
                verify=str(self.authority),
                config=Config(proxies={}, retries={"total_max_attempts": 1}),
            )
        return _Sdk(caller, key, client)


@dataclass(frozen=True, slots=True)
class _Sdk:
    """AWS's SDK with the key of a caller.

    Attributes:
        caller: The caller.
        key: The text of the key.
        client: The client of bedrock-runtime.
    """

    caller: Caller
    key: str
    client: Any

    def call(self, operation: str, max_tokens: int = _MAX_TOKENS) -> GatewayAnswer:
        """Call a model, and read the answer to its end."""
        ask = self.client.converse if operation == "Converse" else self.client.converse_stream
        try:
            with _set_variable(_KEY_VARIABLE, self.key):  # botocore reads it for each call
                answered = ask(
                    modelId=_MODEL,
                    messages=[{"role": "user", "content": [{"text": _PROMPT}]}],
                    inferenceConfig={"maxTokens": max_tokens},
                )
        except ClientError as error:
            headers = error.response["ResponseMetadata"]["HTTPHeaders"]
            return GatewayAnswer(self.caller, operation, error_code(error), 0, headers)
        headers = answered["ResponseMetadata"]["HTTPHeaders"]
        if "stream" in answered:
            events = answered["stream"]
            *_, answered = (event["metadata"] for event in events if "metadata" in event)
        used = answered["usage"]["totalTokens"]
        return GatewayAnswer(self.caller, operation, None, used, headers)


def _call_after_waits(caller: _Sdk, refused: GatewayAnswer) -> GatewayAnswer:
    """Call again after the wait that a refusal names, as AWS's SDKs do.

    A call whose settlement is under way holds what the caller lacks: then the wait is short.
    """
    answer, waited = refused, 0.0
    while answer.refusal == THROTTLED and waited < _MAX_WAIT_SECONDS:
        wait = int(answer.headers["x-amz-retry-after"]) / 1000
        time.sleep(wait)
        waited += wait
        answer = caller.call(refused.operation)
    return answer._replace(waited_seconds=waited)


def _check(answer: GatewayAnswer, refusal: str | None) -> None:
    """Check how a call was answered.

    Raises:
        CommandError: It was refused and should not be, or the other way round.
    """
    if answer.refusal != refusal:
        message = (
            f"{answer.operation} of {answer.caller.owner} should have been answered with"
            f" {refusal or 'success'}, and not with {answer.refusal or 'success'}."
        )
        raise CommandError(message)


def _add_up(caller: Caller, answers: Sequence[GatewayAnswer]) -> Counted:
    used = [each.used_tokens for each in answers if each.caller == caller and not each.refusal]
    return Counted(len(used), sum(used))


@contextmanager
def _set_variable(name: str, value: str) -> Iterator[None]:
    """Set a variable of the environment until the block ends."""
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
