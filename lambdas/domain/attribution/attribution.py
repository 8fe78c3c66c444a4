"""The project, department and use case of a call, and the source of each attribution."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class AttributionSource(StrEnum):
    """The sources of an attribution, the most reliable first."""

    INFERENCE_PROFILE = "inference_profile"
    """Tags of the application inference profile that was called."""
    REQUEST_METADATA = "request_metadata"
    """`requestMetadata` of a trusted principal."""
    PRINCIPAL = "principal"
    """Tags of the IAM user, or of the role behind the session."""
    PATTERN = "pattern"
    """A pattern in configuration."""
    UNATTRIBUTED = "unattributed"
    """No source: the project is unknown."""


class Attribution(NamedTuple):
    """The project, department and use case that a call is attributed to.

    Attributes:
        project: The project, or `UNATTRIBUTED`.
        department: The department, or `UNATTRIBUTED`; it may come from another source.
        use_case: The use case, or `UNATTRIBUTED`; it may come from another source.
        source: The source of the project.
        is_forged: Whether a principal that is not trusted wrote a label into `requestMetadata`. It
            was not looked at.
        is_disputed: Whether an application inference profile that is not trusted names another
            project than the caller's own tags.
    """

    project: str
    department: str
    use_case: str
    source: AttributionSource
    is_forged: bool = False
    is_disputed: bool = False
