"""Saved queries of the invocation logs, and rules that rank identities by them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from aws_cdk import Stack
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_logs as logs
from constructs import Construct

from cdk.components.dashboards import FOLDER
from cdk.config import stack_names
from cdk.config.resource_names import NAME_PREFIX

QUERIES = FOLDER / "queries"
"""Queries of CloudWatch Logs Insights, a file each; the first line describes the result."""

CONTRIBUTORS = FOLDER / "contributors"
"""Rules of Contributor Insights, a file each."""


class SavedQueries(Construct):
    """Queries that CloudWatch offers for the log group. Each run is billed by the data it reads."""

    def __init__(self, scope: Construct, construct_id: str, *, log_group_name: str) -> None:
        """Save the queries for a log group."""
        super().__init__(scope, construct_id)
        for path in sorted(QUERIES.glob("*.txt")):
            logs.CfnQueryDefinition(
                self,
                _construct_id(path),
                name=f"{stack_names.PREFIX}/{_title(path)}",
                query_string=path.read_text(),
                log_group_names=[log_group_name],
            )


class ContributorRules(Construct):
    """Rules that rank identities, however many there are: billed by rule and by log event."""

    def __init__(self, scope: Construct, construct_id: str, *, log_group_name: str) -> None:
        """Make the rules for a log group."""
        super().__init__(scope, construct_id)
        for path in sorted(CONTRIBUTORS.glob("*.json")):
            rule: dict[str, Any] = json.loads(path.read_text())
            cloudwatch.CfnInsightRule(
                self,
                _construct_id(path),
                rule_name=f"{NAME_PREFIX}{_construct_id(path)}",
                rule_state="ENABLED",
                rule_body=Stack.of(self).to_json_string(rule | {"LogGroupNames": [log_group_name]}),
            )


def _construct_id(path: Path) -> str:
    return path.stem.title().replace("_", "")


def _title(path: Path) -> str:
    return path.stem.capitalize().replace("_", " ")
