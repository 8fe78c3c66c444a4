"""A session whose clients are fakes, where moto has no such service, and moto's elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import boto3
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

from cdk.config import Config
from cdk.operations.verification.metric_answers import MetricAnswers
from cdk.operations.verification.verified_meter import VerifiedMeter
from cdk.operations.verification.waiting import Waiting

NOVA, HAIKU, UNPRICED = (
    "amazon.nova-micro-v1:0",
    "anthropic.claude-3-haiku-20240307-v1:0",
    "acme.unpriced-v1:0",
)
NO_WAITING = Waiting(0)


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "Converse")


class Bedrock:
    """Offers models, and has a logging configuration or none."""

    def __init__(self, *models: str, logging: Mapping[str, Any] | None = None) -> None:
        self.models = models or (HAIKU, UNPRICED, NOVA)
        self.logging = logging

    def list_foundation_models(self, **_: str) -> dict[str, Any]:
        return {"modelSummaries": [{"modelId": model} for model in self.models]}

    def get_model_invocation_logging_configuration(self) -> dict[str, Any]:
        return {} if self.logging is None else {"loggingConfig": self.logging}


class Runtime:
    """Answers calls of models, but for those that the account may not use."""

    def __init__(self, *refused: str, code: str = "AccessDeniedException") -> None:
        self.refused = refused
        self.code = code
        self.called: list[str] = []

    def converse(self, modelId: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        if modelId in self.refused:
            raise refusal(self.code)
        self.called.append(modelId)
        return {"usage": {"inputTokens": 7, "outputTokens": 2}}


class Session:
    """A session of the Region us-east-1."""

    region_name = "us-east-1"

    def __init__(self, **clients: Any) -> None:
        self.clients = {"bedrock": Bedrock(), **clients}

    def get_credentials(self) -> Credentials:
        return Credentials("session-key", "session-secret", "session-token")

    def client(self, service: str, **_: Any) -> Any:
        return self.clients.get(service.replace("-", "_")) or boto3.client(service)  # type: ignore[call-overload]  # any service


def meter(session: Any) -> VerifiedMeter:
    answers: Any = MetricAnswers(session.client("cloudwatch"))
    return VerifiedMeter(session, Config(), NO_WAITING, answers)
