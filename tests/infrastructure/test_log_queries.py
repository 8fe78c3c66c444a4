"""Saved queries and contributor rules read the log group that is metered, and can be left out."""

import json
from typing import Any

from cdk.components.log_queries import CONTRIBUTORS, QUERIES
from tests.infrastructure.synthesis import deployment, resources


def queries(configuration: str) -> list[dict[str, Any]]:
    return list(
        resources(deployment(configuration).monitoring, "AWS::Logs::QueryDefinition").values()
    )


def rules(configuration: str) -> list[dict[str, Any]]:
    return list(
        resources(deployment(configuration).monitoring, "AWS::CloudWatch::InsightRule").values()
    )


def test_queries_are_saved_under_one_folder_and_read_the_metered_group() -> None:
    found = queries("default")
    assert sorted(query["QueryString"] for query in found) == sorted(
        path.read_text() for path in QUERIES.glob("*.txt")
    )
    assert {query["Name"] for query in found} >= {"BedrockMeter/Top callers"}
    (group,) = {json.dumps(query["LogGroupNames"]) for query in found}
    assert "ImportValue" in group  # the one in the storage stack


def test_queries_read_an_adopted_log_group() -> None:
    assert {tuple(query["LogGroupNames"]) for query in queries("adopting")} == {("/audit/bedrock",)}
    (body,) = {
        json.dumps(json.loads(rule["RuleBody"])["LogGroupNames"]) for rule in rules("adopting")
    }
    assert body == '["/audit/bedrock"]'


def test_rules_are_opt_in() -> None:
    assert not rules("default")
    found = rules("adopting")
    assert len(found) == len(list(CONTRIBUTORS.glob("*.json")))
    assert {rule["RuleState"] for rule in found} == {"ENABLED"}
    for rule in found:
        assert json.loads(rule["RuleBody"]).keys() >= {"Schema", "Contribution", "AggregateOn"}


def test_queries_can_be_left_out() -> None:
    assert not queries("everything")
