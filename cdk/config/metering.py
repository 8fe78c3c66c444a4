"""Settings of the ledger, of published metrics, and of how calls are attributed."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from cdk.config.setting_types import EachOnce, Json, Words
from lambdas.domain.attribution import AttributionRules
from lambdas.domain.metrics import DEFAULT_MAX_MODELS, DEFAULT_MAX_SERIES
from lambdas.domain.metrics.catalog import Detail
from lambdas.functions.log_processor.settings import LedgerRetentionDays
from lambdas.functions.traffic_auditor.settings import BucketName
from lambdas.wiring.allowed_values import SettingsModel, allowed
from lambdas.wiring.attribution_rules import AttributionSetting
from lambdas.wiring.publishing_settings import MaxIdentities, MaxModels, RollUpPattern

_MAX_BUCKETS = 20  # they stand in a function's environment and in its role
_Buckets: TypeAlias = Annotated[
    tuple[BucketName, ...],
    Words,
    EachOnce,
    allowed(f"at most {_MAX_BUCKETS} buckets", lambda buckets: len(buckets) <= _MAX_BUCKETS),
]


class MeteringSettings(SettingsModel):
    """Settings that control how calls are stored, attributed and published.

    Attributes:
        ledger_retention_days: The retention of a call in the ledger, in days.
        metric_detail: The level of detail of the published metrics; each metric is billed.
        max_identities: The number of identities a month that have metrics of their own.
        max_models: The number of models a month that have metrics of their own.
        role_rollup_patterns: Regular expressions of session names that do not belong to people.
        attribution: Rules that attribute calls without a project tag.
        batch_output_buckets: The buckets that batch jobs write to, whose manifests report tokens.
    """

    ledger_retention_days: LedgerRetentionDays = 90
    metric_detail: Literal["standard", "full"] = "standard"
    max_identities: MaxIdentities = DEFAULT_MAX_SERIES
    max_models: MaxModels = DEFAULT_MAX_MODELS
    role_rollup_patterns: Annotated[tuple[RollUpPattern, ...], Json] = ()
    attribution: Annotated[AttributionSetting, Json] = AttributionSetting()
    batch_output_buckets: _Buckets = ()

    @property
    def attribution_rules(self) -> AttributionRules:
        """The rules by which calls are attributed."""
        return self.attribution.to_domain()

    @property
    def detail(self) -> Detail:
        """The level of detail in the catalog's terms."""
        return Detail[self.metric_detail.upper()]
