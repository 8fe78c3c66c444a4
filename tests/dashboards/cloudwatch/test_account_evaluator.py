"""CloudWatch evaluates an account's queries unchanged, and its answer is drawn unchanged."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from mypy_boto3_cloudwatch import CloudWatchClient

from dashboards.cloudwatch import (
    AccountEvaluator,
    Evaluation,
    Periods,
    Query,
    Series,
    SourceError,
    UnknownExpressionError,
)

NOON = datetime(2026, 9, 8, 12, tzinfo=UTC)
TWO_HOURS = Periods(NOON, 3600, 2)
TEN, ELEVEN = (NOON - timedelta(hours=2), NOON - timedelta(hours=1))
TOKENS: Query = {
    "Id": "m1",
    "ReturnData": False,
    "MetricStat": {
        "Metric": {"Namespace": "BedrockMeter", "MetricName": "InputTokens", "Dimensions": []},
        "Period": 3600,
        "Stat": "Sum",
    },
}
HALF: Query = {"Id": "e1", "ReturnData": True, "Label": "Half", "Expression": "m1 / 2"}
SEARCH: Query = {
    "Id": "s1",
    "Label": "${PROP('Dim.ModelId')}",
    "Expression": "SEARCH('{BedrockMeter,ModelId} MetricName=\"InputTokens\"', 'Sum', 3600)",
}
LOWEST: Query = {
    "Id": "q1",
    "Expression": 'SELECT MIN(InputTokens) FROM SCHEMA("BedrockMeter", ModelId) GROUP BY ModelId',
    "Period": 3600,
}


@pytest.fixture
def client() -> CloudWatchClient:
    return boto3.client(
        "cloudwatch",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106  # of no account
    )


@pytest.fixture
def cloudwatch(client: CloudWatchClient) -> Iterator[Stubber]:
    """Answers in the shape that the API's model gives."""
    with Stubber(client) as stubber:
        yield stubber
        stubber.assert_no_pending_responses()


def result(query_id: str, label: str, *points: tuple[datetime, float], **more: Any) -> Any:
    return {
        "Id": query_id,
        "Label": label,
        "Timestamps": [time for time, _ in points],
        "Values": [value for _, value in points],
        "StatusCode": "Complete",
        **more,
    }


def answer(stubber: Stubber, queries: list[Query], *results: Any, **page: Any) -> None:
    """Expect a request with these queries, and answer it."""
    token = page.pop("after", None)
    stubber.add_response(
        "get_metric_data",
        {"MetricDataResults": list(results), **page},
        {
            "MetricDataQueries": queries,
            "StartTime": TWO_HOURS.start,
            "EndTime": TWO_HOURS.end,
            "ScanBy": "TimestampAscending",
            **({"NextToken": token} if token else {}),
        },
    )


def test_queries_are_sent_unchanged_and_answers_keep_their_labels(
    client: CloudWatchClient, cloudwatch: Stubber
) -> None:
    answer(
        cloudwatch,
        [TOKENS, HALF, SEARCH],
        result("e1", "Half", (TEN, 2.5), (ELEVEN, 7)),
        result("s1", "haiku", (ELEVEN, 9)),
        result("s1", "nova", (TEN, 5), (ELEVEN, 5)),
    )
    found = AccountEvaluator(client).evaluate([TOKENS, HALF, SEARCH], TWO_HOURS)
    assert found.series == {
        "e1": [Series("Half", (2.5, 7))],
        "s1": [Series("haiku", (None, 9)), Series("nova", (5, 5))],
    }
    assert found.messages == ()


def test_a_query_without_data_has_no_series(client: CloudWatchClient, cloudwatch: Stubber) -> None:
    answer(cloudwatch, [SEARCH])
    assert AccountEvaluator(client).evaluate([SEARCH], TWO_HOURS).series == {"s1": []}


def test_the_pages_of_an_answer_are_joined(client: CloudWatchClient, cloudwatch: Stubber) -> None:
    partial = {"StatusCode": "PartialData"}
    answer(
        cloudwatch,
        [SEARCH],
        result("s1", "haiku", (TEN, 1), **partial),
        result("s1", "nova", (TEN, 2), **partial),
        NextToken="more",
    )
    answer(
        cloudwatch,
        [SEARCH],
        result("s1", "haiku", (ELEVEN, 3)),
        result("s1", "nova", (ELEVEN, 4)),
        after="more",
    )
    found = AccountEvaluator(client).evaluate([SEARCH], TWO_HOURS)
    assert found.series == {"s1": [Series("haiku", (1, 3)), Series("nova", (2, 4))]}
    assert found.messages == ()


def test_series_with_the_same_label_stay_separate(
    client: CloudWatchClient, cloudwatch: Stubber
) -> None:
    answer(cloudwatch, [SEARCH], result("s1", "all", (TEN, 1)), result("s1", "all", (TEN, 2)))
    found = AccountEvaluator(client).evaluate([SEARCH], TWO_HOURS)
    assert found.series == {"s1": [Series("all", (1, None)), Series("all", (2, None))]}


def test_series_with_the_same_label_keep_their_order_across_pages(
    client: CloudWatchClient, cloudwatch: Stubber
) -> None:
    answer(
        cloudwatch,
        [SEARCH],
        *(result("s1", "all", (TEN, value)) for value in (1, 100)),
        NextToken="more",
    )
    answer(
        cloudwatch,
        [SEARCH],
        *(result("s1", "all", (ELEVEN, value)) for value in (2, 200)),
        after="more",
    )
    found = AccountEvaluator(client).evaluate([SEARCH], TWO_HOURS)
    assert found.series == {"s1": [Series("all", (1, 2)), Series("all", (100, 200))]}


def test_a_page_that_lacks_series_of_a_label_is_refused(
    client: CloudWatchClient, cloudwatch: Stubber
) -> None:
    answer(
        cloudwatch,
        [SEARCH],
        *(result("s1", "all", (TEN, value)) for value in (1, 100)),
        NextToken="more",
    )
    answer(cloudwatch, [SEARCH], result("s1", "all", (ELEVEN, 200)), after="more")
    with pytest.raises(SourceError, match="several series labeled all, and not all of them"):
        AccountEvaluator(client).evaluate([SEARCH], TWO_HOURS)


def test_a_series_without_a_label_is_named_by_its_query_id(
    client: CloudWatchClient, cloudwatch: Stubber
) -> None:
    unlabeled = result("s1", "", (TEN, 1), Messages=[{"Code": "ArithmeticError"}])
    del unlabeled["Label"]
    answer(cloudwatch, [SEARCH], unlabeled)
    found = AccountEvaluator(client).evaluate([SEARCH], TWO_HOURS)
    assert found == Evaluation({"s1": [Series("s1", (1, None))]}, ())


@pytest.mark.parametrize(
    "odd",
    [
        {"Values": [1, 2]},
        {"Id": "of_no_query"},
        {"StatusCode": None},
    ],
)
def test_a_malformed_answer_is_reported_in_one_line(
    client: CloudWatchClient, cloudwatch: Stubber, odd: dict[str, Any]
) -> None:
    broken = {**result("s1", "all", (TEN, 1)), **odd}
    answer(cloudwatch, [SEARCH], {name: value for name, value in broken.items() if value})
    with pytest.raises(SourceError, match="answer cannot be read"):
        AccountEvaluator(client).evaluate([SEARCH], TWO_HOURS)


def test_incomplete_data_are_drawn_with_a_message(
    client: CloudWatchClient, cloudwatch: Stubber
) -> None:
    many = "Maximum number of allowed metrics exceeded"
    answer(
        cloudwatch,
        [SEARCH],
        result("s1", "haiku", (TEN, 1), StatusCode="PartialData"),
        result("s1", "nova", (TEN, 1), Messages=[{"Code": "Why", "Value": "of nova"}]),
        Messages=[{"Code": "MaxMetricsExceeded", "Value": many}],
    )
    found = AccountEvaluator(client).evaluate([SEARCH], TWO_HOURS)
    assert found.series["s1"][0] == Series("haiku", (1, None))
    assert set(found.messages) == {many, "of nova", "CloudWatch returned only a part of haiku."}


def test_each_request_has_one_insights_query(client: CloudWatchClient, cloudwatch: Stubber) -> None:
    other = {**LOWEST, "Id": "q2"}
    answer(cloudwatch, [TOKENS, LOWEST, HALF], result("q1", "haiku", (TEN, 1)))
    answer(cloudwatch, [other], result("q2", "haiku", (TEN, 2)))
    found = AccountEvaluator(client).evaluate([TOKENS, LOWEST, other, HALF], TWO_HOURS)
    assert found.series == {
        "q1": [Series("haiku", (1, None))],
        "q2": [Series("haiku", (2, None))],
        "e1": [],
    }


@pytest.mark.parametrize("status", ["InternalError", "Forbidden"])
def test_a_series_that_cloudwatch_could_not_read_is_an_error(
    client: CloudWatchClient, cloudwatch: Stubber, status: str
) -> None:
    answer(cloudwatch, [SEARCH], result("s1", "haiku", StatusCode=status))
    with pytest.raises(SourceError, match=rf"could not read haiku \({status}\)"):
        AccountEvaluator(client).evaluate([SEARCH], TWO_HOURS)


@pytest.mark.parametrize(
    "times", [(TEN, TEN + timedelta(minutes=30)), (TEN - timedelta(minutes=1),), (NOON,)]
)
def test_values_with_another_period_are_refused(
    client: CloudWatchClient, cloudwatch: Stubber, times: tuple[datetime, ...]
) -> None:
    answer(cloudwatch, [SEARCH], result("s1", "haiku", *((time, 1) for time in times)))
    with pytest.raises(SourceError, match="other periods than the graph has"):
        AccountEvaluator(client).evaluate([SEARCH], TWO_HOURS)


def test_more_queries_than_the_cloudwatch_limit_are_refused(
    client: CloudWatchClient, cloudwatch: Stubber
) -> None:
    queries = [{**SEARCH, "Id": f"s{number}"} for number in range(501)]
    with pytest.raises(UnknownExpressionError, match="501 queries: CloudWatch takes 500"):
        AccountEvaluator(client).evaluate(queries, TWO_HOURS)


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        ("AccessDenied", "your credentials lack the permission cloudwatch:GetMetricData"),
        ("Throttling", "throttles the requests .* again in a minute"),
        ("ValidationError", "ValidationError"),
    ],
)
def test_an_error_explains_the_fix_in_one_line(
    client: CloudWatchClient, cloudwatch: Stubber, code: str, advice: str
) -> None:
    cloudwatch.add_client_error("get_metric_data", code, "not\nso")
    with pytest.raises(SourceError, match=advice) as error:
        AccountEvaluator(client).evaluate([SEARCH], TWO_HOURS)
    assert "\n" not in str(error.value)
