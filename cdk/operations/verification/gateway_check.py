"""Checks that the gateway answers calls with a key, limits them, and names the caller."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from cdk.config import stack_names
from cdk.config.gateway_names import caller_role_name
from cdk.operations.aws_errors import error_code
from cdk.operations.gateway_health import examine_gateway
from cdk.operations.verification.check import CheckFailedError, CheckSkippedError
from cdk.operations.verification.gateway import Gateway
from cdk.operations.verification.model_calls import MAX_OUTPUT_TOKENS, converse
from cdk.operations.verification.verified_meter import VerifiedMeter
from lambdas.domain.api_keys import ApiKey, create_key
from lambdas.domain.limit_policies import PolicyChange, StoredPolicies, describe_policies
from lambdas.wiring.limit_policies_file import read_policies

OWNER = "verification"
_RANDOM_BYTES = 32
_LIFETIME = timedelta(days=1)
# A new key, a new role and its permission take some seconds; then the gateway is still refusing.
_NOT_YET = {
    *("AccessDeniedException", "InternalServerException"),
    *("ServiceUnavailableException", "ThrottlingException"),
}
_OVER_LIMIT = "ServiceQuotaExceededException"
_ONE_CALL = {
    "policies": [
        {
            "name": "verification",
            "match": {"caller": OWNER},
            "limits": [{"unit": "requests", "amount": 1, "per": "hour"}],
            "when_out": "refuse",
        }
    ]
}
_NO_POLICIES = '{"policies": []}'


def check_gateway(meter: VerifiedMeter) -> str:
    """Call a model through the gateway, be refused by a limit, and find the caller's calls."""
    if not meter.config.gateway:
        message = (
            "the gateway is off: set governance and gateway"
            " (SET='-c governance=true -c gateway=true')"
        )
        raise CheckSkippedError(message)
    gateway, model = meter.gateway, meter.calls.model
    stored = gateway.stores.policies.read()
    now = datetime.now(UTC)
    secret, key = create_key(secrets.token_bytes(_RANDOM_BYTES), OWNER, now, lifetime=_LIFETIME)
    gateway.changes.create(key)
    run = _GatewayRun(meter, gateway, model, key, stored)
    try:
        return run.run(secret.text)
    finally:
        run.remove()


@dataclass(slots=True)
class _GatewayRun:
    """One run with a key of its own.

    Attributes:
        meter: The meter.
        gateway: Its gateway.
        model: The model to call.
        key: The key.
        stored: The policies to restore.
        used: The tokens of each answer: input and output together.
    """

    meter: VerifiedMeter
    gateway: Gateway
    model: str
    key: ApiKey
    stored: StoredPolicies
    used: list[int] = field(default_factory=list)

    def run(self, secret: str) -> str:
        """Call, be refused, and compare with the ledger.

        Raises:
            CheckFailedError: The gateway does not do what it should.
        """
        url = self.meter.deployment.output(stack_names.GATEWAY, "GatewayUrl")
        with self.gateway.open_client(url, secret) as client:
            self._call_until_refused(client)
        self._require_healthy()
        found = self._find_calls()
        if sorted(found) != sorted(self.used):
            message = (
                f"the ledger has {len(found)} calls of the caller with {sum(found)} tokens;"
                f" the gateway answered {len(self.used)} with {sum(self.used)}"
            )
            raise CheckFailedError(message)
        self.meter.start("LimitSettler")
        return (
            f"{len(self.used)} calls with a key, one of them a stream, are in the ledger under the"
            f" caller's name, {sum(found)} tokens; one above a limit was refused"
        )

    def _call_until_refused(self, client: Any) -> None:  # noqa: ANN401  # a client without types
        waiting = self.meter.waiting
        if not waiting.until(lambda: self._is_answered(client)):
            message = "the gateway answers no call with a new key"
            raise CheckFailedError(message)
        self.used.append(_stream(client, self.model))
        self._write(json.dumps(_ONE_CALL))
        if not waiting.until(lambda: self._is_refused(client)):
            message = "the gateway refuses no call above a limit of one request"
            raise CheckFailedError(message)

    def remove(self) -> None:
        """Restore the policies, and revoke the key."""
        try:
            if self.gateway.stores.policies.read() != self.stored:
                self._write(self.stored.text or _NO_POLICIES)
        finally:
            self.gateway.changes.revoke(self.key, datetime.now(UTC))

    def _is_answered(self, client: Any) -> bool:  # noqa: ANN401  # likewise
        try:
            self._call(client)
        except ClientError as error:
            if error_code(error) not in _NOT_YET:
                raise
            return False
        return True

    def _is_refused(self, client: Any) -> bool:  # noqa: ANN401  # likewise
        """Call until the gateway has read the policy, which takes up to 30 seconds."""
        try:
            self._call(client)
        except ClientError as error:
            if error_code(error) != _OVER_LIMIT:
                raise
            return True
        return False

    def _call(self, client: Any) -> None:  # noqa: ANN401  # likewise
        usage = converse(client, self.model)
        self.used.append(usage["inputTokens"] + usage["outputTokens"])

    def _require_healthy(self) -> None:
        """Check the URL, the role of callers and the table as `make doctor` does.

        Raises:
            CheckFailedError: There is a problem.
        """
        now = datetime.now(UTC)
        health = examine_gateway(
            self.meter.session, self.meter.deployment, self.gateway.stores, now
        )
        if found := [*health.problems, *health.unknown]:
            raise CheckFailedError(" ".join(found))

    def _write(self, text: str) -> None:
        """Replace the stored policies."""
        before, declared = self.gateway.stores.policies.read(), read_policies(text)
        described = None
        if before.text is not None:
            described = describe_policies(read_policies(before.text).policies)
        after = describe_policies(declared.policies)
        change = PolicyChange(declared.text, before.revision, described, after)
        self.gateway.writer.write(change, datetime.now(UTC))

    def _find_calls(self) -> list[int]:
        """Find the tokens of the caller's calls in the ledger, once all are there."""
        found = self.meter.waiting.until(
            lambda: [*self._read_calls()], lambda calls: len(calls) >= len(self.used)
        )
        return [*found]

    def _read_calls(self) -> Iterator[int]:
        role = caller_role_name(str(self.meter.session.region_name))
        pages = (
            self.meter.session.client("dynamodb")
            .get_paginator("scan")
            .paginate(
                TableName=self.meter.deployment.output(stack_names.STORAGE, "LedgerTableName")
            )
        )
        for item in (item for page in pages for item in page["Items"]):
            identity = item.get("identity_arn", {}).get("S", "")
            is_own = identity.endswith(f":assumed-role/{role}/{self.key.session_name}")
            if is_own and "error_code" not in item:
                yield sum(int(item[kind]["N"]) for kind in ("input", "output") if kind in item)


def _stream(client: Any, model: str) -> int:  # noqa: ANN401  # likewise
    """Read a stream to its end, and return its tokens.

    Raises:
        CheckFailedError: It ended without its usage.
    """
    answer = client.converse_stream(
        modelId=model,
        messages=[{"role": "user", "content": [{"text": "Answer with the word yes."}]}],
        inferenceConfig={"maxTokens": MAX_OUTPUT_TOKENS},
    )
    usages = [event["metadata"]["usage"] for event in answer["stream"] if "metadata" in event]
    if len(usages) != 1:
        message = f"a stream through the gateway had {len(usages)} reports of its usage"
        raise CheckFailedError(message)
    return int(usages[0]["inputTokens"] + usages[0]["outputTokens"])
