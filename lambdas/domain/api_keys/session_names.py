"""Maps callers to the names of role sessions, one to one.

A session's name is the caller in Bedrock's log. Two callers with one name would share counts,
limits and bills, so callers without a name of their own are refused.
"""

from __future__ import annotations

import re

# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
MIN_LENGTH, MAX_LENGTH = 2, 64
_ESCAPE, _SEPARATOR = "=", ","
_TO_ESCAPE = re.compile(r"[^A-Za-z0-9_.@+-]")


class NoSessionNameError(Exception):
    """A caller has no session name. The text says why."""


def make_session_name(owner: str, tenant: str | None = None) -> str:
    """Make the name of a caller's sessions: the owner as it is, where that is possible.

    Other letters become `=XX` for each byte of UTF-8, and so does the first letter of a name that
    would be too short. A tenant stands before a comma.

    Raises:
        NoSessionNameError: The name is empty or would be too long. It is never cut off.

    Example:
        >>> make_session_name("ana@example.com"), make_session_name("Ana María", "acme")
        ('ana@example.com', 'acme,Ana=20Mar=C3=ADa')
    """
    if not owner or tenant == "":
        message = "An owner, and a tenant, has at least one letter"
        raise NoSessionNameError(message)
    name = _escape(owner) if tenant is None else f"{_escape(tenant)}{_SEPARATOR}{_escape(owner)}"
    if len(name) < MIN_LENGTH:
        name = _escape_letter(name)
    if len(name) > MAX_LENGTH:
        message = (
            f"Owner and tenant take {len(name)} letters in a session name, and AWS allows"
            f" {MAX_LENGTH}. Letters other than A-Z, a-z, 0-9 and _.@+- take three or more"
        )
        raise NoSessionNameError(message)
    return name


def make_session_arn(role_arn: str, session_name: str) -> str:
    """Make the ARN that logs have of a session of a role without a path.

    Example:
        >>> make_session_arn("arn:aws:iam::111122223333:role/chat", "ana")
        'arn:aws:sts::111122223333:assumed-role/chat/ana'
    """
    _, partition, _, _, account_id, role = role_arn.split(":", 5)
    name = role.removeprefix("role/")
    return f"arn:{partition}:sts::{account_id}:assumed-role/{name}/{session_name}"


def _escape(text: str) -> str:
    try:
        return _TO_ESCAPE.sub(lambda found: _escape_letter(found[0]), text)
    except UnicodeEncodeError:
        message = "An owner or a tenant holds half of a surrogate pair"
        raise NoSessionNameError(message) from None


def _escape_letter(letter: str) -> str:
    return "".join(f"{_ESCAPE}{byte:02X}" for byte in letter.encode())
