"""The labels by which budgets, credits and webhooks choose usage."""

from __future__ import annotations

from enum import StrEnum


class ScopeField(StrEnum):
    """A label by which usage is chosen."""

    PROJECT = "project"
    DEPARTMENT = "department"
    USE_CASE = "use_case"
    IDENTITY = "identity"
    PRINCIPAL = "principal"
    MODEL = "model"
    REGION = "region"
