"""A comparison as JSON, for programs.

    {"version": 1, "start", "end", "calls", "outlined_calls", <what the reader adds>,
     "account": {"project": null, "failed_calls",
       "unpriced": [{"model_id", "reason", "calls"}],
       "traffic": [{"purpose", "calls", "cost_usd", "guardrail_usd", "tokens": {kind: count},
         "in_use": [{"model_id", "calls", "cost_usd", "assumed_price_calls"}],
         "models": [{"model_id", "is_in_use", "is_same_family", "has_assumed_price",
           "as_cached_usd", "as_cached_saves", "uncached_usd", "uncached_saves",
           "lacks": [kind]}], "unlisted_models"}]},
     "projects": [{...the same, "project": name}],
     "waste": [{"project", "model_id", "kind", "calls", "tokens", "size_bytes", "usd",
       "unpriced_calls"}],
     "meanings": {kind: text}, "unknown": [text],
     "days": number, "comparable": text, "conditions": {option: text},
     "options": [{"option", "project", "model_id", "target_model_id", "is_same_family", "calls",
       "cost_usd", "option_cost_usd", "saves_usd", "saves_usd_a_month"}],
     "absent_options": [{"option", "project", "model_id", "cost_usd", "reason"}],
     "absences": {reason: text}}

`start` and `end` are what is covered, ISO 8601, UTC; `outlined_calls` are those whose request was
looked at. `traffic` has the calls whose cost is known; failed and unpriced ones are counted
separately.
`projects` are the 200 most costly at most; what is past them is one more at the end, `__other__`.
`models` are all that have a listed price wherever the traffic ran and those in use, the cheapest
first; `unlisted_models` counts the others of the same purpose, which may not be offered there.
`is_same_family` marks the provider and product line of a model in use. `as_cached_usd` is with
cache reads and writes as they were (null where the model has no price of a kind in `lacks`),
`uncached_usd` with all input at the plain price. `..._saves` is the share of `cost_usd` that would
be saved; below 0, it costs more. The costs of `assumed_price_calls` hold an assumed price, as those
of a model with `has_assumed_price` do, which has no listed price where a part of the traffic ran.
`options` are the ways to make the calls of a project to a model cheaper, the largest saving first:
`move` to a comparable model (at most three each; `comparable` is the rule), `flex`, `batch` and
`cache`. Those of the same calls exclude each other. `..._a_month` is 30 days like the `days` of the
period. `absent_options` are the kinds that the calls of a project to a model do not have.
Guardrails are in `guardrail_usd` alone: they cost the same beside any model. Money is text, exact
to the micro-dollar; shares are numbers, exact to 0.0001.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from decimal import Decimal
from typing import Any

from lambdas.adapters.report_layouts.exact_json import exact_json
from lambdas.domain.reports.comparison import (
    ABSENCES,
    COMPARABLE,
    CONDITIONS,
    MEANINGS,
    UNKNOWNS,
    ComparisonReport,
    Coverage,
    ModelCost,
    ProjectComparison,
    SavingsOption,
    TrafficComparison,
    model_family,
    saved_share,
)

CONTRACT_VERSION = 1
START_OF_REPORT = f'{{"version": {CONTRACT_VERSION}, "start": '
_DAY_PLACES = 4
_MICRO_DOLLAR = Decimal("0.000001")


def report_json(report: ComparisonReport, read: Mapping[str, object]) -> str:
    """Write a report as JSON.

    Args:
        report: The report.
        read: Facts that the reader adds: what it read, counted and left out.
    """
    coverage = report.coverage
    return (
        exact_json(
            {
                "version": CONTRACT_VERSION,
                "start": coverage.start.isoformat() if coverage.start else None,
                "end": coverage.end.isoformat() if coverage.end else None,
                "calls": coverage.calls,
                "outlined_calls": coverage.outlined_calls,
                **read,
                "account": _project(report.account),
                "projects": [_project(project) for project in report.projects],
                "waste": [
                    {
                        "project": key.project,
                        "model_id": key.model_id,
                        "kind": key.waste,
                        "calls": totals.calls,
                        "tokens": totals.tokens,
                        "size_bytes": totals.size_bytes,
                        "usd": _usd(totals.usd),
                        "unpriced_calls": totals.unpriced_calls,
                    }
                    for key, totals in report.waste
                ],
                "meanings": dict(MEANINGS),
                "unknown": list(UNKNOWNS),
                "days": round(float(coverage.days), _DAY_PLACES),
                "comparable": COMPARABLE,
                "conditions": dict(CONDITIONS),
                "options": [_option(option, coverage) for option in report.options],
                "absent_options": [
                    {
                        "option": option.kind,
                        "project": option.project,
                        "model_id": option.model_id,
                        "cost_usd": _usd(option.usd),
                        "reason": option.reason,
                    }
                    for option in report.absent_options
                ],
                "absences": dict(ABSENCES),
            }
        )
        + "\n"
    )


def _option(option: SavingsOption, coverage: Coverage) -> dict[str, Any]:
    target = option.target
    is_same_family = target is None or model_family(target) == model_family(option.model_id)
    return {
        "option": option.kind,
        "project": option.project,
        "model_id": option.model_id,
        "target_model_id": target,
        "is_same_family": is_same_family,
        "calls": option.calls,
        "cost_usd": _usd(option.usd),
        "option_cost_usd": _usd(option.option_usd),
        "saves_usd": _usd(option.saved_usd),
        "saves_usd_a_month": _usd(coverage.scale_to_month(option.saved_usd)),
    }


def _project(project: ProjectComparison) -> dict[str, Any]:
    return {
        "project": project.project,
        "failed_calls": project.failed_calls,
        "unpriced": [
            {"model_id": unknown.model_id, "reason": unknown.reason, "calls": calls}
            for unknown, calls in sorted(project.unpriced.items())
        ],
        "traffic": [_traffic(traffic) for traffic in project.traffic],
    }


def _traffic(traffic: TrafficComparison) -> dict[str, Any]:
    mix = traffic.mix
    return {
        "purpose": traffic.purpose,
        "calls": mix.calls,
        "cost_usd": _usd(mix.usd),
        "guardrail_usd": _usd(mix.guardrail_usd),
        "tokens": {kind: mix.tokens_by_kind()[kind] for kind in sorted(mix.tokens_by_kind())},
        "in_use": [
            {
                "model_id": model_id,
                "calls": use.calls,
                "cost_usd": _usd(use.usd),
                "assumed_price_calls": use.assumed_price_calls,
            }
            for model_id, use in sorted(mix.by_model.items())
        ],
        "models": [_model(cost, mix.usd, mix.families) for cost in traffic.costs],
        "unlisted_models": traffic.unlisted_models,
    }


def _model(cost: ModelCost, actual_usd: Decimal, families: Container[str]) -> dict[str, Any]:
    return {
        "model_id": cost.model_id,
        "is_in_use": cost.is_in_use,
        "is_same_family": model_family(cost.model_id) in families,
        "has_assumed_price": cost.has_assumed_price,
        "as_cached_usd": _usd(cost.as_cached_usd),
        "as_cached_saves": _share(cost.as_cached_usd, actual_usd),
        "uncached_usd": _usd(cost.uncached_usd),
        "uncached_saves": _share(cost.uncached_usd, actual_usd),
        "lacks": list(cost.lacks),
    }


def _usd(usd: Decimal | None) -> Decimal | None:
    return None if usd is None else usd.quantize(_MICRO_DOLLAR)


def _share(usd: Decimal | None, actual_usd: Decimal) -> float | None:
    saved = saved_share(usd, actual_usd)
    return None if saved is None else float(saved)
