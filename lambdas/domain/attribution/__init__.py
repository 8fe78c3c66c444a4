"""Attributes calls to a project, department and use case, as of the time they were made."""

from lambdas.domain.attribution.attribution import Attribution, AttributionSource
from lambdas.domain.attribution.directory import TagDirectory
from lambdas.domain.attribution.label_names import LabelNames
from lambdas.domain.attribution.labels import UNATTRIBUTED, Labels
from lambdas.domain.attribution.rules import (
    AttributionPattern,
    AttributionRules,
    TrustedPrincipal,
    TrustedProfile,
)
from lambdas.domain.attribution.tags import (
    ProfiledModel,
    TagFacts,
    TagHistory,
    TagObservation,
    tagged_arns,
)

__all__ = [
    "UNATTRIBUTED",
    "Attribution",
    "AttributionPattern",
    "AttributionRules",
    "AttributionSource",
    "LabelNames",
    "Labels",
    "ProfiledModel",
    "TagDirectory",
    "TagFacts",
    "TagHistory",
    "TagObservation",
    "TrustedPrincipal",
    "TrustedProfile",
    "tagged_arns",
]
