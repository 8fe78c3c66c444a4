"""Short names of identities and models, for tables, graphs and messages."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable

from lambdas.domain.invocations.identity import CallerIdentity, IdentityKind

_SSO_ROLE = re.compile(r"role/AWSReservedSSO_(.+)_[0-9a-f]{16}")
# A provider, a name, a date and a version, as foundation models are called.
_MODEL = re.compile(
    r"(?P<full>[a-z0-9]+\.(?P<name>[a-z][\w.-]*?))(?:-\d{8})?(?:-v\d+(?::\d+)?|-\d+:\d+)?",
    re.ASCII,
)
_MIN_LETTERS = 4
"""Of a model's name without its provider: `r1` and `v3.1` alone name no model."""


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

    The date and the version are left out, and the provider where the rest names a model.

    Example:
        >>> shorten_models(["anthropic.claude-3-haiku-20240307-v1:0"]).values()
        dict_values(['claude-3-haiku'])

    Returns:
        The name of each id.
    """
    return _shorten_apart(model_ids, lambda model_id: shorten_model(model_id) or model_id)


def shorten_model(model_id: str) -> str | None:
    """Shorten the id of a model that is named alone, see `shorten_models`.

    Returns:
        The name, or `None` for text that is no id of a foundation model.
    """
    found = _MODEL.fullmatch(model_id)
    if found is None:
        return None
    is_clear = sum(map(str.isalpha, found["name"])) >= _MIN_LETTERS
    return found["name"] if is_clear else found["full"]


def _shorten_apart(names: Iterable[str], shorten: Callable[[str], str]) -> dict[str, str]:
    """Shorten names; no short name is that of another one, or another one itself."""
    short = {name: shorten(name) for name in names}
    counts = Counter(short.values())
    return {
        name: name if counts[shown] > 1 or (shown != name and shown in short) else shown
        for name, shown in short.items()
    }
