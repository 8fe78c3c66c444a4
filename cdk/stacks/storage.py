"""All retained resources: logs, ledger, state, reports, key, and the logging state."""

from __future__ import annotations

from aws_cdk import CfnOutput, Duration, Environment, RemovalPolicy, Stack
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from aws_cdk import aws_s3 as s3
from aws_cdk import aws_ssm as ssm
from constructs import Construct

from cdk.components.acknowledgements import acknowledge
from cdk.components.audit_protection import (
    lock_anchors,
    restrict_anchors,
    restrict_audit,
)
from cdk.components.content_masking import masking_policy
from cdk.components.redrive_role import RedriveRole
from cdk.components.storage_key import StorageKey
from cdk.components.webhook_key import WebhookKey
from cdk.config import Config, stack_names
from lambdas.domain.counters.table import (
    IDENTITY_INDEX,
    IDENTITY_KEY,
    IDENTITY_SORT_KEY,
    SORT_KEY,
)
from lambdas.domain.ledger.state_table import UNPRICED_INDEX, UNPRICED_KEY
from lambdas.domain.ledger.table import (
    EXPIRES_AT,
    PARTITION_KEY,
    RESERVATION_INDEX,
    RESERVATION_KEY,
)
from lambdas.domain.logging_configuration import NO_STATE

FAILURES_RETENTION = Duration.days(30)
REPLACED_RETENTION = Duration.days(400)  # of noncurrent versions in a versioned bucket
REPORTS_RETENTION = Duration.days(400)  # a year, and the month in which it is closed


class StorageStack(Stack):
    """Stateful resources only, retained when this stack or others are deleted.

    Attributes:
        key: Encrypts the topic and the bucket of failures.
        data_key: Encrypts all stored data, where `customer_keys` is set; else AWS's own keys do.
        webhook_key: Encrypts addresses and secrets of receivers; `None` without webhooks.
        log_group: The log group of Bedrock's invocation logs, unless another one is adopted.
        ledger: The table with one item per call, and its stream of new items.
        state: The table of the meter's state: tags, identities, calls without a price, notices.
        counters: The table of exact counters, which stays empty until governance is switched on.
        governance: The table of budgets and alerts, which stays empty until then.
        limits: The table of the gateway's limits, which stays empty until that is switched on.
        audit: The table of the audit trail, which stays empty until then.
        anchors: The bucket of its anchors, with Object Lock, which stays empty until then.
        tables: All tables.
        quarantine: Records that could not be counted, with their reasons.
        failures: The bucket of failed events; `make redrive` sends them again.
        redrive_role: The only role that reads failed events.
        reports: The bucket of reports on calls.
        prices: Listings and editions of prices, which are kept for good.
        logging_state: The parameter that records changes to Bedrock's logging configuration.
    """

    def __init__(
        self, scope: Construct, construct_id: str, *, config: Config, environment: Environment
    ) -> None:
        """Make the stack."""
        super().__init__(
            scope,
            construct_id,
            stack_name=stack_names.STORAGE,
            description="Bedrock Meter: ledger, logs, prices and other retained data",
            env=environment,
            termination_protection=True,
        )
        self.key = StorageKey(self, "Key", has_queues=config.webhooks and config.customer_keys)
        self.data_key = self.key if config.customer_keys else None
        self.webhook_key = WebhookKey(self, "WebhookKey") if config.webhooks else None

        self.log_group = logs.LogGroup(
            self,
            "InvocationLogs",
            log_group_class=logs.LogGroupClass.STANDARD,  # others allow no subscription filter
            encryption_key=self.data_key,
            data_protection_policy=masking_policy() if config.is_content_masked else None,
            removal_policy=RemovalPolicy.RETAIN,
        )
        self.log_group.node.default_child.retention_in_days = config.log_retention_days  # type: ignore[union-attr]
        self.ledger = self._table("UsageLedger", stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES)
        if config.gateway:  # nothing else writes what is in the index
            self.ledger.add_global_secondary_index(
                index_name=RESERVATION_INDEX,
                partition_key=_text(RESERVATION_KEY),
                projection_type=dynamodb.ProjectionType.KEYS_ONLY,
            )
        self.state = self._table("MeterState")
        self.state.add_global_secondary_index(
            index_name=UNPRICED_INDEX,
            partition_key=_text(UNPRICED_KEY),
            projection_type=dynamodb.ProjectionType.KEYS_ONLY,
        )
        self.counters = self._table("UsageCounters", sort_key=SORT_KEY)
        self.counters.add_global_secondary_index(
            index_name=IDENTITY_INDEX,
            partition_key=_text(IDENTITY_KEY),
            sort_key=_text(IDENTITY_SORT_KEY),
            projection_type=dynamodb.ProjectionType.ALL,
        )
        self.governance = self._table(
            "Governance", sort_key=SORT_KEY, stream=dynamodb.StreamViewType.NEW_AND_OLD_IMAGES
        )
        self.audit = self._table(
            "Audit", sort_key=SORT_KEY, expires=False, resource_policy=restrict_audit()
        )
        self.limits = self._table("Limits", sort_key=SORT_KEY)
        self.tables = (
            *(self.ledger, self.state, self.counters, self.governance),
            *(self.limits, self.audit),
        )
        self.quarantine = self._bucket(
            "Quarantine", Duration.days(config.ledger_retention_days), key=self.data_key
        )
        # The bucket holds whole deliveries, with prompts if those are logged. It always uses the
        # key, so that objects stay readable when the setting of customer keys changes.
        self.failures = self._bucket("Failures", FAILURES_RETENTION, key=self.key)
        self.redrive_role = RedriveRole(self, "RedriveRole", failures=self.failures, key=self.key)
        self.reports = self._bucket("Reports", REPORTS_RETENTION, key=self.data_key, versioned=True)
        self.prices = self._bucket("Prices", key=self.data_key, versioned=True)
        self.anchors = self._bucket(
            "AuditAnchors",
            key=self.data_key,
            versioned=True,
            is_lockable=True,
            lock=lock_anchors(config),
        )
        restrict_anchors(self.anchors)
        self.logging_state = ssm.StringParameter(
            self,
            "LoggingState",
            description="Bedrock Meter: Bedrock's logging configuration, ours and the one before",
            string_value=NO_STATE,
        )
        self.logging_state.apply_removal_policy(RemovalPolicy.RETAIN)
        # The reporting stack imports these. It leaves the app when both reports are switched off,
        # but stays deployed, and CloudFormation removes no export that is in use.
        for attribute in (self.reports.bucket_name, self.reports.bucket_arn):
            self.export_value(attribute)
        # So do the stacks of governance and of the gateway.
        for table in (self.counters, self.governance, self.limits, self.audit):
            self.export_value(table.table_name)
            self.export_value(table.table_arn)
        self.export_value(self.governance.table_stream_arn)
        for attribute in (self.anchors.bucket_name, self.anchors.bucket_arn):
            self.export_value(attribute)
        for name, value in (
            ("LogGroupName", self.log_group.log_group_name),
            ("LedgerTableName", self.ledger.table_name),
            ("StateTableName", self.state.table_name),
            ("CounterTableName", self.counters.table_name),
            ("GovernanceTableName", self.governance.table_name),
            ("LimitTableName", self.limits.table_name),
            ("AuditTableName", self.audit.table_name),
            ("AnchorBucketName", self.anchors.bucket_name),
            ("AuditLock", config.audit_lock.value),
            ("AuditLockDays", str(config.audit_lock_days)),
            ("QuarantineBucketName", self.quarantine.bucket_name),
            ("FailureBucketName", self.failures.bucket_name),
            ("RedriveRoleArn", self.redrive_role.role_arn),
            ("ReportBucketName", self.reports.bucket_name),
            ("PriceBucketName", self.prices.bucket_name),
            ("LoggingStateParameterName", self.logging_state.parameter_name),
            ("LedgerRetentionDays", str(config.ledger_retention_days)),
        ):
            CfnOutput(self, name, value=value)

    def _table(
        self,
        name: str,
        *,
        sort_key: str | None = None,
        stream: dynamodb.StreamViewType | None = None,
        expires: bool = True,
        resource_policy: iam.PolicyDocument | None = None,
    ) -> dynamodb.Table:
        return dynamodb.Table(
            self,
            name,
            partition_key=_text(PARTITION_KEY),
            sort_key=None if sort_key is None else _text(sort_key),
            billing_mode=dynamodb.BillingMode.PAY_PER_REQUEST,
            time_to_live_attribute=EXPIRES_AT if expires else None,
            stream=stream,
            resource_policy=resource_policy,
            point_in_time_recovery_specification=dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            encryption=(dynamodb.TableEncryption.CUSTOMER_MANAGED if self.data_key else None),
            encryption_key=self.data_key,
            deletion_protection=True,
            removal_policy=RemovalPolicy.RETAIN,
        )

    def _bucket(
        self,
        name: str,
        kept: Duration | None = None,
        *,
        key: kms.IKey | None,
        versioned: bool = False,
        is_lockable: bool = False,
        lock: s3.ObjectLockRetention | None = None,
    ) -> s3.Bucket:
        # Versions of lockable objects stay: a version that hides another one is evidence too.
        replaced_retention = REPLACED_RETENTION if versioned and not is_lockable else None
        bucket = s3.Bucket(
            self,
            name,
            encryption=s3.BucketEncryption.KMS if key else s3.BucketEncryption.S3_MANAGED,
            encryption_key=key,
            bucket_key_enabled=True,
            block_public_access=s3.BlockPublicAccess.BLOCK_ALL,
            enforce_ssl=True,
            minimum_tls_version=1.2,
            versioned=versioned,
            object_lock_enabled=is_lockable or None,
            object_lock_default_retention=lock,
            lifecycle_rules=[
                s3.LifecycleRule(
                    expiration=kept,
                    noncurrent_version_expiration=replaced_retention,
                    abort_incomplete_multipart_upload_after=Duration.days(1),
                )
            ],
            removal_policy=RemovalPolicy.RETAIN,
        )
        acknowledge(
            bucket,
            "S1",
            reason="Only the meter writes here and only its operators read; CloudTrail's data"
            " events report access where that is needed.",
        )
        return bucket


def _text(name: str) -> dynamodb.Attribute:
    return dynamodb.Attribute(name=name, type=dynamodb.AttributeType.STRING)
