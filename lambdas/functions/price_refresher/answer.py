"""The answer of `price_refresher`, as `make reprice` prints it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from operator import itemgetter
from typing import Any

from lambdas.domain.ledger import CorrectionProgress, CorrectionReport, RepriceReport

_MAX_WAITING_MODELS = 20


def build_answer(repriced: RepriceReport, corrected: CorrectionReport) -> dict[str, Any]:
    """Build an answer from the reports of a run."""
    answer = asdict(repriced) | {
        "waiting": _summarize(repriced.waiting),
        "corrections": [_describe(progress) for progress in corrected.corrections],
        "reason": repriced.reason or corrected.reason,
        "is_refused": repriced.is_refused or corrected.is_refused,
    }
    del answer["is_other_run"]
    for model in answer["by_model"].values():
        model["usd"] = f"{model['usd']:f}"
    return answer


def _summarize(waiting: Mapping[str, date]) -> dict[str, str]:
    """List the models that calls wait for longest, and the rest in one line."""
    by_day = sorted(waiting.items(), key=itemgetter(1))
    days = dict(by_day[:_MAX_WAITING_MODELS])
    rest = by_day[_MAX_WAITING_MODELS:]
    if rest:
        days[f"{len(rest)} other models"] = rest[0][1]
    return {name: day.isoformat() for name, day in days.items()}


def _describe(progress: CorrectionProgress) -> dict[str, Any]:
    """Describe a correction."""
    values = progress._asdict()
    del values["cursor"]
    return values | {
        "is_begun": values.pop("revision") > 0,
        "raised_usd": f"{progress.raised_usd:f}",
        "lowered_usd": f"{progress.lowered_usd:f}",
    }
