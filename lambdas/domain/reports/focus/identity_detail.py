"""The detail with which charges name callers: less where sessions are too many for memory."""

from __future__ import annotations

from enum import IntEnum

from lambdas.domain.invocations import CallerIdentity
from lambdas.domain.metrics import OTHER_IDENTITIES, RoleRollUp, get_role

_SIGN_IN_ROLE = "role/AWSReservedSSO_"
"""Roles of IAM Identity Center, whose sessions are named after people by AWS, not by the caller."""
_SHIPPED_PATTERNS = RoleRollUp()


class IdentityDetail(IntEnum):
    """The detail with which a caller is named, from all to nothing.

    Each step is a function of the caller alone, so that the order of calls does not matter.
    """

    SESSIONS = 0
    """Whole ARNs."""
    PEOPLE = 1
    """Sessions with names that machines choose are shown as their role."""
    SIGNED_IN_PEOPLE = 2
    """All sessions are, except those of IAM Identity Center."""
    ROLES = 3
    """All sessions are shown as their role."""
    NOTHING = 4
    """All callers are one; models are named without the called profile."""

    @property
    def label(self) -> str:
        """Its name in a manifest."""
        return self.name.lower()

    def reduce(self, identity_arn: str) -> str:
        """Reduce a caller to what is named of it."""
        if self is IdentityDetail.SESSIONS:
            return identity_arn
        if self is IdentityDetail.NOTHING:
            return OTHER_IDENTITIES
        caller = CallerIdentity.from_arn(identity_arn)
        if self is IdentityDetail.PEOPLE and not _SHIPPED_PATTERNS.is_machine_session(caller):
            return identity_arn
        if self is IdentityDetail.SIGNED_IN_PEOPLE and caller.principal.startswith(_SIGN_IN_ROLE):
            return identity_arn
        return get_role(caller)
