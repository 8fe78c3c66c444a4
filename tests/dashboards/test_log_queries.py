"""Saved queries and rules read fields that Bedrock's logs have, in words that CloudWatch knows."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from cdk.components.dashboards import FOLDER, WRITTEN_LOG_GROUP
from cdk.components.log_queries import CONTRIBUTORS, QUERIES

SAMPLES = Path(__file__).parents[1] / "fixtures" / "invocation-logs.ndjson"
ASKED_FOR = {
    *("top_callers", "costly_requests", "cache_misses"),
    *("errors_by_identity", "unattributed_traffic", "error_patterns"),
}
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/CWL_QuerySyntax.html
COMMANDS = {"fields", "filter", "stats", "sort", "limit", "display", "pattern"}
FUNCTIONS = {"coalesce", "ispresent", "sum", "count", "min", "max"}
WORDS = {"as", "by", "and", "not", "like", "desc"}
OF_CLOUDWATCH = {"@timestamp", "@message"}

each_query = pytest.mark.parametrize(
    "path", sorted(QUERIES.glob("*.txt")), ids=lambda path: path.stem
)
each_rule = pytest.mark.parametrize(
    "path", sorted(CONTRIBUTORS.glob("*.json")), ids=lambda path: path.stem
)


def fields_of_logs() -> set[str]:
    """The scalar fields of the samples outside bodies, as Logs Insights names them."""
    found = {"errorCode"}  # of failed calls: no sample has them with a body
    for line in SAMPLES.read_text().splitlines():
        found.update(_names(json.loads(line)))
    return found


def _names(value: dict[str, Any], prefix: str = "") -> set[str]:
    names: set[str] = set()
    for name, part in value.items():
        if isinstance(part, dict) and not name.endswith("BodyJson"):
            names |= _names(part, f"{prefix}{name}.")
        else:
            names.add(f"{prefix}{name}")
    return names


def commands(text: str) -> list[str]:
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [part.strip() for part in " ".join(lines).split(" | ")]


def test_every_required_query_exists() -> None:
    assert {path.stem for path in QUERIES.glob("*.txt")} == ASKED_FOR


@each_query
def test_a_query_has_a_description_and_fits_the_limit(path: Path) -> None:
    text = path.read_text()
    assert re.fullmatch(r"# [A-Z].*\.", text.splitlines()[0])
    assert len(text) <= 10_000  # of AWS::Logs::QueryDefinition


@each_query
def test_a_query_uses_only_known_commands_and_fields(path: Path) -> None:
    known = fields_of_logs() | OF_CLOUDWATCH | FUNCTIONS | WORDS
    for command in commands(path.read_text()):
        name, _, rest = command.partition(" ")
        assert name in COMMANDS
        rest = re.sub(r"/[^/ ].*/", "", rest)  # regular expressions
        known |= set(re.findall(r" as (\w+)", rest))
        for word in re.findall(r"@?[A-Za-z][\w.]*", rest):
            assert word in known, word


@each_query
def test_a_query_of_calls_excludes_failed_calls_or_is_about_them(path: Path) -> None:
    is_about_failures = "error" in path.stem
    (condition,) = (
        command for command in commands(path.read_text()) if command.startswith("filter ")
    )
    assert condition.startswith(
        "filter ispresent(errorCode)" if is_about_failures else "filter not ispresent(errorCode)"
    )


def test_untrusted_metadata_hides_no_caller_from_unattributed_traffic() -> None:
    (condition,) = (
        command
        for command in commands((QUERIES / "unattributed_traffic.txt").read_text())
        if command.startswith("filter ")
    )
    conditions = condition.removeprefix("filter ").split(" and ")
    assert conditions == [
        "not ispresent(errorCode)",
        "modelId not like /application-inference-profile/",
    ]


def test_the_table_on_a_dashboard_is_the_saved_query() -> None:
    body = json.loads((FOLDER / "cost.json").read_text())
    (widget,) = (entry["properties"] for entry in body["widgets"] if entry["type"] == "log")
    source, _, query = widget["query"].partition(" | ")
    assert source == f"SOURCE '{WRITTEN_LOG_GROUP}'"
    assert commands(query) == commands((QUERIES / "costly_requests.txt").read_text())


@each_rule
def test_a_rule_ranks_identities_by_existing_fields(path: Path) -> None:
    """https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/ContributorInsights-RuleSyntax.html"""
    text = path.read_text()
    rule = json.loads(text)
    assert text.isascii()
    assert len(text) <= 8192
    assert rule.keys() == {"Schema", "LogGroupNames", "LogFormat", "Contribution", "AggregateOn"}
    assert rule["Schema"] == {"Name": "CloudWatchLogRule", "Version": 1}
    assert rule["LogGroupNames"] == [WRITTEN_LOG_GROUP]
    contribution = rule["Contribution"]
    assert contribution["Keys"] == ["$.identity.arn"]
    assert ("ValueOf" in contribution) is (rule["AggregateOn"] == "Sum")
    (match,) = contribution["Filters"]
    assert match.keys() == {"Match", "IsPresent"}
    paths = [match["Match"], *contribution["Keys"], contribution.get("ValueOf", "$.errorCode")]
    assert {field.removeprefix("$.") for field in paths} <= fields_of_logs()
