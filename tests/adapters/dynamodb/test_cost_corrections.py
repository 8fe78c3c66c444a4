"""The contract of every store of the progress of corrections."""

from decimal import Decimal

import boto3
import pytest

from lambdas.adapters.dynamodb.cost_corrections import DynamoDbCostCorrections
from lambdas.domain.ledger.cost_corrections import (
    CorrectionProgress,
    CostCorrections,
    ProgressChangedError,
)
from tests.aws import STATE
from tests.fakes import InMemoryCostCorrections

EDITION = "20260905T061500Z-00000000"
PROGRESS = CorrectionProgress(
    EDITION,
    revision=1,
    cursor="111122223333#us-east-1#request-1",
    raised_calls=2,
    raised_usd=Decimal("0.000000000000000001"),
    lowered_calls=3,
    lowered_usd=Decimal("-1E-7"),
    too_old_calls=4,
    unpriced_calls=5,
)


@pytest.fixture(params=["memory", "dynamodb"])
def corrections(request: pytest.FixtureRequest, aws: None) -> CostCorrections:
    if request.param == "memory":
        return InMemoryCostCorrections()
    return DynamoDbCostCorrections(boto3.client("dynamodb"), STATE)


def test_an_edition_without_saved_progress_starts_at_the_beginning(
    corrections: CostCorrections,
) -> None:
    assert corrections.get_progress(EDITION) == CorrectionProgress(EDITION)


def test_progress_is_read_as_it_was_saved(corrections: CostCorrections) -> None:
    done = PROGRESS._replace(revision=2, cursor=None, is_done=True)
    for progress in (PROGRESS, done):
        corrections.save_progress(progress)
        assert corrections.get_progress(EDITION) == progress
    assert corrections.get_progress("another") == CorrectionProgress("another")


@pytest.mark.parametrize("revision", [1, 3])
def test_progress_saved_by_another_run_is_not_overwritten(
    corrections: CostCorrections, revision: int
) -> None:
    corrections.save_progress(PROGRESS)
    with pytest.raises(ProgressChangedError):
        corrections.save_progress(PROGRESS._replace(revision=revision, raised_calls=9))
    assert corrections.get_progress(EDITION) == PROGRESS
