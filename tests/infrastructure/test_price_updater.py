"""The function that keeps list prices up to date: its schedule, permissions and alarms."""

import json

import pytest

from lambdas.functions.price_updater.settings import AWS_PRICE_LIST
from tests.infrastructure.synthesis import (
    CONFIGURATIONS,
    as_list,
    deployment,
    find_function,
    grants,
    resources,
    synthesize,
    wildcards,
)

PRICING_ROLES = {
    "MetricPublisherRole": "ingestion",
    "PriceRefresherRole": "ingestion",
    "FocusExporterRole": "reporting",
    "ComparisonReporterRole": "reporting",
}
each_configuration = pytest.mark.parametrize("configuration", CONFIGURATIONS)


@each_configuration
def test_it_reads_aws_s_price_list_of_its_region(configuration: str) -> None:
    variables = find_function(deployment(configuration).ingestion, "price_updater")["Environment"][
        "Variables"
    ]
    assert variables["PRICE_LIST_URL"] == AWS_PRICE_LIST
    assert variables["REGION"] == {"Ref": "AWS::Region"}


def test_it_starts_once_a_day_with_two_attempts() -> None:
    template = deployment().ingestion
    (rule,) = (
        rule
        for name, rule in resources(template, "AWS::Events::Rule").items()
        if name.startswith("PriceUpdater")
    )
    assert rule["ScheduleExpression"] == "rate(1 day)"
    (retries,) = (
        config["MaximumRetryAttempts"]
        for name, config in resources(template, "AWS::Lambda::EventInvokeConfig").items()
        if name.startswith("PriceUpdater")
    )
    assert retries == 1


def objects(action: str, role: str, template: str = "ingestion") -> set[str]:
    """The names of objects in the bucket of prices that a role may read or write."""
    found = set()
    for statement in grants(getattr(deployment(), template), role).get(action, []):
        for resource in as_list(statement["Resource"]):
            written = json.dumps(resource)
            if "Prices" in written:
                found.add(written.split('"')[-2])
    return found


def test_it_can_write_only_listings_editions_and_the_pointer() -> None:
    assert {*grants(deployment().ingestion, "PriceUpdaterRole")} == {
        *("logs:CreateLogStream", "logs:PutLogEvents"),
        *("s3:GetObject", "s3:ListBucket", "s3:PutObject"),
    }
    names = {"/current.json", "/editions/*", "/listings/*"}
    assert objects("s3:PutObject", "PriceUpdaterRole") == names
    assert objects("s3:GetObject", "PriceUpdaterRole") == names
    assert wildcards(deployment().ingestion, "PriceUpdaterRole") == {"/editions/*", "/listings/*"}


@pytest.mark.parametrize("role", PRICING_ROLES)
def test_functions_that_price_calls_read_editions_and_write_none(role: str) -> None:
    template = PRICING_ROLES[role]
    assert objects("s3:GetObject", role, template) == {"/current.json", "/editions/*"}
    assert objects("s3:PutObject", role, template) == set()
    (listing,) = (
        statement
        for statement in grants(getattr(deployment(), template), role)["s3:ListBucket"]
        if "Prices" in json.dumps(statement["Resource"])
    )
    assert "Condition" not in listing


@pytest.mark.parametrize(
    ("job", "template"),
    [
        ("metric_publisher", "ingestion"),
        ("price_refresher", "ingestion"),
        ("focus_exporter", "reporting"),
        ("comparison_reporter", "reporting"),
    ],
)
def test_functions_that_price_calls_know_the_bucket(job: str, template: str) -> None:
    variables = find_function(getattr(deployment(), template), job)["Environment"]["Variables"]
    assert "Prices" in json.dumps(variables["PRICE_BUCKET"])


def test_a_customer_key_can_be_used() -> None:
    allowed = {*grants(deployment("everything").ingestion, "PriceUpdaterRole")}
    assert allowed >= {"kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*"}


def test_editions_never_expire_and_replaced_pointers_expire_after_a_year() -> None:
    bucket = resources(deployment().storage, "AWS::S3::Bucket")["PricesEF2AB66A"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
    (rule,) = bucket["LifecycleConfiguration"]["Rules"]
    assert "ExpirationInDays" not in rule
    assert rule["NoncurrentVersionExpiration"] == {"NoncurrentDays": 400}


def test_without_the_setting_there_is_no_function_or_alarm_and_editions_still_apply() -> None:
    found = synthesize({"price_updates": False})
    assert not [name for name in found.ingestion["Resources"] if name.startswith("PriceUpdater")]
    assert "PriceUpdaterName" not in found.ingestion["Outputs"]
    for name in ("PriceUpdater", "HeldPrices-", "PriceListAge-"):
        assert f"Health-{name}" not in json.dumps(found.monitoring)
    alarms = resources(found.monitoring, "AWS::CloudWatch::Alarm").values()
    assert not {"BedrockMeter-Health-HeldPrices", "BedrockMeter-Health-PriceListAge"} & {
        alarm["AlarmName"] for alarm in alarms
    }
    variables = find_function(found.ingestion, "metric_publisher")["Environment"]["Variables"]
    assert "Prices" in json.dumps(variables["PRICE_BUCKET"])


def test_a_local_price_list_can_be_configured() -> None:
    found = synthesize({"price_list_url": "http://127.0.0.1:8080"})
    variables = find_function(found.ingestion, "price_updater")["Environment"]["Variables"]
    assert variables["PRICE_LIST_URL"] == "http://127.0.0.1:8080"
