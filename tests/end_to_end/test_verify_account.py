"""`make verify-account` in another account of the local cloud: it passes and leaves nothing.

It makes a deployment and removes it, which is what this test checks.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cdk.local_cloud.cloud import REGION, LocalCloud, open_local_cloud
from cdk.local_cloud.price_list import PriceListServer, open_price_list
from cdk.operations.verification import VERIFICATION_NAME
from cdk.operations.verification.registry import CHECKS
from tests.end_to_end.deployed import context, make
from tests.price_list import recorded_files

ACCOUNT = "444455556666"
"""The emulator takes an access key of twelve digits for the account."""
BRAKE = {"governance": True, "brake": True, "brake_sessions": True}


@pytest.fixture(scope="module")
def price_list() -> Iterator[PriceListServer]:
    with open_price_list() as price_list:
        for document in recorded_files(REGION).values():
            price_list.serve(REGION, document)
        yield price_list


@pytest.fixture(scope="module")
def cloud() -> Iterator[LocalCloud]:
    with open_local_cloud(settings={"AUTH": "true"}) as local_cloud:
        keys = {"AWS_ACCESS_KEY_ID": ACCOUNT, "CDK_DEFAULT_ACCOUNT": ACCOUNT}
        other = replace(local_cloud, environment={**local_cloud.environment, **keys})
        settings = " ".join(f"-c {name}=true" for name in BRAKE)
        name = f"METER_NAME={VERIFICATION_NAME}"
        make(other, "bootstrap", name, f"SET=aws://{ACCOUNT}/{REGION} {settings}")
        yield other


def list_names(cloud: LocalCloud) -> dict[str, list[str]]:
    """List the resources that are billed, or that permit or deny something, by kind."""

    def client(service: str) -> Any:
        return cloud.client(service, ACCOUNT)

    return {
        "functions": client("lambda").list_functions()["Functions"],
        "tables": client("dynamodb").list_tables()["TableNames"],
        "alarms": client("cloudwatch").describe_alarms()["MetricAlarms"],
        "dashboards": client("cloudwatch").list_dashboards()["DashboardEntries"],
        "groups": [
            group
            for group in client("logs").describe_log_groups()["logGroups"]
            # The emulator makes a group again where a function that was running writes its end.
            if "retentionInDays" in group
        ],
        "topics": client("sns").list_topics()["Topics"],
        "queues": client("sqs").list_queues().get("QueueUrls", []),
        "buckets": [
            bucket
            for bucket in client("s3").list_buckets()["Buckets"]
            if bucket["Name"].startswith("bedrockmeter")
        ],
        "rules": client("events").list_rules()["Rules"],
        "roles": [
            role
            for role in client("iam").list_roles()["Roles"]
            if not role["RoleName"].startswith("cdk-")
        ],
        "policies": client("iam").list_policies(Scope="Local", PathPrefix="/bedrock-meter/")[
            "Policies"
        ],
    }


def test_all_checks_pass_and_nothing_is_left(
    cloud: LocalCloud, price_list: PriceListServer, tmp_path: Path
) -> None:
    report_file, answers = tmp_path / "report.json", tmp_path / "answers"
    local = context(price_list_url=price_list.url, **BRAKE)
    variables = [f"REPORT={report_file}", f"METRICS={answers}", local]
    make(cloud, "verify-account", *variables, "YES=1")
    text = report_file.read_text()
    report = json.loads(text)
    statuses = {result["name"]: result["status"] for result in report["results"]}
    assert statuses == {
        "deployment": "passed",
        **{check.name: "passed" for check in CHECKS},
        "gateway": "skipped",  # boto3 sends keys over HTTPS alone, which the local cloud has not
        "masking": "skipped",
        "credits": "skipped",
        "webhooks": "skipped",
    }
    assert report["left"] == []
    assert not report["is_interrupted"]
    assert ACCOUNT not in text
    assert "arn:" not in text
    assert {kind: names for kind, names in list_names(cloud).items() if names} == {}
    stored = {path.stem: path.read_text() for path in answers.glob("*.json")}
    assert stored.keys() == {"usage_overview", "identity_detail", "pipeline_health", "metrics"}
    assert not any(ACCOUNT in answer or "arn:" in answer for answer in stored.values())
