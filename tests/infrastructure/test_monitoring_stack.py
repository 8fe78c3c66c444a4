"""Every alarm notifies the topic, describes the next step and watches an existing metric."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from cdk.alarms.thresholds import alarm_thresholds
from cdk.config import Config, Window, stack_names
from lambdas.domain.alarms import read_alarm_change, write_alarm_event
from lambdas.domain.alarms.health_checks import HEALTH_CHECKS
from lambdas.domain.alarms.names import (
    CHECKS_WITHOUT_RECOVERY,
    HEALTH_ALARM_PREFIX,
    PRICE_CHECKS,
    TAMPERING_CHECKS,
)
from lambdas.domain.completeness.forged_series import GUARDED_SETS
from lambdas.domain.metrics.catalog import (
    HEALTH_METRICS,
    HEALTH_NAMESPACE,
    NAMESPACE,
    USAGE_METRICS,
    DimensionSet,
)
from tests.alarm_changes import alarm_change
from tests.infrastructure.synthesis import (
    CONFIGURATIONS,
    ROOT,
    as_list,
    deployment,
    named,
    only,
    resources,
)

RUNBOOKS = ROOT / "docs/runbooks"
each_configuration = pytest.mark.parametrize("configuration", CONFIGURATIONS)
BEDROCK_METRICS = {"Invocations", "ModelInvocationLogsCloudWatchDeliveryFailure"}
STARTING_FUNCTIONS = (
    *("ComparisonReporter", "CoverageAuditor", "FocusExporter", "LoggingWatcher"),
    *("BudgetEvaluator", "CreditBooker", "TrafficAuditor", "WeeklySummarizer"),
)
QUERY = re.compile(
    r'SELECT (?:SUM|MIN)\((\w+)\) FROM SCHEMA\("(\w+)", (\w+)\)'
    r" GROUP BY \3 ORDER BY (?:SUM\(\) DESC|MIN\(\) ASC)"
)


def alarms(configuration: str = "default") -> dict[str, dict[str, Any]]:
    found = resources(deployment(configuration).monitoring, "AWS::CloudWatch::Alarm")
    return {alarm["AlarmName"]: alarm for alarm in found.values()}


def list_metrics(alarm: dict[str, Any]) -> Iterator[tuple[str, str, tuple[str, ...]]]:
    """Namespace, name and dimension names of each metric of an alarm."""
    if "MetricName" in alarm:
        yield _metric(alarm)
    for query in alarm.get("Metrics", []):
        if "MetricStat" in query:
            yield _metric(query["MetricStat"]["Metric"])
        elif match := QUERY.fullmatch(query["Expression"]):
            name, namespace, dimension = match.groups()
            yield namespace, name, (dimension,)
        else:
            assert query["Expression"].startswith(("IF(", "FILL(", "ANOMALY_DETECTION_BAND("))


def _metric(metric: dict[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    dimensions = tuple(dimension["Name"] for dimension in metric.get("Dimensions", []))
    return metric["Namespace"], metric["MetricName"], dimensions


def allowing(policy: dict[str, Any], service: str) -> dict[str, Any]:
    """The statement of a resource's policy that allows a service to publish to the topic."""
    statement: dict[str, Any]
    (statement,) = (
        candidate
        for candidate in policy["Statement"]
        if candidate["Effect"] == "Allow"
        and candidate["Principal"] == {"Service": service}
        and candidate["Sid"].endswith("Publish")  # not to encrypted queues
    )
    return statement


@pytest.mark.parametrize("service", ["cloudwatch.amazonaws.com", "events.amazonaws.com"])
@each_configuration
def test_both_policies_allow_a_notification_from_alarm_to_topic(
    configuration: str, service: str
) -> None:
    template = deployment(configuration).monitoring
    ((topic_id, topic),) = resources(template, "AWS::SNS::Topic").items()
    notifying = [
        *(alarm["AlarmActions"] for alarm in alarms(configuration).values()),
        *(
            [t["Arn"] for t in rule["Targets"]]
            for name, rule in resources(template, "AWS::Events::Rule").items()
            if not name.startswith(STARTING_FUNCTIONS)
        ),
    ]
    assert notifying
    assert all(actions == [{"Ref": topic_id}] for actions in notifying)

    topic_policy = only(template, "AWS::SNS::TopicPolicy")
    assert topic_policy["Topics"] == [{"Ref": topic_id}]
    publishing = allowing(topic_policy["PolicyDocument"], service)
    assert (publishing["Action"], publishing["Resource"]) == ("sns:Publish", {"Ref": topic_id})

    storage = deployment(configuration).storage
    exported = storage["Outputs"][topic["KmsMasterKeyId"]["Fn::ImportValue"].split(":", 1)[1]]
    key_id, attribute = exported["Value"]["Fn::GetAtt"]
    assert attribute == "Arn"
    using = allowing(resources(storage, "AWS::KMS::Key")[key_id]["KeyPolicy"], service)
    assert using["Action"] == ["kms:Decrypt", "kms:GenerateDataKey*"]


@pytest.mark.parametrize(
    ("service", "sources"),
    [
        ("cloudwatch.amazonaws.com", ":alarm:BedrockMeter-*"),
        ("events.amazonaws.com", f":rule/{stack_names.MONITORING}-*"),
    ],
)
@each_configuration
def test_only_alarms_and_rules_of_this_deployment_can_publish(
    configuration: str, service: str, sources: str
) -> None:
    template = deployment(configuration).monitoring
    topic_policy = only(template, "AWS::SNS::TopicPolicy")["PolicyDocument"]
    condition = allowing(topic_policy, service)["Condition"]
    assert condition["StringEquals"] == {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}
    assert condition["ArnLike"]["aws:SourceArn"]["Fn::Join"][1][-1] == sources
    # CloudFormation's names of rules begin with the stack's.
    assert all("Name" not in rule for rule in resources(template, "AWS::Events::Rule").values())
    assert all(name.startswith("BedrockMeter-") for name in alarms(configuration))


@each_configuration
def test_alarms_and_rules_have_limited_use_of_the_key(configuration: str) -> None:
    """SNS takes no condition on the source here, where EventBridge publishes.

    https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html
    """
    policy = named(deployment(configuration).storage, "AWS::KMS::Key", "Key")["KeyPolicy"]
    alarms_use = allowing(policy, "cloudwatch.amazonaws.com")["Condition"]
    assert alarms_use == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}
    rules_use = allowing(policy, "events.amazonaws.com")["Condition"]
    topics = rules_use["ArnLike"]["kms:EncryptionContext:aws:sns:topicArn"]["Fn::Join"][1]
    assert topics[-1] == f":{stack_names.MONITORING}-*"
    assert rules_use.keys() == {"ArnLike"}


def test_the_topic_requires_tls() -> None:
    policy = only(deployment().monitoring, "AWS::SNS::TopicPolicy")["PolicyDocument"]
    (deny,) = (
        statement
        for statement in policy["Statement"]
        if statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
    )
    assert deny["Effect"] == "Deny"
    assert deny["Principal"] == "*"


@each_configuration
def test_every_alarm_has_an_event_for_webhooks(configuration: str) -> None:
    for name in alarms(configuration):
        event = write_alarm_event(read_alarm_change(alarm_change(name)))
        assert event is not None, name
        kind = "health" if name.startswith(HEALTH_ALARM_PREFIX) else "usage"
        assert event.type.startswith((f"{kind}.", "prices.", "tampering.")), name


def test_events_know_exactly_the_health_checks_that_are_deployed() -> None:
    """Whoever may put alarms chooses their names: an unknown check is not the meter's."""
    names = {name for configuration in CONFIGURATIONS for name in alarms(configuration)}
    checks = {
        name.removeprefix(HEALTH_ALARM_PREFIX)
        for name in names
        if name.startswith(HEALTH_ALARM_PREFIX)
    }
    assert checks == HEALTH_CHECKS


def test_every_alarm_with_an_event_of_its_own_type_exists() -> None:
    checks = TAMPERING_CHECKS | PRICE_CHECKS | CHECKS_WITHOUT_RECOVERY
    assert {f"{HEALTH_ALARM_PREFIX}{check}" for check in checks} <= set(alarms("everything"))


@each_configuration
def test_grouped_alarms_have_events_of_their_series(configuration: str) -> None:
    for name, alarm in alarms(configuration).items():
        queries = [metric for metric in alarm.get("Metrics", []) if "Expression" in metric]
        watched = [{"id": metric["Id"], "expression": metric["Expression"]} for metric in queries]
        if not any("GROUP BY" in metric["expression"] for metric in watched):
            continue
        if name.startswith(HEALTH_ALARM_PREFIX):
            assert read_alarm_change(alarm_change(name, metrics=watched)).is_grouped
            continue
        assert write_alarm_event(read_alarm_change(alarm_change(name, metrics=watched))) is None
        series = alarm_change(
            name, previous=None, metrics=watched, alarmContributor={"id": "1", "attributes": {}}
        )
        event = write_alarm_event(read_alarm_change(series))
        assert event is not None
        assert event.type == "usage.threshold_reached"


@each_configuration
def test_every_watched_metric_exists(configuration: str) -> None:
    detail = Config.from_context(CONFIGURATIONS[configuration]).detail
    published = {
        (NAMESPACE, metric.name, dimension_set.dimension_names)
        for metric in USAGE_METRICS
        for dimension_set, least in metric.detail_of.items()
        if least <= detail
    }
    published |= {(HEALTH_NAMESPACE, metric.name, ()) for metric in HEALTH_METRICS}
    published |= {("AWS/Bedrock", name, ()) for name in BEDROCK_METRICS}
    published |= {("AWS/BedrockMantle", "Inferences", ())}
    published |= {("AWS/DynamoDB", "ThrottledRequests", ("Operation", "TableName"))}
    published |= {
        ("AWS/SQS", name, ("QueueName",))
        for name in ("ApproximateAgeOfOldestMessage", "ApproximateNumberOfMessagesVisible")
    }
    for name, alarm in alarms(configuration).items():
        for metric in list_metrics(alarm):
            if metric[0] != "AWS/Lambda":
                assert metric in published, name


@each_configuration
def test_every_alarm_links_to_its_runbook(configuration: str) -> None:
    for name, alarm in alarms(configuration).items():
        pages = re.findall(r"docs/runbooks/\w+\.md", json.dumps(alarm["AlarmDescription"]))
        assert len(pages) == 1, name
        text = (ROOT / pages[0]).read_text(encoding="utf-8")
        if name.startswith(HEALTH_ALARM_PREFIX):
            assert re.search(rf"\b{name.removeprefix(HEALTH_ALARM_PREFIX)}\b", text), name


def test_every_runbook_is_in_the_index() -> None:
    index = (RUNBOOKS / "README.md").read_text(encoding="utf-8")
    pages = {page.name for page in RUNBOOKS.glob("*.md")} - {"README.md"}
    assert [page for page in sorted(pages) if f"({page})" not in index] == []


@each_configuration
def test_every_threshold_of_the_configuration_has_its_alarm(configuration: str) -> None:
    config = Config.from_context(CONFIGURATIONS[configuration])
    found = alarms(configuration)
    for threshold in alarm_thresholds(config):
        alarm = found[threshold.alarm_name]
        assert alarm["Threshold"] == threshold.value
        assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
        assert alarm["TreatMissingData"] == "notBreaching"
        ((_, metric, _),) = list_metrics(alarm)
        assert metric == threshold.metric_name
        assert metric in {config.alarm_metric, "EstimatedCostUSD"}
        period = alarm.get("Period") or alarm["Metrics"][0]["Period"]
        assert period == threshold.window.seconds
        assert period * alarm["EvaluationPeriods"] <= Window.WEEK.seconds


def test_one_alarm_per_severity_watches_every_identity() -> None:
    for severity, tokens in (("Warning", 1_000_000), ("Critical", 5_000_000)):
        alarm = alarms()[f"BedrockMeter-EveryIdentity-Hour-{severity}"]
        assert alarm["Metrics"][0]["Expression"] == (
            'SELECT SUM(QuotaTokens) FROM SCHEMA("BedrockMeter", IdentityArn)'
            " GROUP BY IdentityArn ORDER BY SUM() DESC"
        )
        assert alarm["Threshold"] == tokens


def test_a_named_identity_has_a_separate_alarm() -> None:
    (alarm,) = (
        candidate
        for name, candidate in alarms("everything").items()
        if re.search(r"role-app-\w+-Week-W", name)
    )
    assert alarm["Dimensions"] == [
        {"Name": "IdentityArn", "Value": "arn:aws:iam::111122223333:role/app"}
    ]
    assert (alarm["Period"], alarm["Threshold"]) == (604_800, 5)


def test_partial_evaluation_of_a_grouped_alarm_notifies() -> None:
    rules = resources(deployment().monitoring, "AWS::Events::Rule")
    (pattern,) = (
        rule["EventPattern"] for name, rule in rules.items() if name.startswith("PartialData")
    )
    grouped = [
        name
        for name, alarm in alarms().items()
        if any("GROUP BY" in query.get("Expression", "") for query in alarm.get("Metrics", []))
    ]
    assert len(grouped) == 4
    watched = {
        deployment().monitoring["Resources"][reference["Ref"]]["Properties"]["AlarmName"]
        for reference in pattern["detail"]["alarmName"]
    }
    assert watched == set(grouped)
    assert pattern["detail"]["state"] == {"evaluationState": ["PARTIAL_DATA"]}


@each_configuration
def test_series_of_usage_alarms_are_audited_for_values_below_zero(
    configuration: str,
) -> None:
    """An alarm on a sum stays silent where someone adds a large value below zero."""
    config = Config.from_context(CONFIGURATIONS[configuration])
    looked_at = {
        (threshold.metric_name, threshold.dimension_set)
        for threshold in alarm_thresholds(config)
        if threshold.dimension_set is not DimensionSet.ACCOUNT
    }
    assert looked_at == {(config.alarm_metric, guarded) for guarded in GUARDED_SETS}


@each_configuration
def test_metrics_of_account_alarms_are_watched_for_values_below_zero(
    configuration: str,
) -> None:
    looked_at = {
        metric
        for name, alarm in alarms(configuration).items()
        if name.startswith("BedrockMeter-Account-")
        for metric in list_metrics(alarm)
    }
    assert looked_at
    assert looked_at <= set(
        list_metrics(alarms(configuration)["BedrockMeter-Health-NegativeMetrics"])
    )


def test_the_anomaly_band_can_be_switched_off() -> None:
    for name, metric in (("Anomaly", "QuotaTokens"), ("CostAnomaly", "EstimatedCostUSD")):
        assert f"BedrockMeter-Account-{name}" not in alarms("adopting")
        anomaly = alarms("default")[f"BedrockMeter-Account-{name}"]
        assert anomaly["ComparisonOperator"] == "GreaterThanUpperThreshold"
        assert any(
            "ANOMALY_DETECTION_BAND(" in query.get("Expression", "") for query in anomaly["Metrics"]
        )
        assert list(list_metrics(anomaly)) == [("BedrockMeter", metric, ())]


def test_an_hour_of_cost_is_watched_in_dollars() -> None:
    for severity, usd in (("Warning", 50), ("Critical", 200)):
        alarm = alarms()[f"BedrockMeter-Account-Cost-Hour-{severity}"]
        assert (alarm["MetricName"], alarm["Statistic"]) == ("EstimatedCostUSD", "Sum")
        assert (alarm["Threshold"], alarm["Period"]) == (usd, 3600)
        assert f"{usd} US dollars (estimated) or more" in json.dumps(
            json.dumps(alarm["AlarmDescription"])
        )


def test_missing_data_raises_an_alarm_only_if_bedrock_was_called() -> None:
    alarm = alarms()["BedrockMeter-Health-NoData"]
    assert (alarm["DatapointsToAlarm"], alarm["EvaluationPeriods"]) == (3, 12)
    assert {(namespace, name) for namespace, name, _ in list_metrics(alarm)} == {
        ("AWS/Bedrock", "Invocations"),
        (NAMESPACE, "Invocations"),
        (NAMESPACE, "InvocationErrors"),
    }


def test_every_stage_of_the_pipeline_has_a_health_alarm() -> None:
    watched = {
        metric
        for name, alarm in alarms().items()
        if name.startswith("BedrockMeter-Health-")
        for _, metric, _ in list_metrics(alarm)
    }
    assert watched >= {
        *("Errors", "Throttles", "IteratorAge", "AsyncEventAge", "AsyncEventsDropped"),
        *("DestinationDeliveryFailures", "OnFailureDestinationDeliveredEventCount"),
        *("RejectedRecords", "ModelInvocationLogsCloudWatchDeliveryFailure", "Invocations"),
        *("CoverageShortfall", "Inferences"),
        *("QuotaTokens", "EstimatedCostUSD", "OverflowingCalls", "WaitingModels"),
    }


@each_configuration
def test_each_alarm_describes_the_next_step(configuration: str) -> None:
    for name, alarm in alarms(configuration).items():
        assert "#dashboards/dashboard/BedrockMeter-" in json.dumps(
            json.dumps(alarm["AlarmDescription"])
        ), name


@pytest.mark.parametrize(
    ("function", "stopped"),
    [
        (
            "BudgetBuilder",
            "no longer completes sums of new budgets or compares sums with cells.",
        ),
        ("BudgetEvaluator", "no longer evaluates budgets or sends their alerts."),
    ],
)
def test_alarms_of_budgets_name_all_work_that_stops(function: str, stopped: str) -> None:
    for fault in ("Errors", "NotStarted"):
        alarm = alarms("everything")[f"BedrockMeter-Health-{function}{fault}"]
        assert stopped in str(alarm["AlarmDescription"])


@pytest.mark.parametrize(
    ("alarm", "text"),
    [
        ("TamperedCalls", "This is expected after make erase-identity."),
        ("UnloggedTraffic", "Their tokens are shown separately, and are in no cost."),
        ("UnloggedTraffic", "The metric Inferences in AWS/BedrockMantle names the models."),
    ],
)
def test_an_alarm_says_what_else_explains_it(alarm: str, text: str) -> None:
    assert text in str(alarms()[f"BedrockMeter-Health-{alarm}"]["AlarmDescription"])


def test_configured_addresses_and_endpoints_are_subscribed() -> None:
    found = resources(deployment("everything").monitoring, "AWS::SNS::Subscription").values()
    assert {
        (subscription["Protocol"], subscription["Endpoint"])
        for subscription in found
        if subscription["Protocol"] != "sqs"  # that of webhooks
    } == {
        ("email", "finops@example.com"),
        ("https", "https://example.com/hook"),
    }


def test_different_identities_never_share_an_alarm_name() -> None:
    config = Config.from_context(
        {
            "named_identities": [
                {"identity": "arn:aws:iam::111122223333:role/a.b", "critical": 1},
                {"identity": "arn:aws:iam::111122223333:role/a-b", "critical": 1},
            ]
        }
    )
    names = [threshold.alarm_name for threshold in alarm_thresholds(config)]
    assert len(set(names)) == len(names)
    assert all(len(name) <= 255 for name in names)


@pytest.mark.parametrize(
    ("arn", "who"),
    [
        ("arn:aws:iam::111122223333:role/app", "role-app"),
        (
            "arn:aws:sts::111122223333:assumed-role/Developer/ana@example.com",
            "assumed-role-Developer-ana-example-com",
        ),
        ("unknown", "unknown"),
    ],
)
def test_the_name_of_an_alarm_says_whom_it_watches(arn: str, who: str) -> None:
    """A tile on a dashboard shows the beginning of a name: an ARN's account would fill it."""
    config = Config.from_context({"named_identities": [{"identity": arn, "critical": 1}]})
    names = [threshold.alarm_name for threshold in alarm_thresholds(config) if threshold.name]
    (name,) = names
    assert re.fullmatch(rf"BedrockMeter-Identity-{who}-[0-9a-f]{{6}}-Hour-Critical", name)


def test_a_disabled_warning_has_no_alarm() -> None:
    names = alarms("everything")
    assert "BedrockMeter-EveryIdentity-Hour-Critical" in names
    assert "BedrockMeter-EveryIdentity-Hour-Warning" not in names


def test_dimension_sets_of_grouped_alarms_have_one_dimension() -> None:
    for threshold in alarm_thresholds(Config()):
        assert not threshold.is_grouped or len(threshold.dimension_set.dimension_names) == 1
    assert DimensionSet.ACCOUNT.dimension_names == ()
    assert as_list(None) == [None]
