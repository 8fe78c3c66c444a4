"""What configuration says of attribution: names of labels, who is trusted, patterns of callers."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, ClassVar, TypeAlias

from pydantic import BeforeValidator

from lambdas.domain.attribution.label_names import LabelNames
from lambdas.domain.attribution.labels import LONGEST_LABEL, NO_LABELS, Labels, read_label
from lambdas.domain.invocations import CallerIdentity
from lambdas.domain.rule_checks import CONFIGURED, allowed_instead_of, check, iso_text

_Time: TypeAlias = Annotated[datetime, BeforeValidator(iso_text)]
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)
_PRINCIPAL = re.compile(r"root|(role|user|federated-user)/([\w+=,.@-]+\*?|\*)", re.ASCII)
_PROFILES = re.compile(
    r"arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d{12}"
    r":application-inference-profile/([a-zA-Z0-9]*\*|[a-zA-Z0-9]+)",
    re.ASCII,
)
_FEDERATED_USERS = "federated-user/"
_ROLES = "role/"
_EVERY_ROLE = "role/*"
_EVERYONE = frozenset({_EVERY_ROLE, "user/*"})
_TEXT = re.compile(r"[^*]+\*?")
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_SESSION_NAME = re.compile(r"[\w+=,.@-]+\*?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class DatedRule:
    """A rule for the calls of a time, so that a new one changes nothing of what was before.

    Attributes:
        effective_from: The first moment at which it holds.
        effective_until: The first moment at which it does not hold any more; `None` for never.
    """

    __pydantic_config__: ClassVar = CONFIGURED

    effective_from: _Time
    effective_until: _Time | None = None

    def __post_init__(self) -> None:
        """Check the dates.

        Raises:
            InvalidRuleError: A date has no time zone, or the end is not after the start.
        """
        for name in ("effective_from", "effective_until"):
            _check_time(name, getattr(self, name))
        check(
            "effective_until",
            "a time after effective_from",
            is_so=self.effective_until is None or self.effective_until > self.effective_from,
        )

    def is_in_effect(self, when: datetime) -> bool:
        """Whether it holds at a time."""
        return self.effective_from <= when and (
            self.effective_until is None or when < self.effective_until
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedPrincipal(DatedRule):
    """Whose `requestMetadata` counts: gateways and applications, nobody by a name of their choice.

    Attributes:
        account_id: The account of the principal, whose name is unique in there only.
        principal: As `CallerIdentity.principal`, or its beginning and a `*`. Whoever may make a
            role of such a name is trusted as well.
    """

    account_id: str
    principal: str

    def __post_init__(self) -> None:
        """Check the rule.

        Raises:
            InvalidRuleError: A date, the account or the principal is none.
        """
        DatedRule.__post_init__(self)
        _check_account(self.account_id)
        _check_principal(self.principal)
        check(
            "principal",
            "a role or a user; whoever asks AWS for a federated-user chooses its name, so let it"
            " assume a role instead, and trust that",
            is_so=not self.principal.startswith(_FEDERATED_USERS),
        )
        check(
            "principal",
            "not every role or user of the account; give a name, or its beginning and a *",
            is_so=self.principal not in _EVERYONE,
        )

    def matches(self, caller: CallerIdentity) -> bool:
        """Whether it is the principal behind a caller."""
        return caller.account_id == self.account_id and _matches(self.principal, caller.principal)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedProfile(DatedRule):
    """An application inference profile whose project goes before the caller's own.

    Attributes:
        profile: Its ARN, or the beginning of some and a `*`, such as all of an account.
    """

    profile: str

    def __post_init__(self) -> None:
        """Check the rule.

        Raises:
            InvalidRuleError: A date or the ARN is not one.
        """
        DatedRule.__post_init__(self)
        check(
            "profile",
            "the ARN of an application inference profile with its Region and account, or its"
            " beginning up to the / at least and a *",
            is_so=_PROFILES.fullmatch(self.profile) is not None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributionPattern(DatedRule):
    """What calls are put down to by who makes them, where no tag and no metadata tells.

    All that is given has to match. Texts are whole, or a beginning and a `*`. A session's name is
    chosen by whoever may assume the role, a federated user's by whoever asks AWS for it.

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

    def __post_init__(self) -> None:
        """Check the pattern.

        Raises:
            InvalidRuleError: A field is not what it may be, or nothing is matched or told.
        """
        DatedRule.__post_init__(self)
        check(
            "pattern",
            "at least one of account_id and model_id",
            is_so=(self.account_id, self.model_id) != (None, None),
        )
        if self.account_id is not None:
            _check_account(self.account_id)
        if self.principal is not None:
            check("principal", "together with account_id", is_so=self.account_id is not None)
            _check_principal(self.principal)
        for name, form in (("session_name", _SESSION_NAME), ("model_id", _TEXT)):
            text: str | None = getattr(self, name)
            check(
                name,
                "text as AWS has it, whole or a beginning and a * at its end; no other pattern",
                is_so=text is None or form.fullmatch(text) is not None,
            )
        check(
            "session_name",
            "together with account_id and the role as principal, role/NAME or role/BEGINNING*:"
            " else whoever may assume any role could choose the name",
            is_so=self.session_name is None or _names_roles(self.principal),
        )
        if self.model_id is not None:
            instead = allowed_instead_of(self.model_id)
            check("model_id", instead or "", is_so=instead is None)
        check(
            "pattern",
            "at least one of project, department and use_case",
            is_so=self.labels != NO_LABELS,
        )
        for name, label in self.labels._asdict().items():
            check(
                name,
                f"1 to {LONGEST_LABEL} printable characters, without blanks at their ends; neither"
                " unattributed nor what starts with __; where letters of another script all look"
                " Latin, (not Latin) at the end",
                is_so=label is None or read_label(label) == label,
            )

    @property
    def labels(self) -> Labels:
        """What calls that match are put down to."""
        return Labels(self.project, self.department, self.use_case)

    def matches(self, caller: CallerIdentity, model_id: str) -> bool:
        """Whether calls of a caller and a foundation model are meant."""
        return (
            self.account_id in (None, caller.account_id)
            and _matches(self.principal, caller.principal)
            and _matches(self.session_name, caller.session_name)
            and _matches(self.model_id, model_id)
        )


@dataclass(frozen=True, slots=True)
class AttributionRules:
    """All that configuration says of attribution.

    Attributes:
        label_names: How labels are named.
        trusted_principals: Whose metadata counts. Nobody's, unless somebody is named.
        patterns: Earlier ones go first, label by label.
        trusted_profiles: Application inference profiles that may name another project than the
            caller's own tags. Whoever may make and tag a profile can name any.
        own_tags_first_from: From when on the caller's own tags decide where they name another
            project than a profile that is not trusted; `None` for never: such calls are counted.
    """

    __pydantic_config__: ClassVar = CONFIGURED

    label_names: LabelNames = field(default_factory=LabelNames)
    trusted_principals: tuple[TrustedPrincipal, ...] = ()
    patterns: tuple[AttributionPattern, ...] = ()
    trusted_profiles: tuple[TrustedProfile, ...] = ()
    own_tags_first_from: _Time | None = None

    def __post_init__(self) -> None:
        """Check the date.

        Raises:
            InvalidRuleError: It has no time zone.
        """
        _check_time("own_tags_first_from", self.own_tags_first_from)

    def trusts_profile(self, profile: str, when: datetime) -> bool:
        """Say if a profile may name another project than its callers' own tags at a time."""
        return any(
            rule.is_in_effect(when) and _matches(rule.profile, profile)
            for rule in self.trusted_profiles
        )

    def puts_own_tags_first(self, when: datetime) -> bool:
        """Say if a caller's own tags go before those of a profile that is not trusted."""
        return self.own_tags_first_from is not None and self.own_tags_first_from <= when

    def trusts(self, caller: CallerIdentity, when: datetime) -> bool:
        """Whether a caller's metadata counts at a time."""
        return any(
            rule.is_in_effect(when) and rule.matches(caller) for rule in self.trusted_principals
        )


def _matches(pattern: str | None, text: str | None) -> bool:
    """Whether a text is as a pattern says, which may say nothing."""
    if pattern is None:
        return True
    if text is None:
        return False
    return text.startswith(pattern[:-1]) if pattern.endswith("*") else text == pattern


def _check_time(name: str, time: datetime | None) -> None:
    check(
        name,
        "a time with its zone, such as 2026-09-01T00:00:00Z",
        is_so=time is None or time.tzinfo is not None,
    )


def _check_account(account_id: str) -> None:
    check(
        "account_id",
        "the 12 digits of an account",
        is_so=_ACCOUNT.fullmatch(account_id) is not None,
    )


def _names_roles(principal: str | None) -> bool:
    """Whether a principal is a role, or some of them, and not all."""
    return principal is not None and principal.startswith(_ROLES) and principal != _EVERY_ROLE


def _check_principal(principal: str) -> None:
    check(
        "principal",
        "root, role/NAME, user/NAME, federated-user/NAME; whole, or a beginning and a * at its end;"
        " names without their path",
        is_so=_PRINCIPAL.fullmatch(principal) is not None,
    )
