"""Logs are read from their log group."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from botocore.config import Config

from lambdas.adapters.cloudwatch_logs.invocation_log import CloudWatchInvocationLog
from lambdas.domain.reports.comparison import InvocationLogsUnavailableError

GROUP = "invocations"
HOUR = timedelta(hours=1)
START = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - 3 * HOUR
"""CloudWatch Logs accepts no events older than two weeks."""


def written(*seconds: float) -> CloudWatchInvocationLog:
    """A log group with messages at these seconds after the start, which contain the seconds."""
    client = boto3.client("logs")
    client.create_log_group(logGroupName=GROUP)
    client.create_log_stream(logGroupName=GROUP, logStreamName="stream")
    start = int(START.timestamp() * 1000)
    client.put_log_events(
        logGroupName=GROUP,
        logStreamName="stream",
        logEvents=[
            {"timestamp": start + int(second * 1000), "message": str(second)} for second in seconds
        ],
    )
    return CloudWatchInvocationLog(client, GROUP)


@pytest.mark.usefixtures("aws")
def test_messages_of_a_time_range_are_read_in_order() -> None:
    log = written(-0.001, 0, 1, 3599.999, 3600)
    found = [message for page in log.scan_range(START, START + HOUR) for message in page]
    assert found == ["0", "1", "3599.999"]


@pytest.mark.usefixtures("aws")
def test_all_pages_are_read() -> None:
    seconds = [number / 10 for number in range(10_001)]  # a page has 10,000 at most
    pages = list(written(*seconds).scan_range(START, START + HOUR))
    assert len(pages) > 1
    assert [message for page in pages for message in page] == [str(second) for second in seconds]


@pytest.mark.usefixtures("aws")
def test_a_missing_log_group_is_given_as_the_reason() -> None:
    log = CloudWatchInvocationLog(boto3.client("logs"), "gone")
    with pytest.raises(InvocationLogsUnavailableError, match="ResourceNotFoundException"):
        list(log.scan_range(START, START + HOUR))


def test_an_unreachable_endpoint_is_given_as_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    unreachable = boto3.client(
        "logs",
        region_name="us-east-1",
        endpoint_url="http://127.0.0.1:9",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(InvocationLogsUnavailableError, match="does not answer: EndpointConnection"):
        list(CloudWatchInvocationLog(unreachable, GROUP).scan_range(START, START + HOUR))
