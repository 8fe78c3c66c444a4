"""The configured rules of attribution: label names, trusted principals, patterns of callers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from lambdas.domain.attribution.label_names import LabelNames
from lambdas.domain.attribution.labels import Labels
from lambdas.domain.invocations import CallerIdentity


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedRule:
    """A rule for the calls of a period, so that a new rule leaves earlier calls unchanged.

    Attributes:
        effective_from: The first moment at which it holds.
        effective_until: The first moment at which it does not hold any more; `None` for never.
    """

    effective_from: datetime
    effective_until: datetime | None = None

    def is_in_effect(self, when: datetime) -> bool:
        """Return true when the rule holds at a time."""
        return self.effective_from <= when and (
            self.effective_until is None or when < self.effective_until
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedPrincipal(DatedRule):
    """A gateway or application whose `requestMetadata` is trusted, by a name that it cannot choose.

    Attributes:
        account_id: The account of the principal, whose name is unique in there only.
        principal: As `CallerIdentity.principal`, or its beginning and a `*`. Anyone who may create
            a role of such a name is trusted as well.
    """

    account_id: str
    principal: str

    def matches(self, caller: CallerIdentity) -> bool:
        """Return true when this is the principal behind a caller."""
        return caller.account_id == self.account_id and _matches(self.principal, caller.principal)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedProfile(DatedRule):
    """An application inference profile whose project goes before the caller's own.

    Attributes:
        profile: Its ARN, or the beginning of some and a `*`, such as all of an account.
    """

    profile: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionPattern(DatedRule):
    """Labels of calls by their caller, where neither tags nor metadata have any.

    Every given value has to match. Texts are whole, or a beginning and a `*`. Callers that assume a
    role choose the name of their session, and the name of a federated user is chosen as well.

    Attributes:
        account_id: The account of the principal.
        principal: As `CallerIdentity.principal`; needs its account.
        session_name: The session of a role; needs that role.
        model_id: The foundation model, also behind an application inference profile.
        project: The project of such calls, if it is known.
        department: Their department, if it is known.
        use_case: Their use case, if it is known.
    """

    account_id: str | None = None
    principal: str | None = None
    session_name: str | None = None
    model_id: str | None = None
    project: str | None = None
    department: str | None = None
    use_case: str | None = None

    @property
    def labels(self) -> Labels:
        """The labels of calls that match."""
        return Labels(self.project, self.department, self.use_case)

    def matches(self, caller: CallerIdentity, model_id: str) -> bool:
        """Return true when the pattern matches a caller and a foundation model."""
        return (
            self.account_id in (None, caller.account_id)
            and _matches(self.principal, caller.principal)
            and _matches(self.session_name, caller.session_name)
            and _matches(self.model_id, model_id)
        )


@dataclass(frozen=True, slots=True)
class AttributionRules:
    """All configured rules of attribution.

    Attributes:
        label_names: The names of labels.
        trusted_principals: The principals whose metadata counts; by default there are none.
        patterns: Earlier ones go first, label by label.
        trusted_profiles: Application inference profiles that may name another project than the
            caller's own tags. Anyone who may create and tag a profile can name any.
        own_tags_first_from: The time from which the caller's own tags win where they name another
            project than a profile that is not trusted; `None` for never: such calls are counted.
    """

    label_names: LabelNames = field(default_factory=LabelNames)
    trusted_principals: tuple[TrustedPrincipal, ...] = ()
    patterns: tuple[AttributionPattern, ...] = ()
    trusted_profiles: tuple[TrustedProfile, ...] = ()
    own_tags_first_from: datetime | None = None

    def trusts_profile(self, profile: str, when: datetime) -> bool:
        """Say if a profile may name another project than its callers' own tags at a time."""
        return any(
            rule.is_in_effect(when) and _matches(rule.profile, profile)
            for rule in self.trusted_profiles
        )

    def puts_own_tags_first(self, when: datetime) -> bool:
        """Say if a caller's own tags go before those of a profile that is not trusted."""
        return self.own_tags_first_from is not None and self.own_tags_first_from <= when

    def list_changes(self) -> tuple[datetime, ...]:
        """List the times at which a rule begins or ceases to hold, in order.

        Calls between two of them that are alike in all but their time are attributed alike.
        """
        rules = (*self.trusted_principals, *self.patterns, *self.trusted_profiles)
        times = {time for rule in rules for time in (rule.effective_from, rule.effective_until)}
        return tuple(sorted(time for time in times | {self.own_tags_first_from} if time))

    def trusts(self, caller: CallerIdentity, when: datetime) -> bool:
        """Return true when a caller's metadata counts at a time."""
        return any(
            rule.is_in_effect(when) and rule.matches(caller) for rule in self.trusted_principals
        )


def _matches(pattern: str | None, text: str | None) -> bool:
    """Return true when a text matches a pattern; no pattern matches any text."""
    if pattern is None:
        return True
    if text is None:
        return False
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern
