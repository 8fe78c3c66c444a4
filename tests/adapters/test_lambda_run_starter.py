"""A function is started without waiting for it, and a refusal is an error of the port."""

import boto3
import pytest

from lambdas.adapters.lambda_run_starter import LambdaRunStarter
from lambdas.domain.runs import RunNotStartedError
from tests.aws import take_starts


@pytest.mark.usefixtures("aws")
def test_a_function_is_started_asynchronously_with_its_event() -> None:
    started = take_starts()
    LambdaRunStarter(boto3.client("lambda"), "evaluator", {"some": "event"}).start()
    assert started == [
        {
            "path": "/2015-03-31/functions/evaluator/invocations",
            "type": "Event",
            "event": b'{"some": "event"}',
        }
    ]


@pytest.mark.usefixtures("aws")
def test_a_function_that_does_not_exist_is_not_started() -> None:
    with pytest.raises(RunNotStartedError, match="ResourceNotFoundException"):
        LambdaRunStarter(boto3.client("lambda"), "missing", {}).start()


def test_lambda_out_of_reach_is_an_error_of_the_port() -> None:
    client = boto3.client(
        "lambda",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106  # no secret
    )
    with pytest.raises(RunNotStartedError, match=r"127\.0\.0\.1:9"):
        LambdaRunStarter(client, "evaluator", {}).start()
