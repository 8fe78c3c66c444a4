"""Bedrock's own metrics of the made-up company stand beside the meter's counts."""

from collections import Counter

import pytest

from dashboards.demo.company import invocation_logs
from dashboards.reports.bedrock_totals import bedrock_totals

LOGS = list(invocation_logs())


def total(name: str, *, by_model: bool) -> float:
    return float(
        sum(
            value * count
            for figure in bedrock_totals(LOGS)
            if figure["MetricName"] == name and bool(figure["Dimensions"]) is by_model
            for value, count in zip(figure["Values"], figure["Counts"], strict=True)
        )
    )


@pytest.mark.parametrize("by_model", [True, False])
def test_calls_and_errors_match_the_logs(by_model: bool) -> None:
    errors = Counter(log.get("errorCode") for log in LOGS)
    assert total("Invocations", by_model=by_model) == errors[None]
    assert total("InvocationThrottles", by_model=by_model) == errors["ThrottlingException"]
    assert total("InvocationClientErrors", by_model=by_model) == errors["ValidationException"]
    assert total("InvocationServerErrors", by_model=by_model) == errors["ModelTimeoutException"]


def test_every_log_was_delivered() -> None:
    delivered = "ModelInvocationLogsCloudWatchDeliverySuccess"
    assert total(delivered, by_model=False) == len(LOGS)


def test_no_data_point_exceeds_the_cloudwatch_limit_of_values() -> None:
    assert max(len(figure["Values"]) for figure in bedrock_totals(LOGS)) <= 150


def test_an_embedding_has_no_time_to_first_token() -> None:
    models = {
        figure["Dimensions"][0]["Value"]
        for figure in bedrock_totals(LOGS)
        if figure["MetricName"] == "TimeToFirstToken" and figure["Dimensions"]
    }
    assert models
    assert not [model for model in models if "embed" in model]
