"""Short names of identities, for tables and graphs."""

from __future__ import annotations

import re

from lambdas.domain.invocations.identity import CallerIdentity, IdentityKind

_SSO_ROLE = re.compile(r"role/AWSReservedSSO_(.+)_[0-9a-f]{16}")


def shorten_identity(arn: str) -> str:
    """Shorten an ARN to account, principal and session."""
    caller = CallerIdentity.from_arn(arn)
    if caller.kind is IdentityKind.UNKNOWN:
        return arn
    sso_role = _SSO_ROLE.fullmatch(caller.principal)
    principal = f"SSO {sso_role[1]}" if sso_role else caller.principal
    session = f"/{caller.session_name}" if caller.session_name else ""
    return f"{caller.account_id or ''} {principal}{session}".lstrip()
