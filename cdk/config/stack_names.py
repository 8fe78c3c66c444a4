"""The names of the stacks, the same in every Region."""

from __future__ import annotations

from lambdas.meter_name import METER_NAME

PREFIX = METER_NAME
STORAGE = f"{PREFIX}-Storage"
INGESTION = f"{PREFIX}-Ingestion"
REPORTING = f"{PREFIX}-Reporting"
GOVERNANCE = f"{PREFIX}-Governance"
GATEWAY = f"{PREFIX}-Gateway"
WEBHOOKS = f"{PREFIX}-Webhooks"
MONITORING = f"{PREFIX}-Monitoring"
ALL = (STORAGE, INGESTION, REPORTING, GOVERNANCE, GATEWAY, WEBHOOKS, MONITORING)
"""In the order of deployment. Reporting exists only where a report is switched on, governance, the
gateway and webhooks only where they are."""
