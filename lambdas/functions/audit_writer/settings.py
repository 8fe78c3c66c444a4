"""The settings of `audit_writer`."""

from __future__ import annotations

from lambdas.wiring.audit_settings import AuditSettings


class Settings(AuditSettings):
    """The audit trail, and what is audited."""
