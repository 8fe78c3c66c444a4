"""API keys: whom they stand for, what they allow, and until when."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from lambdas.domain.api_keys.secrets import NewSecret, make_secret
from lambdas.domain.api_keys.session_names import make_session_name
from lambdas.domain.invocations.request_metadata import METADATA_FORM, is_metadata_text

LAST_USED_PRECISION = timedelta(hours=1)
"""`last_used_at` is written again when it is older than that."""


class Scope(StrEnum):
    """A permission of a key."""

    BEDROCK = "bedrock"
    """Call models through the gateway."""
    LIMITS = "limits"
    """Read the limits of one's own calls."""


class KeyState(StrEnum):
    """The state of a key at some time."""

    VALID = "valid"
    EXPIRED = "expired"
    REVOKED = "revoked"


class InvalidProjectError(Exception):
    """A project cannot be in the request metadata of a call. The text says why."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key without its text.

    Attributes:
        digest: The hash of its text, by which it is stored.
        prefix: Its first letters.
        owner: The person or service that it stands for: the caller of all calls with it.
        created_at: The time when it was made.
        tenant: The organization of the owner, where several share a deployment.
        tier: The name of the tier whose limits apply.
        project: The project that its calls are attributed to.
        scopes: The permissions.
        expires_at: The time from which it is refused.
        revoked_at: The time when it was revoked.
        last_used_at: The time of its last use, to about an hour.
        replaces: The prefix of the key that it was made to replace.
    """

    digest: str
    prefix: str
    owner: str
    created_at: datetime
    tenant: str | None = None
    tier: str | None = None
    project: str | None = None
    scopes: frozenset[Scope] = frozenset(Scope)
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None
    replaces: str | None = None

    def __post_init__(self) -> None:
        """Refuse an owner without a session name of its own, and a project that no call can have.

        Raises:
            NoSessionNameError: It has none.
            InvalidProjectError: Bedrock refuses every call whose metadata has the project.
        """
        make_session_name(self.owner, self.tenant)
        if self.project is not None and not is_metadata_text(self.project):
            message = (
                f"A project has {METADATA_FORM}, since Bedrock takes no other request metadata"
            )
            raise InvalidProjectError(message)

    @property
    def session_name(self) -> str:
        """The name of the sessions of its calls. All keys of an owner share it."""
        return make_session_name(self.owner, self.tenant)

    def get_state(self, now: datetime) -> KeyState:
        """Get the state at a time."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return KeyState.REVOKED
        if self.expires_at is not None and self.expires_at <= now:
            return KeyState.EXPIRED
        return KeyState.VALID

    def is_use_due(self, now: datetime) -> bool:
        """Say if the time of its last use is to be written again."""
        return self.last_used_at is None or now - self.last_used_at >= LAST_USED_PRECISION


def create_key(  # noqa: PLR0913  # the fields of a key
    random: bytes,
    owner: str,
    now: datetime,
    *,
    tenant: str | None = None,
    tier: str | None = None,
    project: str | None = None,
    scopes: Collection[Scope] = frozenset(Scope),
    lifetime: timedelta | None = None,
) -> tuple[NewSecret, ApiKey]:
    """Make a key.

    Args:
        random: 32 random bytes.
        owner: The person or service that it stands for.
        now: The time.
        tenant: The organization of the owner.
        tier: The tier whose limits apply.
        project: The project of its calls.
        scopes: The permissions.
        lifetime: The time after which it expires; `None` for never.

    Raises:
        NoSessionNameError: The owner has no session name of its own.
        InvalidProjectError: Bedrock refuses every call whose metadata has the project.
    """
    secret = make_secret(random)
    key = ApiKey(
        secret.digest,
        secret.prefix,
        owner,
        now,
        tenant=tenant,
        tier=tier,
        project=project,
        scopes=frozenset(scopes),
        expires_at=None if lifetime is None else now + lifetime,
    )
    return secret, key


class KeyNotValidError(Exception):
    """An expired or revoked key cannot be rotated."""


def rotate_key(
    key: ApiKey, random: bytes, now: datetime, overlap: timedelta
) -> tuple[NewSecret, ApiKey, ApiKey]:
    """Make the successor of a key, and give the key an end.

    Args:
        key: The key.
        random: 32 random bytes.
        now: The time.
        overlap: The time in which both are valid.

    Returns:
        The text of the successor, the successor, and the key with its end, which is never later
        than before. The successor lives as long as the key was made for.

    Raises:
        KeyNotValidError: The key is not valid any more.
    """
    if key.get_state(now) is not KeyState.VALID:
        raise KeyNotValidError
    secret = make_secret(random)
    end = now + overlap
    successor = replace(
        key,
        digest=secret.digest,
        prefix=secret.prefix,
        created_at=now,
        expires_at=None if key.expires_at is None else now + (key.expires_at - key.created_at),
        last_used_at=None,
        replaces=key.prefix,
    )
    ending = replace(key, expires_at=end if key.expires_at is None else min(end, key.expires_at))
    return secret, successor, ending


class KeyExistsError(Exception):
    """A key with this text is stored already."""


class ApiKeyStore(Protocol):
    """Stored keys."""

    def get(self, digest: str) -> ApiKey | None:
        """Get a key by the hash of its text."""

    def list_keys(self) -> Collection[ApiKey]:
        """List all keys."""

    def mark_used(self, digest: str, at: datetime) -> None:
        """Store that a key was used, if it is stored."""


class ApiKeyChanges(Protocol):
    """Changes stored keys, and records that in the audit trail."""

    def create(self, key: ApiKey) -> None:
        """Store a new key.

        Raises:
            KeyExistsError: It is stored already.
        """

    def rotate(self, successor: ApiKey, ending: ApiKey) -> bool:
        """Store the successor of a key, and the end of the key.

        Returns:
            False if the key was revoked meanwhile, or ends earlier. Nothing is stored then.
        """

    def revoke(self, key: ApiKey, at: datetime) -> bool:
        """Revoke a key, once and for good; `False` if it is not stored, or was revoked before."""
