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
    assert sorted(it["QueryString"] for it in found) == sorted(
        path.read_text() for path in QUERIES.glob("*.txt")
    )
    assert {it["Name"] for it in found} >= {"BedrockMeter/Top callers"}
    (group,) = {json.dumps(it["LogGroupNames"]) for it in found}
    assert "ImportValue" in group  # the one in the storage stack


def test_where_logging_is_adopted_they_read_the_adopted_group() -> None:
    assert {tuple(it["LogGroupNames"]) for it in queries("adopting")} == {("/audit/bedrock",)}
    (body,) = {json.dumps(json.loads(it["RuleBody"])["LogGroupNames"]) for it in rules("adopting")}
    assert body == '["/audit/bedrock"]'


def test_rules_are_asked_for() -> None:
    assert not rules("default")
    found = rules("adopting")
    assert len(found) == len(list(CONTRIBUTORS.glob("*.json")))
    assert {it["RuleState"] for it in found} == {"ENABLED"}
    for it in found:
        assert json.loads(it["RuleBody"]).keys() >= {"Schema", "Contribution", "AggregateOn"}


def test_queries_can_be_left_out() -> None:
    assert not queries("everything")
