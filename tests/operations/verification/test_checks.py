"""Checks of a deployment pass where it works, and say what is wrong where it does not."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest

from cdk.components.dashboards import dashboard_name, deployed_dashboards
from cdk.config import Config, stack_names
from cdk.operations.masking_samples import masking_samples
from cdk.operations.verification.check import CheckFailedError, CheckSkippedError
from cdk.operations.verification.dashboard_checks import check_dashboards
from cdk.operations.verification.masking_check import check_masking
from cdk.operations.verification.metric_answers import MetricAnswer, MetricAnswers
from cdk.operations.verification.model_calls import check_ledger, check_log, check_metrics
from cdk.operations.verification.verified_meter import ModelCalls, VerifiedMeter
from lambdas.domain.invocations.usage_record import PERMISSION_NOTICE
from lambdas.domain.metrics.catalog import DEPLOYMENT_DRIFT, HEALTH_NAMESPACE, NAMESPACE
from tests.aws import LEDGER
from tests.invocation_logs import log
from tests.operations.deployed import deploy
from tests.operations.verification.session import NOVA, Session, meter

pytestmark = pytest.mark.usefixtures("aws")


@pytest.fixture
def verified() -> VerifiedMeter:
    """A meter whose verification made two calls of nine tokens each."""
    deploy(stack_names.STORAGE, LedgerTableName=LEDGER)
    made = meter(Session())
    made.made = ModelCalls(NOVA, 2, 14, 4)
    boto3.client("logs").create_log_group(logGroupName="invocation-logs")
    boto3.client("logs").create_log_stream(logGroupName="invocation-logs", logStreamName="s")
    return made


def now_ms() -> int:
    return int(datetime.now(UTC).timestamp() * 1000)


def write_logs(caller: str, count: int) -> None:
    records = [
        log(
            f"request-{number}",
            identity={"arn": caller},
            input={"inputTokenCount": 7},
            output={"outputTokenCount": 2},
        )
        for number in range(count)
    ]
    now = now_ms()
    boto3.client("logs").put_log_events(
        logGroupName="invocation-logs",
        logStreamName="s",
        logEvents=[
            {"timestamp": now, "message": message}
            for message in [PERMISSION_NOTICE, *map(json.dumps, records)]
        ],
    )


def write_ledger(caller: str, count: int, output: int = 2) -> None:
    for number in range(count):
        boto3.client("dynamodb").put_item(
            TableName=LEDGER,
            Item={
                "pk": {"S": f"call-{number}"},
                "identity_arn": {"S": caller},
                "input": {"N": "7"},
                "output": {"N": str(output)},
            },
        )


def test_logs_of_other_callers_do_not_count(verified: VerifiedMeter) -> None:
    write_logs(verified.caller, 2)
    write_logs("arn:aws:iam::123456789012:user/other", 3)
    assert check_log(verified) == "2 log records, 18 tokens"


def test_failed_calls_do_not_count(verified: VerifiedMeter) -> None:
    write_logs(verified.caller, 2)
    refused = log("refused", identity={"arn": verified.caller}, errorCode="AccessDeniedException")
    boto3.client("logs").put_log_events(
        logGroupName="invocation-logs",
        logStreamName="s",
        logEvents=[{"timestamp": now_ms(), "message": json.dumps(refused)}],
    )
    boto3.client("dynamodb").put_item(
        TableName=LEDGER,
        Item={
            "pk": {"S": "refused"},
            "identity_arn": {"S": verified.caller},
            "error_code": {"S": "AccessDeniedException"},
        },
    )
    write_ledger(verified.caller, 2)
    assert check_log(verified) == "2 log records, 18 tokens"
    assert check_ledger(verified) == "2 calls in the ledger, 18 tokens"


def test_a_missing_log_record_fails_the_check(verified: VerifiedMeter) -> None:
    write_logs(verified.caller, 1)
    with pytest.raises(CheckFailedError, match="1 log records, 9 tokens; Bedrock answered 2 calls"):
        check_log(verified)


def test_the_ledger_must_have_the_tokens_of_bedrock_s_responses(verified: VerifiedMeter) -> None:
    write_ledger(verified.caller, 2)
    assert check_ledger(verified) == "2 calls in the ledger, 18 tokens"
    write_ledger(verified.caller, 2, output=3)
    with pytest.raises(CheckFailedError, match="20 tokens; Bedrock answered"):
        check_ledger(verified)


def test_metrics_must_include_the_caller_s_calls(verified: VerifiedMeter) -> None:
    with pytest.raises(CheckFailedError, match="0 calls in metrics"):
        check_metrics(verified)
    for name, value in (("Invocations", 2), ("TotalTokens", 18)):
        boto3.client("cloudwatch").put_metric_data(
            Namespace=NAMESPACE,
            MetricData=[
                {
                    "MetricName": name,
                    "Value": value,
                    "Timestamp": datetime.now(UTC),
                    "Dimensions": [{"Name": "IdentityArn", "Value": verified.caller}],
                }
            ],
        )
    assert check_metrics(verified) == "2 calls in metrics, 18 tokens"


class StartedMeter(VerifiedMeter):
    """A meter whose functions publish a value when they are started."""

    published: float | None = None

    def start(self, function: str) -> None:
        assert function == "LoggingWatcher"
        if self.published is not None:
            put_health(self.published)


def put_health(value: float) -> None:
    boto3.client("cloudwatch").put_metric_data(
        Namespace=HEALTH_NAMESPACE,
        MetricData=[
            {"MetricName": DEPLOYMENT_DRIFT.name, "Value": value, "Timestamp": datetime.now(UTC)}
        ],
    )


def test_a_function_must_publish_when_it_is_started(verified: VerifiedMeter) -> None:
    put_health(3)
    meter = StartedMeter(verified.session, verified.config, verified.waiting, verified.answers)
    with pytest.raises(CheckFailedError, match="LoggingWatcher published no DeploymentDrift"):
        meter.start_and_read("LoggingWatcher", DEPLOYMENT_DRIFT)
    meter.published = 0
    assert meter.start_and_read("LoggingWatcher", DEPLOYMENT_DRIFT) == 0


def put_dashboards(metrics: list[Any]) -> None:
    body = {"widgets": [{"properties": {"metrics": metrics, "stat": "Sum"}}, {"properties": {}}]}
    for name in deployed_dashboards(Config()):
        boto3.client("cloudwatch").put_dashboard(
            DashboardName=dashboard_name(name, "us-east-1"), DashboardBody=json.dumps(body)
        )


def test_every_graph_is_queried_and_answers_are_stored_without_accounts(
    verified: VerifiedMeter, tmp_path: Path
) -> None:
    arn = "arn:aws:iam::123456789012:user/jane"
    put_dashboards(
        [
            ["BedrockMeter", "Invocations", "IdentityArn", arn, {"id": "m1"}],
            ["BedrockMeter", "QuotaTokens", {"visible": False}],
            [{"expression": "ANOMALY_DETECTION_BAND(m1, 3)", "id": "usual"}],
        ]
    )
    verified.answers = MetricAnswers(boto3.client("cloudwatch"), tmp_path)
    assert check_dashboards(verified) == "3 dashboards, 3 queries answered"
    stored = (tmp_path / "usage_overview.json").read_text()
    shown, hidden = json.loads(stored)[0]["queries"]
    assert (shown["MetricStat"]["Stat"], shown["ReturnData"]) == ("Sum", True)
    assert hidden["ReturnData"] is False
    assert "123456789012" not in stored
    assert "jane" not in stored


def test_metrics_insights_queries_are_sent_one_by_one(verified: VerifiedMeter) -> None:
    """Others of the same graph are asked together: expressions name each other."""
    select = {"expression": "SELECT MIN(QuotaTokens) FROM SCHEMA(BedrockMeter, IdentityArn)"}
    plain = ["BedrockMeter", "Invocations"]
    put_dashboards([[select], [select], plain, plain])
    asked: list[int] = []

    class Counting(MetricAnswers):
        def ask(self, queries: Sequence[Mapping[str, Any]], start: datetime) -> MetricAnswer:
            asked.append(len(queries))
            return MetricAnswer(start, start, queries, [])

    verified.answers = Counting(boto3.client("cloudwatch"))
    check_dashboards(verified)
    assert asked == [2, 1, 1] * 3


def test_a_graph_without_an_answer_of_cloudwatch_fails_the_check(verified: VerifiedMeter) -> None:
    put_dashboards([["BedrockMeter", "Invocations"]])

    class Refusing(MetricAnswers):
        def ask(self, queries: Sequence[Mapping[str, Any]], start: datetime) -> MetricAnswer:
            refused = {"Id": "q0", "Label": "Calls", "StatusCode": "InternalError"}
            return MetricAnswer(start, start, queries, [refused])

    verified.answers = Refusing(boto3.client("cloudwatch"))
    with pytest.raises(CheckFailedError, match="3 of 3 queries: usage_overview: Calls"):
        check_dashboards(verified)


def test_masking_is_skipped_while_no_content_is_logged(verified: VerifiedMeter) -> None:
    with pytest.raises(CheckSkippedError, match="set log_content"):
        check_masking(verified)


class LoggingRuntime:
    """Logs each prompt, with the masks that it was made with."""

    def __init__(self, mask: Callable[[str], str]) -> None:
        self.mask = mask

    def converse(self, messages: list[dict[str, Any]], **_: Any) -> dict[str, Any]:
        text = self.mask(messages[0]["content"][0]["text"])
        now = now_ms()
        boto3.client("logs").put_log_events(
            logGroupName="invocation-logs",
            logStreamName="s",
            logEvents=[{"timestamp": now, "message": json.dumps({"input": text})}],
        )
        return {"usage": {"inputTokens": 90, "outputTokens": 1}}


def mask_samples(text: str) -> str:
    for sample in masking_samples():
        text = text.replace(sample.secret, "****")
    return text


def check_masks(verified: VerifiedMeter, mask: Callable[[str], str]) -> str:
    session: Any = Session(bedrock_runtime=LoggingRuntime(mask))
    verified.session, verified.config = session, Config(log_content=True)
    return check_masking(verified)


def test_masked_secrets_pass(verified: VerifiedMeter) -> None:
    assert "all made-up secrets are masked" in check_masks(verified, mask_samples)


def test_an_unmasked_secret_fails_without_being_shown(verified: VerifiedMeter) -> None:
    with pytest.raises(CheckFailedError, match="CreditCardNumber is not masked") as raised:
        check_masks(verified, str)
    assert not any(sample.secret in str(raised.value) for sample in masking_samples())


def test_a_missing_record_fails(verified: VerifiedMeter) -> None:
    with pytest.raises(CheckFailedError, match="no record of the call"):
        check_masks(verified, lambda _: "")
