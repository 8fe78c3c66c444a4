"""The gateway of the verified meter, as operators and callers use it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias

import boto3

from cdk.operations.gateway_health import GatewayStores
from lambdas.domain.api_keys import ApiKeyChanges
from lambdas.domain.limit_policies import PolicyWriter


@dataclass(frozen=True, slots=True)
class Gateway:
    """The keys and policies of a deployment, and how callers reach it.

    Attributes:
        stores: The stored keys and policies.
        changes: Changes keys.
        writer: Writes policies.
        open_client: Opens an unmodified client of `bedrock-runtime` by the URL and a key's text,
            for as long as the context lasts.
    """

    stores: GatewayStores
    changes: ApiKeyChanges
    writer: PolicyWriter
    open_client: Callable[[str, str], AbstractContextManager[Any]]


GatewayOpener: TypeAlias = Callable[[boto3.Session], Gateway]
"""Opens it by the names of deployed resources."""
