"""The stack of exact counters: off by default, and one event of a shard at a time."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from cdk.config import stack_names
from cdk.functions.usage_counter import TUMBLING_WINDOW
from lambdas.domain.budgets.budget_alerts import CLAIM
from lambdas.domain.budgets.governance_table import (
    ALERTS_PREFIX,
    BRAKE_EVENTS,
    BUDGETS,
    BUILT_ATTRIBUTES,
    DUE_ALERTS,
    DUE_BRAKE_EVENTS,
    FORECAST_ERRORS,
)
from lambdas.domain.counters import ANNOUNCEMENT
from lambdas.domain.counters.table import (
    CELL_PREFIX,
    CHANGED_HOURS,
    CHECKPOINT_PREFIX,
    IDENTITY_INDEX,
    IDENTITY_KEY,
    IDENTITY_SORT_KEY,
    MARK_PREFIX,
    MISSED_PREFIX,
    SORT_KEY,
    STATE_KEY,
    SUM_PREFIX,
)
from lambdas.domain.ledger.table import EXPIRES_AT, PARTITION_KEY
from lambdas.domain.limit_policies import DUE_MARKS
from tests.infrastructure.synthesis import (
    as_list,
    deployment,
    find_function,
    grants,
    named,
    resources,
    started_by,
    statements,
    synthesize,
)

ON = "everything"
WRITES = re.compile(r"dynamodb:(BatchWrite|Delete|PartiQL|Put|Update)")


def mapping() -> dict[str, Any]:
    return named(deployment(ON).governance, "AWS::Lambda::EventSourceMapping", "UsageCounter")


def test_governance_is_off_by_default() -> None:
    assert stack_names.GOVERNANCE not in deployment().templates
    text = json.dumps([deployment().ingestion, deployment().monitoring, deployment().reporting])
    for name in (
        "UsageCounter",
        "UsageRecounter",
        "CounterAge",
        "BudgetBuilder",
        "BudgetEvaluator",
        "BrakeController",
        "BrakeWatchdog",
        "ForecastCalibrator",
    ):
        assert not re.search(rf"{name}(?!s)", text)  # nor an alarm of it on a dashboard


def test_a_tumbling_window_names_the_shard_and_a_shard_has_one_event_at_a_time() -> None:
    assert mapping()["TumblingWindowInSeconds"] == TUMBLING_WINDOW.to_seconds() == 5
    assert mapping()["ParallelizationFactor"] == 1


def test_a_failing_batch_is_tried_again_for_nearly_as_long_as_the_stream_keeps_it() -> None:
    found = mapping()
    assert found["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert found["BisectBatchOnFunctionError"] is True
    assert found["MaximumRetryAttempts"] == -1
    assert 12 * 3600 < found["MaximumRecordAgeInSeconds"] < 24 * 3600
    assert found["StartingPosition"] == "TRIM_HORIZON"
    assert "Failures" in json.dumps(found["DestinationConfig"])


def test_removed_calls_start_no_count() -> None:
    (pattern,) = mapping()["FilterCriteria"]["Filters"]
    assert json.loads(pattern["Pattern"]) == {"eventName": ["INSERT", "MODIFY"]}


def test_the_tables_are_there_before_governance_is_switched_on() -> None:
    tables = resources(deployment().storage, "AWS::DynamoDB::Table")
    counters, governance = tables["UsageCountersDEAAF23F"], tables["Governance210730C3"]
    for table in (counters, governance):
        assert [part["AttributeName"] for part in table["KeySchema"]] == [PARTITION_KEY, SORT_KEY]
        assert table["TimeToLiveSpecification"]["AttributeName"] == EXPIRES_AT
        assert table["BillingMode"] == "PAY_PER_REQUEST"  # nothing while it is empty
        assert table["DeletionProtectionEnabled"] is True
    (index,) = counters["GlobalSecondaryIndexes"]
    assert index["IndexName"] == IDENTITY_INDEX
    keys = [part["AttributeName"] for part in index["KeySchema"]]
    assert keys == [IDENTITY_KEY, IDENTITY_SORT_KEY]


@pytest.mark.parametrize("job", ["usage_counter", "usage_recounter"])
def test_functions_get_the_length_of_cells(job: str) -> None:
    variables = find_function(deployment(ON).governance, job)["Environment"]["Variables"]
    assert variables["CELL_MINUTES"] == "15"


def test_only_the_recounter_reads_the_ledger() -> None:
    def reads_ledger(role: str) -> set[str]:
        return {
            action
            for statement in statements(deployment(ON).governance, role)
            if "UsageLedger" in json.dumps(statement["Resource"])
            for action in as_list(statement["Action"])
        }

    assert reads_ledger("UsageRecounterRole") == {
        *("dynamodb:BatchGetItem", "dynamodb:ConditionCheckItem", "dynamodb:Scan"),
    }
    assert reads_ledger("UsageCounterRole") == {
        *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
    }


@pytest.mark.parametrize("role", ["UsageCounterRole", "UsageRecounterRole"])
def test_no_function_deletes_counters_or_publishes_metrics(role: str) -> None:
    actions = set(grants(deployment(ON).governance, role))
    assert not {action for action in actions if "Delete" in action}
    assert "cloudwatch:PutMetricData" not in actions


def test_recounts_are_looked_for_every_five_minutes() -> None:
    (rule,) = started_by("UsageRecounter", ON, stack=stack_names.GOVERNANCE)
    assert rule["ScheduleExpression"] == "rate(5 minutes)"


@pytest.mark.parametrize(
    ("name", "stack"),
    [("BudgetBuilder", stack_names.GOVERNANCE), ("BudgetEvaluator", stack_names.MONITORING)],
)
def test_budgets_are_looked_at_every_minute(name: str, stack: str) -> None:
    (rule,) = started_by(name, ON, stack=stack)
    assert rule["ScheduleExpression"] == "rate(1 minute)"


def test_the_counter_may_start_what_acts_on_budgets_and_no_other_function() -> None:
    name = "BedrockMeter-Monitoring-BudgetEvaluator"
    brake = "BedrockMeter-Governance-BrakeController"
    assert find_function(deployment(ON).monitoring, "budget_evaluator")["FunctionName"] == name
    variables = find_function(deployment(ON).governance, "usage_counter")["Environment"][
        "Variables"
    ]
    assert (variables["EVALUATOR_NAME"], variables["BRAKE_NAME"]) == (name, brake)
    found = grants(deployment(ON).governance, "UsageCounterRole")["lambda:InvokeFunction"]
    allowed = [json.dumps(resource) for each in found for resource in as_list(each["Resource"])]
    assert len(allowed) == 2
    for started in (name, brake):
        assert any(resource.endswith(f':function:{started}"]]}}') for resource in allowed)
    for template, role in (
        (deployment(ON).governance, "UsageRecounterRole"),
        (deployment(ON).governance, "BudgetBuilderRole"),
        (deployment(ON).governance, "BrakeControllerRole"),
        (deployment(ON).governance, "BrakeWatchdogRole"),
        (deployment(ON).monitoring, "BudgetEvaluatorRole"),
    ):
        assert "lambda:InvokeFunction" not in grants(template, role)


def test_a_start_of_the_evaluator_waits_no_longer_than_for_the_next_one() -> None:
    (config,) = (
        found
        for found in resources(deployment(ON).monitoring, "AWS::Lambda::EventInvokeConfig").values()
        if "BudgetEvaluator" in json.dumps(found["FunctionName"])
    )
    assert (config["MaximumEventAgeInSeconds"], config["MaximumRetryAttempts"]) == (60, 0)


TABLES = {"UsageCounters": "counters", "Limits": "limits"}


def written(template: dict[str, Any], role: str) -> dict[str, set[str]]:
    """The keys of items that a role may write, by table."""
    keys: dict[str, set[str]] = {}
    for statement in statements(template, role):
        actions = set(as_list(statement["Action"]))
        if actions & {"dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:DeleteItem"}:
            on = json.dumps(statement["Resource"])
            table = next((found for name, found in TABLES.items() if name in on), "budgets")
            condition = statement["Condition"]["ForAllValues:StringLike"]
            keys.setdefault(table, set()).update(as_list(condition["dynamodb:LeadingKeys"]))
    return keys


def roles_that_act_on(template: dict[str, Any], key: str) -> Iterator[tuple[str, set[str]]]:
    """The roles with a statement on items of a key, and its actions."""
    for name, policy in resources(template, "AWS::IAM::Policy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            if f'"{key}"' in json.dumps(statement):
                yield name.partition("DefaultPolicy")[0], set(as_list(statement["Action"]))


def test_functions_of_budgets_write_sums_and_alerts_alone() -> None:
    builder = written(deployment(ON).governance, "BudgetBuilderRole")
    assert builder == {"counters": {f"{SUM_PREFIX}*"}, "budgets": {BUDGETS}}
    evaluator = written(deployment(ON).monitoring, "BudgetEvaluatorRole")
    assert evaluator == {
        "budgets": {f"{ALERTS_PREFIX}*", DUE_ALERTS, BRAKE_EVENTS, DUE_BRAKE_EVENTS},
        "limits": {DUE_MARKS},
    }


def test_the_builder_changes_no_definition_of_a_budget() -> None:
    (statement,) = (
        statement
        for statement in statements(deployment(ON).governance, "BudgetBuilderRole")
        if "Governance" in json.dumps(statement["Resource"])
        and "dynamodb:UpdateItem" in as_list(statement["Action"])
    )
    named = statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"]
    assert named == list(BUILT_ATTRIBUTES)
    assert "definition" not in named


def test_the_evaluator_deletes_no_notes_of_sent_alerts() -> None:
    deleting = grants(deployment(ON).monitoring, "BudgetEvaluatorRole")["dynamodb:DeleteItem"]
    conditions = [statement["Condition"]["ForAllValues:StringLike"] for statement in deleting]
    assert [as_list(condition["dynamodb:LeadingKeys"]) for condition in conditions] == [
        [DUE_ALERTS, DUE_BRAKE_EVENTS],
        [DUE_MARKS],
    ]


def test_only_the_calibrator_writes_the_errors_of_forecasts() -> None:
    calibrator = written(deployment(ON).governance, "ForecastCalibratorRole")
    assert calibrator == {"budgets": {FORECAST_ERRORS}}
    writing = [
        role
        for template in deployment(ON).templates.values()
        for role in roles_that_act_on(template, FORECAST_ERRORS)
    ]
    assert sorted(name for name, actions in writing if actions != {"dynamodb:GetItem"}) == [
        "ForecastCalibratorRole"
    ]
    assert len(writing) == 2


def test_the_calibrator_reads_cells_and_budgets_alone() -> None:
    keys = {
        key
        for statement in statements(deployment(ON).governance, "ForecastCalibratorRole")
        if "dynamodb:Query" in as_list(statement["Action"])
        for key in as_list(
            statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        )
    }
    assert keys == {f"{CELL_PREFIX}*", STATE_KEY, BUDGETS}


@pytest.mark.parametrize(
    ("dashboards", "linked"), [(["cost"], "BedrockMeter-Cost"), ([], "BedrockMeter-Usage")]
)
def test_alerts_link_the_dashboard_that_shows_budgets(dashboards: list[str], linked: str) -> None:
    made = synthesize({"governance": True, "extra_dashboards": dashboards})
    environment = find_function(made.monitoring, "budget_evaluator")["Environment"]["Variables"]
    assert linked in json.dumps(environment["DASHBOARD_URL"])


def test_forecasts_are_calibrated_every_day() -> None:
    (rule,) = started_by("ForecastCalibrator", ON, stack=stack_names.GOVERNANCE)
    assert rule["ScheduleExpression"] == "cron(40 2 * * ? *)"
    assert find_function(deployment(ON).governance, "forecast_calibrator")["Timeout"] == 600


def test_the_evaluator_publishes_metrics_in_the_meter_s_namespace_alone() -> None:
    (statement,) = grants(deployment(ON).monitoring, "BudgetEvaluatorRole")[
        "cloudwatch:PutMetricData"
    ]
    assert statement["Condition"] == {"StringEquals": {"cloudwatch:namespace": "BedrockMeter"}}


def test_functions_that_count_write_each_key_by_the_actions_that_it_takes() -> None:
    def keys_by_action(role: str) -> dict[str, set[str]]:
        keys: dict[str, set[str]] = {}
        for statement in statements(deployment(ON).governance, role):
            if "UsageCounters" in json.dumps(statement["Resource"]):
                condition = statement["Condition"]
                assert condition["Null"] == {"dynamodb:LeadingKeys": "false"}
                named = as_list(condition["ForAllValues:StringLike"]["dynamodb:LeadingKeys"])
                for action in as_list(statement["Action"]):
                    keys.setdefault(action.removeprefix("dynamodb:"), set()).update(named)
        return keys

    recounted = {f"{MARK_PREFIX}*", STATE_KEY}
    for role, whole in (
        ("UsageRecounterRole", recounted),
        ("UsageCounterRole", recounted | {f"{CHECKPOINT_PREFIX}*", f"{MISSED_PREFIX}*"}),
    ):
        assert keys_by_action(role) == {
            **dict.fromkeys(("BatchGetItem", "GetItem"), whole),
            "PutItem": whole | {CHANGED_HOURS},
            "UpdateItem": {f"{CELL_PREFIX}*", f"{SUM_PREFIX}*"},
        }


def test_no_function_that_counts_reads_alerts_and_no_other_one_reads_marks() -> None:
    for role in ("UsageCounterRole", "UsageRecounterRole"):
        (budgets,) = (
            statement
            for statement in statements(deployment(ON).governance, role)
            if "Governance" in json.dumps(statement["Resource"])
            and "lambda:InvokeFunction" not in as_list(statement["Action"])
        )
        keys = budgets["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"]
        assert as_list(keys) == [BUDGETS]
    for template, role in (
        (deployment(ON).governance, "BudgetBuilderRole"),
        (deployment(ON).governance, "ForecastCalibratorRole"),
        (deployment(ON).monitoring, "BudgetEvaluatorRole"),
    ):
        text = json.dumps(list(statements(template, role)))
        assert "UsageLedger" not in text
        assert MARK_PREFIX not in text


def test_an_alert_is_claimed_for_longer_than_a_run_lasts() -> None:
    timeout = find_function(deployment(ON).monitoring, "budget_evaluator")["Timeout"]
    assert timeout < CLAIM.total_seconds()


def test_alarms_name_the_functions_without_an_export() -> None:
    template = deployment(ON).monitoring
    found = {
        alarm["AlarmName"].removeprefix("BedrockMeter-Health-"): alarm
        for alarm in resources(template, "AWS::CloudWatch::Alarm").values()
    }
    for name in ("ForecastCalibratorErrors", "ForecastCalibratorNotStarted"):
        assert name in found
    for name in ("BudgetBuilderNotStarted", "BudgetEvaluatorErrors", "BudgetDrift"):
        assert name in found
    for name in ("UsageCounterErrors", "UsageCounterThrottles", "CounterAge"):
        (dimension,) = found[name]["Dimensions"]
        assert dimension["Value"] == "BedrockMeter-Governance-UsageCounter"
    assert "UsageRecounterNotStarted" in found
    assert f"{stack_names.GOVERNANCE}:" not in json.dumps(template)


def test_the_watcher_reads_mappings_by_the_functions_that_they_start() -> None:
    (functions,) = (
        statement["Condition"]["ArnEquals"]["lambda:FunctionArn"]
        for statement in statements(deployment(ON).monitoring, "LoggingWatcherRole")
        if "lambda:FunctionArn" in statement.get("Condition", {}).get("ArnEquals", {})
    )
    assert [json.dumps(function).rpartition(":")[2] for function in functions] == [
        f'BedrockMeter-{name}"]]}}'
        for name in (
            *("Governance-UsageCounter", "Governance-AuditWriter"),
            *("Webhooks-WebhookRouter", "Webhooks-WebhookSender"),
        )
    ]


def test_no_batch_runs_for_as_long_as_a_recount_waits_for_it() -> None:
    timeout = find_function(deployment(ON).governance, "usage_counter")["Timeout"]
    assert 2 * timeout < ANNOUNCEMENT.total_seconds()


def test_what_a_trail_reports_changes_no_calls_and_no_sums() -> None:
    """A call that CloudTrail reported before the log had another caller, and counted twice."""
    rules = {
        stack: [
            rule
            for rule in resources(template, "AWS::Events::Rule").values()
            if "AWS API Call via CloudTrail" in json.dumps(rule.get("EventPattern", {}))
        ]
        for stack, template in deployment(ON).templates.items()
    }
    started = {
        (stack, target["Arn"]["Fn::GetAtt"][0])
        for stack, found in rules.items()
        for rule in found
        for target in rule["Targets"]
    }
    assert len(started) > 1
    for stack, function in started:
        template = deployment(ON).templates[stack]
        role = template["Resources"][function]["Properties"]["Role"]["Fn::GetAtt"][0]
        written = [
            json.dumps(statement["Resource"])
            for statement in statements(template, role)
            if any(WRITES.search(action) for action in as_list(statement["Action"]))
        ]
        assert written, function
        assert all("MeterState" in table for table in written), function
