"""The models behind application inference profiles, for calls of the gateway."""

from __future__ import annotations

from datetime import datetime

from lambdas.domain.bedrock_calls import CalledModels
from lambdas.domain.invocations.model import APPLICATION_PROFILE
from lambdas.logs import logger
from lambdas.wiring.client_timeouts import ONCE
from lambdas.wiring.gateway_clients import make_client, make_dynamodb_client
from lambdas.wiring.gateway_settings import RelaySettings


class LazyModels:
    """Models that are looked for with the first call of an application inference profile."""

    def __init__(self, settings: RelaySettings) -> None:
        """Look for them in the meter's state, then in Bedrock."""
        self._settings = settings
        self._models: CalledModels | None = None

    def find(self, invoked_model_id: str, now: datetime) -> str:
        """Find what a call reaches, see `CalledModels`."""
        if APPLICATION_PROFILE not in invoked_model_id:
            return invoked_model_id
        if self._models is None:
            self._models = _make_models(self._settings)
        return self._models.find(invoked_model_id, now)


def _make_models(settings: RelaySettings) -> CalledModels:
    # All of these take long to import.
    from lambdas.adapters.aws_tag_source import AwsProfiledModels  # noqa: PLC0415
    from lambdas.adapters.cached_models import CachedModels  # noqa: PLC0415
    from lambdas.adapters.dynamodb.profiled_models import DynamoDbProfiledModels  # noqa: PLC0415

    bedrock = AwsProfiledModels(make_client("bedrock", ONCE))
    if not settings.state_table:
        return CachedModels([bedrock], settings.profiles_arn, _report_unknown)
    dynamodb = make_dynamodb_client(ONCE)
    stored = DynamoDbProfiledModels(dynamodb, settings.state_table)
    return CachedModels([stored, bedrock], settings.profiles_arn, _report_unknown)


def _report_unknown(profile: str, reason: str) -> None:
    logger.warning("The model behind a profile is not known", profile=profile, reason=reason)
