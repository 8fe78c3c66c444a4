"""Synthesizes the app, with cdk-nag in it, and answers questions about its templates."""

from __future__ import annotations

import atexit
import json
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aws_cdk import App

from cdk.app import build
from cdk.config import Config, stack_names

ROOT = Path(__file__).parents[2]
_FEATURES = {
    name: value
    for name, value in json.loads((ROOT / "cdk.json").read_text())["context"].items()
    if name.startswith("@aws-cdk/")
}
# Bundles are not copied for each of them.
_CONTEXT = {**_FEATURES, "aws:cdk:disable-asset-staging": True}

# Each one takes the other branch of every setting.
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "default": {},
    "everything": {
        "customer_keys": True,
        "governance": True,
        "gateway": True,
        "gateway_concurrency": "none",
        "gateway_max_output_tokens": {"*haiku*": 8192},
        "gateway_project_name": "project",
        "gateway_rate_limit_headers": False,
        "gateway_kong_headers": True,
        "gateway_trace_share": "0.25",
        "webhooks": True,
        "brake": True,
        "brake_sessions": True,
        "brake_overflow": "notify",
        "brake_exempt": ["arn:aws:iam::*:role/BreakGlass*"],
        "brake_max_denied": 5,
        "credits": True,
        "credits_low_percent": 35,
        "credits_exhausted": ["brake", "gateway"],
        "cell_minutes": 15,
        "existing_logging": "replace",
        "log_content": True,
        "log_retention_days": 30,
        "ledger_retention_days": 400,
        "metric_detail": "full",
        "assume_prices": False,
        "max_identities": 17,
        "role_rollup_patterns": ["^ci-\\d+$"],
        "alarm_metric": "TotalTokens",
        "identity_thresholds": {"critical": 2_000_000},
        "account_thresholds": [
            {"window": "hour", "critical": 3},
            {"window": "day", "warning": 1, "critical": 3},
        ],
        "cost_thresholds": [{"window": "day", "critical": "12.50"}],
        "contracted_prices": [
            {"model": "anthropic.*", "effective_from": "2026-01-01", "discount_percent": 7.5}
        ],
        "attribution": {
            "patterns": [
                {
                    "model_id": "amazon.*",
                    "project": "pictures",
                    "effective_from": "2026-01-01T00:00:00Z",
                }
            ]
        },
        "named_identities": [
            {
                "identity": "arn:aws:iam::111122223333:role/app",
                "window": "week",
                "warning": 5,
                "critical": 9,
            }
        ],
        "named_models": [{"model": "amazon.nova-lite-v1:0", "window": "day", "critical": 7}],
        "batch_output_buckets": ["batch-results", "other.results"],
        "extra_dashboards": ["model_comparison", "cost", "throttling"],
        "saved_queries": False,
        "notify_emails": ["finops@example.com"],
        "notify_https": ["https://example.com/hook"],
        "tags": {"team": "platform"},
    },
    "adopting": {
        "existing_logging": "adopt",
        "adopted_log_group": "/audit/bedrock",
        "known_log_policies": [
            "subscription:audit=arn:aws:lambda:us-east-1:111122223333:function:audit"
        ],
        "contributor_insights": True,
        "anomaly_band": 0,
        "weekly_summary": True,
    },
}


@dataclass(frozen=True)
class Deployment:
    """The templates of one deployment, as uploaded."""

    folder: Path
    templates: Mapping[str, dict[str, Any]]

    @property
    def storage(self) -> dict[str, Any]:
        return self.templates[stack_names.STORAGE]

    @property
    def ingestion(self) -> dict[str, Any]:
        return self.templates[stack_names.INGESTION]

    @property
    def reporting(self) -> dict[str, Any]:
        return self.templates[stack_names.REPORTING]

    @property
    def governance(self) -> dict[str, Any]:
        return self.templates[stack_names.GOVERNANCE]

    @property
    def gateway(self) -> dict[str, Any]:
        return self.templates[stack_names.GATEWAY]

    @property
    def webhooks(self) -> dict[str, Any]:
        return self.templates[stack_names.WEBHOOKS]

    @property
    def monitoring(self) -> dict[str, Any]:
        return self.templates[stack_names.MONITORING]


@cache
def deployment(configuration: str = "default") -> Deployment:
    """Synthesize once; a finding of cdk-nag without a reason raises."""
    return synthesize(CONFIGURATIONS[configuration])


def synthesize(context: Mapping[str, Any]) -> Deployment:
    folder = Path(tempfile.mkdtemp(prefix="bedrock-meter-synth-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    app = App(outdir=str(folder), context={**_CONTEXT, **context}, analytics_reporting=False)
    build(app, Config.from_context(app.node.get_all_context()))
    app.synth()
    return Deployment(
        folder,
        {
            path.name.removesuffix(".template.json"): json.loads(path.read_text())
            for path in folder.glob("*.template.json")
        },
    )


def resources(template: Mapping[str, Any], type_: str) -> dict[str, dict[str, Any]]:
    """The properties of a template's resources of a type, by logical id."""
    return {
        name: resource.get("Properties", {})
        for name, resource in template["Resources"].items()
        if resource["Type"] == type_
    }


def only(template: Mapping[str, Any], type_: str) -> dict[str, Any]:
    (properties,) = resources(template, type_).values()
    return properties


def named(template: Mapping[str, Any], type_: str, start: str) -> dict[str, Any]:
    """The properties of the one resource of a type whose logical id starts so."""
    found = resources(template, type_)
    (properties,) = (found[name] for name in found if name.startswith(start))
    return properties


def statements(template: Mapping[str, Any], role: str) -> list[dict[str, Any]]:
    """List the statements of the role whose logical id starts with `role`."""
    return [
        statement
        for policy in resources(template, "AWS::IAM::Policy").values()
        if any(reference["Ref"].startswith(role) for reference in policy["Roles"])
        for statement in policy["PolicyDocument"]["Statement"]
    ]


def grants(template: Mapping[str, Any], role: str) -> dict[str, list[dict[str, Any]]]:
    """The statements of a role by the actions that they allow, see `statements`."""
    found: dict[str, list[dict[str, Any]]] = {}
    for statement in statements(template, role):
        for action in as_list(statement["Action"]):
            found.setdefault(action, []).append(statement)
    return found


def started_by(
    function: str, configuration: str = "default", *, stack: str = stack_names.MONITORING
) -> list[dict[str, Any]]:
    """The rules that start a function of a stack, and are permitted to."""
    template = deployment(configuration).templates[stack]
    functions = resources(template, "AWS::Lambda::Function")
    arn = {
        "Fn::GetAtt": [
            next(logical_id for logical_id in functions if logical_id.startswith(function)),
            "Arn",
        ]
    }
    rules = resources(template, "AWS::Events::Rule")
    found = {name: rule for name, rule in rules.items() if rule["Targets"][0]["Arn"] == arn}
    permissions = resources(template, "AWS::Lambda::Permission").values()
    assert [
        permission["SourceArn"]["Fn::GetAtt"][0]
        for permission in permissions
        if permission["FunctionName"] == arn
    ] == [*found]
    assert {permission["Principal"] for permission in permissions} == {"events.amazonaws.com"}
    return list(found.values())


def find_function(template: Mapping[str, Any], job: str) -> dict[str, Any]:
    """The properties of the function that does a job, by the name of its package."""
    handler = f"lambdas.functions.{job}.handler.lambda_handler"
    functions = resources(template, "AWS::Lambda::Function").values()
    (properties,) = (function for function in functions if function["Handler"] == handler)
    return properties


def wildcard(resource: Any) -> str | None:
    """The literal end of an ARN with a wildcard, from where it is no longer made up of parts."""
    text = resource if isinstance(resource, str) else as_list(resource.get("Fn::Join", ["", [""]]))
    last = text if isinstance(text, str) else text[1][-1]
    return last if isinstance(last, str) and "*" in last else None


def wildcards(template: Mapping[str, Any], role: str) -> set[str]:
    """The ends of the ARNs with a wildcard that a role's policies name, see `wildcard`."""
    return {
        ending
        for statement in statements(template, role)
        for resource in as_list(statement["Resource"])
        if (ending := wildcard(resource)) is not None
    }


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
