"""Attribution rules as settings write them."""

from __future__ import annotations

from typing import Annotated, Self, TypeAlias

from pydantic import AfterValidator, model_validator

from lambdas.domain.attribution import (
    AttributionPattern,
    AttributionRules,
    LabelNames,
    TrustedPrincipal,
    TrustedProfile,
)
from lambdas.domain.attribution.labels import MAX_LABEL_LENGTH, read_label
from lambdas.domain.attribution.tags import MAX_TAG_NAME_LENGTH
from lambdas.wiring.allowed_values import IsoTime, SettingsModel, allowed, check, like
from lambdas.wiring.model_names import foundation_model

MAX_NAMES = 3
"""Names of one label, so that what is kept of tags is bounded."""
_ROLES = "role/"
_FEDERATED_USERS = "federated-user/"
_EVERY_ROLE = "role/*"
_EVERYONE = frozenset({_EVERY_ROLE, "user/*"})
_WHOLE_OR_BEGINNING = (
    "text as AWS has it, whole or a beginning and a * at its end; no other pattern"
)


def _are_tag_names(names: tuple[str, ...]) -> bool:
    return all(name.strip() and len(name) <= MAX_TAG_NAME_LENGTH for name in names)


def _is_label(label: str) -> bool:
    return read_label(label) == label


_AccountId: TypeAlias = Annotated[str, like(r"\d{12}", "the 12 digits of an account")]
_Principal: TypeAlias = Annotated[
    str,
    like(
        r"root|(role|user|federated-user)/([\w+=,.@-]+\*?|\*)",
        "root, role/NAME, user/NAME, federated-user/NAME; whole, or a beginning and a * at its end;"
        " names without their path",
    ),
]
_TrustedPrincipal: TypeAlias = Annotated[
    _Principal,
    allowed(
        "a role or a user; whoever asks AWS for a federated-user chooses its name, so let it"
        " assume a role instead, and trust that",
        lambda principal: not principal.startswith(_FEDERATED_USERS),
    ),
    allowed(
        "not every role or user of the account; give a name, or its beginning and a *",
        lambda principal: principal not in _EVERYONE,
    ),
]
_Profiles: TypeAlias = Annotated[
    str,
    like(
        r"arn:aws[a-z-]*:bedrock:[a-z0-9-]+:\d{12}"
        r":application-inference-profile/([a-zA-Z0-9]*\*|[a-zA-Z0-9]+)",
        "the ARN of an application inference profile with its Region and account, or its"
        " beginning up to the / at least and a *",
    ),
]
# https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
_SessionName: TypeAlias = Annotated[str, like(r"[\w+=,.@-]+\*?", _WHOLE_OR_BEGINNING)]
_Models: TypeAlias = Annotated[
    str, like(r"[^*]+\*?", _WHOLE_OR_BEGINNING), AfterValidator(foundation_model)
]
_Label: TypeAlias = Annotated[
    str,
    allowed(
        f"1 to {MAX_LABEL_LENGTH} printable characters, without blanks at their ends; neither"
        " unattributed nor what starts with __; where letters of another script all look"
        " Latin, (not Latin) at the end",
        _is_label,
    ),
]
_Names: TypeAlias = Annotated[
    tuple[str, ...],
    allowed(f"{MAX_NAMES} names at most", lambda names: len(names) <= MAX_NAMES),
    allowed(f"names of 1 to {MAX_TAG_NAME_LENGTH} characters", _are_tag_names),
]


class LabelNamesSetting(SettingsModel):
    """The names of labels, see `LabelNames`."""

    project: _Names = LabelNames().project
    department: _Names = LabelNames().department
    use_case: _Names = LabelNames().use_case

    @model_validator(mode="after")
    def _names_each_once(self) -> Self:
        names = (*self.project, *self.department, *self.use_case)
        check(
            "label_names",
            "each name once, upper or lower case",
            is_so=len({name.casefold() for name in names}) == len(names),
        )
        return self


class DatedRuleSetting(SettingsModel):
    """A rule for the calls of a time, see `DatedRule`."""

    effective_from: IsoTime
    effective_until: IsoTime | None = None

    @model_validator(mode="after")
    def _ends_after_its_start(self) -> Self:
        check(
            "effective_until",
            "a time after effective_from",
            is_so=self.effective_until is None or self.effective_until > self.effective_from,
        )
        return self


class TrustedPrincipalSetting(DatedRuleSetting):
    """A principal whose metadata counts, see `TrustedPrincipal`."""

    account_id: _AccountId
    principal: _TrustedPrincipal


class TrustedProfileSetting(DatedRuleSetting):
    """A profile whose project goes before the caller's own, see `TrustedProfile`."""

    profile: _Profiles


class AttributionPatternSetting(DatedRuleSetting):
    """Labels for calls by who makes them, see `AttributionPattern`."""

    account_id: _AccountId | None = None
    principal: _Principal | None = None
    session_name: _SessionName | None = None
    model_id: _Models | None = None
    project: _Label | None = None
    department: _Label | None = None
    use_case: _Label | None = None

    @model_validator(mode="after")
    def _matches_and_labels_something(self) -> Self:
        check(
            "pattern",
            "at least one of account_id and model_id",
            is_so=(self.account_id, self.model_id) != (None, None),
        )
        check(
            "principal",
            "together with account_id",
            is_so=self.principal is None or self.account_id is not None,
        )
        check(
            "session_name",
            "together with account_id and the role as principal, role/NAME or role/BEGINNING*:"
            " else whoever may assume any role could choose the name",
            is_so=self.session_name is None or _names_roles(self.principal),
        )
        check(
            "pattern",
            "at least one of project, department and use_case",
            is_so=(self.project, self.department, self.use_case) != (None, None, None),
        )
        return self


class AttributionSetting(SettingsModel):
    """All that configuration says of attribution, see `AttributionRules`."""

    label_names: LabelNamesSetting = LabelNamesSetting()
    trusted_principals: tuple[TrustedPrincipalSetting, ...] = ()
    patterns: tuple[AttributionPatternSetting, ...] = ()
    trusted_profiles: tuple[TrustedProfileSetting, ...] = ()
    own_tags_first_from: IsoTime | None = None

    def to_domain(self) -> AttributionRules:
        """Return the rules as attribution applies them."""
        return AttributionRules(
            LabelNames(**self.label_names.model_dump()),
            tuple(TrustedPrincipal(**rule.model_dump()) for rule in self.trusted_principals),
            tuple(AttributionPattern(**rule.model_dump()) for rule in self.patterns),
            tuple(TrustedProfile(**rule.model_dump()) for rule in self.trusted_profiles),
            self.own_tags_first_from,
        )


def _names_roles(principal: str | None) -> bool:
    """Say if a principal is a role, or some of them, and not all."""
    return principal is not None and principal.startswith(_ROLES) and principal != _EVERY_ROLE
