"""Read-only health checks before and after a deployment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from cdk.config import stack_names
from cdk.config.masked_identifiers import MASKED_IDENTIFIERS
from cdk.operations.audit_state import read_audit_state
from cdk.operations.aws_errors import error_code, ignore_errors
from cdk.operations.bootstrap_policies import list_deployer_policies, list_needed
from cdk.operations.brake_state import describe_brake, find_attached_policies
from cdk.operations.budget_state import read_budget_state
from cdk.operations.credit_state import OpenCredits, read_credit_state
from cdk.operations.denies import OpenBrake
from cdk.operations.deployment import Deployment, NotDeployedError
from cdk.operations.gateway_health import OpenGateway, examine_gateway
from cdk.operations.gateway_state import find_room, read_trace_state
from cdk.operations.logging_state import load_logging_state
from cdk.operations.managed_policy import ManagedPolicy, PolicyState
from cdk.operations.meter_health import read_meter_health
from cdk.operations.other_regions import find_other_regions
from cdk.operations.own_log_policies import find_own_log_policies, read_masks
from cdk.operations.price_state import (
    DamagedPriceStateError,
    describe_held,
    read_price_state,
)
from cdk.operations.settings import read_settings
from cdk.operations.summary_state import read_summary_state
from cdk.operations.verification import VERIFICATION_NAME
from cdk.operations.verification.preconditions import list_stacks
from cdk.operations.webhook_health import OpenWebhooks, examine_webhooks
from lambdas.domain.logging_configuration import DamagedStateError, describe
from lambdas.domain.metrics.bedrock_metrics import MANTLE_NAMESPACE, MantleMetric
from lambdas.domain.metrics.catalog import HEALTH_NAMESPACE, UNREADABLE_REGIONS
from lambdas.domain.safeguards.log_policies import DATA_PROTECTION
from lambdas.domain.safeguards.masking import compare_masks
from lambdas.domain.words import list_names, plural

if TYPE_CHECKING:
    from lambdas.domain.logging_configuration import LoggingConfiguration, LoggingState

_BOOTSTRAP = "/cdk-bootstrap/hnb659fds/version"
_MIN_BOOTSTRAP_VERSION = 6
_SUBSCRIPTIONS_OF_A_GROUP = 2
_UNLOGGED_DAYS = 14
_MAX_PRICE_LIST_AGE = timedelta(days=3)
_MAX_HELD_NAMED = 5
_TRAFFIC_HOURS = timedelta(hours=3)
_KINDS = plural(len(MASKED_IDENTIFIERS), "kind") + " of secrets"
_REDEPLOY = "run make destroy, then make deploy (the data is kept)"
_SAME_SET = "If you deployed it with SET, run make doctor with the same SET."
_NOT_THERE = {"ParameterNotFound", "ResourceNotFoundException"}


class Status(StrEnum):
    """The severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """The result of one health check.

    Attributes:
        check: The name of the check.
        status: Its severity.
        text: The result and the action to take.
    """

    check: str
    status: Status
    text: str


@dataclass(frozen=True, slots=True)
class DeploymentChecks:
    """Health checks of one account and Region.

    Attributes:
        session: Its credentials and its Region.
        deployment: The deployment there.
        open_brake: Opens the deployed brake.
        open_gateway: Opens keys and policies of the deployed gateway; `None` to read neither.
        open_webhooks: Opens receivers of deployed webhooks; `None` to read none.
        open_credits: Opens the stores of deployed credits; `None` to read none.
        regions: The Regions with a deployment, by the settings.
        adopted_log_group: The existing log group to meter, by the settings.
        known_log_policies: Policies of the account's own, by the settings.
        stacks: The names of the stacks of a deployment, by the settings.
        is_content_masked: Whether the log group of a deployment masks secrets, by the settings.
        batch_output_buckets: The buckets whose manifests the meter reads, by the settings.
        reserved_concurrency: The calls of the gateway that are reserved in the account, by the
            settings.
        context: Settings that replace those of cdk.json, as `governance=true`.
        has_weekly_summary: Whether a summary of each week is sent, by the settings.
        has_brake: Whether the brake is deployed, by the settings.
        has_traces: Whether the gateway sends traces, by the settings.
    """

    session: boto3.Session
    deployment: Deployment
    open_brake: OpenBrake = field(kw_only=True)
    open_gateway: OpenGateway | None = field(default=None, kw_only=True)
    open_webhooks: OpenWebhooks | None = field(default=None, kw_only=True)
    open_credits: OpenCredits | None = field(default=None, kw_only=True)
    regions: tuple[str, ...] = ()
    adopted_log_group: str | None = None
    known_log_policies: tuple[str, ...] = ()
    stacks: tuple[str, ...] = stack_names.ALL
    is_content_masked: bool = False
    batch_output_buckets: tuple[str, ...] = ()
    has_weekly_summary: bool = False
    has_brake: bool = False
    reserved_concurrency: int | None = None
    context: tuple[str, ...] = ()
    has_traces: bool = False

    def examine(self) -> Iterator[CheckResult]:
        """Run all checks; a check that cannot run is a finding too."""
        checks: tuple[tuple[str, Callable[[], tuple[Status, str]]], ...] = (
            ("account", self._account),
            ("CDK bootstrap", self._bootstrap),
            ("permissions boundary", self._boundary),
            ("deployer's policies", self._deployer_policies),
            ("stacks", self._stacks),
            ("invocation logging", self._logging),
            ("subscription", self._subscription),
            ("log policies", self._log_policies),
            ("masking", self._masking),
            ("trail", self._trail),
            ("notifications", self._notifications),
            ("weekly summary", self._weekly_summary),
            ("budgets", self._budgets),
            ("audit trail", self._audit_trail),
            ("brake", self._brake),
            ("credits", self._credits),
            ("gateway", self._gateway),
            ("webhooks", self._webhooks),
            ("meter", self._meter),
            ("list prices", self._prices),
            ("bedrock-mantle", self._mantle),
            ("batch jobs", self._batch_jobs),
            ("other Regions", self._other_regions),
            ("verification", self._verification),
        )
        for name, check in checks:
            try:
                status, text = check()
            except (NotDeployedError, DamagedStateError, DamagedPriceStateError) as error:
                status, text = Status.PROBLEM, str(error)
            except (BotoCoreError, ClientError) as error:
                status, text = Status.UNKNOWN, f"Could not check: {' '.join(str(error).split())}"
            yield CheckResult(name, status, text)

    def _account(self) -> tuple[Status, str]:
        identity = self.session.client("sts").get_caller_identity()
        return Status.OK, (
            f"{identity['Account']}, {self.session.region_name}, as {identity['Arn']}"
        )

    def _bootstrap(self) -> tuple[Status, str]:
        advice = "run make bootstrap (once per account and Region)."
        with ignore_errors(_NOT_THERE):
            answer = self.session.client("ssm").get_parameter(Name=_BOOTSTRAP)
            version = int(answer["Parameter"]["Value"])
            if version < _MIN_BOOTSTRAP_VERSION:
                return (
                    Status.PROBLEM,
                    f"Bootstrapped with version {version}, which is too old: {advice}",
                )
            return Status.OK, f"Version {version}"
        return Status.PROBLEM, f"Not bootstrapped: {advice}"

    def _boundary(self) -> tuple[Status, str]:
        here = [
            policy
            for policy in list_needed(self.session, read_settings(self.context))
            if policy.region == self.session.region_name
        ]
        return _compare(here, "The setting regions does not include this Region.")

    def _deployer_policies(self) -> tuple[Status, str]:
        used = list_deployer_policies(self.session)
        return _compare(used, "Not used: CloudFormation deploys with other policies.")

    def _stacks(self) -> tuple[Status, str]:
        states = {stack: self.deployment.status(stack) for stack in stack_names.ALL}
        left_over = [stack for stack in states if stack not in self.stacks]
        if stack_names.GOVERNANCE in left_over and states.pop(stack_names.GOVERNANCE) is not None:
            return Status.PROBLEM, (
                f"{stack_names.GOVERNANCE} is deployed, but governance is off in the settings."
                f" {_SAME_SET} Otherwise run make deploy, which says how to remove it."
            )
        for stack in left_over:
            if states.pop(stack, None) is not None:
                return Status.WARNING, (
                    f"{stack} is deployed, but the settings turn off everything in it."
                    f" {_SAME_SET} Otherwise it is no longer needed: run make deploy, then aws"
                    f" cloudformation delete-stack --stack-name {stack}."
                )
        text = ", ".join(f"{stack}: {state or 'not deployed'}" for stack, state in states.items())
        status = max(
            (_rate_stack_state(state) for state in states.values()), key=list(Status).index
        )
        return status, text

    def _logging(self) -> tuple[Status, str]:
        live, logging_state = (
            self._live_logging(),
            load_logging_state(self.session, self.deployment),
        )
        if live is None:
            return self._logging_is_off(logging_state)
        content = "with prompts and completions" if _is_content_logged(live) else "metadata only"
        where = f"To {describe(live)}, {content}"
        group = live.get("cloudWatchConfig", {}).get("logGroupName")
        if logging_state.is_ours(live):
            return Status.OK, f"{where}; configured by Bedrock Meter."
        if group is not None and group == logging_state.adopted:
            return Status.OK, f"{where}; not configured by Bedrock Meter, adopted."
        adopting = (
            f"existing_logging=adopt with adopted_log_group={group} (changes nothing), or "
            if group
            else ""
        )
        choice = f"set {adopting}existing_logging=replace (make destroy restores it)"
        if self._is_deployed:
            return Status.PROBLEM, (
                f"{where}; this was changed after the deployment, so Bedrock Meter counts nothing."
                f" Undo the change, or {choice} and run make deploy."
            )
        return Status.WARNING, f"{where}; not configured by Bedrock Meter. To deploy, {choice}."

    def _logging_is_off(self, logging_state: LoggingState) -> tuple[Status, str]:
        if self._is_deployed:
            return Status.PROBLEM, f"Off, though Bedrock Meter is deployed: {_REDEPLOY}."
        if logging_state.found is not None:
            return Status.WARNING, (
                f"Off. The earlier configuration, to {describe(logging_state.found)}, could not be"
                " restored: run make deploy and make destroy to try again."
            )
        return Status.OK, "Off; make deploy turns it on."

    def _subscription(self) -> tuple[Status, str]:
        group = self._group_to_read()
        if group is None:
            return Status.OK, "make deploy creates a new log group."
        try:
            filters = self.session.client("logs").describe_subscription_filters(logGroupName=group)[
                "subscriptionFilters"
            ]
        except ClientError as error:
            if error_code(error) not in _NOT_THERE:
                raise
            return Status.PROBLEM, f"{group} is gone: {_REDEPLOY}."
        names = [subscription["filterName"] for subscription in filters]
        others = [name for name in names if not name.startswith(stack_names.INGESTION)]
        if self._is_deployed and others == names:
            return (
                Status.PROBLEM,
                f"{group} has no subscription filter of the meter any more: {_REDEPLOY}.",
            )
        if len(others) < _SUBSCRIPTIONS_OF_A_GROUP:
            ours = "is subscribed" if others != names else "has room for a subscription filter"
            also = f" Other subscription filters: {', '.join(others)}." if others else ""
            return Status.OK, f"{group} {ours}.{also}"
        return (
            Status.PROBLEM,
            f"{group} has two subscription filters, the maximum: {', '.join(others)}. Remove one.",
        )

    def _log_policies(self) -> tuple[Status, str]:
        group = self.deployment.metered_log_group if self._is_deployed else self.adopted_log_group
        ours = [DATA_PROTECTION] if self.is_content_masked else []
        known = [*self.known_log_policies, *ours]
        if found := find_own_log_policies(self.session, group, known):
            return Status.WARNING, f"logging_watcher will report: {'; '.join(found)}."
        return Status.OK, "None, or all are in known_log_policies."

    def _masking(self) -> tuple[Status, str]:
        if not self.is_content_masked:
            return Status.OK, "Off: no prompts are logged, or the settings do not mask them."
        if not self._is_deployed:
            return Status.OK, f"Deploying masks {_KINDS} in logged prompts."
        group = self.deployment.metered_log_group
        live = read_masks(self.session.client("logs"), group) or frozenset()
        wanted = frozenset(MASKED_IDENTIFIERS)
        if found := [*compare_masks(wanted, live, log_group=group)]:
            return Status.PROBLEM, (
                f"{'; '.join(found)}. If you just changed the settings, run make deploy; else"
                " deploy once with mask_log_content=false and once with true."
            )
        return Status.OK, f"{group} masks {_KINDS} in logged prompts. Copies in S3 are not masked."

    def _trail(self) -> tuple[Status, str]:
        client = self.session.client("cloudtrail")
        for trail in client.describe_trails()["trailList"]:
            if client.get_trail_status(Name=trail["TrailARN"])["IsLogging"]:
                return Status.OK, f"{trail['Name']} is logging."
        return Status.WARNING, (
            "No trail is logging, so a change to Bedrock's logging configuration is found within 15"
            " minutes, not at once."
        )

    def _notifications(self) -> tuple[Status, str]:
        if self.deployment.status(stack_names.MONITORING) is None:
            return Status.OK, "Not deployed yet."
        topic = self.deployment.output(stack_names.MONITORING, "TopicArn")
        pages = self.session.client("sns").get_paginator("list_subscriptions_by_topic")
        subscriptions = [
            subscription
            for page in pages.paginate(TopicArn=topic)
            for subscription in page["Subscriptions"]
        ]
        waiting = [
            subscription["Endpoint"]
            for subscription in subscriptions
            if subscription["SubscriptionArn"] == "PendingConfirmation"
        ]
        if not subscriptions:
            return Status.WARNING, (
                "There are no subscribers: set notify_emails or notify_https in cdk.json."
            )
        if waiting:
            return Status.PROBLEM, f"Not confirmed, so these receive nothing: {', '.join(waiting)}"
        return Status.OK, f"{len(subscriptions)} confirmed; try make test-notification."

    def _weekly_summary(self) -> tuple[Status, str]:
        if not self.has_weekly_summary:
            return Status.OK, "Off: switch it on by notify_emails or weekly_summary in cdk.json."
        deployed_at = self.deployment.created_at(stack_names.MONITORING)
        if deployed_at is None:
            return Status.OK, "Not deployed yet."
        now = datetime.now(UTC)
        table = self.deployment.output(stack_names.STORAGE, "StateTableName")
        state = read_summary_state(self.session.client("dynamodb"), table, now)
        status = Status.WARNING if state.is_late(now, deployed_at) else Status.OK
        return status, state.describe(now, deployed_at)

    def _budgets(self) -> tuple[Status, str]:
        if self.deployment.status(stack_names.GOVERNANCE) is None:
            is_on = stack_names.GOVERNANCE in self.stacks
            off = "Off: switch them on with the setting governance."
            return Status.OK, "Not deployed yet." if is_on else off
        table = self.deployment.output(stack_names.STORAGE, "GovernanceTableName")
        report = read_budget_state(self.session.client("dynamodb"), table, datetime.now(UTC))
        return Status.WARNING if report.is_late else Status.OK, report.text

    def _audit_trail(self) -> tuple[Status, str]:
        if stack_names.GOVERNANCE not in self.stacks:
            return Status.OK, "Off: governance in cdk.json switches it on."
        created_at = self.deployment.created_at(stack_names.GOVERNANCE)
        if created_at is None:
            return Status.OK, "Not deployed yet."
        bucket = self.deployment.output(stack_names.STORAGE, "AnchorBucketName")
        report = read_audit_state(self.session.client("s3"), bucket, created_at, datetime.now(UTC))
        return Status.WARNING if report.is_late else Status.OK, report.text

    def _credits(self) -> tuple[Status, str]:
        if self.deployment.credit_booker is None or self.open_credits is None:
            return Status.OK, "Off: switch them on with the setting credits."
        stores = self.open_credits(
            self.session,
            self.deployment.output(stack_names.STORAGE, "GovernanceTableName"),
            self.deployment.output(stack_names.STORAGE, "CounterTableName"),
        )
        report = read_credit_state(stores, datetime.now(UTC))
        return Status.WARNING if report.is_late else Status.OK, report.text

    def _brake(self) -> tuple[Status, str]:
        if self.deployment.brake_controller is not None:
            text = describe_brake(self.open_brake(self.session))
            if self.has_brake:
                return Status.OK, text
            return Status.PROBLEM, (
                f"{text} It is deployed, but the setting brake is off. {_SAME_SET} Otherwise run"
                " make deploy, which says how to remove it."
            )
        if left := find_attached_policies(self.session.client("iam"), self.session.region_name):
            return Status.PROBLEM, (
                "Not deployed, but its policies are still attached to callers: detach"
                f" {list_names(left)} from all that IAM lists under its entities, then delete it."
            )
        return Status.OK, "Off: switch it on by brake in cdk.json."

    def _gateway(self) -> tuple[Status, str]:
        is_on = self.deployment.gateway_url is not None or stack_names.GATEWAY in self.stacks
        status, text = self._gateway_without_traces()
        if not is_on or not self.has_traces:
            return status, text
        traces = read_trace_state(self.session.client("xray"))
        if traces.is_unknown and status in {Status.OK, Status.WARNING}:
            status = Status.UNKNOWN
        elif traces.text and status is Status.OK:
            status = Status.WARNING
        return status, f"{traces.text} {text}".strip()

    def _gateway_without_traces(self) -> tuple[Status, str]:
        if self.deployment.gateway_url is not None:
            return self._deployed_gateway()
        if stack_names.GATEWAY not in self.stacks:
            return Status.OK, "Off: switch it on by gateway in cdk.json."
        room = find_room(self.session.client("lambda"), self.reserved_concurrency)
        return Status.OK if room.is_enough else Status.PROBLEM, room.text

    def _deployed_gateway(self) -> tuple[Status, str]:
        table = self.deployment.output(stack_names.STORAGE, "GovernanceTableName")
        stores = None if self.open_gateway is None else self.open_gateway(self.session, table)
        health = examine_gateway(self.session, self.deployment, stores, datetime.now(UTC))
        if stack_names.GATEWAY not in self.stacks:
            return Status.WARNING, f"It is deployed, but the setting gateway is off. {health.text}"
        if health.problems:
            return Status.PROBLEM, health.text
        if health.unknown:
            return Status.UNKNOWN, health.text
        return Status.WARNING if health.warnings else Status.OK, health.text

    def _webhooks(self) -> tuple[Status, str]:
        if self.deployment.status(stack_names.WEBHOOKS) is None:
            is_on = stack_names.WEBHOOKS in self.stacks
            off = "Off: switch them on by webhooks in cdk.json."
            return Status.OK, "Not deployed yet." if is_on else off
        table = self.deployment.output(stack_names.STORAGE, "GovernanceTableName")
        stores = None if self.open_webhooks is None else self.open_webhooks(self.session, table)
        health = examine_webhooks(self.session, self.deployment, stores)
        if health.problems:
            return Status.PROBLEM, health.text
        return Status.WARNING if health.warnings else Status.OK, health.text

    def _meter(self) -> tuple[Status, str]:
        created_at = self.deployment.created_at(stack_names.MONITORING)
        if created_at is None:
            return Status.OK, "Not deployed yet."
        now = datetime.now(UTC)
        health = read_meter_health(self.session.client("cloudwatch"), now)
        if problems := health.find_problems(now - created_at):
            return Status.PROBLEM, f"{'; '.join(problems)}."
        if health.breaching:
            return Status.WARNING, f"In ALARM: {list_names(health.breaching)} (docs/runbooks)."
        if health.drifts is None:
            return Status.OK, "No health alarm is in ALARM. LoggingWatcher has not reported yet."
        return (
            Status.OK,
            "No health alarm is in ALARM. The last check of LoggingWatcher found no drift.",
        )

    def _prices(self) -> tuple[Status, str]:
        if not self._is_deployed:
            return Status.OK, "Not deployed yet."
        state = read_price_state(self.session, self.deployment)
        in_force = f"In force: {state.edition or 'the shipped prices'}"
        if self.deployment.price_updater is None:
            is_off = self.deployment.is_complete(stack_names.INGESTION)
            reason = "Updates are off (price_updates)" if is_off else "PriceUpdater is not deployed"
            return Status.OK, f"{in_force}. {reason}."
        if state.checked_at is None:
            return Status.WARNING, (
                f"{in_force}. The AWS Price List has not been read yet: this happens once a day, or"
                " run make price-updates CHECK=1."
            )
        age = datetime.now(UTC) - state.checked_at
        read = f"the AWS Price List was read {age.days * 24 + age.seconds // 3600} hours ago"
        if age > _MAX_PRICE_LIST_AGE:
            return Status.PROBLEM, (
                f"{in_force}; {read}. The log of PriceUpdater gives the reason"
                " (docs/runbooks/PriceListAge.md)."
            )
        if state.held:
            named = "; ".join(describe_held(entry) for entry in state.held[:_MAX_HELD_NAMED])
            return Status.WARNING, (
                f"{in_force}; {read}. {plural(len(state.held), 'held price')} (make price-updates):"
                f" {named}"
            )
        return Status.OK, f"{in_force}; {read}."

    def _mantle(self) -> tuple[Status, str]:
        client = self.session.client("cloudwatch")
        pages = client.get_paginator("list_metrics").paginate(
            Namespace=MANTLE_NAMESPACE, MetricName=MantleMetric.INFERENCES
        )
        metrics = [metric for page in pages for metric in page["Metrics"]]
        now = datetime.now(UTC)
        calls = sum(
            point["Sum"]
            for metric in metrics
            for point in client.get_metric_statistics(
                Namespace=MANTLE_NAMESPACE,
                MetricName=MantleMetric.INFERENCES,
                Dimensions=[
                    {"Name": dimension["Name"], "Value": dimension["Value"]}
                    for dimension in metric.get("Dimensions", [])
                ],
                StartTime=now - timedelta(days=_UNLOGGED_DAYS),
                EndTime=now,
                Period=86_400,
                Statistics=["Sum"],
            )["Datapoints"]
        )
        if calls:
            return Status.WARNING, (
                f"Used within {_UNLOGGED_DAYS} days. Bedrock does not log these calls. Reports show"
                " their tokens by project and model, without callers and cost."
            )
        return Status.OK, f"No calls within {_UNLOGGED_DAYS} days."

    def _batch_jobs(self) -> tuple[Status, str]:
        pages = (
            self.session.client("bedrock")
            .get_paginator("list_model_invocation_jobs")
            .paginate(submitTimeAfter=datetime.now(UTC) - timedelta(days=_UNLOGGED_DAYS))
        )
        buckets = Counter(
            job["outputDataConfig"]["s3OutputDataConfig"]["s3Uri"].split("/")[2]
            for page in pages
            for job in page.get("invocationJobSummaries", [])
        )
        within = f"within {_UNLOGGED_DAYS} days"
        if not buckets:
            return Status.OK, f"None {within}"
        jobs = f"{plural(buckets.total(), 'job')} {within}"
        unnamed = sorted(buckets.keys() - {*self.batch_output_buckets})
        if unnamed:
            return Status.WARNING, (
                f"{jobs}. Bedrock does not log their calls. To count their tokens, add their"
                f" output buckets to batch_output_buckets: {list_names(unnamed)}"
            )
        return Status.OK, f"{jobs}; all write to buckets of batch_output_buckets."

    def _other_regions(self) -> tuple[Status, str]:
        found = find_other_regions(self.session, {self.session.region_name, *self.regions})
        text, status = found.text, Status.OK
        if unread := self._regions_that_the_meter_cannot_read():
            text += (
                f" TrafficAuditor cannot read {unread:.0f} Regions"
                " (docs/runbooks/UnreadableRegions.md)."
            )
        if found.unreadable or unread:
            status = Status.UNKNOWN
        return (Status.WARNING if found.called else status), text

    def _verification(self) -> tuple[Status, str]:
        if left := list(list_stacks(self.session, f"{VERIFICATION_NAME}-")):
            return Status.WARNING, (
                f"{list_names(left)}: make verify-account is running, or was aborted and left"
                " stacks that cost money. If it was aborted, run make verify-account REMOVE=1."
            )
        return Status.OK, "Nothing is left of make verify-account."

    def _regions_that_the_meter_cannot_read(self) -> float:
        now = datetime.now(UTC)
        points = self.session.client("cloudwatch").get_metric_statistics(
            Namespace=HEALTH_NAMESPACE,
            MetricName=UNREADABLE_REGIONS.name,
            StartTime=now - _TRAFFIC_HOURS,
            EndTime=now,
            Period=3600,
            Statistics=["Maximum"],
        )["Datapoints"]
        newest = max(points, key=lambda point: point["Timestamp"], default=None)
        return newest["Maximum"] if newest else 0

    def _live_logging(self) -> LoggingConfiguration | None:
        client = self.session.client("bedrock")
        answer = client.get_model_invocation_logging_configuration()
        return dict(answer.get("loggingConfig") or {}) or None

    @property
    def _is_deployed(self) -> bool:
        return self.deployment.status(stack_names.INGESTION) is not None

    def _group_to_read(self) -> str | None:
        """The metered log group, or before a deployment the one that could be adopted."""
        if self._is_deployed:
            return self.deployment.metered_log_group
        live = self._live_logging() or {}
        group: str | None = live.get("cloudWatchConfig", {}).get("logGroupName")
        return group


def _compare(policies: list[ManagedPolicy], otherwise: str) -> tuple[Status, str]:
    """Compare policies with those that this version needs."""
    for policy in policies:
        state = policy.state()
        if state is not PolicyState.CURRENT:
            status = Status.PROBLEM if state is PolicyState.MISSING else Status.WARNING
            return status, f"{policy.name} is {state.value}: run make bootstrap."
    return Status.OK, list_names(policy.name for policy in policies) or otherwise


def _rate_stack_state(stack_state: str | None) -> Status:
    if stack_state in (None, "CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"):
        return Status.OK
    works = stack_state in ("UPDATE_ROLLBACK_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    return Status.WARNING if works else Status.PROBLEM


def _is_content_logged(live: LoggingConfiguration) -> bool:
    flags = [value for name, value in live.items() if name.endswith("DataDeliveryEnabled")]
    return any(flags)
