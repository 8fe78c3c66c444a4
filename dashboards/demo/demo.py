"""Deploys into a local cloud, lets a made-up company call Bedrock, and notifies: `make demo`."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

from rich.console import Console

from cdk.alarms.thresholds import alarm_thresholds
from cdk.config import Config, stack_names
from cdk.local_cloud.alarm_clients import open_alarm_clients
from cdk.local_cloud.cloud import LocalCloud, LocalCloudError, open_local_cloud
from cdk.local_cloud.deployment import deploy, synthesize
from cdk.local_cloud.subscriber import Subscriber, open_subscriber
from cdk.operations.terminal import CommandError, open_console
from dashboards.cloudwatch import (
    AlarmEvaluation,
    CloudWatchMetrics,
    Metric,
    Periods,
    Statistic,
)
from dashboards.demo.company import (
    CALLERS,
    PROFILE,
    PROFILE_MODEL,
    logs_until,
    read_time,
)
from dashboards.demo.company_account import set_up_account
from dashboards.demo.company_brake import SESSION, CompanyBrake
from dashboards.demo.company_budget import BRAKED, CompanyBudget
from dashboards.demo.company_credits import LOW_CALLS, MORE_CALLS, CompanyCredits
from dashboards.demo.company_gateway import LIMITS, CompanyGateway
from dashboards.demo.company_webhook import CompanyWebhook
from dashboards.demo.credit_story import (
    describe_credit_alert,
    describe_credits,
    describe_grant,
)
from dashboards.demo.gateway_story import (
    answer_table,
    describe_counts,
    describe_limits,
    quote_refusal,
)
from dashboards.demo.history import HISTORY_DAYS, add_history, make_history
from dashboards.demo.measured_sums import check_sums, read_metric, read_sums
from dashboards.demo.plain_sums import PlainSums, add_sums, get_identity, sum_calls
from dashboards.demo.story import (
    Event,
    describe_alarm,
    describe_brake,
    describe_budget,
    describe_drift,
    describe_failures,
    describe_unpriced,
    list_projects,
    spending_table,
    write_event,
)
from dashboards.demo.tampering import switch_logging_off
from dashboards.demo.webhook_story import describe_retry, describe_webhook, event_table
from dashboards.reports.bedrock_totals import bedrock_totals
from dashboards.viewer.dashboard_session import DashboardSession
from dashboards.viewer.drawings import Source
from dashboards.viewer.pages import NoLibraryError, write_page
from dashboards.viewer.profile_labels import BedrockProfiles
from dashboards.viewer.sources import source_of_cloudwatch
from lambdas.domain.attribution import UNATTRIBUTED, LabelNames
from lambdas.domain.events import EventType
from lambdas.domain.invocations import BEDROCK_LOG_STREAM
from lambdas.domain.invocations.short_names import shorten_identity
from lambdas.domain.metrics.bedrock_metrics import BEDROCK_NAMESPACE
from lambdas.domain.metrics.catalog import (
    GATEWAY_NAMESPACE,
    HEALTH_NAMESPACE,
    IDENTITY_ARN,
    INVOCATION_ERRORS,
    INVOCATIONS,
    MODEL_ID,
    NAMESPACE,
    PROJECT,
    UNPRICED_INVOCATIONS,
)
from lambdas.domain.words import plural

_SETTINGS = {
    "governance": True,
    "brake": True,
    "brake_sessions": True,
    "gateway": True,
    "webhooks": True,
    "credits": True,
    "metric_detail": "full",  # so that every graph has something to show
    "cost_thresholds": [{"warning": 10, "critical": 200}],  # dollars an hour: the company is small
}
_WEBHOOK_EVENTS = (
    EventType.USAGE_THRESHOLD_REACHED,
    EventType.BUDGET_THRESHOLD_REACHED,
    EventType.BRAKE_DENIED,
    EventType.CREDITS_LOW,
    EventType.CREDITS_EXHAUSTED,
)
"""The types of events that a receiver gets."""
_EVALUATE_POLICIES = {"AUTH": "true"}
_REDELIVERED = 5  # CloudWatch Logs delivers at least once: here, one minute in so many twice
_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_EARLIER_DAYS = 13  # CloudWatch takes metrics of two weeks
_RAISED_BY_HISTORY = {
    "BedrockMeter-Health-LateCalls": "the calls of earlier days are logged days late",
}
_SHOWN = timedelta(days=15)
_SECONDS_TO_SETTLE = 60
_SECONDS_OF_PAUSE = 60  # of a receiver that has answered 503
_MAX_POINTS = 1000  # of one PutMetricData
_PUBLISHED_LOCALLY = frozenset({NAMESPACE, HEALTH_NAMESPACE, GATEWAY_NAMESPACE, BEDROCK_NAMESPACE})
"""The namespaces of metrics in a local cloud: its Lambda, DynamoDB and Logs publish none."""
PAGE = Path(__file__).resolve().parents[2] / ".preview" / "dashboards.html"
_Log = dict[str, Any]


def run_demo() -> None:
    """Deploy, log the company's calls minute by minute, and print what the meter made of them.

    Raises:
        CommandError: The local cloud does not work, or counted wrongly.
    """
    console = open_console()
    with open_company() as source:
        try:
            write_page(DashboardSession.from_source(source), PAGE)
        except NoLibraryError as error:
            raise CommandError(str(error)) from error
    console.print(
        f"Where to look: the dashboards, as one file for your browser: {PAGE} (with {HISTORY_DAYS}"
        f" more days before the {_EARLIER_DAYS} above: sums of a month are larger than those"
        " printed here).",
        soft_wrap=True,
    )
    console.print(
        'Next: your own logs with make meter LOGS="PATH ...", your account with make doctor.'
    )


@contextmanager
def open_company() -> Iterator[Source]:
    """Open a local cloud, show the company there, and yield what its dashboards show.

    Raises:
        CommandError: The local cloud does not work, or counted wrongly.
    """
    try:
        with open_local_cloud(settings=_EVALUATE_POLICIES) as cloud:
            metered_from = _show_company(cloud, open_console())
            recent = source_of_cloudwatch(
                "the local cloud",
                cloud.client("cloudwatch"),
                config=Config.from_context(_SETTINGS),
                find_profile=BedrockProfiles(cloud.client("bedrock"), LabelNames()).find,
                namespaces=_PUBLISHED_LOCALLY,
            )
            yield add_history(recent, make_history(metered_from, _SETTINGS))
    except LocalCloudError as error:
        raise CommandError(str(error)) from error


def _show_company(cloud: LocalCloud, console: Console) -> datetime:
    """Deploy, log the company's calls of two weeks, and print what the meter made of them.

    Returns:
        The time before the first call.

    Raises:
        CommandError: The local cloud counted wrongly.
        LocalCloudError: It does not work.
    """
    console.print("Deploying into a local cloud, and metering a made-up company ...")
    folder = synthesize(cloud, _SETTINGS)
    outputs = deploy(
        cloud,
        folder,
        has_brake=True,
        has_brake_sessions=True,
        has_gateway=True,
        has_webhooks=True,
    )
    console.print(_describe_deployment(folder))
    group = outputs[stack_names.STORAGE]["LogGroupName"]
    earlier, minutes = logs_until(datetime.now(UTC), _EARLIER_DAYS)
    logs = [log for minute_logs in minutes.values() for log in minute_logs]
    calls = [*earlier, *logs]
    profile = set_up_account(cloud)
    storage = outputs[stack_names.STORAGE]
    budget = CompanyBudget.from_outputs(cloud, storage, read_time(calls[0]))
    budget.begin_counting()
    brake = CompanyBrake.from_table(cloud, storage["GovernanceTableName"])
    _replace_model(calls, PROFILE, profile)
    for _, day_logs in groupby(earlier, key=lambda log: read_time(log).date()):
        _write(cloud, group, day_calls := list(day_logs))
        _publish_bedrock_metrics(cloud, day_calls)
    _settle(cloud, len(earlier))
    start, end = read_time(logs[0]), read_time(logs[-1])
    console.print(
        f"The company makes {len(logs):,} calls from {start:%Y-%m-%d %H:%M} to"
        f" {end:%Y-%m-%d %H:%M} UTC, with the timing and sizes of a real trace, and"
        f" {len(earlier):,} in the {_EARLIER_DAYS} days before. Some logs are delivered twice."
        f" In the end, budgets are applied: {budget.description}. They are evaluated from then on,"
        " so their graphs have no values of the days before.",
        soft_wrap=True,
    )
    console.print("\nNotified, to all subscribers (on AWS: notify_emails and notify_https):")
    evaluation = AlarmEvaluation(open_alarm_clients(cloud), skipped=_RAISED_BY_HISTORY)
    topic = outputs[stack_names.MONITORING]["TopicArn"]
    with CompanyWebhook.open(cloud) as webhook, open_subscriber(cloud, topic) as subscriber:
        for event in _play(cloud, group, minutes, len(earlier), evaluation, subscriber):
            console.print(write_event(event), soft_wrap=True)
        # No log names the model of the profile; the meter has asked Bedrock.
        _replace_model(calls, profile, f"us.{PROFILE_MODEL}")
        budget.check_counters(add_sums(sum_calls(calls, get_identity).values()), _SECONDS_TO_SETTLE)
        brake.switch_on()
        budget.apply()
        alert = _take_notice(subscriber, "Bedrock budget ")
        console.print(write_event(describe_budget(alert, datetime.now(UTC))), soft_wrap=True)
        brake.deny()
        denied = _take_notice(subscriber, f"Bedrock brake, {BRAKED}: denied")
        console.print(write_event(describe_brake(denied, datetime.now(UTC))), soft_wrap=True)
        switch_logging_off(cloud)
        notice = _take_notice(subscriber, "Bedrock Meter: invocation logging ")
        console.print(write_event(describe_drift(notice, datetime.now(UTC))), soft_wrap=True)
        _print_spending(cloud, calls, next(reversed(minutes)) + _MINUTE, console)
        console.print(
            f"Not evaluated here: {plural(len(evaluation.left_out), 'alarm')} that wait for hours"
            " without data, or learn from weeks of data.",
            soft_wrap=True,
        )
        refusal = brake.release(_SECONDS_TO_SETTLE)
        console.print(
            f"\nDenied: {shorten_identity(SESSION)}. Its next call is refused ({refusal}); that"
            " of another session of its role is answered.\nReleased, with bedrock-meter deny"
            " release: its next call is answered, and it stays released until the period ends.",
            soft_wrap=True,
        )
        _show_gateway(cloud, outputs[stack_names.GATEWAY]["GatewayUrl"], console)
        _show_credits(cloud, storage, subscriber, console)
        _show_webhook(webhook, console)
    return next(iter(minutes)) - timedelta(days=_EARLIER_DAYS)


def _show_gateway(cloud: LocalCloud, url: str, console: Console) -> None:
    """Let callers of two tiers call a model through the gateway, and print what they see.

    Raises:
        CommandError: A call was answered otherwise than its limit says, or counted wrongly.
    """
    declared = json.loads(LIMITS.read_text(encoding="utf-8"))
    console.print(f"\n{describe_limits(declared)}", soft_wrap=True)
    with CompanyGateway.open(cloud, url) as gateway:
        answers = gateway.call_models()
        console.print(answer_table(answers))
        console.print(quote_refusal(answers), soft_wrap=True)
        counts = gateway.wait_for_counts(answers, _SECONDS_TO_SETTLE)
    console.print(describe_counts(counts), soft_wrap=True)


def _show_credits(
    cloud: LocalCloud, storage: Mapping[str, str], subscriber: Subscriber, console: Console
) -> None:
    """Let a project draw its credits down, and print what is left and who was notified.

    Raises:
        CommandError: The meter booked something else than it counted, or notified no one.
    """
    console.print(f"\n{describe_grant()}", soft_wrap=True)
    project_credits = CompanyCredits.grant(cloud, storage)
    for calls, level in ((LOW_CALLS, "low"), (MORE_CALLS, "exhausted")):
        state = project_credits.draw_down(calls, _SECONDS_TO_SETTLE)
        notice = _take_notice(subscriber, f"Bedrock credits {level}: ")
        event = describe_credit_alert(notice, datetime.now(UTC))
        console.print(write_event(event), soft_wrap=True)
        console.print(describe_credits(state), soft_wrap=True)
        project_credits.publish_metrics()


def _show_webhook(webhook: CompanyWebhook, console: Console) -> None:
    """Print what a receiver of webhooks has got.

    Raises:
        CommandError: An event did not arrive, or had a wrong signature.
    """
    events = webhook.wait_for(_WEBHOOK_EVENTS, _SECONDS_OF_PAUSE + _SECONDS_TO_SETTLE)
    console.print(f"\n{describe_webhook()}", soft_wrap=True)
    console.print(event_table(events))
    console.print(describe_retry(events), soft_wrap=True)


def _describe_deployment(folder: Path) -> str:
    """Count what the templates deploy."""
    templates = [json.loads(path.read_text()) for path in folder.glob("*.template.json")]
    kinds = Counter(
        resource["Type"] for template in templates for resource in template["Resources"].values()
    )
    counts = (
        plural(len(templates), "stack"),
        plural(kinds["AWS::Lambda::Function"], "function"),
        plural(kinds["AWS::CloudWatch::Alarm"], "alarm"),
        plural(kinds["AWS::CloudWatch::Dashboard"], "dashboard"),
    )
    return f"Deployed, as on AWS: {', '.join(counts)}. No application is changed."


def _play(  # noqa: PLR0913, PLR0917  # what it plays with
    cloud: LocalCloud,
    group: str,
    minutes: Mapping[datetime, Sequence[_Log]],
    counted: int,
    evaluation: AlarmEvaluation,
    subscriber: Subscriber,
) -> Iterator[Event]:
    """Log the calls minute by minute, and yield what subscribers are notified of."""
    thresholds = {
        threshold.alarm_name: threshold
        for threshold in alarm_thresholds(Config.from_context(_SETTINGS))
    }
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
            yield describe_alarm(notification, thresholds, minute)


def _print_spending(
    cloud: LocalCloud, calls: Sequence[_Log], end: datetime, console: Console
) -> None:
    """Print who spent what and what was caught, after a check against the logs.

    Raises:
        CommandError: The metrics do not say what the logs say.
    """
    source = CloudWatchMetrics(cloud.client("cloudwatch"))
    period = Periods(end, int(_SHOWN.total_seconds()), 1)
    by_identity = read_sums(source, IDENTITY_ARN, period)
    check_sums(by_identity, sum_calls(calls, get_identity))
    by_project = read_sums(source, PROJECT, period)
    check_sums(by_project, _sum_by_project(calls))
    unpriced = read_metric(source, UNPRICED_INVOCATIONS.name, MODEL_ID, period)
    console.print(
        f"\nSpent from {read_time(calls[0]):%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} UTC, by"
        " CloudWatch's metrics (estimated at list prices):"
    )
    console.print(spending_table(by_identity))
    console.print(f"By project: {list_projects(by_project)}", soft_wrap=True)
    console.print(
        f"\nCaught: {describe_failures(by_identity)};\n  {describe_unpriced(unpriced)};\n"
        "  invocation logging switched off, with the name of who did it.",
        soft_wrap=True,
    )
    console.print(
        "Checked: every figure matches plain sums over the logs, exact to the token and to a"
        " hundredth of a cent.",
        end=" ",
        soft_wrap=True,
    )


def _sum_by_project(calls: Iterable[_Log]) -> dict[str, PlainSums]:
    """Add up the logs of each project's callers. Projects have no metric of failed calls."""
    projects = {caller.arn: caller.project or UNATTRIBUTED for caller in CALLERS}
    sums = sum_calls(calls, lambda log: projects[get_identity(log)])
    return {name: part._replace(failed_calls=0) for name, part in sums.items()}


def _replace_model(logs: Iterable[_Log], called: str, instead: str) -> None:
    for log in logs:
        if log["modelId"] == called:
            log["modelId"] = instead


def _write(cloud: LocalCloud, group: str, logs: Sequence[_Log]) -> None:
    client = cloud.client("logs")
    with suppress(client.exceptions.ResourceAlreadyExistsException):
        client.create_log_stream(logGroupName=group, logStreamName=BEDROCK_LOG_STREAM)
    client.put_log_events(
        logGroupName=group,
        logStreamName=BEDROCK_LOG_STREAM,
        logEvents=[
            {"timestamp": int(read_time(log).timestamp() * 1000), "message": json.dumps(log)}
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
    """Wait until so many calls are on the account's metrics, counted and failed ones.

    Raises:
        CommandError: For some time, no more of them were counted.
    """
    source = CloudWatchMetrics(cloud.client("cloudwatch"))
    soon = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + _HOUR
    period = Periods(soon, int(_SHOWN.total_seconds()), 1)
    metrics = [
        Metric(NAMESPACE, definition.name) for definition in (INVOCATIONS, INVOCATION_ERRORS)
    ]
    counted, deadline = 0.0, time.monotonic() + _SECONDS_TO_SETTLE
    while time.monotonic() < deadline:
        cloud.check()
        values = source.values(metrics, Statistic.SUM, period).values()
        now_counted = sum(value or 0 for (value,) in values)
        if now_counted >= calls:
            return
        if now_counted > counted:  # a busy machine is slow, not wrong
            counted, deadline = now_counted, time.monotonic() + _SECONDS_TO_SETTLE
        time.sleep(0.05)
    message = (
        f"{calls:,} calls were logged, but only {counted:,.0f} are counted, and no more for"
        f" {_SECONDS_TO_SETTLE} seconds."
    )
    raise CommandError(message)


def _take_notifications(subscriber: Subscriber, count: int) -> list[dict[str, Any]]:
    """The notifications of one evaluation, which arrive in any order.

    Alarms that ended may notify meanwhile, by a rule: these are no part of the story.
    """
    deadline = time.monotonic() + _SECONDS_TO_SETTLE
    while len(taken := [*filter(_is_alarm, subscriber.messages)]) < count:
        if time.monotonic() > deadline:
            message = f"{count} notifications were sent, and {len(taken)} arrived."
            raise CommandError(message)
        time.sleep(0.02)
    subscriber.messages.clear()
    return sorted(taken, key=lambda message: str(message["Subject"]))


def _is_alarm(notification: Mapping[str, Any]) -> bool:
    """Say if a notification is an alarm's own: JSON, where those of rules are texts."""
    return str(notification["Message"]).startswith("{")


def _take_notice(subscriber: Subscriber, subject_start: str) -> dict[str, Any]:
    """Wait for a notification by the start of its subject; others stay.

    Functions also run on their schedules here, so that a notification may come in two parts.
    """
    deadline = time.monotonic() + _SECONDS_TO_SETTLE
    while time.monotonic() < deadline:
        for notification in list(subscriber.messages):
            if str(notification["Subject"]).startswith(subject_start):
                subscriber.messages.remove(notification)
                return notification
        time.sleep(0.02)
    message = f"no notification arrived that starts with {subject_start!r}."
    raise CommandError(message)
