"""The usage that a budget covers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from operator import attrgetter

from lambdas.domain.counters import UsageLabels
from lambdas.domain.invocations.identity import CallerIdentity, IdentityKind
from lambdas.domain.invocations.memoize import memoize
from lambdas.domain.patterns import is_pattern, matches
from lambdas.domain.scope_field import ScopeField

_FEDERATED = IdentityKind.FEDERATED_USER


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetScope:
    """Conditions on labels. Usage that meets all of them is summed, over all models together.

    A condition lists names or patterns (see `matches`): one of them has to match. Without any
    condition, all usage matches.

    Attributes:
        project: Projects; `unattributed` is the usage without one.
        department: Departments.
        use_case: Use cases.
        identity: Full ARNs of callers, with their sessions.
        principal: ARNs of roles and users, see `read_principal`.
        model: Foundation models.
        region: Regions that were called.
    """

    project: tuple[str, ...] = ()
    department: tuple[str, ...] = ()
    use_case: tuple[str, ...] = ()
    identity: tuple[str, ...] = ()
    principal: tuple[str, ...] = ()
    model: tuple[str, ...] = ()
    region: tuple[str, ...] = ()

    @property
    def conditions(self) -> dict[ScopeField, tuple[str, ...]]:
        """The conditions, by the label that they are on."""
        every = {field: getattr(self, field.value) for field in ScopeField}
        return {field: patterns for field, patterns in every.items() if patterns}

    def includes(self, labels: UsageLabels, unknown: Collection[ScopeField] = ()) -> bool:
        """Say if the budget covers usage with these labels.

        Args:
            labels: The labels.
            unknown: Those that are not known yet: they meet every condition.
        """
        return all(
            field in unknown
            or any(matches(pattern, read_label(field, labels)) for pattern in patterns)
            for field, patterns in self.conditions.items()
        )

    def includes_surely(self, labels: UsageLabels, unknown: Collection[ScopeField]) -> bool:
        """Say if the budget covers usage with these labels, whatever the unknown ones are."""
        return self.conditions.keys().isdisjoint(unknown) and self.includes(labels)

    def named_value(self, field: ScopeField) -> str | None:
        """The only value of a label that the scope covers; `None` if it may cover several."""
        patterns: tuple[str, ...] = getattr(self, field.value)
        if len(patterns) != 1 or is_pattern(patterns[0]):
            return None
        return patterns[0]


def read_label(field: ScopeField, labels: UsageLabels) -> str:
    """Read the label that a condition is on."""
    return _LABELS[field](labels)


@memoize
def read_principal(identity_arn: str) -> str:
    """Read the ARN of the role or user behind a caller; a text of another form stays as it is.

    It has no path: logs do not show that of a role, and names are unique in an account without it.

    >>> read_principal("arn:aws:sts::111122223333:assumed-role/chat/ana@example.com")
    'arn:aws:iam::111122223333:role/chat'

    Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
    """
    caller = CallerIdentity.from_arn(identity_arn)
    if caller.kind is IdentityKind.UNKNOWN:
        return identity_arn
    service = "sts" if caller.kind is _FEDERATED else "iam"
    return f"arn:{caller.partition}:{service}::{caller.account_id or ''}:{caller.principal}"


_LABELS: Mapping[ScopeField, Callable[[UsageLabels], str]] = {
    ScopeField.PROJECT: attrgetter("project"),
    ScopeField.DEPARTMENT: attrgetter("department"),
    ScopeField.USE_CASE: attrgetter("use_case"),
    ScopeField.IDENTITY: attrgetter("identity_arn"),
    ScopeField.PRINCIPAL: lambda labels: read_principal(labels.identity_arn),
    ScopeField.MODEL: attrgetter("model_id"),
    ScopeField.REGION: attrgetter("region"),
}
