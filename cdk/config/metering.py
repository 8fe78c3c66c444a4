"""Settings of the ledger, of published metrics, and of how calls are attributed."""

from __future__ import annotations

from typing import Annotated, Literal

from cdk.config.setting_types import Json
from lambdas.domain.attribution import AttributionRules
from lambdas.domain.metrics import DEFAULT_BOUND, DEFAULT_MAX_MODELS
from lambdas.domain.metrics.catalog import Detail
from lambdas.functions.log_processor.settings import LedgerRetentionDays
from lambdas.wiring.allowed_values import SettingsModel
from lambdas.wiring.attribution_rules import AttributionSetting
from lambdas.wiring.publishing_settings import FoldingPattern, IdentityBound, ModelBound


class MeteringSettings(SettingsModel):
    """How calls are kept, attributed and published.

    Attributes:
        ledger_retention_days: How long a call stays in the ledger, in days.
        metric_detail: How many metrics are published; each is billed.
        identity_bound: How many identities a month have metrics of their own.
        max_models: How many models a month have metrics of their own.
        folding_patterns: Regular expressions of session names that are no people.
        attribution: How calls are attributed where no tag decides.
    """

    ledger_retention_days: LedgerRetentionDays = 90
    metric_detail: Literal["standard", "full"] = "standard"
    identity_bound: IdentityBound = DEFAULT_BOUND
    max_models: ModelBound = DEFAULT_MAX_MODELS
    folding_patterns: Annotated[tuple[FoldingPattern, ...], Json] = ()
    attribution: Annotated[AttributionSetting, Json] = AttributionSetting()

    @property
    def attribution_rules(self) -> AttributionRules:
        """The rules by which calls are attributed."""
        return self.attribution.to_domain()

    @property
    def detail(self) -> Detail:
        """The level of detail in the catalog's terms."""
        return Detail[self.metric_detail.upper()]
