"""Short names of identities and models, for tables, graphs and messages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from lambdas.domain.invocations.identity import CallerIdentity, IdentityKind

_SSO_ROLE = re.compile(r"role/AWSReservedSSO_(.+)_[0-9a-f]{16}")
# A provider, a name of four letters or more, a date and a version.
_MODEL = re.compile(
    r"[a-z0-9]+\.(?P<name>[a-z][\w.-]{3,}?)(?:-\d{8})?(?:-v\d+(?::\d+)?|-\d+:\d+)?", re.ASCII
)


def shorten_identity(arn: str) -> str:
    """Shorten an ARN to account, principal and session."""
    caller = CallerIdentity.from_arn(arn)
    if caller.kind is IdentityKind.UNKNOWN:
        return arn
    sso_role = _SSO_ROLE.fullmatch(caller.principal)
    principal = f"SSO {sso_role[1]}" if sso_role else caller.principal
    session = f"/{caller.session_name}" if caller.session_name else ""
    return f"{caller.account_id or ''} {principal}{session}".lstrip()


def shorten_identities(arns: Iterable[str]) -> dict[str, str]:
    """Shorten ARNs that are named together: those that would have one short name stay as they are.

    The path of a user is not in the short name, and neither is the partition of an account.

    Returns:
        The name of each ARN.
    """
    return _shorten_apart(arns, shorten_identity)


def shorten_models(model_ids: Iterable[str]) -> dict[str, str]:
    """Shorten ids of models that are named together, see `shorten_identities`.

    The provider, the date and the version are left out.

    Example:
        >>> shorten_models(["anthropic.claude-3-haiku-20240307-v1:0"]).values()
        dict_values(['claude-3-haiku'])

    Returns:
        The name of each id.
    """
    return _shorten_apart(model_ids, _shorten_model)


def _shorten_model(model_id: str) -> str:
    found = _MODEL.fullmatch(model_id)
    return found["name"] if found else model_id


def _shorten_apart(names: Iterable[str], shorten: Callable[[str], str]) -> dict[str, str]:
    """Shorten names; no short name is that of another one, or another one itself."""
    short = {name: shorten(name) for name in names}
    counts = Counter(short.values())
    return {
        name: name if counts[shown] > 1 or (shown != name and shown in short) else shown
        for name, shown in short.items()
    }
