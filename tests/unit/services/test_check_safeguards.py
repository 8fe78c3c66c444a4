"""Each subject is checked, and one that cannot be read hides no other."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

import pytest

from lambdas.domain.logging_configuration import Subject
from lambdas.domain.safeguards.account_policies import ACCOUNT_POLICY_EFFECTS, AccountPolicy
from lambdas.domain.safeguards.alarms import MuteRule
from lambdas.domain.safeguards.deployed import DeployedStack, StackResource
from lambdas.domain.safeguards.functions import Function
from lambdas.domain.safeguards.ledger import Table
from lambdas.domain.safeguards.log_policies import LogPolicies
from lambdas.domain.safeguards.ports import NotReadableError
from lambdas.domain.safeguards.starts import Rule
from lambdas.domain.safeguards.topic import Key, Topic
from lambdas.services.check_safeguards import LiveSafeguards, MeteredLogs, SafeguardChecker
from tests.unit.safeguards.deployed import (
    ACCOUNT,
    ALARM_PROPERTIES,
    ALARMS_PUBLISH,
    BEFORE,
    COVERAGE,
    FUNCTION,
    FUNCTION_ARN,
    LIVE_ALARM,
    NOON,
    TOPIC,
)

GROUP = "BedrockMeter-Storage-InvocationLogs"
FUNCTION_LOG = "BedrockMeter-Ingestion-LogProcessorLog"
POLICY: dict[str, Any] = {"Statement": [ALARMS_PUBLISH]}
RESOURCES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "Alarm": ("AWS::CloudWatch::Alarm", COVERAGE, ALARM_PROPERTIES),
    "Topic": ("AWS::SNS::Topic", TOPIC, {}),
    "TopicPolicy": ("AWS::SNS::TopicPolicy", "policy", {"PolicyDocument": POLICY}),
    "Key": ("AWS::KMS::Key", "key-id", {"KeyPolicy": POLICY}),
    "Group": ("AWS::Logs::LogGroup", GROUP, {}),
    "FunctionLog": ("AWS::Logs::LogGroup", FUNCTION_LOG, {"RetentionInDays": 30}),
    "Rule": (
        "AWS::Events::Rule",
        "rule",
        {"ScheduleExpression": "rate(1 hour)", "Targets": [{"Arn": FUNCTION_ARN}]},
    ),
    "Function": ("AWS::Lambda::Function", FUNCTION, {"Timeout": 60}),
    "Table": ("AWS::DynamoDB::Table", "ledger", {"DeletionProtectionEnabled": True}),
    "Mapping": ("AWS::Lambda::EventSourceMapping", "mapping", {"FunctionName": FUNCTION}),
}


class Account:
    """An account: its stacks in CloudFormation, and its live resources."""

    def __init__(self) -> None:
        self.refused: set[str] = set()
        self.resources = dict(RESOURCES)
        self.alarms: dict[str, dict[str, Any]] = {COVERAGE: LIVE_ALARM}
        self.mute_rules: list[MuteRule] = []
        self.topic: Topic | None = Topic(None, POLICY, ())
        self.key: Key | None = Key("Enabled", POLICY)
        self.log_policies = LogPolicies(masks=None, has_transformer=False, subscriptions={})
        self.account_policies: list[AccountPolicy] = []
        self.groups: dict[str, int | None] = {FUNCTION_LOG: 30}
        self.rules = {"rule": Rule("ENABLED", None, "rate(1 hour)", ({"Arn": FUNCTION_ARN},))}
        self.functions = {FUNCTION: Function({"Timeout": 60}, None)}
        self.mappings = {"mapping": {"State": "Enabled", "FunctionArn": FUNCTION_ARN}}
        self.tables = {"ledger": Table(None, None, None, is_protected=True, is_recoverable=False)}

    def ask(self, name: str) -> None:
        if name in self.refused:
            raise NotReadableError("AccessDenied")  # noqa: EM101  # as an adapter raises it

    def check(self) -> list[tuple[Subject, str]]:
        """The drifts at noon."""
        report = self.checker().check(NOON)
        return [(drift.subject, drift.text) for drift in report.drifts]

    def checker(self) -> SafeguardChecker:
        live = LiveSafeguards(
            *(Alarms(self), Topics(self), Keys(self), Logs(self), Rules(self), Functions(self)),
            Tables(self),
        )
        return SafeguardChecker(Stacks(self), live, MeteredLogs(GROUP, FUNCTION_ARN))


class Port:
    def __init__(self, account: Account) -> None:
        self.account = account


class Stacks(Port):
    def read(self) -> list[DeployedStack]:
        self.account.ask("stacks")
        return [
            DeployedStack(
                f"arn:aws:cloudformation:us-east-1:{ACCOUNT}:stack/BedrockMeter-Monitoring/id",
                {
                    "Resources": {
                        logical_id: {"Type": kind, "Properties": properties}
                        for logical_id, (kind, _, properties) in self.account.resources.items()
                    }
                },
                {
                    logical_id: StackResource(physical_id, BEFORE)
                    for logical_id, (_, physical_id, _) in self.account.resources.items()
                },
                {},
            )
        ]


class Alarms(Port):
    def read(self) -> Mapping[str, Mapping[str, Any]]:
        self.account.ask("alarms")
        return self.account.alarms

    def read_mute_rules(self) -> list[MuteRule]:
        self.account.ask("mute rules")
        return self.account.mute_rules


class Topics(Port):
    def get(self, arn: str, endpoints: Collection[str]) -> Topic | None:
        assert not endpoints
        self.account.ask("topic")
        assert arn == TOPIC
        return self.account.topic


class Keys(Port):
    def get(self, key_id: str) -> Key | None:
        self.account.ask("key")
        assert key_id == "key-id"
        return self.account.key


class Logs(Port):
    def read(self, log_group: str) -> LogPolicies | None:
        self.account.ask("log policies")
        return self.account.log_policies if log_group == GROUP else None

    def read_account_policies(self, kind: str) -> list[AccountPolicy]:
        self.account.ask(kind)
        return [policy for policy in self.account.account_policies if policy.kind == kind]

    def read_groups(self, names: Collection[str]) -> Mapping[str, int | None]:
        self.account.ask("log groups")
        assert list(names) == [FUNCTION_LOG]
        return self.account.groups


class Rules(Port):
    def read(self, names: Collection[str]) -> Mapping[str, Rule]:
        self.account.ask("rules")
        assert list(names) == ["rule"]
        return self.account.rules


class Functions(Port):
    def read(self, names: Collection[str]) -> Mapping[str, Function]:
        self.account.ask("functions")
        assert list(names) == [FUNCTION]
        return self.account.functions

    def read_mappings(self, ids: Collection[str]) -> Mapping[str, Mapping[str, Any]]:
        self.account.ask("mappings")
        assert list(ids) == ["mapping"]
        return self.account.mappings


class Tables(Port):
    def read(self, names: Collection[str]) -> Mapping[str, Table]:
        self.account.ask("tables")
        assert list(names) == ["ledger"]
        return self.account.tables


def test_an_unchanged_account_has_no_drift() -> None:
    assert Account().check() == []


def test_every_subject_is_checked() -> None:
    account = Account()
    account.alarms.clear()
    account.mute_rules.append(MuteRule("quiet", frozenset({COVERAGE})))
    account.topic = account.key = None
    account.log_policies = replace(account.log_policies, has_transformer=True)
    only_a_function = f'LogGroupName IN ["{FUNCTION_LOG}"]'
    account.account_policies.append(
        AccountPolicy("METRIC_EXTRACTION_POLICY", "quiet", only_a_function)
    )
    account.groups.clear()
    account.rules.clear()
    account.functions.clear()
    account.mappings.clear()
    account.tables.clear()
    assert [subject for subject, _ in account.check()] == [
        *(Subject.ALARM, Subject.ALARM, Subject.TOPIC, Subject.KEY),
        *(Subject.LOG_POLICY, Subject.LOG_POLICY, Subject.LOG_POLICY, Subject.RULE),
        *(Subject.FUNCTION, Subject.FUNCTION, Subject.LEDGER),
    ]


@pytest.mark.parametrize(
    ("port", "subject", "name"),
    [
        ("alarms", Subject.ALARM, "alarms"),
        ("mute rules", Subject.ALARM, "mute rules of alarms"),
        ("topic", Subject.TOPIC, "the topic of notifications"),
        ("key", Subject.KEY, "the key of the topic"),
        ("log policies", Subject.LOG_POLICY, "policies of logs"),
        *(
            (kind, Subject.LOG_POLICY, f"account policies ({kind})")
            for kind in ACCOUNT_POLICY_EFFECTS
        ),
        ("log groups", Subject.LOG_POLICY, "log groups of functions"),
        ("rules", Subject.RULE, "rules"),
        ("mappings", Subject.FUNCTION, "event source mappings"),
        ("functions", Subject.FUNCTION, "functions"),
        ("tables", Subject.LEDGER, "the meter's tables"),
        ("stacks", Subject.FUNCTION, "what was deployed"),
    ],
)
def test_an_unreadable_subject_is_drift_and_hides_no_other(
    port: str, subject: Subject, name: str
) -> None:
    account = Account()
    account.refused.add(port)
    assert account.check() == [(subject, f"{name} cannot be read: AccessDenied")]


def test_masks_removed_from_the_log_group_are_drift() -> None:
    account = Account()
    arn = "arn:aws:dataprotection::aws:data-identifier/Ssn-US"
    statement = {"DataIdentifier": [arn], "Operation": {"Deidentify": {}}}
    policy = {"DataProtectionPolicy": {"Statement": [statement]}}
    account.resources["Group"] = ("AWS::Logs::LogGroup", GROUP, policy)
    missing = f"log group {GROUP} does not mask Ssn-US"
    assert account.check() == [(Subject.LOG_POLICY, missing)]
    account.log_policies = replace(account.log_policies, masks=frozenset({"Ssn-US"}))
    assert account.check() == []


def test_a_change_of_the_deployment_is_recognized_by_its_names() -> None:
    names = Account().checker().check(NOON).names
    assert names >= {COVERAGE, TOPIC, "key-id", "rule", FUNCTION, "mapping"}
