"""Customer keys of KMS, with their policies."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lambdas.adapters.refusals import ignore_absent, refusal_as_not_readable
from lambdas.domain.safeguards.topic import Key

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient

_ONLY_POLICY = "default"


class KmsKeys:
    """Reads keys of one account and Region."""

    def __init__(self, client: KMSClient) -> None:
        """Read with a KMS client."""
        self._client = client

    def get(self, key_id: str) -> Key | None:
        """Get a key with its policy; `None` if it does not exist."""
        with refusal_as_not_readable(), ignore_absent():
            state = self._client.describe_key(KeyId=key_id)["KeyMetadata"]["KeyState"]
            policy = self._client.get_key_policy(KeyId=key_id, PolicyName=_ONLY_POLICY)
            return Key(state, json.loads(policy["Policy"]))
        return None
