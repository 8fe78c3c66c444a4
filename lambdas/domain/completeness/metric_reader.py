"""The port that reads the figures of an audit."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from lambdas.domain.completeness.audit_window import AuditWindow


class MetricReadError(Exception):
    """CloudWatch did not give all figures. A partial audit would report calls as missing."""


class MetricReader(Protocol):
    """Adds up CloudWatch metrics over a window. What has no data has no entry."""

    def sum_by_model(
        self, namespace: str, names: Collection[str], window: AuditWindow
    ) -> Mapping[str, Mapping[str, int]]:
        """Sums of the metrics whose one dimension is `ModelId`: by model, then by name.

        Raises:
            MetricReadError: CloudWatch did not return all of them.
        """

    def count_models(self, namespace: str, name: str) -> int:
        """Count the metrics of a name whose one dimension is `ModelId`, without reading them."""

    def list_models(self, namespace: str, name: str, at_most: int) -> Collection[str]:
        """List models with a metric of a name whose one dimension is `ModelId`: some, if more."""

    def sum_models(
        self, namespace: str, models: Mapping[str, Collection[str]], window: AuditWindow
    ) -> Mapping[str, Mapping[str, int]]:
        """Sums of the metrics of models, without listing them: by model, then by name.

        Args:
            namespace: The metrics' namespace.
            models: The models, by the metric's name.
            window: The period.

        Raises:
            MetricReadError: CloudWatch did not return all of them.
        """

    def sum_account(
        self, namespace: str, names: Collection[str], window: AuditWindow
    ) -> Mapping[str, int]:
        """Sums of the metrics without dimensions, by name.

        Raises:
            MetricReadError: CloudWatch did not return all of them.
        """
