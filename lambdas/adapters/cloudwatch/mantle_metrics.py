"""Reads the tokens of `bedrock-mantle` from Bedrock's own metrics."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING, TypeAlias

from botocore.exceptions import BotoCoreError, ClientError

from lambdas.adapters.cloudwatch.metric_reader import CloudWatchMetricReader, DimensionValues
from lambdas.adapters.refusals import failure_code
from lambdas.domain.completeness import AuditWindow, MetricReadError
from lambdas.domain.metrics import OTHER_MODELS, OTHER_PROJECTS
from lambdas.domain.metrics.bedrock_metrics import (
    MANTLE_MODEL,
    MANTLE_NAMESPACE,
    MANTLE_PROJECT,
    MantleMetric,
)
from lambdas.domain.unlogged import (
    MAX_MANTLE_SERIES,
    MantleTokens,
    UnloggedUsageUnavailableError,
)

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

_Names: TypeAlias = tuple[str, str]
"""A project and a model."""
_DIMENSIONS = (MANTLE_PROJECT, MANTLE_MODEL)
_OTHERS = (OTHER_PROJECTS, OTHER_MODELS)


class CloudWatchMantleMetrics:
    """Reads the account's total, and what CloudWatch lists: series with data within two weeks.

    The rest of the total is one row, so that the sum of the rows is that of the account.
    """

    def __init__(self, client: CloudWatchClient) -> None:
        """Read with a CloudWatch client."""
        self._reader = CloudWatchMetricReader(client)

    def read(self, start: datetime, end: datetime) -> Sequence[MantleTokens]:
        """Read the tokens of a period by project and model, the most first.

        Raises:
            UnloggedUsageUnavailableError: CloudWatch refuses, or does not answer.
        """
        window = AuditWindow(start, end)
        try:
            pairs = self._list_pairs()
            inputs = self._read_sums(MantleMetric.INPUT_TOKENS, pairs, window)
            outputs = self._read_sums(MantleMetric.OUTPUT_TOKENS, pairs, window)
        except (BotoCoreError, ClientError, MetricReadError) as error:
            message = f"the metrics of bedrock-mantle cannot be read: {failure_code(error)}"
            raise UnloggedUsageUnavailableError(message) from error
        rows = [
            MantleTokens(*names, inputs.get(names), outputs.get(names))
            for names in sorted(inputs.keys() | outputs.keys())
        ]
        rows.sort(key=lambda row: -((row.input or 0) + (row.output or 0)))
        return rows

    def _list_pairs(self) -> Collection[DimensionValues]:
        """List projects and models: some, if there are more than a report reads."""
        listed = chain.from_iterable(
            self._reader.list_values(MANTLE_NAMESPACE, kind, _DIMENSIONS, is_recent=False)
            for kind in (MantleMetric.INPUT_TOKENS, MantleMetric.OUTPUT_TOKENS)
        )
        pairs: dict[DimensionValues, None] = {}
        while len(pairs) < MAX_MANTLE_SERIES and (pair := next(listed, None)) is not None:
            pairs[pair] = None
        return pairs.keys()

    def _read_sums(
        self, kind: MantleMetric, pairs: Iterable[DimensionValues], window: AuditWindow
    ) -> Mapping[_Names, int]:
        """Read the tokens of a kind, by project and model."""
        totals = self._reader.sum_account(MANTLE_NAMESPACE, [kind], window)
        read = self._reader.sum_by_values(MANTLE_NAMESPACE, kind, _DIMENSIONS, pairs, window)
        sums = {(project, model): tokens for (project, model), tokens in read.items()}
        others = totals.get(kind, 0) - sum(sums.values())
        return {**sums, _OTHERS: others} if others > 0 else sums
