"""Clients of AWS for the gateway, made by botocore: boto3 around it takes a twelfth of a start."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.session import get_session

from lambdas.wiring.client_timeouts import BRIEF

if TYPE_CHECKING:
    from botocore.config import Config
    from botocore.credentials import Credentials
    from botocore.session import Session
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sts import STSClient


@cache
def share_session() -> Session:
    """Make the session of all clients. They share what it has read, and its credentials."""
    return get_session()


def make_client(service: str, config: Config | None = None, region: str | None = None) -> Any:  # noqa: ANN401  # each service has a class of its own
    """Make a client, as boto3 would. Clients share what their session has read.

    Args:
        service: The name of the service.
        config: Its timeouts and retries.
        region: The Region; `None` for that of the environment.
    """
    return share_session().create_client(service, region_name=region, config=config)


def make_dynamodb_client(config: Config = BRIEF) -> DynamoDBClient:
    """Make a client of DynamoDB, which threads may share."""
    client: DynamoDBClient = make_client("dynamodb", config)
    return client


def make_sts_client() -> STSClient:
    """Make a client of STS."""
    client: STSClient = make_client("sts", BRIEF)
    return client


def get_own_credentials() -> Credentials | None:
    """Get the credentials of the gateway itself."""
    found: Credentials | None = share_session().get_credentials()
    return found
