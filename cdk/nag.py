"""Which findings of cdk-nag stand, each with its reason."""

from __future__ import annotations

from aws_cdk import Acknowledgment, App, Stack, Validations
from cdk_nag import AwsSolutionsChecks

from cdk.config import stack_names
from lambdas.domain.pricing.editions import EDITIONS_PREFIX, LISTINGS_PREFIX

_HERE = "<AWS::Region>:<AWS::AccountId>"
_PREFIX = "AwsSolutions::AwsSolutions-"
_NO_ACCESS_LOGS = (
    "Written by the meter alone and read by its operators; where more is wanted, CloudTrail's data"
    " events tell it."
)
_NAMES_UNKNOWN = "Objects below one prefix, whose names are not known before."
_STREAMS = "All streams of the one log group that is metered."
_NO_RESOURCE = "takes no resource"
_KEY_GRANT = "What DynamoDB and S3 ask of whoever uses a customer key; on this key alone."
_FAILURES = (
    "IAM5[Resource::BedrockMeter-Storage:ExportsOutputFnGetAttFailures8A3E1A2FArnE85E26A7"
    "/aws/lambda/*]"
)
_OWN_LOG_GROUP = "BedrockMeter-Storage:ExportsOutputRefInvocationLogsCD36EA0A88A6D83E"
_PRICES = "IAM5[Resource::BedrockMeter-Storage:ExportsOutputFnGetAttPricesEF2AB66AArn81E28904/{}*]"
_EDITIONS = {_PRICES.format(EDITIONS_PREFIX): _NAMES_UNKNOWN}
_KEY_ACTIONS = {
    "IAM5[Action::kms:GenerateDataKey*]": _KEY_GRANT,
    "IAM5[Action::kms:ReEncrypt*]": _KEY_GRANT,
}

_TAGS = {
    f"IAM5[Resource::arn:<AWS::Partition>:{resource}]": (
        "Which profiles, roles and users call is not known before; their tags alone are read."
    )
    for resource in (
        "bedrock:<AWS::Region>:<AWS::AccountId>:application-inference-profile/*",
        "iam::<AWS::AccountId>:role/*",
        "iam::<AWS::AccountId>:user/*",
    )
}

STANDING = {
    "Quarantine": {"S1": _NO_ACCESS_LOGS},
    "Failures": {"S1": _NO_ACCESS_LOGS},
    "RedriveRole": {"IAM5[Resource::<Failures8A3E1A2F.Arn>/aws/lambda/*]": _NAMES_UNKNOWN},
    "Reports": {"S1": _NO_ACCESS_LOGS},
    "Prices": {"S1": _NO_ACCESS_LOGS},
    "LogProcessorRole": {
        "IAM5[Resource::BedrockMeter-Storage:ExportsOutputFnGetAttQuarantine23FF09FEArnFC59122E"
        "/rejected/*]": _NAMES_UNKNOWN,
        _FAILURES: _NAMES_UNKNOWN,
        **_KEY_ACTIONS,
    },
    "MetricPublisherRole": {
        "IAM5[Resource::*]": (
            f"cloudwatch:PutMetricData {_NO_RESOURCE} (a condition binds it to the meter's"
            f" namespace); dynamodb:ListStreams {_NO_RESOURCE} either."
        ),
        _FAILURES: _NAMES_UNKNOWN,
        **_EDITIONS,
        **_KEY_ACTIONS,
        **_TAGS,
    },
    "PriceRefresherRole": {
        "IAM5[Resource::*]": (
            f"cloudwatch:PutMetricData {_NO_RESOURCE} (a condition binds it to the meter's"
            " namespace)."
        ),
        **_EDITIONS,
        **_KEY_ACTIONS,
        **_TAGS,
    },
    "PriceUpdaterRole": {
        **_EDITIONS,
        _PRICES.format(LISTINGS_PREFIX): _NAMES_UNKNOWN,
        **_KEY_ACTIONS,
    },
    "LoggingConfiguratorRole": {
        "IAM5[Resource::*]": (
            f"Bedrock's logging configuration is one per account and Region; it {_NO_RESOURCE}."
        ),
        "IAM5[Resource::arn:<AWS::Partition>:iam::<AWS::AccountId>:role/*]": (
            "With existing_logging 'replace' or 'adopt', what was replaced is put back with a"
            " role of its own, which is not known before; roles can be passed to Bedrock alone."
        ),
        **_KEY_ACTIONS,
    },
    "CoverageAuditorRole": {
        "IAM5[Resource::*]": f"Reading CloudWatch's metrics {_NO_RESOURCE}.",
    },
    "FocusExporterRole": {
        "IAM5[Resource::BedrockMeter-Storage:ExportsOutputFnGetAttReports65402A0AArn549BAC56"
        "/focus/*]": _NAMES_UNKNOWN,
        **_EDITIONS,
        **_KEY_ACTIONS,
        **_TAGS,
    },
    "ComparisonReporterRole": {
        "IAM5[Resource::BedrockMeter-Storage:ExportsOutputFnGetAttReports65402A0AArn549BAC56"
        "/comparison/*]": _NAMES_UNKNOWN,
        **_EDITIONS,
        **_KEY_ACTIONS,
        **_TAGS,
    },
    "LoggingWatcherRole": {
        "IAM5[Resource::*]": (
            "Reading Bedrock's one logging configuration, CloudTrail's events, and the lists of"
            " log groups, account policies of logs, alarms, mute rules and subscriptions"
            f" {_NO_RESOURCE}, or shows only part of the list with one."
        ),
        **{
            f"IAM5[Resource::arn:<AWS::Partition>:{service}:{_HERE}:{resource}]": (
                "Reads what the meter's own stacks deploy, whose generated names begin so."
            )
            for service, resource in (
                ("events", "rule/BedrockMeter-*"),
                ("lambda", "function:BedrockMeter-*"),
            )
        },
        f"IAM5[Resource::arn:<AWS::Partition>:logs:{_HERE}:log-group:*]": (
            "Any log group may be named by whoever replaces the logging configuration."
        ),
        **{
            f"IAM5[Resource::arn:<AWS::Partition>:cloudformation:{_HERE}:stack/{name}/*]": (
                "A stack's ARN ends in an id that is new with each creation."
            )
            for name in stack_names.ALL
        },
        **_KEY_ACTIONS,
    },
    "TrafficAuditorRole": {
        "IAM5[Resource::*]": (
            f"Reading CloudWatch's metrics, and listing asynchronous invocations, {_NO_RESOURCE}."
        ),
        **_KEY_ACTIONS,
    },
    "LoggingProviderRole": {
        "IAM5[Resource::<LoggingConfiguratorC707548E.Arn>:*]": (
            "The CDK's provider invokes one function, in any of its versions."
        )
    },
}
"""By the name of a construct in its stack: rules that it does not follow, and why."""

_OLDER_PYTHON = {
    name: {"L1": "Asked for by python_version: a local cloud runs functions on its own Python."}
    for name in (
        *("LogProcessor", "MetricPublisher", "PriceRefresher", "PriceUpdater"),
        "LoggingConfigurator",
        *("ComparisonReporter", "CoverageAuditor", "FocusExporter", "LoggingWatcher"),
        "TrafficAuditor",
    )
}


def check(app: App) -> None:
    """Fail synthesis on what cdk-nag finds and nobody has given a reason for."""
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))


def acknowledge(*stacks: Stack, is_newest_python: bool, adopted_log_group: str | None) -> None:
    """Give the reasons for what stands in some stacks.

    Args:
        stacks: The stacks.
        is_newest_python: Whether functions run on the newest Python.
        adopted_log_group: The log group that is metered, if it is somebody else's.
    """
    standing = STANDING if is_newest_python else STANDING | _OLDER_PYTHON
    log_group = f"logs:{_HERE}:log-group:{adopted_log_group or _OWN_LOG_GROUP}"
    streams = {f"IAM5[Resource::arn:<AWS::Partition>:{log_group}:*]": _STREAMS}
    for stack in stacks:
        for name, rules in (*standing.items(), ("ComparisonReporterRole", streams)):
            construct = stack.node.try_find_child(name)
            if construct is not None:
                Validations.of(construct).acknowledge(
                    *(Acknowledgment(id=_PREFIX + rule, reason=why) for rule, why in rules.items())
                )
