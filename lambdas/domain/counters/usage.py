"""The usage of a call, and the difference that a change of it makes."""

from __future__ import annotations

from typing import NamedTuple

from lambdas.domain.calls import EnrichedCall
from lambdas.domain.counters.labels import UsageLabels
from lambdas.domain.counters.totals import UsageTotals
from lambdas.domain.counters.usage_change import UsageChange
from lambdas.domain.invocations import is_foundation_model
from lambdas.domain.invocations.billed_units import IMAGE, VIDEO_SECOND
from lambdas.domain.invocations.quota import quota_tokens
from lambdas.domain.invocations.service_tier import STANDARD_TIER
from lambdas.domain.money import to_picodollars
from lambdas.domain.pricing import Cost
from lambdas.domain.pricing.unit_models import is_paid_by_units

UNKNOWN_PROVIDER = "unknown"
"""The provider of a custom, imported or hidden model."""
_FREE = "_free_unit"  # the end of the names of units that Bedrock does not bill


class _Units(NamedTuple):
    """Billed units other than tokens."""

    images: int = 0
    video_seconds: int = 0
    others: int = 0


_NO_UNITS = _Units()


def read_usage(call: EnrichedCall) -> UsageChange:
    """Read the usage of a call, as if it were new.

    Example: a call of 10 input and 5 output tokens at $0.25 and $1.25 a million tokens costs
    8,750,000 pico-dollars.
    """
    return UsageChange(_read_labels(call), call.record.minute, _read_totals(call))


def subtract(after: UsageChange | None, before: UsageChange | None) -> tuple[UsageChange, ...]:
    """Get the changes that turn the usage of a call before into that after."""
    if after is not None and before is not None and after[:2] == before[:2]:
        changes = [after._replace(totals=after.totals - before.totals)]
    else:
        changes = [] if before is None else [before._replace(totals=-before.totals)]
        changes += [] if after is None else [after]
    return tuple(change for change in changes if change.totals)


def _read_labels(call: EnrichedCall) -> UsageLabels:
    priced, attribution = call.priced_as, call.attribution
    model_id = priced.model_id
    return UsageLabels(
        identity_arn=call.record.identity_arn,
        project=attribution.project,
        department=attribution.department,
        use_case=attribution.use_case,
        model_id=model_id,
        provider=model_id.partition(".")[0] if is_foundation_model(model_id) else UNKNOWN_PROVIDER,
        region=call.record.region,
        service_tier=priced.service_tier or STANDARD_TIER,
    )


def _read_totals(call: EnrichedCall) -> UsageTotals:
    record, cost = call.record, call.cost
    if record.is_failed:
        return UsageTotals(failed_calls=1)
    tokens = record.tokens
    is_priced = isinstance(cost, Cost)
    picodollars = to_picodollars(cost.effective_usd) if isinstance(cost, Cost) else 0
    unpriced = _NO_UNITS if is_priced else _count_units(call)
    return UsageTotals(
        calls=1,
        input_tokens=tokens.input or 0,
        output_tokens=tokens.output or 0,
        cache_read_tokens=tokens.cache_read or 0,
        cache_write_tokens=tokens.cache_write or 0,
        total_tokens=tokens.total or 0,
        quota_tokens=quota_tokens(tokens, call.model_id) or 0,
        cost_picodollars=picodollars,
        assumed_cost_picodollars=picodollars if isinstance(cost, Cost) and cost.is_assumed else 0,
        unpriced_calls=0 if is_priced else 1,
        unpriced_input_tokens=0 if is_priced else tokens.total_input or 0,
        unpriced_output_tokens=0 if is_priced else tokens.output or 0,
        unpriced_images=unpriced.images,
        unpriced_video_seconds=unpriced.video_seconds,
        unpriced_other_units=unpriced.others,
    )


def _count_units(call: EnrichedCall) -> _Units:
    """Count the units of a call. If its log reports no usage at all, it is one unit, not free."""
    counts = {unit: count for unit, count in call.record.billed_units if not unit.endswith(_FREE)}
    units = _Units(counts.pop(IMAGE, 0), counts.pop(VIDEO_SECOND, 0), sum(counts.values()))
    if any(units) or call.record.tokens.total:
        return units
    return _Units(images=1) if is_paid_by_units(call.model_id) else _Units(others=1)
