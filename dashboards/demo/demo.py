"""Deploys into a local cloud, lets a made-up company call Bedrock, and notifies: `make demo`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, TypeAlias

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cdk.config import stack_names
from cdk.local_cloud.cloud import LocalCloud, LocalCloudError, open_local_cloud
from cdk.local_cloud.deployment import deploy, synthesise
from cdk.local_cloud.subscriber import Subscriber, open_subscriber
from cdk.operations.terminal import (
    CommandError,
    open_console,
    printable,
    printable_name,
)
from dashboards.cloudwatch import (
    AlarmEvaluation,
    CloudWatchMetrics,
    Metric,
    Periods,
    Statistic,
)
from dashboards.demo.company import CALLERS, PROFILE, PROFILE_MODEL, earlier_logs, invocation_logs
from dashboards.demo.company_account import set_up_account
from dashboards.demo.plain_sums import PlainSums, get_identity, sum_calls
from dashboards.reports.bedrock_totals import bedrock_totals
from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.drawings import Source
from dashboards.viewer.pages import NoLibraryError, write_page
from dashboards.viewer.sources import source_of_cloudwatch
from lambdas.domain.attribution import UNATTRIBUTED
from lambdas.domain.invocations import BEDROCK_LOG_STREAM
from lambdas.domain.invocations.short_names import shorten_identity
from lambdas.domain.metrics.bedrock_metrics import BEDROCK_NAMESPACE
from lambdas.domain.metrics.catalog import (
    ESTIMATED_COST,
    IDENTITY_ARN,
    INVOCATION_ERRORS,
    INVOCATIONS,
    NAMESPACE,
    PROJECT,
    QUOTA_TOKENS,
    TOTAL_TOKENS,
)

_SETTINGS = {"metric_detail": "full"}  # so that every graph has something to show
_REDELIVERED = 5  # CloudWatch Logs delivers at least once: here, one minute in so many twice
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_EARLIER_DAYS = 13  # CloudWatch takes metrics of two weeks
_RAISED_BY_HISTORY = {
    "BedrockMeter-Health-LateCalls": "the calls of earlier days are logged days late",
}
_SHOWN = timedelta(days=15)
_SECONDS_TO_SETTLE = 60
_MAX_POINTS = 1000  # of one PutMetricData
PAGE = Path(__file__).resolve().parents[2] / ".preview" / "dashboards.html"
_COLUMNS = {
    "Calls": INVOCATIONS.name,
    "Errors": INVOCATION_ERRORS.name,
    "Total tokens": TOTAL_TOKENS.name,
    "Quota tokens": QUOTA_TOKENS.name,
}
_COLUMNS_OF_PROJECTS = {
    "Calls": INVOCATIONS.name,
    "Total tokens": TOTAL_TOKENS.name,
    "Cost, USD": ESTIMATED_COST.name,
}
_TOLERANCE = 0.0001  # dollars: CloudWatch adds up floating-point numbers
_Log = dict[str, Any]
_Sums: TypeAlias = dict[str, tuple[float, ...]]


def run_demo() -> None:
    """Deploy, log the company's calls minute by minute, and print notifications.

    Raises:
        CommandError: The local cloud does not work, or counted wrongly.
    """
    console = open_console()
    with open_company() as source:
        try:
            write_page(DashboardSession.from_source(source), PAGE)
        except NoLibraryError as error:
            raise CommandError(str(error)) from error
    console.print(f"The dashboards, as one file for your browser: {PAGE}", soft_wrap=True)
    console.print('Now your own logs: make meter LOGS="PATH ...", make preview LOGS="PATH ..."')


@contextmanager
def open_company() -> Iterator[Source]:
    """Open a local cloud, show the company there, and yield what its dashboards show.

    Raises:
        CommandError: The local cloud does not work, or counted wrongly.
    """
    try:
        with open_local_cloud() as cloud:
            _show_company(cloud, open_console())
            yield source_of_cloudwatch("the local cloud", cloud.client("cloudwatch"))
    except LocalCloudError as error:
        raise CommandError(str(error)) from error


def _show_company(cloud: LocalCloud, console: Console) -> None:
    """Deploy, log the company's calls of two weeks, and print the notifications of a subscriber.

    Raises:
        CommandError: The local cloud counted wrongly.
        LocalCloudError: It does not work.
    """
    console.print(
        "Deploying into a local cloud: the same stacks, functions and alarms as on AWS ..."
    )
    outputs = deploy(cloud, synthesise(cloud, _SETTINGS))
    group = outputs[stack_names.STORAGE]["LogGroupName"]
    minutes = _minutes()
    logs = [log for minute_logs in minutes.values() for log in minute_logs]
    earlier = list(earlier_logs(next(iter(minutes)) - _HOUR, _EARLIER_DAYS))
    profile = set_up_account(cloud)
    _replace_model([*logs, *earlier], PROFILE, profile)
    for _, day_logs in groupby(earlier, key=lambda log: _parse_time(log).date()):
        _write(cloud, group, calls := list(day_logs))
        _publish_bedrock_metrics(cloud, calls)
    counted = len(earlier)
    _settle(cloud, counted)
    span = round((_parse_time(logs[-1]) - _parse_time(logs[0])) / _MINUTE)
    console.print(
        f"A made-up company: {len(logs):,} calls in {span} minutes,"
        f" with the timing and the sizes of a real trace,\nand {len(earlier):,} in the"
        f" {_EARLIER_DAYS} days before; logged as Bedrock does, some delivered twice."
        " Notifications, as a subscriber gets them:\n"
    )
    evaluation = AlarmEvaluation(cloud.client, skipped=_RAISED_BY_HISTORY)
    with open_subscriber(cloud, outputs[stack_names.MONITORING]["TopicArn"]) as subscriber:
        evaluation.evaluate(next(iter(minutes)))  # all is well, which is notified too
        _take_notifications(subscriber, evaluation.notified)
        for number, (minute, minute_logs) in enumerate(minutes.items()):
            for _ in range(2 if number % _REDELIVERED == 0 else 1):
                _write(cloud, group, minute_logs)
            _publish_bedrock_metrics(cloud, minute_logs)
            counted += len(minute_logs)
            _settle(cloud, counted)
            before = evaluation.notified
            evaluation.evaluate(minute)
            for notification in _take_notifications(subscriber, evaluation.notified - before):
                _print_notification(notification, minute, console)
    end = next(reversed(minutes)) + _MINUTE
    whole = Periods(end, int(_SHOWN.total_seconds()), 1)
    calls = [*earlier, *logs]
    _replace_model(calls, profile, f"us.{PROFILE_MODEL}")  # no log names it; Bedrock was asked
    sums = _sum_by_dimension(cloud, IDENTITY_ARN, _COLUMNS, whole)
    _check_tokens(sums, calls)
    _print_sums("Identity", _COLUMNS, sums, console)
    spent = _sum_by_dimension(cloud, PROJECT, _COLUMNS_OF_PROJECTS, whole)
    _check_money(spent, calls)
    _print_sums("Project", _COLUMNS_OF_PROJECTS, spent, console)
    for name, reason in evaluation.left_out.items():
        console.print(f"Not evaluated locally: alarm {name}: {reason}.", style="dim")
    console.print(
        "\nEvery figure is what plain sums over the logs say, to the token and to a hundredth of a"
        " cent."
    )


def _minutes() -> dict[datetime, list[_Log]]:
    """The company's logs by the minute, moved so that the last call is made now."""
    logs = list(invocation_logs())
    moved = datetime.now(UTC).replace(microsecond=0) - _parse_time(logs[-1])
    by_minute: dict[datetime, list[_Log]] = {}
    for log in logs:
        called_at = _parse_time(log) + moved
        log["timestamp"] = called_at.strftime("%Y-%m-%dT%H:%M:%SZ")
        by_minute.setdefault(called_at.replace(second=0), []).append(log)
    return by_minute


def _replace_model(logs: Iterable[_Log], called: str, instead: str) -> None:
    for log in logs:
        if log["modelId"] == called:
            log["modelId"] = instead


def _parse_time(log: _Log) -> datetime:
    return datetime.fromisoformat(log["timestamp"])


def _write(cloud: LocalCloud, group: str, logs: Sequence[_Log]) -> None:
    client = cloud.client("logs")
    with suppress(client.exceptions.ResourceAlreadyExistsException):
        client.create_log_stream(logGroupName=group, logStreamName=BEDROCK_LOG_STREAM)
    client.put_log_events(
        logGroupName=group,
        logStreamName=BEDROCK_LOG_STREAM,
        logEvents=[
            {"timestamp": int(_parse_time(log).timestamp() * 1000), "message": json.dumps(log)}
            for log in logs
        ],
    )


def _publish_bedrock_metrics(cloud: LocalCloud, logs: Sequence[_Log]) -> None:
    """Publish Bedrock's own metrics, which dashboards show beside the meter's."""
    points = bedrock_totals(logs)
    for first in range(0, len(points), _MAX_POINTS):
        cloud.client("cloudwatch").put_metric_data(
            Namespace=BEDROCK_NAMESPACE, MetricData=points[first : first + _MAX_POINTS]
        )


def _settle(cloud: LocalCloud, calls: int) -> None:
    """Wait until so many calls are on the account's metrics, counted and failed ones."""
    source = CloudWatchMetrics(cloud.client("cloudwatch"))
    soon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + _HOUR
    period = Periods(soon, int(_SHOWN.total_seconds()), 1)
    metrics = [
        Metric(NAMESPACE, definition.name) for definition in (INVOCATIONS, INVOCATION_ERRORS)
    ]
    deadline = time.monotonic() + _SECONDS_TO_SETTLE
    while time.monotonic() < deadline:
        cloud.check()
        values = source.values(metrics, Statistic.SUM, period).values()
        if sum(value or 0 for (value,) in values) >= calls:
            return
        time.sleep(0.05)
    message = f"{calls} calls were logged, and are not counted after {_SECONDS_TO_SETTLE} seconds."
    raise CommandError(message)


def _take_notifications(subscriber: Subscriber, count: int) -> list[dict[str, Any]]:
    """The notifications of one evaluation, which arrive in any order."""
    deadline = time.monotonic() + _SECONDS_TO_SETTLE
    while len(subscriber.messages) < count:
        if time.monotonic() > deadline:
            message = f"{count} notifications were sent, and {len(subscriber.messages)} arrived."
            raise CommandError(message)
        time.sleep(0.02)
    taken = sorted(subscriber.messages, key=lambda message: str(message["Subject"]))
    subscriber.messages.clear()
    return taken


def _print_notification(notification: dict[str, Any], minute: datetime, console: Console) -> None:
    who, _, what = json.loads(notification["Message"])["NewStateReason"].partition(": ")
    console.print(f"{minute:%H:%M} ", Text(printable(notification["Subject"]), "bold red"))
    console.print(Text(printable(f"       {shorten_identity(who)}: {what}")), soft_wrap=True)


def _sum_by_dimension(
    cloud: LocalCloud, dimension: str, columns: Mapping[str, str], whole: Periods
) -> _Sums:
    """CloudWatch's metrics by the values of a dimension, in the order of the columns."""
    source = CloudWatchMetrics(cloud.client("cloudwatch"))
    sums: dict[str, list[float]] = {}
    for place, name in enumerate(columns.values()):
        metrics = [
            metric
            for metric in source.metrics(NAMESPACE, name)
            if metric.dimension_names == {dimension}
        ]
        for metric, (value,) in source.values(metrics, Statistic.SUM, whole).items():
            row = sums.setdefault(dict(metric.dimensions)[dimension], [0] * len(columns))
            row[place] = value or 0
    return {name: tuple(row) for name, row in sums.items()}


def _check_tokens(by_identity: _Sums, logs: Sequence[_Log]) -> None:
    """Compare calls and tokens with plain sums over the logs of each caller."""
    expected = {
        arn: (sums.calls, sums.failed_calls, sums.total_tokens, sums.quota_tokens)
        for arn, sums in sum_calls(logs, get_identity).items()
    }
    if by_identity != expected:
        wrong = [arn for arn in expected if by_identity.get(arn) != expected[arn]]
        message = f"the metrics do not say what the logs do, of {', '.join(wrong)}."
        raise CommandError(message)


def _check_money(by_project: _Sums, logs: Sequence[_Log]) -> None:
    """Compare with plain sums over the logs of each project's callers, at list prices."""
    projects = {caller.arn: caller.project or UNATTRIBUTED for caller in CALLERS}
    expected = sum_calls(logs, lambda log: projects[get_identity(log)])
    for project in expected.keys() | by_project.keys():
        sums = expected.get(project, PlainSums())
        found = by_project.get(project, (0.0, 0.0, 0.0))
        logged = (sums.calls, sums.total_tokens, float(sums.cost_usd))
        if any(abs(a - b) > _TOLERANCE for a, b in zip(found, logged, strict=True)):
            message = f"{project} has {found} by the metrics, and {logged} by logs and prices."
            raise CommandError(message)


def _print_sums(what: str, columns: Mapping[str, str], sums: _Sums, console: Console) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(what, overflow="fold")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    for name, row in sorted(sums.items(), key=lambda item: item[1][-1], reverse=True):
        cells = (
            f"{value:,.2f}" if metric == ESTIMATED_COST.name else f"{value:,.0f}"
            for metric, value in zip(columns.values(), row, strict=True)
        )
        table.add_row(Text(printable_name(shorten_identity(name))), *cells)
    console.print(f"\nWhat CloudWatch's metrics say, by {what.lower()}")
    console.print(table)
