"""Encrypts addresses and secrets of webhooks with their key of KMS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_kms import KMSClient


class KmsSecretBox:
    """Encrypts each text for one subscription: nothing decrypts it for another one."""

    def __init__(self, client: KMSClient, key: str) -> None:
        """Encrypt with a key.

        Args:
            client: A KMS client.
            key: The ARN of the key.
        """
        self._client = client
        self._key = key

    def seal(self, webhook_id: str, text: str) -> bytes:
        """Encrypt a text for a subscription."""
        answer = self._client.encrypt(
            KeyId=self._key, Plaintext=text.encode(), EncryptionContext=_make_context(webhook_id)
        )
        return answer["CiphertextBlob"]

    def open(self, webhook_id: str, ciphertext: bytes) -> str:
        """Decrypt a text of a subscription."""
        answer = self._client.decrypt(
            KeyId=self._key,
            CiphertextBlob=ciphertext,
            EncryptionContext=_make_context(webhook_id),
        )
        return answer["Plaintext"].decode()


def _make_context(webhook_id: str) -> Mapping[str, str]:
    """Make the encryption context, which the log of KMS's calls has in plain text."""
    return {"webhook": webhook_id}
