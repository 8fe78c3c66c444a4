"""Credentials of role sessions: one session for each caller, whom Bedrock's log then names."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from botocore.credentials import Credentials

from lambdas.adapters.bounded_entries import add_bounded

if TYPE_CHECKING:
    from mypy_boto3_sts import STSClient

# Roles that assume roles get an hour at most:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles.html#iam-term-role-chaining
SESSION_SECONDS = 3600
MAX_SESSIONS = 1000
_MARGIN = timedelta(minutes=5)
"""A session is renewed so long before its end."""


class _Session(NamedTuple):
    credentials: Credentials
    ends_at: datetime


class StsRoleSessions:
    """Assumes a role once for each session name, until shortly before the session ends."""

    def __init__(
        self,
        client: STSClient,
        role_arn: str,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Assume a role.

        Args:
            client: An STS client.
            role_arn: The role, which may invoke models and nothing else.
            clock: The time in UTC.
        """
        self._client = client
        self._role_arn = role_arn
        self._clock = clock
        self._sessions: dict[str, _Session] = {}
        self._lock = Lock()

    def get_credentials(self, session_name: str) -> Credentials:
        """Get the credentials of a session.

        Raises:
            botocore.exceptions.ClientError: STS refused.
            botocore.exceptions.BotoCoreError: STS did not answer.
        """
        found = self._sessions.get(session_name)
        if found is None or self._clock() >= found.ends_at - _MARGIN:
            found = self._assume(session_name)
            with self._lock:
                self._sessions.pop(session_name, None)
                add_bounded(self._sessions, session_name, found, MAX_SESSIONS)
        return found.credentials

    def _assume(self, session_name: str) -> _Session:
        answer = self._client.assume_role(
            RoleArn=self._role_arn, RoleSessionName=session_name, DurationSeconds=SESSION_SECONDS
        )["Credentials"]
        credentials = Credentials(
            answer["AccessKeyId"], answer["SecretAccessKey"], answer["SessionToken"]
        )
        return _Session(credentials, answer["Expiration"])
