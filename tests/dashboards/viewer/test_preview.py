"""`make preview`: the dashboards over one's own log files, or an account."""

import gzip
import re
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from cdk.config import Config
from dashboards.command_line.entry_point import FailedCommand
from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.drawings import draw
from dashboards.viewer.sources import source_of_account, source_of_cloudwatch, source_of_logs
from dashboards.viewer.time_ranges import until
from tests.command_line import call_command
from tests.invocation_logs import as_lines, log
from tests.unit.invocations.records import FIXTURES

FIXTURE = FIXTURES / "invocation-logs.ndjson"
NOON = datetime(2026, 9, 8, 12, tzinfo=UTC)


def test_log_files_become_one_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "page.html"
    call_command("preview", "--out", out, "--", FIXTURE)
    printed = capsys.readouterr()
    assert str(out) in printed.out
    assert re.search(r"Drawing \d dashboards", printed.err)
    assert "your log files (65 calls" not in out.read_text()  # some of the samples are no calls
    assert "your log files (6" in out.read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("/nowhere",), "LOGS: /nowhere: No such file"),
        (("--out", "/proc/page.html", "--", str(FIXTURE)), "--out /proc/page.html: "),
        (("--out", "/nowhere/page.html"), "--out /nowhere/page.html: there is no folder /nowhere"),
        (("--out", "page.txt"), "--out page.txt: the page is HTML"),
        (
            ("--port", "99999", "--", str(FIXTURE)),
            "Invalid value for '--port': 99999 is not a whole number from 1 to 65535.",
        ),
        (("--port", "many"), "Invalid value for '--port': 'many' is not"),
        (("--account",), "there are no credentials"),
        (("--account", "--", str(FIXTURE)), "choose LOGS or --account"),
        (
            ("--port", "8000", "--out", "page.html", "--", str(FIXTURE)),
            "choose --out or --port",
        ),
    ],
)
def test_an_error_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    with pytest.raises(FailedCommand, match=message):
        call_command("preview", *arguments)


def test_logs_without_calls_are_reported(tmp_path: Path) -> None:
    (tmp_path / "logs.ndjson").write_text('{"schemaType": "ModelInvocationLog"}\n{}\nno log\n')
    with pytest.raises(
        FailedCommand, match=r"no call to show .* 3 records read, 3 of them rejected"
    ):
        call_command("preview", tmp_path)


def test_logs_in_utf_16_are_reported_with_what_to_do(tmp_path: Path) -> None:
    logs = tmp_path / "logs.json"
    logs.write_text(FIXTURE.read_text(encoding="utf-8"), encoding="utf-16")
    with pytest.raises(FailedCommand) as failed:
        call_command("preview", logs)
    assert str(failed.value) == f"preview: {logs}: this is UTF-16 text. Save it as UTF-8."
    assert failed.value.exit_code == 2


def test_a_page_of_damaged_logs_is_written_and_they_are_named(tmp_path: Path) -> None:
    logs, page = tmp_path / "logs", tmp_path / "page.html"
    logs.mkdir()
    (logs / "good.ndjson").write_bytes(as_lines(log()))
    more = as_lines(*(log(f"request-{number}") for number in range(500)))
    (logs / "cut-off.ndjson.gz").write_bytes(gzip.compress(more)[:-100])
    with pytest.raises(FailedCommand, match=r"1 of the files .* could not be read to the end"):
        call_command("preview", "--out", page, "--", logs)
    assert page.stat().st_size > 100_000


def test_standard_output_has_only_the_page(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "logs.ndjson").write_bytes(as_lines(log()))
    call_command("preview", "--out", "/dev/stdout", "--", tmp_path)
    assert capfd.readouterr().out.rstrip().endswith("</html>")


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(FailedCommand, match=f"port {port}: .* --port NUMBER"):
            call_command("preview", "--port", str(port))  # before a local cloud starts


def test_the_range_ends_with_the_logs_and_excludes_other_namespaces(tmp_path: Path) -> None:
    logs = tmp_path / "logs.ndjson"
    logs.write_bytes(as_lines(log(), log("request-2", timestamp="2026-09-08T11:00:00Z")))
    source = source_of_logs([logs])
    assert source.now() == NOON.replace(minute=11)
    assert source.namespaces == {"BedrockMeter"}


@pytest.mark.usefixtures("aws")
def test_an_account_provides_metrics_and_alarm_states() -> None:
    cloudwatch = boto3.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="one",
        Namespace="n",
        MetricName="m",
        Period=60,
        EvaluationPeriods=1,
        Statistic="Sum",
        Threshold=1,
        ComparisonOperator="GreaterThanThreshold",
    )
    cloudwatch.set_alarm_state(AlarmName="one", StateValue="ALARM", StateReason="so")
    source = source_of_account("an account", cloudwatch, config=Config())
    assert source.alarm_states is not None
    assert source.alarm_states(["one", "two"]) == {"one": "ALARM"}
    assert not source.namespaces
    widgets = DashboardSession.from_source(source).view("pipeline_health", "", "1h")["widgets"]
    (alarms,) = (widget for widget in widgets if widget["type"] == "alarm")
    assert {alarm["state"] for alarm in alarms["alarms"]} == {"NOT DEPLOYED"}


@pytest.mark.usefixtures("aws")
def test_numbers_of_an_account_match_the_sums_of_its_metrics() -> None:
    cloudwatch = boto3.client("cloudwatch")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    published = {minutes: 10 + minutes for minutes in range(1, 180, 7)}
    cloudwatch.put_metric_data(
        Namespace="BedrockMeter",
        MetricData=[
            {
                "MetricName": "InputTokens",
                "Timestamp": now - timedelta(minutes=minutes),
                "Value": tokens,
            }
            for minutes, tokens in published.items()
        ],
    )
    graph = {
        "type": "metric",
        **dict.fromkeys(("x", "y", "width", "height"), 6),
        "properties": {
            "view": "singleValue",
            "stat": "Sum",
            "setPeriodToTimeRange": True,
            "metrics": [["BedrockMeter", "InputTokens", {"label": "Input"}]],
        },
    }
    hour = until(now, timedelta(hours=1))
    for make_source in (source_of_account, source_of_cloudwatch):
        (drawing,) = draw([graph], make_source("an account", cloudwatch, config=Config()), hour)
        (series,) = drawing["series"]
        assert series["label"] == "Input"
        assert series["value"] == sum(
            tokens for minutes, tokens in published.items() if minutes <= 60
        )


@pytest.mark.usefixtures("aws")
def test_denied_access_is_shown_in_each_widget() -> None:
    cloudwatch = boto3.client("cloudwatch")

    def refuse(**_: object) -> None:
        error = {"Error": {"Code": "AccessDenied", "Message": "not\nallowed"}}
        raise ClientError(error, "GetMetricData")  # type: ignore[arg-type]

    for event in ("GetMetricData", "DescribeAlarms"):
        cloudwatch.meta.events.register(f"before-call.cloudwatch.{event}", refuse)
    session = DashboardSession.from_source(
        source_of_account("an account", cloudwatch, config=Config())
    )
    cloudwatch.put_metric_data(
        Namespace="BedrockMeter", MetricData=[{"MetricName": "Invocations", "Value": 1}]
    )
    widgets = session.view("pipeline_health", "", "1h")["widgets"]
    messages = [
        widget["message"] for widget in widgets if widget["type"] == "alarm" or "message" in widget
    ]
    assert any(
        "an account does not answer: your credentials lack the permission" in message
        for message in messages
    )
    assert not any("\n" in message for message in messages)
    (alarms,) = (widget for widget in widgets if widget["type"] == "alarm")
    assert "AccessDenied" in alarms["message"]
