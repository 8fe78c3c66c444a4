"""Bugs that leave calls out of exact counters, and in the audit that has to find that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.builders import HAIKU_3
from tests.simulation.cloud.event_source import StreamMapping
from tests.simulation.planted.plant import Plant


class FiltersAModel(Plant):
    """The counter's mapping filters the calls of a model: no batch of it fails, nothing is late."""

    def change_mapping(self, mapping: StreamMapping) -> StreamMapping:
        if mapping.function != "usage_counter":
            return mapping
        return replace(
            mapping, is_taken=lambda record: mapping.is_taken(record) and not _is_of_model(record)
        )


class ComparesMetricsAlone(Plant):
    """The audit does not look at exact counters."""

    def change_service(self, function: str, service: Any) -> Any:
        if function != "coverage_auditor":
            return service
        return replace(service, auditor=replace(service.auditor, counters=None))


def _is_of_model(record: Mapping[str, Any]) -> bool:
    image = record["dynamodb"].get("NewImage", {})
    return bool(image.get("model_id", {}).get("S") == HAIKU_3)
