"""The caller, as read from the ARN in a log record."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lambdas.domain.invocations.memoize import memoize

UNKNOWN_IDENTITY = "unknown"
"""The identity of a record that does not name a caller."""
CONFLICTING_IDENTITY = "conflicting"
"""The identity of a call whose readings name several callers."""

_ARN_PARTS = 6
_API_KEY_USER_PREFIX = "BedrockAPIKey-"


class IdentityKind(StrEnum):
    """The kind of a caller."""

    USER = "user"
    API_KEY = "api_key"
    ROLE_SESSION = "role_session"
    FEDERATED_USER = "federated_user"
    ROOT = "root"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """A caller of Amazon Bedrock.

    Attributes:
        arn: The whole text that the record gives; the key of every report. An ARN if all is well.
        kind: The kind of caller.
        principal: The part that stays the same between sessions: `role/NAME`, `user/NAME`,
            `federated-user/NAME`, `root`; the whole text where it is not the ARN of a caller.
            Unique within an account only.
        session_name: The session of a role, else `None`. For people it is often an e-mail
            address, for machines often random.
        account_id: The account in the ARN; `None` without an account. Need not be the account
            that was called.
        partition: `aws`, `aws-us-gov`, `aws-cn`, ...; `None` where it is not known.

    Example:
        >>> CallerIdentity.from_arn("arn:aws:sts::111122223333:assumed-role/chat/ana").principal
        'role/chat'
    """

    arn: str
    kind: IdentityKind
    principal: str
    session_name: str | None = None
    account_id: str | None = None
    partition: str | None = None

    @staticmethod
    def from_arn(arn: str) -> CallerIdentity:
        """Read any text; one that is not the ARN of a caller is kept, as of kind `UNKNOWN`.

        Forms: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
        """
        return _parse(arn)


@memoize
def _parse(arn: str) -> CallerIdentity:
    parts = arn.split(":", _ARN_PARTS - 1)
    if len(parts) == _ARN_PARTS and parts[0] == "arn":
        _, partition, service, _, account_id, resource = parts
        match = _match_resource(service, resource)
        if match is not None:
            kind, principal, session_name = match
            return CallerIdentity(
                arn, kind, principal, session_name, account_id or None, partition or None
            )
    return CallerIdentity(arn, IdentityKind.UNKNOWN, principal=arn)


def _match_resource(service: str, resource: str) -> tuple[IdentityKind, str, str | None] | None:
    """Kind, principal and session name of an ARN's resource part."""
    resource_type, _, path = resource.partition("/")
    name = path.rpartition("/")[2]
    match service, resource_type:
        case "sts", "assumed-role":  # a role's path is not part of this form
            role, _, session_name = path.partition("/")
            if role and session_name:
                return IdentityKind.ROLE_SESSION, f"role/{role}", session_name
        case "sts", "federated-user" if path:
            return IdentityKind.FEDERATED_USER, f"federated-user/{path}", None
        case "iam", "user" if name:
            is_key = name.startswith(_API_KEY_USER_PREFIX)
            return IdentityKind.API_KEY if is_key else IdentityKind.USER, f"user/{name}", None
        case "iam", "role" if name:  # a role without a session: reported, not seen in logs
            return IdentityKind.ROLE_SESSION, f"role/{name}", None
        case "iam", "root" if resource == "root":
            return IdentityKind.ROOT, "root", None
    return None
