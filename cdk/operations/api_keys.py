"""Makes, lists, rotates and revokes API keys of the gateway: `bedrock-meter keys`."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from rich.table import Table

from cdk.operations.terminal import CommandError, open_console, printable, show_time
from lambdas.domain.api_keys import (
    ApiKey,
    ApiKeyChanges,
    ApiKeyStore,
    InvalidProjectError,
    KeyNotValidError,
    NoSessionNameError,
    Scope,
    create_key,
    rotate_key,
)
from lambdas.domain.limit_policies import PolicySet

_PREFIX = re.compile(r"bmk_[a-z2-7]{8}")
_DRY_RUN = "This was a dry run: nothing is changed."


class NewKey(NamedTuple):
    """The wishes for a new key.

    Attributes:
        owner: The person or service that it stands for.
        tenant: The organization of the owner.
        tier: The tier whose limits apply.
        project: The project of its calls.
        scopes: The permissions; all of them if empty.
        lifetime: The time after which it expires; `None` for never.
    """

    owner: str
    tenant: str | None = None
    tier: str | None = None
    project: str | None = None
    scopes: Collection[Scope] = ()
    lifetime: timedelta | None = None


def create(  # a key, and where it goes
    changes: ApiKeyChanges,
    policies: PolicySet,
    wanted: NewKey,
    random: bytes,
    now: datetime,
    *,
    is_dry_run: bool,
) -> None:
    """Make a key, and print its text once.

    Args:
        changes: Stores the key.
        policies: The stored policies, which have to know the tier.
        wanted: The wishes for it.
        random: 32 random bytes.
        now: The time.
        is_dry_run: Only print what would be made.

    Raises:
        CommandError: The owner has no session name, no policy has the tier, or no call can have the
            project.
    """
    if not policies.knows_tier(wanted.tier):
        message = (
            f"no policy has the tier {wanted.tier}: add it to your limits file, and run"
            " bedrock-meter limits apply first."
        )
        raise CommandError(message)
    scopes = wanted.scopes or frozenset(Scope)
    try:
        secret, key = create_key(
            random,
            wanted.owner,
            now,
            tenant=wanted.tenant,
            tier=wanted.tier,
            project=wanted.project,
            scopes=scopes,
            lifetime=wanted.lifetime,
        )
    except (NoSessionNameError, InvalidProjectError) as error:
        message = f"{error}."
        raise CommandError(message) from None
    print(f"Calls will have the session name {printable(key.session_name)}.")
    if wanted.tier is None and policies.has_tiers:
        print("The key has no tier: only the policies outside of tiers limit its calls.")
    if is_dry_run:
        print(_DRY_RUN)
        return
    changes.create(key)
    _print_secret(secret.text, key)


def list_keys(store: ApiKeyStore, now: datetime) -> None:
    """Print the stored keys, without their texts."""
    keys = sorted(store.list_keys(), key=lambda key: (key.session_name, key.created_at))
    if not keys:
        print("There are no keys.")
        return
    table = Table("Key", "Caller", "Tier", "Project", "Scopes", "State", "Expires", "Last used")
    for key in keys:
        table.add_row(
            key.prefix,
            printable(key.session_name),
            printable(key.tier or "-"),
            printable(key.project or "-"),
            ", ".join(sorted(key.scopes)) or "-",
            key.get_state(now).value,
            show_time(key.expires_at),
            show_time(key.last_used_at),
        )
    open_console().print(table)


def revoke(
    store: ApiKeyStore, changes: ApiKeyChanges, prefix: str, now: datetime, *, is_dry_run: bool
) -> None:
    """Revoke a key for good.

    Raises:
        CommandError: There is no key with this prefix, or it was revoked before.
    """
    key = _find(store, prefix)
    print(f"{key.prefix} of {printable(key.session_name)}")
    if is_dry_run:
        print(_DRY_RUN)
        return
    if not changes.revoke(key, now):
        message = f"{prefix} was revoked before."
        raise CommandError(message)
    print("Revoked. The gateway refuses it within a minute.")


def rotate(
    store: ApiKeyStore,
    changes: ApiKeyChanges,
    prefix: str,
    random: bytes,
    now: datetime,
    *,
    overlap: timedelta,
    is_dry_run: bool,
) -> None:
    """Make the successor of a key, print its text once, and give the key an end.

    Raises:
        CommandError: There is no valid key with this prefix.
    """
    key = _find(store, prefix)
    try:
        secret, successor, ending = rotate_key(key, random, now, overlap)
    except KeyNotValidError:
        message = f"{prefix} is {key.get_state(now)}: make a new key."
        raise CommandError(message) from None
    print(f"{key.prefix} of {printable(key.session_name)} ends {show_time(ending.expires_at)}.")
    if is_dry_run:
        print(_DRY_RUN)
        return
    if not changes.rotate(successor, ending):
        message = f"{prefix} was changed at the same time: run the command again."
        raise CommandError(message)
    _print_secret(secret.text, successor)


def _find(store: ApiKeyStore, prefix: str) -> ApiKey:
    if _PREFIX.fullmatch(prefix) is None:  # it may be a whole key: it is not shown
        message = (
            "that is no prefix of a key: give its first 12 characters, such as bmk_abcdefgh. keys"
            " list prints them."
        )
        raise CommandError(message)
    found = [key for key in store.list_keys() if key.prefix == prefix]
    if len(found) == 1:
        return found[0]
    number = "several keys" if found else "no key"
    message = f"{number} with the prefix {prefix}: keys list prints them."
    raise CommandError(message)


def _print_secret(text: str, key: ApiKey) -> None:
    if key.expires_at is not None:
        print(f"The new key expires {show_time(key.expires_at)}.")
    print(f"{key.prefix} is stored. This is its text, which is not shown again:")
    print(text)
