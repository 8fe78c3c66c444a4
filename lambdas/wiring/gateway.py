"""The relay of the gateway, over DynamoDB, STS and Bedrock."""

from __future__ import annotations

from datetime import UTC, datetime

from lambdas.adapters.bedrock.runtime_relay import BedrockRuntimeRelay
from lambdas.adapters.cached_api_keys import CachedApiKeys
from lambdas.adapters.dynamodb.api_key_store import DynamoDbApiKeys
from lambdas.adapters.sts_role_sessions import StsRoleSessions
from lambdas.domain.bedrock_calls import CallAdmission, NeedBounds
from lambdas.services.relay_call import CallRelay, RelayRules
from lambdas.wiring.gateway_calls import make_call_observers
from lambdas.wiring.gateway_clients import make_client, make_dynamodb_client, make_sts_client
from lambdas.wiring.gateway_models import LazyModels
from lambdas.wiring.gateway_settings import RelaySettings


def make_call_relay(settings: RelaySettings, admission: CallAdmission) -> CallRelay:
    """Make the relay.

    Args:
        settings: The settings.
        admission: Admits calls and settles them.
    """
    dynamodb = make_dynamodb_client()
    sessions = StsRoleSessions(make_sts_client(), settings.caller_role_arn)
    return CallRelay(
        keys=CachedApiKeys(DynamoDbApiKeys(dynamodb, settings.governance_table)),
        admission=admission,
        bedrock=BedrockRuntimeRelay(
            settings.bedrock_endpoint or make_endpoint(settings.region),
            settings.region,
            sessions.get_credentials,
            settings.read_seconds,
        ),
        clock=lambda: datetime.now(UTC),
        rules=make_rules(settings),
        models=LazyModels(settings),
        observers=make_call_observers(settings),
    )


def make_rules(settings: RelaySettings) -> RelayRules:
    """Make the rules of the relay."""
    bounds = NeedBounds(
        settings.max_output_tokens,
        settings.default_output_tokens,
        settings.image_tokens,
        settings.document_tokens,
    )
    return RelayRules(
        bounds, settings.project_name, settings.rate_limit_headers, settings.kong_headers
    )


def make_endpoint(region: str) -> str:
    """Make the URL of bedrock-runtime as AWS's SDK does: by partition and environment."""
    return str(make_client("bedrock-runtime", region=region).meta.endpoint_url)
