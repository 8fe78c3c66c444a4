"""The secrets that sign, and their rotation."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from datetime import datetime, timedelta

from lambdas.domain.webhooks.subscription import SealedSecret

SECRET_MARK = "whsec_"  # noqa: S105  # the beginning of secrets, as Standard Webhooks has it
RANDOM_BYTES = 32
SECRET_OVERLAP = timedelta(hours=24)
"""The time for which a replaced secret still signs, beside the new one."""


def make_secret(random: bytes) -> str:
    """Make a secret of random bytes.

    Raises:
        ValueError: They are not 32.
    """
    if len(random) != RANDOM_BYTES:
        message = f"a secret is made of {RANDOM_BYTES} random bytes"
        raise ValueError(message)
    return SECRET_MARK + b64encode(random).decode()


def list_valid(secrets: Iterable[SealedSecret], now: datetime) -> tuple[SealedSecret, ...]:
    """List the secrets that sign at a time, the current one last."""
    return tuple(each for each in secrets if each.expires_at is None or now < each.expires_at)


def rotate_secrets(
    secrets: Iterable[SealedSecret],
    new: bytes,
    now: datetime,
    *,
    overlap: timedelta = SECRET_OVERLAP,
) -> tuple[SealedSecret, ...]:
    """Replace the current secret by a new one.

    The replaced one signs for the overlap. Older ones end at once, so that there are never more
    than two.

    Args:
        secrets: The secrets so far, the current one last.
        new: The new secret, encrypted.
        now: The time.
        overlap: The time for which the replaced secret still signs; zero if it has leaked.
    """
    current = [each for each in secrets if each.expires_at is None][-1:]
    replaced = [each._replace(expires_at=now + overlap) for each in current]
    return (*list_valid(replaced, now), SealedSecret(new, now))
